import { formatNumber, formatPercent } from "../statistics/decision/words.ts";
import { normalUpperQuantile } from "../statistics/distributions/normal.ts";
import { wilsonInterval } from "../statistics/z-test.ts";
import {
  exposureOf,
  type GuardrailPolicy,
  type RolloutPolicy,
  type RolloutStep,
} from "./policy.ts";

/** What is known before a rollout starts. */
export type PreparationFacts = {
  /** Of both arms together; null before any was seen. */
  readonly requestsPerSecond: number | null;
  /** Whether any endpoint of the arm's upstream is healthy. */
  readonly controlHealthy: boolean;
  readonly treatmentHealthy: boolean;
  /** Both variants go to one upstream, and neither changes the request. */
  readonly sameUpstream: boolean;
};

export type PreparationFinding = {
  /** `error`: starting it makes no sense; `warning`: it will not go as wished; `info`: good to know. */
  readonly level: "error" | "warning" | "info";
  readonly message: string;
};

export type Preparation = {
  /** Errors first. */
  readonly findings: readonly PreparationFinding[];
  readonly steps: readonly PreparedStep[];
  /** The whole rollout with its observation, milliseconds; null when a step would never end. */
  readonly expectedMs: number | null;
};

export type PreparedStep = {
  readonly share: number;
  /** At the present traffic, when nothing goes wrong and no gate waits; null when it would never end. */
  readonly expectedMs: number | null;
};

/** A step that takes longer than this for want of requests is warned of. */
const stepMsMax = 86_400_000;
/** Of the interval that an `ok` verdict looks at, see guardrail/counts.ts. */
const confidence = 0.95;

/** One thing that a step waits for. */
type Need = {
  /** When it is met, milliseconds after the step began; Infinity for never. */
  readonly ms: number;
  /** What asks for it, and what to change when it takes too long; null for the time that the step is held. */
  readonly cause: { readonly what: string; readonly remedy: string } | null;
};

/** How long a rollout will take, and what speaks against starting it. */
export function prepare(policy: RolloutPolicy, facts: PreparationFacts): Preparation {
  const rate = facts.requestsPerSecond ?? 0;
  const longest = policy.steps.map((step) => longestNeed(policy, step, rate));
  const steps = longest.map(({ ms }, at) => ({
    share: (policy.steps[at] as RolloutStep).share,
    expectedMs: finite(ms),
  }));
  const totalMs = longest.reduce((sum, { ms }) => sum + ms, policy.observeMs);
  const findings = [
    ...findingsOfFacts(facts),
    ...(rate > 0 ? thinSteps(policy, longest, rate) : []),
    ...waitsNotCounted(policy),
  ];
  return { findings, steps, expectedMs: finite(totalMs) };
}

function findingsOfFacts(facts: PreparationFacts): readonly PreparationFinding[] {
  const findings: PreparationFinding[] = [];
  const add = (level: PreparationFinding["level"], message: string) =>
    void findings.push({ level, message });
  if (!facts.treatmentHealthy) {
    add("error", "the treatment has no healthy endpoint: bring one up before its users come");
  }
  if (!facts.controlHealthy) {
    add("error", "the control has no healthy endpoint: a rollback would send everybody there");
  }
  if (facts.sameUpstream) {
    add(
      "warning",
      "both variants are the same upstream and neither changes the request: there is nothing to find out; name another upstream, or change the request",
    );
  }
  if (facts.requestsPerSecond === null || facts.requestsPerSecond <= 0) {
    add(
      "warning",
      "no traffic was seen: how long the rollout takes cannot be said, and a step that asks for requests waits for them",
    );
  }
  return findings;
}

function longestNeed(policy: RolloutPolicy, step: RolloutStep, rate: number): Need {
  const treatmentRate = rate * exposureOf(step);
  const needs: Need[] = [
    { ms: step.holdMs, cause: null },
    {
      ms: msFor(step.minRequests, treatmentRate),
      cause: {
        what: `min_requests asks for ${requests(step.minRequests)}`,
        remedy: "lower min_requests",
      },
    },
    ...policy.guardrails
      .filter(({ dryRun, onBreach }) => !dryRun && onBreach !== "alert")
      .map((guardrail) => needOf(guardrail, step, rate)),
  ];
  return needs.reduce((longest, need) => (need.ms > longest.ms ? need : longest));
}

