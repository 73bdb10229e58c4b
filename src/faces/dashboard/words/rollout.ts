import type { RolloutStatus } from "../../../wire/admin-api.ts";
import { describeMetric } from "./metrics.ts";
import { countOf, formatCount, formatShare } from "./numbers.ts";
import { formatSpan } from "./time.ts";

/** What a rollout can be told, and what that would do to whom. Pure. */

export type RolloutCommand =
  | "start"
  | "retry"
  | "pause"
  | "resume"
  | "promote"
  | "skip"
  | "promote_all"
  | "rollback";

/** Those whom a command is about. */
export type Parties = {
  readonly treatment: string;
  readonly control: string;
  /** Distinct users who had the treatment since the present split began; null where nobody counts them. */
  readonly treated: number | null;
  /** Distinct users of all variants since then; null likewise. */
  readonly all: number | null;
};

const phaseWords: Readonly<Record<RolloutStatus["phase"], string>> = {
  waiting: "it has not been started",
  stepping: "it is under way",
  observing: "it is at its last share",
  paused: "it is paused",
  promoted: "it is promoted already",
  rolled_back: "it is rolled back: retry starts it anew",
};

const allowed: Readonly<Record<RolloutCommand, readonly RolloutStatus["phase"][]>> = {
  start: ["waiting"],
  retry: ["rolled_back"],
  pause: ["stepping", "observing"],
  resume: ["paused"],
  promote: ["stepping", "observing", "paused"],
  skip: ["stepping", "paused"],
  promote_all: ["waiting", "stepping", "observing", "paused"],
  rollback: ["waiting", "stepping", "observing", "paused", "promoted"],
};

/** Those that have a place on the page in this phase, in their order; some of them may be blocked. */
export function offeredCommands({ phase }: RolloutStatus): readonly RolloutCommand[] {
  const begin = phase === "waiting" ? "start" : phase === "rolled_back" ? "retry" : null;
  const hold = phase === "paused" ? "resume" : "pause";
  return [
    ...(begin === null ? [] : ([begin] as const)),
    hold,
    "promote",
    "skip",
    "promote_all",
    "rollback",
  ];
}

/** Why the phase does not allow a command; null where it does. */
export function whyBlocked(command: RolloutCommand, rollout: RolloutStatus): string | null {
  const { phase, step } = rollout;
  if (phase === "rolled_back" && command === "rollback")
    return "Not now: it is rolled back already.";
  if (!allowed[command].includes(phase)) return `Not now: ${phaseWords[phase]}.`;
  const isSkipOfNothing = command === "skip" && step === null;
  return isSkipOfNothing ? "Not now: no step is under way." : null;
}

/** What a command will do, and to how many users, in sentences. */
export function describeEffect(
  command: RolloutCommand,
  rollout: RolloutStatus,
  parties: Parties,
): readonly string[] {
  const { treatment, control } = parties;
  switch (command) {
    case "start":
    case "retry":
      return describeStart(rollout, parties);
    case "pause":
      return [
        `${treatment} stays at ${formatShare(rollout.share)}${soMany(parties.treated, " with ", "")}; nothing changes for anybody.`,
        "Guardrails go on watching, and roll it back if they must. The time of the pause does not count.",
      ];
    case "resume":
      return [
        `It goes on where it stood, ${treatment} at ${formatShare(rollout.share)}; nothing changes for anybody now.`,
        ...(rollout.verdicts.some(({ verdict }) => verdict === "breach")
          ? ["The evidence of the guardrail that was breached is dropped and gathered anew."]
          : []),
      ];
    case "promote":
    case "skip":
      return describeNext(command, rollout, parties);
    case "promote_all": {
      const last = rollout.steps.at(-1)?.share ?? 1;
      return [
        describeMove(rollout.share, last, parties),
        "The rollout ends as promoted: no guardrail takes it back after that, only you can.",
      ];
    }
    case "rollback":
      return describeRollback(rollout, { ...parties, treatment, control });
  }
}

