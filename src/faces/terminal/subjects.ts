import { parseDurationMs } from "../../base/units.ts";
import type { RolloutStatus } from "../../wire/admin-api.ts";
import type { ExperimentLifecycleStatus } from "../../wire/experiments-api.ts";
import type { LiveDocument } from "../../wire/live.ts";
import type { Tone } from "./line.ts";
import { count, plannedPercent, span as formatSpan } from "./numbers.ts";
import { neutralise } from "./text.ts";

/** What is compared, one entry an experiment, with what it comes to in words. */

export type Traffic = LiveDocument["traffic"][string];
export type VariantTraffic = Traffic["variants"][string];

export type Subject = {
  readonly key: string;
  /** The key as it may be shown. */
  readonly name: string;
  readonly kind: "rollout" | "experiment" | "split";
  readonly traffic: Traffic | null;
  readonly rollout: RolloutStatus | null;
  readonly life: ExperimentLifecycleStatus | null;
  /** One or two words. */
  readonly state: string;
  /** What it comes to, the verdict first. */
  readonly verdict: string;
  readonly tone: Tone;
  /** The control first. */
  readonly variants: readonly VariantTraffic[];
};

/** All of them, by key, so that none changes its place. */
export function subjectsOf({ traffic, rollouts, experiments }: LiveDocument): Subject[] {
  const keys = new Set([
    ...Object.keys(traffic),
    ...Object.keys(rollouts),
    ...Object.keys(experiments),
  ]);
  return [...keys]
    .toSorted()
    .map((key) => describe(key, own(traffic, key), own(rollouts, key), own(experiments, key)));
}

/** Those whose name, state or verdict holds the text, in any case. */
export function filterSubjects(subjects: readonly Subject[], filter: string): readonly Subject[] {
  const wanted = filter.trim().toLowerCase();
  if (wanted === "") return subjects;
  return subjects.filter(({ name, state, kind, variants }) =>
    [name, state, kind, ...variants.map(({ key }) => key)].some((text) =>
      text.toLowerCase().includes(wanted),
    ),
  );
}

/** The name of the control, as it may be shown. */
export function controlOf({ variants }: Pick<Subject, "variants">): string {
  return neutralise(variants.find(({ control }) => control)?.key ?? "the control");
}

/** The names of the treatments, as they may be shown. */
export function treatmentOf({ variants }: Pick<Subject, "variants">): string {
  const names = variants.filter(({ control }) => !control).map(({ key }) => neutralise(key));
  return names.length === 0 ? "the treatment" : names.join(", ");
}

/** Success among finished requests, as /v1/status counts them; null before the first. */
export function successOf({ requests, outcomes }: VariantTraffic): number | null {
  return requests === 0 ? null : outcomes.success / requests;
}

/** Why a guardrail says so, without its name, which stands beside it. */
export function reasonOf({
  guardrail,
  reason,
}: Pick<RolloutStatus["verdicts"][number], "guardrail" | "reason">): string {
  return reason.startsWith(`${guardrail}: `) ? reason.slice(guardrail.length + 2) : reason;
}

function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | null {
  return Object.hasOwn(record, key) ? (record[key] ?? null) : null;
}

type Words = Pick<Subject, "state" | "verdict" | "tone">;

function describe(
  key: string,
  traffic: Traffic | null,
  rollout: RolloutStatus | null,
  life: ExperimentLifecycleStatus | null,
): Subject {
  const variants = Object.values(traffic?.variants ?? {}).toSorted(
    (one, other) => Number(other.control) - Number(one.control),
  );
  const kind = rollout !== null ? "rollout" : life !== null ? "experiment" : "split";
  const names = { treatment: treatmentOf({ variants }), control: controlOf({ variants }) };
  const words =
    forcedWords(traffic, names.control) ??
    (rollout !== null
      ? rolloutWords(rollout, names)
      : life !== null
        ? experimentWords(life, names)
        : splitWords(traffic));
  return {
    key,
    name: neutralise(key),
    kind,
    traffic,
    rollout,
    life,
    variants,
    ...words,
    verdict: neutralise(words.verdict),
  };
}

/** What goes before everything else that could be said. */
function forcedWords(traffic: Traffic | null, control: string): Words | null {
  if (traffic === null) return null;
  if (traffic.disabled) {
    const verdict = `Switched off: everybody gets ${control}`;
    return { state: "switched off", verdict, tone: "warn" };
  }
  if (traffic.compatibility?.refused !== true) return null;
  const finding = traffic.compatibility.findings.find(({ severity }) => severity === "refuse");
  const why = finding?.message ?? "the variants do not go together";
  return {
    state: "refused",
    verdict: `Split refused, everybody gets ${control}: ${why}`,
    tone: "bad",
  };
}

type Names = { readonly treatment: string; readonly control: string };

