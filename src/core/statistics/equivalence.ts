import { err, ok, type Result } from "../../base/result.ts";
import type { MetricDirection } from "./direction.ts";
import type { DataFault } from "./fault.ts";
import type { Interval } from "./interval.ts";
import type { Moments } from "./moments.ts";
import { welchT, type TTest } from "./t-test.ts";
import { proportionsZ, type Count, type ZTest } from "./z-test.ts";

/** Two one-sided tests (D. J. Schuirmann, 1987): the arms are alike when both reject. */
export type Equivalence<Test> = {
  /** Larger of both p-values. */
  readonly pValue: number;
  /** Null: x − y ≤ margin.low. */
  readonly above: Test;
  /** Null: x − y ≥ margin.high. */
  readonly below: Test;
  /** Confidence 1 − 2α, which lies inside the margin exactly when the test rejects at α. */
  readonly interval: Interval;
};

/** TOST for means with Welch's variance: is x − y inside `margin`? */
export function meansEquivalence(
  x: Moments,
  y: Moments,
  margin: Interval,
  alpha = 0.05,
): Result<Equivalence<TTest>, DataFault> {
  requireMargin(margin);
  const confidence = 1 - alpha;
  const above = welchT(x, y, { alternative: "greater", nullDifference: margin.low, confidence });
  const below = welchT(x, y, { alternative: "less", nullDifference: margin.high, confidence });
  if (!above.ok) return err(above.error);
  if (!below.ok) return err(below.error);
  return ok(bothOf(above.value, below.value));
}

/** TOST for proportions by unpooled z-tests. */
export function proportionsEquivalence(
  x: Count,
  y: Count,
  margin: Interval,
  alpha = 0.05,
): Result<Equivalence<ZTest>, DataFault> {
  requireMargin(margin);
  const confidence = 1 - alpha;
  const above = proportionsZ(x, y, {
    alternative: "greater",
    nullDifference: margin.low,
    confidence,
  });
  const below = proportionsZ(x, y, {
    alternative: "less",
    nullDifference: margin.high,
    confidence,
  });
  if (!above.ok) return err(above.error);
  if (!below.ok) return err(below.error);
  return ok(bothOf(above.value, below.value));
}

/**
 * Is x worse than y by less than `margin` (a positive distance in the metric's unit)? A small p-value says that x is
 * not worse. For `lower` (latency) the null is x − y ≥ margin, for `higher` (success) x − y ≤ −margin.
 */
export function meansNonInferiority(
  x: Moments,
  y: Moments,
  { margin, direction, alpha = 0.05 }: NonInferiority,
): Result<TTest, DataFault> {
  return welchT(x, y, nonInferiorityOptions(margin, direction, alpha));
}

/** As {@link meansNonInferiority}, for proportions. */
export function proportionsNonInferiority(
  x: Count,
  y: Count,
  { margin, direction, alpha = 0.05 }: NonInferiority,
): Result<ZTest, DataFault> {
  return proportionsZ(x, y, nonInferiorityOptions(margin, direction, alpha));
}

/**
 * Is x/y below 1 + `margin` (`lower`), or above 1 − `margin` (`higher`)? The ratio's null is linear in the means,
 * x − (1 ± margin)·y, so no ratio has to be formed (A. P. Sasabuchi's form; Hauschke, Steinijans & Pigeot 2007, §5).
 */
export function ratioNonInferiority(
  x: Moments,
  y: Moments,
  { margin, direction, alpha = 0.05 }: NonInferiority,
): Result<TTest, DataFault> {
  requirePositiveMargin(margin);
  const factor = direction === "lower" ? 1 + margin : 1 - margin;
  const scaled = { n: y.n, mean: y.mean * factor, variance: y.variance * factor * factor };
  const alternative = direction === "lower" ? "less" : "greater";
  return welchT(x, scaled, { alternative, confidence: 1 - alpha });
}

export type NonInferiority = {
  readonly margin: number;
  readonly direction: MetricDirection;
  /** Default 0.05. */
  readonly alpha?: number;
};

function nonInferiorityOptions(margin: number, direction: MetricDirection, alpha: number) {
  requirePositiveMargin(margin);
  const isLower = direction === "lower";
  return {
    alternative: isLower ? ("less" as const) : ("greater" as const),
    nullDifference: isLower ? margin : -margin,
    confidence: 1 - alpha,
  };
}

function bothOf<Test extends TTest | ZTest>(above: Test, below: Test): Equivalence<Test> {
  const interval = { low: above.interval.low, high: below.interval.high };
  return { pValue: Math.max(above.pValue, below.pValue), above, below, interval };
}

function requireMargin({ low, high }: Interval): void {
  if (!(low < high)) throw new RangeError(`a margin needs low < high, not ${low}, ${high}`);
}

function requirePositiveMargin(margin: number): void {
  if (!(margin >= 0 && margin < Infinity)) {
    throw new RangeError(`margin must not be negative, not ${margin}`);
  }
}
