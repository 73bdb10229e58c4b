import { useEffect, useState } from "preact/hooks";
import type { ConfigProblem } from "../../../wire/admin-api.ts";
import type { ExperimentAdded } from "../../../wire/experiments-api.ts";
import { ApiError, wordsOf } from "../app/api.ts";
import { useApp, useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { linkTo } from "../app/router.ts";
import { CommandButton } from "../parts/button.tsx";
import { Card, EmptyState, Failure, Loading } from "../parts/card.tsx";
import {
  AnalysisFields,
  AssignmentFields,
  BasicFields,
  VariantFields,
} from "./new-experiment/basic-fields.tsx";
import { createDraft, pathsOf, placeIssues, toRequest } from "./new-experiment/draft.ts";
import type { Draft } from "./new-experiment/draft.ts";
import { IssuesAt, IssuesContext } from "./new-experiment/field.tsx";
import { RolloutFields } from "./new-experiment/rollout-fields.tsx";

/** How long the typing must rest before the server is asked. */
const checkAfterMs = 350;

/** A form for an experiment; the server checks it with every change and shows what it would write. */
export function NewExperimentPage() {
  const listed = useLive((document) =>
    JSON.stringify([...new Set(Object.values(document.endpoints).map(({ upstream }) => upstream))]),
  );
  return (
    <Page title="New experiment">
      {listed === undefined ? (
        <Loading what="the upstreams" />
      ) : (
        <Form upstreams={JSON.parse(listed) as string[]} />
      )}
    </Page>
  );
}

type Checked =
  | { readonly kind: "checking" }
  | { readonly kind: "good"; readonly plan: ExperimentAdded }
  | { readonly kind: "bad"; readonly issues: ConfigProblem["issues"] }
  | { readonly kind: "failed"; readonly says: string };

function Form({ upstreams }: { upstreams: readonly string[] }) {
  const { api, toasts } = useApp();
  const [draft, setDraft] = useState<Draft>(() => createDraft(upstreams));
  const [isTouched, setTouched] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const checked = useCheck(draft);
  const change = (part: Partial<Draft>) => {
    setTouched(true);
    setDraft({ ...draft, ...part });
  };
  // A form that nobody has touched is not wrong yet.
  const issues = checked.kind === "bad" && isTouched ? checked.issues : [];

  const create = async () => {
    setBusy(true);
    setFailure(null);
    try {
      const made = await api.post<ExperimentAdded>("v1/experiments", toRequest(draft));
      const unsaved = made.not_saved;
      if (unsaved === null) toasts.show("good", `${draft.key} is created.`);
      else toasts.show("bad", `${draft.key} is in force, but a restart forgets it: ${unsaved}`);
      window.location.hash = linkTo(
        draft.kind === "rollout" ? "rollout" : "experiment",
        draft.key.trim(),
      );
    } catch (error) {
      setFailure(wordsOf(error));
      setBusy(false);
    }
  };

  if (upstreams.length === 0) {
    return <EmptyState title="There is no upstream yet: add one to the configuration first." />;
  }
  return (
    <IssuesContext.Provider value={placeIssues(issues, pathsOf(draft))}>
      <div class="with-yaml">
        <form
          class="card stack"
          aria-label="New experiment"
          onSubmit={(event) => event.preventDefault()}
        >
          <BasicFields draft={draft} change={change} />
          <VariantFields draft={draft} upstreams={upstreams} change={change} />
          <AssignmentFields draft={draft} change={change} />
          {draft.kind === "ab" && <AnalysisFields draft={draft} change={change} />}
          {draft.kind === "rollout" && <RolloutFields draft={draft} change={change} />}
          <IssuesAt path="" />
          {failure !== null && <Failure says={failure} />}
          <div class="form-row">
            <CommandButton
              tone="primary"
              icon="plus"
              blockedBy={isBusy ? "It is being created." : whyNotYet(checked, draft)}
              onClick={() => void create()}
            >
              Create
            </CommandButton>
            <span class="muted small" role="status">
              {statusOf(checked, isTouched)}
            </span>
          </div>
        </form>
        <Card title="What is written to the configuration">
          <Preview checked={checked} />
        </Card>
      </div>
    </IssuesContext.Provider>
  );
}

/** What the server says to the draft, once the typing rests. */
function useCheck(draft: Draft): Checked {
  const { api, timers } = useApp();
  const [checked, setChecked] = useState<Checked>({ kind: "checking" });
  const isNamed = draft.key.trim() !== "";
  const text = JSON.stringify(toRequest(draft));
  useEffect(() => {
    // Without a name there is no entry that could be asked about.
    if (!isNamed) {
      setChecked({ kind: "bad", issues: [nameless] });
      return undefined;
    }
    setChecked((before) => (before.kind === "good" ? before : { kind: "checking" }));
    let isOver = false;
    const cancel = timers.after(checkAfterMs, () => {
      void check(api.post<ExperimentAdded>("v1/experiments?dry_run=true", JSON.parse(text))).then(
        (answer) => {
          if (!isOver) setChecked(answer);
        },
      );
    });
    return () => {
      isOver = true;
      cancel();
    };
  }, [text]);
  return checked;
}

const nameless = issueOfKey("give it a name");

function issueOfKey(message: string): ConfigProblem["issues"][number] {
  return { path: "key", line: null, column: null, code: "key", message };
}

async function check(asked: Promise<ExperimentAdded>): Promise<Checked> {
  try {
    return { kind: "good", plan: await asked };
  } catch (error) {
    if (!(error instanceof ApiError)) return { kind: "failed", says: wordsOf(error) };
    const { issues } = error.problem as Partial<ConfigProblem>;
    if (issues !== undefined) return { kind: "bad", issues };
    const isKey = error.code === "experiment_exists" || error.code === "bad_experiment";
    if (!isKey) return { kind: "failed", says: error.message };
    const { detail } = error.problem;
    return {
      kind: "bad",
      issues: [issueOfKey(typeof detail === "string" ? detail : error.message)],
    };
  }
}

function whyNotYet(checked: Checked, { key, variants }: Draft): string | null {
  if (key.trim() === "") return "Give it a name.";
  const names = new Set(variants.map(({ name }) => name.trim()));
  if (names.size < variants.length) return "Two variants have the same name.";
  switch (checked.kind) {
    case "good":
      return null;
    case "checking":
      return "It is being checked.";
    case "bad":
      return "Mend what is marked first.";
    case "failed":
      return `It could not be checked: ${checked.says}`;
  }
}

function statusOf(checked: Checked, isTouched: boolean): string {
  switch (checked.kind) {
    case "good":
      return "Valid.";
    case "checking":
      return "Checking …";
    case "bad":
      return isTouched ? `${checked.issues.length} to mend.` : "";
    case "failed":
      return checked.says;
  }
}

function Preview({ checked }: { checked: Checked }) {
  if (checked.kind !== "good") {
    return (
      <p class="muted">The YAML of the entry is shown here as soon as the form can be read.</p>
    );
  }
  const { text, changes, warnings } = checked.plan;
  return (
    <div class="stack">
      <pre class="code-block" tabIndex={0} role="region" aria-label="YAML of the entry">
        <code>{text}</code>
      </pre>
      <ul class="facts small muted">
        {changes.map((one) => (
          <li key={one} dir="auto">
            {one}
          </li>
        ))}
      </ul>
      {warnings.length > 0 && (
        <ul class="findings">
          {warnings.map((one) => (
            <li key={one} class="finding finding-warning" dir="auto">
              <span>{one}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
