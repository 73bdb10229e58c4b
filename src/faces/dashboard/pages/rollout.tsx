import type { RolloutStatus } from "../../../wire/admin-api.ts";
import { useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { linkTo } from "../app/router.ts";
import type { PageProps } from "../app/routes.ts";
import { PhaseBadge } from "../parts/badge.tsx";
import { Card, EmptyState, Loading, Stat, Stats } from "../parts/card.tsx";
import { ErrorBoundary } from "../parts/error-boundary.tsx";
import { Icon } from "../parts/icon.tsx";
import { JournalList } from "../parts/journal-list.tsx";
import { ShareBar } from "../parts/share-bar.tsx";
import { Name, Num } from "../parts/text.tsx";
import { describeStand } from "../words/stand.ts";
import { Guardrails } from "./rollout/guardrails.tsx";
import { RolloutCommands } from "./rollout/rollout-commands.tsx";
import { TrackCard } from "./rollout/track.tsx";

/** One rollout: where it stands and why, what it waits for, what its guardrails saw, and what it can be told. */
export function RolloutPage({ params: [experiment = ""] }: PageProps) {
  const rollout = useLive((document) => document.rollouts[experiment] ?? null, [experiment]);
  return (
    <Page
      title={`Rollout ${experiment}`}
      heading={
        <>
          <span class="visually-hidden">Rollout </span>
          <Name wraps>{experiment}</Name>
        </>
      }
      aside={
        rollout !== undefined && rollout !== null && <RolloutCommands experiment={experiment} />
      }
    >
      {rollout === undefined && <Loading what="the rollout" />}
      {rollout === null && (
        <EmptyState title="No experiment of this name has a rollout with steps.">
          <a href={linkTo()}>All experiments</a>
        </EmptyState>
      )}
      {rollout !== undefined && rollout !== null && <Told rollout={rollout} />}
    </Page>
  );
}

function Told({ rollout }: { rollout: RolloutStatus }) {
  const { experiment, journal } = rollout;
  return (
    <>
      <StandCard rollout={rollout} />
      <div class="with-journal">
        <div class="stack">
          <ErrorBoundary what="The track">
            <TrackCard rollout={rollout} />
          </ErrorBoundary>
          <ErrorBoundary what="The guardrails">
            <Guardrails rollout={rollout} />
          </ErrorBoundary>
        </div>
        <Card title="Journal" class="journal-card">
          <JournalList
            of={`Journal of ${experiment}`}
            query={{ experiment }}
            known={journal}
            empty="Nothing was done to this rollout yet."
          />
        </Card>
      </div>
    </>
  );
}

function StandCard({ rollout }: { rollout: RolloutStatus }) {
  const { experiment, users, requests, preparation, phase } = rollout;
  const traffic = useLive((document) => document.traffic[experiment], [experiment]);
  if (traffic === undefined) return null;
  const stand = describeStand(traffic, rollout, undefined);
  const isWaitingFor = phase === "stepping" || phase === "observing";
  return (
    <section class="card stand-card" aria-label="How it stands">
      <div class="stand-words">
        <PhaseBadge phase={stand.phase} />
        {stand.because !== null && (
          <p class="summary" dir="auto">
            {isWaitingFor && <span class="muted">Waits: </span>}
            {stand.because}
          </p>
        )}
        <p class={stand.because === null ? "summary" : undefined} dir="auto">
          {stand.says}
        </p>
        <Preparation preparation={preparation} phase={phase} />
      </div>
      <ShareBar
        parts={Object.values(traffic.variants).map((variant) => ({
          name: variant.key,
          configured: variant.configured_share,
          observed: variant.observed_share,
        }))}
      />
      <div class="stand-foot">
        <Stats>
          <Stat label="Users in this step">
            <Num value={users} unit="count" />
          </Stat>
          <Stat label="Requests in this step">
            <Num value={requests} unit="count" />
          </Stat>
        </Stats>
        <span class="stand-links">
          <a class="button" href={linkTo("experiment", experiment)}>
            <Icon name="pulse" />
            Experiment
          </a>
          <a
            class="button"
            href={`${linkTo("reports")}?experiment=${encodeURIComponent(experiment)}`}
          >
            <Icon name="file" />
            Report
          </a>
        </span>
      </div>
    </section>
  );
}

function Preparation({ preparation, phase }: Pick<RolloutStatus, "preparation" | "phase">) {
  const findings = phase === "waiting" ? (preparation?.findings ?? []) : [];
  if (findings.length === 0) return null;
  return (
    <ul class="findings">
      {findings.map(({ level, message }, at) => (
        <li key={at} class={`finding finding-${level}`}>
          <Icon name={level === "info" ? "info" : "breach"} />
          <span>
            <strong>{level}:</strong> <span dir="auto">{message}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}
