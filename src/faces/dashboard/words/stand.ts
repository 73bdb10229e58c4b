import type { RolloutStatus } from "../../../wire/admin-api.ts";
import type { ExperimentLifecycleStatus } from "../../../wire/experiments-api.ts";
import type { LiveDocument } from "../../../wire/live.ts";
import { countOf, formatShare } from "./numbers.ts";
import { formatSpan } from "./time.ts";

/** How an experiment stands, in words for somebody who has ten seconds. */

export type LiveTraffic = LiveDocument["traffic"][string];
export type LiveVariant = LiveTraffic["variants"][string];

export type Phase =
  | RolloutStatus["phase"]
  | ExperimentLifecycleStatus["phase"]
  /** Split by weights alone: nothing judges or ends it. */
  | "split"
  | "disabled"
  | "refused";

export type Stand = {
  readonly phase: Phase;
  /** How it goes: drives what is shown first. */
  readonly tone: "good" | "bad" | "warn" | "info" | "quiet";
  /** A sentence. */
  readonly says: string;
  /** Why, or what it waits for; null where there is nothing to add. */
  readonly because: string | null;
};

/** From what the live document knows of one experiment. */
export function describeStand(
  traffic: LiveTraffic,
  rollout: RolloutStatus | undefined,
  lifecycle: ExperimentLifecycleStatus | undefined,
): Stand {
  if (traffic.compatibility?.refused === true) {
    const says = "Refused: everybody gets the control, because the variants do not go together.";
    const finding = traffic.compatibility.findings.find(({ severity }) => severity === "refuse");
    return { phase: "refused", tone: "bad", says, because: finding?.message ?? null };
  }
  // One that does not run is routed as one that is switched off.
  if (lifecycle !== undefined && lifecycle.phase !== "running") return describeLifecycle(lifecycle);
  if (traffic.disabled) {
    const says = "Switched off: everybody gets the control.";
    return {
      phase: "disabled",
      tone: "warn",
      says,
      because: "disabled: true in the configuration",
    };
  }
  if (rollout !== undefined) return describeRollout(rollout, treatmentOf(traffic));
  if (lifecycle !== undefined) return describeLifecycle(lifecycle);
  const names = Object.keys(traffic.variants).length;
  const says = `Split by weight between ${countOf(names, "variant")}.`;
  return { phase: "split", tone: "info", says, because: null };
}

function describeRollout(rollout: RolloutStatus, treatment: string): Stand {
  const { phase, step, steps, share, reason, waits_for: waitsFor } = rollout;
  const shown = formatShare(share);
  switch (phase) {
    case "waiting": {
      const error = rollout.preparation?.findings.find(({ level }) => level === "error");
      const says = `Not started: nobody has ${treatment} yet.`;
      return { phase, tone: "quiet", says, because: error?.message ?? waitsFor };
    }
    case "stepping": {
      const isShadow = share === 0 && rollout.shadow > 0;
      const what = isShadow
        ? `${treatment} gets copies of ${formatShare(rollout.shadow)} of requests`
        : `${treatment} has ${shown} of users`;
      const says = `Step ${step ?? "–"} of ${steps.length}: ${what}.`;
      return { phase, tone: "info", says, because: waitsFor };
    }
    case "observing": {
      const says = `Everybody has ${treatment}; it is watched a while longer.`;
      return { phase, tone: "info", says, because: waitsFor };
    }
    case "paused":
      return {
        phase,
        tone: "warn",
        says: `Paused: ${treatment} stays at ${shown}.`,
        because: reason,
      };
    case "promoted": {
      const says = `Promoted: everybody has ${treatment}.`;
      return { phase, tone: "good", says, because: reason };
    }
    case "rolled_back": {
      const says = `Rolled back: nobody has ${treatment} any more.`;
      return { phase, tone: "bad", says, because: reason };
    }
  }
}