function describeStart(rollout: RolloutStatus, parties: Parties): readonly string[] {
  const { treatment } = parties;
  const [first] = rollout.steps;
  if (first === undefined) return [];
  const expected = rollout.preparation?.expected_seconds ?? null;
  const begins =
    first.share === 0
      ? `${treatment} gets copies of ${formatShare(first.shadow)} of requests. No user is answered by it yet.`
      : describeMove(0, first.share, parties);
  return expected === null
    ? [begins]
    : [
        begins,
        `At the present traffic it takes about ${formatSpan(expected * 1000)} when all goes well.`,
      ];
}

function describeNext(
  command: "promote" | "skip",
  rollout: RolloutStatus,
  parties: Parties,
): readonly string[] {
  const { step, steps, share } = rollout;
  if (step === null) {
    return [`The watch at ${formatShare(share)} ends now, and the rollout counts as promoted.`];
  }
  const next = steps[step];
  const without = `Step ${step} ends at once, without ${command === "skip" ? "its hold, its requests or its gate" : "the rest of its evidence"}.`;
  if (next === undefined) {
    return [
      without,
      `It was the last step: ${formatShare(share)} of users keep ${parties.treatment}, watched a while longer.`,
    ];
  }
  const move =
    next.share === 0
      ? `${parties.treatment} gets copies of ${formatShare(next.shadow)} of requests.`
      : describeMove(share, next.share, parties);
  return [without, move];
}

function describeRollback(rollout: RolloutStatus, parties: Parties): readonly string[] {
  const { treatment, control, treated } = parties;
  const { share, shadow, phase } = rollout;
  if (phase === "waiting") {
    return [
      `Nobody has ${treatment}. The rollout counts as rolled back until somebody retries it.`,
    ];
  }
  if (share === 0) {
    return shadow > 0
      ? [
          `${treatment} gets no more copies. No user was answered by it, so nothing changes for anybody.`,
        ]
      : [`Nobody has ${treatment}; nothing changes for anybody.`];
  }
  const who =
    treated === null
      ? `All ${formatShare(share)} of users who have ${treatment}`
      : treated === 0
        ? `Everybody who would get ${treatment}`
        : `About ${countOf(treated, "user")} who ${treated === 1 ? "has" : "have"} ${treatment} now`;
  return [
    `${who} ${treated === 1 ? "gets" : "get"} ${control} ${phase === "promoted" ? "" : "again "}at once. Streams in flight finish.`,
  ];
}

/** "new goes from 5 % to 25 % of users: about 40 more users change from old." */
function describeMove(from: number, to: number, { treatment, control, all }: Parties): string {
  const shift = `${treatment} goes from ${formatShare(from)} to ${formatShare(to)} of users at once`;
  const moved = all === null ? null : Math.round((to - from) * all);
  if (moved === null || all === 0) return `${shift}; the others keep ${control}.`;
  return `${shift}: of the ${countOf(all as number, "user")} seen since the split changed, about ${formatCount(moved)} change from ${control}.`;
}

function soMany(users: number | null, before: string, after: string): string {
  return users === null ? "" : `${before}${countOf(users, "user")}${after}`;
}

/** What a guardrail watches, by its name; one of the user's own stays as it is. */
export function describeGuardrail(name: string, unit: "share" | "ms" | "number"): string {
  const compared = /^(.+)_ratio$/.exec(name)?.[1];
  if (compared !== undefined && describeMetric(compared) !== compared) {
    return `${describeGuardrail(compared, unit)}, against the control`;
  }
  const words = describeMetric(name);
  // A limit for a percentile is judged as a share of requests that may be slower.
  const isPercentile = /^(?:latency|ttfb)_p[\d.]+$/.test(name);
  return isPercentile && unit === "share" ? `${words}: share of slower requests` : words;
}
