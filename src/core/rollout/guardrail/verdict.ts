import { formatNumber, formatPercent } from "../../statistics/decision/words.ts";
import type { Interval } from "../../statistics/interval.ts";
import { isDurationMetric } from "../../telemetry/metric-names.ts";
import type { GuardrailPolicy } from "../policy.ts";

/** Bad events among events; for a mean, the sum of its values and how many they are. */
export type Tally = { readonly bad: number; readonly count: number };

export const noTally: Tally = { bad: 0, count: 0 };

export type Verdict = {
  readonly guardrail: string;
  readonly verdict: "ok" | "breach" | "wait" | "error";
  /** The treatment's value in this step, or in the window; null without requests. */
  readonly value: number | null;
  readonly control: number | null;
  /** What `value` is held against; null while a relative limit has nothing of the control to go by. */
  readonly limit: number | null;
  readonly n: number;
  /** 95 % for `value`. */
  readonly interval: Interval | null;
  /** The always-valid p-value of "nothing is wrong"; null where the evidence is a window. */
  readonly pValue: number | null;
  /** Of a breach: the treatment is not surely to blame, so that the gravest consequence is a pause. */
  readonly pausesOnly: boolean;
  readonly reason: string;
};

export function valueOf({ bad, count }: Tally): number | null {
  return count === 0 ? null : bad / count;
}

export function addTally(one: Tally, other: Tally): Tally {
  return { bad: one.bad + other.bad, count: one.count + other.count };
}

/** A metric's value in words: a share in percent, a mean in milliseconds, a query's answer as it is. */
export function wordsOf({ metric }: GuardrailPolicy, value: number | null): string {
  if (value === null) return "nothing";
  if (metric.kind === "quantile") return `${formatNumber(value)} ms`;
  if (metric.kind === "mean") {
    const isDuration = metric.of === null || isDurationMetric(metric.of);
    return isDuration ? `${formatNumber(value)} ms` : formatNumber(value);
  }
  return metric.kind === "promql" ? formatNumber(value) : formatPercent(value);
}

/** True for a guardrail that is broken by too little. */
export function isFloor({ max, min, maxRatio, minRatio }: GuardrailPolicy): boolean {
  return max === null && maxRatio === null && (min !== null || minRatio !== null);
}

/** The limit that binds: the stricter of the absolute one and the control's value times the ratio. */
export function limitOf(policy: GuardrailPolicy, control: number | null): number | null {
  const { max, min, maxRatio, minRatio } = policy;
  if (isFloor(policy)) {
    if (minRatio === null || control === null) return min;
    return Math.max(min ?? -Infinity, control * minRatio);
  }
  if (maxRatio === null || control === null) return max ?? min;
  return Math.min(max ?? Infinity, control * maxRatio);
}

/** What a limit allows, in words. */
export function allowed(policy: GuardrailPolicy, limit: number | null): string {
  return limit === null
    ? "nothing of the control to compare with"
    : isFloor(policy)
      ? `at least ${wordsOf(policy, limit)} asked`
      : `at most ${wordsOf(policy, limit)} allowed`;
}
