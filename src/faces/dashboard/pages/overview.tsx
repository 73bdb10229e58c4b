import { useState } from "preact/hooks";
import { useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { linkTo } from "../app/router.ts";
import { EmptyState, Loading } from "../parts/card.tsx";
import { Icon } from "../parts/icon.tsx";
import { describeAll, rankOf, standOf } from "../words/stand.ts";
import { ExperimentCard } from "./overview/experiment-card.tsx";
import { FiringAlerts } from "./overview/firing-alerts.tsx";
import { SystemLine } from "./overview/system-line.tsx";

/** From so many experiments on there is a box to filter them. */
const filterFrom = 7;

/** Every experiment as a card, what needs a person first. */
export function OverviewPage() {
  // As texts, so that the page renders only when one of them reads differently.
  const listed = useLive((document) => JSON.stringify(listKeys(document)));
  return (
    <Page title="Overview" heading={<Headline />}>
      <FiringAlerts />
      {listed === undefined ? (
        <Loading what="the experiments" />
      ) : (
        <Cards keys={JSON.parse(listed) as string[]} />
      )}
      <SystemLine />
    </Page>
  );
}

function listKeys(document: Parameters<typeof describeAll>[0]): string[] {
  return Object.keys(document.traffic)
    .map((key) => ({ key, rank: rankOf(standOf(document, key).tone) }))
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ key }) => key);
}

function Headline() {
  const text = useLive((document) => JSON.stringify(describeAll(document)));
  if (text === undefined) return <>Overview</>;
  const { tone, says } = JSON.parse(text) as ReturnType<typeof describeAll>;
  const icon = tone === "bad" || tone === "warn" ? "breach" : "ok";
  return (
    <span class={`headline headline-${tone}`}>
      <Icon name={icon} />
      <span>{says}</span>
    </span>
  );
}

function Cards({ keys }: { keys: readonly string[] }) {
  const [filter, setFilter] = useState("");
  if (keys.length === 0) return <HowToBegin />;
  const wanted = filter.trim().toLocaleLowerCase();
  const shown = keys.filter((key) => key.toLocaleLowerCase().includes(wanted));
  return (
    <>
      {keys.length >= filterFrom && (
        <div class="filter">
          <input
            class="input"
            type="search"
            aria-label="Filter the experiments by name"
            placeholder="Filter by name"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
          <span class="muted small" role="status">
            {shown.length} of {keys.length}
          </span>
        </div>
      )}
      <div class="cards">
        {shown.map((key) => (
          <ExperimentCard key={key} experiment={key} />
        ))}
      </div>
      {shown.length === 0 && (
        <EmptyState title={`No experiment has “${filter.trim()}” in its name.`} />
      )}
    </>
  );
}

const sample = `experiments:
  new_model:
    variants:
      old: { upstream: old, weight: 90, control: true }
      new: { upstream: new, weight: 10 }`;

function HowToBegin() {
  return (
    <div class="card">
      <EmptyState title="No experiment yet">
        <p>
          Sluice relays traffic, but splits none of it. Add an experiment to the configuration file
          and save it, or fill in a form here.
        </p>
        <pre class="code-block">
          <code>{sample}</code>
        </pre>
        <a class="button button-primary" href={linkTo("new")}>
          <Icon name="plus" />
          New experiment
        </a>
      </EmptyState>
    </div>
  );
}
