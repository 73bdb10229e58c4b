import { err, ok, type Result } from "../../base/result.ts";
import type { Alternative } from "./alternative.ts";
import { normalUpperQuantile } from "./distributions/normal.ts";
import type { DataFault } from "./fault.ts";
import type { Interval } from "./interval.ts";
import { isExactFeasible, mannWhitneyLower } from "./mann-whitney-exact.ts";
import { uDeviation } from "./mann-whitney.ts";
import { alignValues } from "./superiority.ts";
import { requireConfidence } from "./t-test.ts";

export type Shift = {
  /** Median of all differences between a value of x and one of y: how far x is shifted. */
  readonly estimate: number;
  /** The shifts that the Mann-Whitney test does not reject; infinite where the samples are too small for that. */
  readonly interval: Interval;
};

/** Up to this many pairs without ties the interval is exact. */
const exactPairsMax = 10_000;

/**
 * The shift between two samples and its interval by inverting the Mann-Whitney test (J. L. Hodges and E. L. Lehmann,
 * 1963; intervals: M. Hollander and D. A. Wolfe, "Nonparametric statistical methods", 1973, §4.3). The mn differences
 * are never listed: O((m + n)·log) time.
 */
export function hodgesLehmann(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  {
    alternative = "two_sided",
    confidence = 0.95,
  }: { readonly alternative?: Alternative; readonly confidence?: number } = {},
): Result<Shift, DataFault> {
  requireConfidence(confidence);
  const aligned = alignValues(x, y, 1);
  if (!aligned.ok) return err(aligned.error);
  const { lowest } = aligned.value;
  if (!Number.isFinite(2 * ((lowest.at(-1) as number) - (lowest[0] as number)))) {
    return err({ code: "out_of_range", message: "the values are too far apart" });
  }
  const [m, n] = [x.length, y.length];
  const pairs = m * n;
  const isTied = lowest.length < m + n;
  const tail = alternative === "two_sided" ? (1 - confidence) / 2 : 1 - confidence;
  const isExact = !isTied && pairs <= exactPairsMax && isExactFeasible(m, n);
  const rank = isExact
    ? exactRank(tail, m, n)
    : Math.floor(pairs / 2 - normalUpperQuantile(tail) * uDeviation(aligned.value, m, n));
  const differenceAt = selector(x, y);
  const hasLow = rank >= 1 && alternative !== "less";
  const hasHigh = rank >= 1 && alternative !== "greater";
  const lower = differenceAt(Math.floor((pairs + 1) / 2));
  const upper = pairs % 2 === 1 ? lower : differenceAt(pairs / 2 + 1);
  return ok({
    estimate: lower + (upper - lower) / 2,
    interval: {
      low: hasLow ? differenceAt(rank) : -Infinity,
      high: hasHigh ? differenceAt(pairs + 1 - rank) : Infinity,
    },
  });
}

/** The largest r with P(U ≤ r − 1) ≤ tail, 0 if there is none. */
function exactRank(tail: number, m: number, n: number): number {
  let low = 0;
  let high = Math.floor((m * n) / 2);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (mannWhitneyLower(middle - 1, m, n) <= tail) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Gives the k-th smallest difference (k from 1): bisection between differences that exist, each step counting those
 * up to the middle in one walk along both sorted samples.
 */
function selector(x: ArrayLike<number>, y: ArrayLike<number>): (k: number) => number {
  const left = Float64Array.from(x).toSorted();
  const right = Float64Array.from(y).toSorted();
  return (k) => {
    let low = (left[0] as number) - (right.at(-1) as number);
    let high = (left.at(-1) as number) - (right[0] as number);
    while (low < high) {
      const middle = low + (high - low) / 2;
      const { count, below, above } = split(left, right, middle < high ? middle : low);
      if (count >= k) high = below;
      else low = above;
    }
    return low;
  };
}

/** How many differences are up to `limit`, the largest of them and the smallest beyond. */
function split(
  left: Float64Array,
  right: Float64Array,
  limit: number,
): { readonly count: number; readonly below: number; readonly above: number } {
  let count = 0;
  let below = -Infinity;
  let above = Infinity;
  let from = 0;
  for (const value of left) {
    while (from < right.length && value - (right[from] as number) > limit) from += 1;
    count += right.length - from;
    if (from < right.length) below = Math.max(below, value - (right[from] as number));
    if (from > 0) above = Math.min(above, value - (right[from - 1] as number));
  }
  return { count, below, above };
}