/** When a guardrail is content with a treatment that does nothing wrong. */
function needOf(guardrail: GuardrailPolicy, step: RolloutStep, rate: number): Need {
  const share = exposureOf(step);
  const { name, metric, max, maxRatio, evidence } = guardrail;
  if (metric.kind === "promql") {
    return {
      ms: metric.everyMs,
      cause: { what: `${name} is asked for seldom`, remedy: "ask for it more often" },
    };
  }
  if (evidence.kind === "window") {
    const { windowMs, everyMs, minRequests } = evidence;
    // A comparison needs as many of the control, as long as it has traffic at all.
    const compared = maxRatio !== null && share < 1 ? Math.min(share, 1 - share) : share;
    const ms = msFor(Math.max(1, minRequests), rate * compared);
    const looks = Math.max(1, Math.ceil(ms / everyMs));
    return {
      ms: ms >= windowMs ? Infinity : looks * everyMs,
      cause: {
        what: `${name} asks for ${requests(minRequests)} within its window`,
        remedy: "widen its window or lower its min_requests",
      },
    };
  }
  // How a mean varies is not known beforehand; a relative limit is content without suspicion.
  const isAbsolute = metric.kind !== "mean" && max !== null;
  const needed = isAbsolute ? requestsForOk(max) : 1;
  const what = isAbsolute
    ? `${name} needs ${requests(needed)} without a bad one to be sure of at most ${formatPercent(max)}`
    : `${name} needs ${requests(needed)}`;
  return { ms: msFor(needed, rate * share), cause: { what, remedy: `raise the max of ${name}` } };
}

/**
 * The least n for which the upper end of E. B. Wilson's 95 % interval of 0 bad among n is at most `max`:
 * z²/(n + z²) ≤ max, so n ≥ z²(1/max − 1). Infinity for a `max` of 0, which no number of requests can show.
 */
export function requestsForOk(max: number): number {
  if (max <= 0) return Infinity;
  const square = normalUpperQuantile((1 - confidence) / 2) ** 2;
  const n = Math.max(1, Math.ceil(square * (1 / max - 1)));
  // Where rounding puts the bound a hair above the limit, the guardrail waits for one more.
  return wilsonInterval({ successes: 0, n }, confidence).high > max ? n + 1 : n;
}

function thinSteps(
  { steps }: RolloutPolicy,
  longest: readonly Need[],
  rate: number,
): readonly PreparationFinding[] {
  return longest.flatMap(({ ms, cause }, at): PreparationFinding[] => {
    if (cause === null || ms <= stepMsMax) return [];
    const share = formatPercent((steps[at] as RolloutStep).share);
    const traffic = `with ${share} of ${formatNumber(rate)} requests/s`;
    const time = ms === Infinity ? "never ends" : `takes about ${formatLong(ms)}`;
    const remedy = `${cause.remedy}, or give the step a larger share`;
    return [
      {
        level: "warning",
        message: `step ${at + 1} ${time} ${traffic}: ${cause.what}; ${remedy}`,
      },
    ];
  });
}

/** Waits that nobody can foretell. */
function waitsNotCounted({ steps }: RolloutPolicy): readonly PreparationFinding[] {
  const waits: readonly (readonly [(step: RolloutStep) => boolean, string])[] = [
    [({ gate }) => gate === "approval", "for a person who promotes it"],
    [({ gate }) => typeof gate === "object", "for its webhook to say yes"],
    [({ minUsers }) => minUsers > 0, "for min_users users"],
  ];
  return waits.flatMap(([waits, what]): PreparationFinding[] => {
    const at = steps.flatMap((step, index) => (waits(step) ? [index + 1] : []));
    if (at.length === 0) return [];
    const which = at.length === 1 ? `step ${at[0]} waits` : `each of steps ${at.join(", ")} waits`;
    return [{ level: "info", message: `${which} ${what}, for a time that is not counted` }];
  });
}

function msFor(needed: number, perSecond: number): number {
  if (needed <= 0) return 0;
  return perSecond <= 0 ? Infinity : Math.ceil((needed / perSecond) * 1000);
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}

function requests(count: number): string {
  return count === Infinity
    ? "more requests than there are"
    : `${formatNumber(count)} requests of the treatment`;
}

/** A time of a day and more. */
function formatLong(ms: number): string {
  const hours = ms / 3_600_000;
  return hours < 48 ? `${formatNumber(hours)} hours` : `${formatNumber(hours / 24)} days`;
}