function rolloutWords(rollout: RolloutStatus, { treatment, control }: Names): Words {
  const { phase, step, steps, reason, waits_for: waits } = rollout;
  switch (phase) {
    case "waiting":
      return { state: "not started", ...preparationWords(rollout) };
    case "stepping": {
      const state = step === null ? "stepping" : `step ${step}/${steps.length}`;
      return { state, ...underWay(rollout, waitWords(waits) ?? "about to take the next step") };
    }
    case "observing":
      return {
        state: "watching",
        ...underWay(rollout, waitWords(waits) ?? "about to be promoted"),
      };
    case "paused": {
      const verdict = `Paused: ${reason ?? "by hand"}`;
      return { state: "paused", verdict, tone: "warn" };
    }
    case "promoted":
      return {
        state: "promoted",
        verdict: `Promoted: ${treatment} has ${plannedPercent(rollout.share)} of users`,
        tone: "good",
      };
    case "rolled_back": {
      const why = reason === null || reason === "" ? "" : `: ${reason}`;
      return {
        state: "rolled back",
        verdict: `Rolled back to ${control}${why}`,
        tone: "bad",
      };
    }
  }
}

/** A time as people read it; other words as they are. */
function waitWords(waits: string | null): string | null {
  const leftMs = holdToldMs(waits);
  return leftMs === null ? waits : `holds for another ${formatSpan(leftMs)}`;
}

/** The hold that is left, milliseconds, where a rollout waits for nothing else. */
export function holdToldMs(waits: string | null): number | null {
  const told = /^(\S+) left$/.exec(waits ?? "")?.[1];
  return told === undefined ? null : parseDurationMs(told);
}

function preparationWords({ preparation }: RolloutStatus): Omit<Words, "state"> {
  const error = preparation?.findings.find(({ level }) => level === "error");
  if (error !== undefined) return { verdict: `Not ready: ${error.message}`, tone: "bad" };
  const seconds = preparation?.expected_seconds ?? null;
  const takes = seconds === null ? "" : `, takes about ${formatSpan(seconds * 1000)}`;
  return { verdict: `Not started${takes}`, tone: "calm" };
}

function underWay({ verdicts }: RolloutStatus, waits: string): Omit<Words, "state"> {
  const breach = verdicts.find(({ verdict }) => verdict === "breach");
  if (breach !== undefined) {
    const dry = breach.dry_run ? " (dry run)" : "";
    return { verdict: `Breach${dry} of ${breach.guardrail}: ${reasonOf(breach)}`, tone: "bad" };
  }
  const error = verdicts.find(({ verdict }) => verdict === "error");
  if (error !== undefined) {
    return { verdict: `Cannot judge ${error.guardrail}: ${reasonOf(error)}`, tone: "warn" };
  }
  const waiting = verdicts.some(
    ({ verdict, dry_run: dry, on_breach: then }) => verdict === "wait" && !dry && then !== "alert",
  );
  if (waiting || verdicts.length === 0) {
    return { verdict: `Gathering evidence: ${waits}`, tone: "calm" };
  }
  return { verdict: `Healthy: ${waits}`, tone: "good" };
}

function experimentWords(life: ExperimentLifecycleStatus, { treatment, control }: Names): Words {
  const { phase, decision, reason, users } = life;
  switch (phase) {
    case "draft":
      return { state: "draft", verdict: `Not started: everybody gets ${control}`, tone: "calm" };
    case "paused":
      return { state: "paused", verdict: "Paused: nothing is measured", tone: "warn" };
    case "ended":
    case "archived": {
      const won = life.winner === null ? "no winner" : `${life.winner} won`;
      const why = reason === null || reason === "" ? "" : ` (${reason})`;
      return {
        state: phase,
        verdict: `Ended, ${won}${why}`,
        tone: life.winner === null ? "calm" : "good",
      };
    }
    case "running":
      break;
  }
  if (decision === null) {
    return {
      state: "running",
      verdict: `Gathering evidence: ${count(users)} users in the smallest arm`,
      tone: "calm",
    };
  }
  const outcomes: Record<typeof decision.outcome, readonly [string, Tone]> = {
    treatment_wins: [`${decision.winner ?? treatment} is better`, "good"],
    control_wins: [`${control} is better`, "warn"],
    no_difference: ["No difference", "calm"],
    keep_running: ["Undecided", "calm"],
    invalid: ["Not to be trusted", "bad"],
  };
  const [outcome, tone] = outcomes[decision.outcome];
  return { state: "running", verdict: `${outcome}: ${decision.reason}`, tone };
}

function splitWords(traffic: Traffic | null): Words {
  const warning = traffic?.compatibility?.findings[0];
  if (warning !== undefined) {
    return { state: "split", verdict: `Split, with a warning: ${warning.message}`, tone: "warn" };
  }
  return { state: "split", verdict: "Split only: nothing is judged", tone: "calm" };
}