function describeLifecycle(life: ExperimentLifecycleStatus): Stand {
  const { phase, winner, reason, decision, primary } = life;
  switch (phase) {
    case "draft":
      return {
        phase,
        tone: "quiet",
        says: "Not started: everybody gets the control.",
        because: null,
      };
    case "running":
      return {
        phase,
        tone: "info",
        says: describeRunning(life),
        because: decision?.reason ?? (primary === null ? null : `Decides on ${primary}.`),
      };
    case "paused":
      return { phase, tone: "warn", says: "Paused: everybody gets the control.", because: reason };
    case "ended":
    case "archived": {
      const says = winner === null ? "Ended without a winner." : `Ended: ${winner} wins.`;
      return { phase, tone: phase === "ended" ? "good" : "quiet", says, because: reason };
    }
  }
}

function describeRunning({ decision, ran_seconds: ranSeconds }: ExperimentLifecycleStatus): string {
  const time = `Running for ${formatSpan(ranSeconds * 1000)}`;
  switch (decision?.outcome) {
    case "treatment_wins":
      return `${time}: ${decision.winner ?? "a treatment"} is better.`;
    case "control_wins":
      return `${time}: the control is better.`;
    case "no_difference":
      return `${time}: no difference that matters.`;
    case "invalid":
      return `${time}: what was measured is not valid.`;
    case "keep_running":
    case undefined:
      return `${time}: not decided yet.`;
  }
}

/** The variant that a rollout is about. */
export function treatmentOf({ variants }: LiveTraffic): string {
  return Object.values(variants).find(({ control }) => !control)?.key ?? "the treatment";
}

/** Of finished requests that were answered well; null before the first. */
export function successRateOf({ requests, outcomes }: LiveVariant): number | null {
  return requests === 0 ? null : outcomes.success / requests;
}

const attention = ["bad", "warn", "info", "quiet", "good"] as const satisfies Stand["tone"][];

/** What needs a person first. */
export function rankOf(tone: Stand["tone"]): number {
  return attention.indexOf(tone);
}

export type Headline = { readonly tone: Stand["tone"]; readonly says: string };

/** The whole page in a sentence or two. */
export function describeAll(document: LiveDocument): Headline {
  const { status, traffic, alerts } = document;
  if (!status.ready) return { tone: "bad", says: `Not ready: ${status.reasons.join("; ")}.` };
  const firing = Object.values(alerts.alerts).filter((alert) => alert.status === "firing");
  const keys = Object.keys(traffic);
  const words =
    firing.length === 0 ? "Nothing is firing." : `${countOf(firing.length, "alert")} firing.`;
  if (keys.length === 0) return { tone: "quiet", says: `Nothing is being compared. ${words}` };
  const stands = keys.map((key) => standOf(document, key));
  const isCritical = firing.some(({ severity }) => severity === "critical");
  const tone = isCritical ? "bad" : firing.length > 0 ? "warn" : "good";
  return { tone, says: `${describeStands(stands)} ${words}` };
}

/** How one experiment of the document stands. */
export function standOf(document: LiveDocument, key: string): Stand {
  return describeStand(
    document.traffic[key] as LiveTraffic,
    document.rollouts[key],
    document.experiments[key],
  );
}

const phaseWords: Readonly<Record<Phase, string>> = {
  waiting: "not started",
  draft: "not started",
  stepping: "climbing",
  observing: "observed after a full rollout",
  running: "running",
  split: "split by weight",
  paused: "paused",
  promoted: "promoted",
  rolled_back: "rolled back",
  ended: "ended",
  archived: "archived",
  disabled: "switched off",
  refused: "refused",
};

function describeStands(stands: readonly Stand[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of stands.toSorted((one, other) => rankOf(one.tone) - rankOf(other.tone))) {
    const word = phaseWords[phase];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const [only] = counts.keys();
  if (counts.size === 1) {
    return stands.length === 1
      ? `The one experiment is ${only}.`
      : `All ${stands.length} experiments are ${only}.`;
  }
  const parts = Array.from(counts, ([word, count]) => `${count} ${word}`);
  return `Of ${stands.length} experiments, ${parts.join(", ")}.`;
}
