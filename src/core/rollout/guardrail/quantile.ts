import { formatNumber } from "../../statistics/decision/words.ts";
import { histogramOfCounts, totalOf, type Histogram } from "../../statistics/histogram.ts";
import { quantileConfidenceSequence } from "../../statistics/sequential/quantile-sequence.ts";
import type { SparseCounts } from "../../telemetry/latency.ts";
import type { GuardrailPolicy } from "../policy.ts";
import { allowed, limitOf, wordsOf, type Verdict } from "./verdict.ts";

/** The times of one arm in the present step. */
export type ArmTimes = {
  /** Microseconds. */
  readonly counts: SparseCounts;
  /** How many requests say as much as one independent one, because one user's requests are alike: at least 1. */
  readonly designEffect: number;
};

export type QuantileTick = {
  readonly kind: "quantile";
  readonly treatment: ArmTimes;
  readonly control: ArmTimes;
  /** The treatment's configured share of users. */
  readonly share: number;
};

/** What a guardrail that holds a quantile against the control's has seen. */
export type QuantileState = {
  readonly kind: "quantile";
  /** Steps share the budget of false alarms, because each is a comparison of its own. */
  readonly steps: number;
  /** Milliseconds; null before the first request. */
  readonly value: number | null;
  readonly control: number | null;
  readonly n: number;
  readonly isAlone: boolean;
  /** Why it was once sure of a breach in this rollout; null while it never was. */
  readonly breach: string | null;
};

/** Requests of an arm where its interval is tightest. */
const plannedCount = 1000;

export function createQuantile(steps: number): QuantileState {
  return {
    kind: "quantile",
    steps,
    value: null,
    control: null,
    n: 0,
    isAlone: false,
    breach: null,
  };
}

export function startQuantileStep(state: QuantileState): QuantileState {
  return { ...state, value: null, control: null, n: 0 };
}

/**
 * Takes in one tick. A breach is sure when the lower end of the treatment's confidence sequence lies above the allowed
 * multiple of the upper end of the control's (Howard and Ramdas, 2022, see quantile-sequence.ts): each side has half of the
 * budget. Both histograms are first thinned by their design effect (L. Kish, 1965), that of the mean standing in for that of
 * the quantile.
 */
export function watchQuantile(
  state: QuantileState,
  policy: GuardrailPolicy,
  quantile: number,
  { treatment, control, share }: QuantileTick,
): QuantileState {
  const times = histogramOfCounts(treatment.counts);
  const ofControl = histogramOfCounts(control.counts);
  const seen: QuantileState = {
    ...state,
    value: quantileMs(times, quantile),
    control: quantileMs(ofControl, quantile),
    n: totalOf(times.counts),
    isAlone: share >= 1,
  };
  if (state.breach !== null || seen.value === null || seen.control === null) return seen;
  const alpha = policy.falseAlarm / (2 * state.steps);
  const options = { quantile, alpha, plannedCount };
  const least = quantileConfidenceSequence(thin(times, treatment.designEffect), {
    ...options,
    alternative: "greater",
  });
  const most = quantileConfidenceSequence(thin(ofControl, control.designEffect), {
    ...options,
    alternative: "less",
  });
  if (!least.ok || !most.ok) return seen;
  const limitUs = most.value.interval.high * (policy.maxRatio ?? 1);
  if (!(least.value.interval.low > limitUs)) return seen;
  const words = `${policy.name}: ${wordsOf(policy, seen.value)} over ${formatNumber(seen.n)} requests in this step against ${wordsOf(policy, seen.control)} of the control`;
  const breach = `${words}, surely more than ${formatNumber(policy.maxRatio ?? 1)} times as much`;
  return { ...seen, breach };
}

export function judgeQuantile(
  { value, control, n, isAlone, breach }: QuantileState,
  policy: GuardrailPolicy,
  minRequests: number,
): Verdict {
  const limit = limitOf(policy, control);
  const measured = {
    guardrail: policy.name,
    value,
    control,
    limit,
    n,
    interval: null,
    pValue: null,
    pausesOnly: false,
  };
  if (breach !== null) return { ...measured, verdict: "breach", reason: breach };
  const waiting = reasonToWait(measured, policy, isAlone, minRequests);
  if (waiting !== null) return { ...measured, verdict: "wait", reason: waiting };
  const reason = `${wordsOf(policy, value)} over ${formatNumber(n)} requests, ${allowed(policy, limit)}`;
  return { ...measured, verdict: "ok", reason };
}

function reasonToWait(
  { value, limit, n }: Pick<Verdict, "value" | "limit" | "n">,
  policy: GuardrailPolicy,
  isAlone: boolean,
  minRequests: number,
): string | null {
  if (value === null) return "no requests yet";
  if (n < minRequests)
    return `${formatNumber(n)} of at least ${formatNumber(minRequests)} requests`;
  if (limit === null) return isAlone ? null : "nothing of the control to compare with";
  if (value <= limit) return null;
  return `${wordsOf(policy, value)} is above ${wordsOf(policy, limit)}, not surely so`;
}

/** The histogram of as many values as are worth an independent one each, of the same shape. */
function thin(histogram: Histogram, designEffect: number): Histogram {
  let seen = 0;
  let kept = 0;
  const counts = histogram.counts.map((count) => {
    seen += count;
    const until = Math.floor(seen / designEffect);
    const of = until - kept;
    kept = until;
    return of;
  });
  return { ...histogram, counts };
}

/** The plain quantile, milliseconds. */
function quantileMs({ highest, counts }: Histogram, quantile: number): number | null {
  const total = totalOf(counts);
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(quantile * total));
  let seen = 0;
  for (const [bin, count] of counts.entries()) {
    seen += count;
    if (seen >= rank) return (highest[bin] as number) / 1000;
  }
  return null;
}
