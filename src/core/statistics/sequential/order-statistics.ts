// From ranks to values: intervals for quantiles are found among the ranks of the sorted values, whatever their
// distribution, and then read off the values or, with a histogram, off the outer edges of their bins.
import type { Alternative } from "../alternative.ts";
import type { DataFault } from "../fault.ts";
import { type Histogram, totalOf } from "../histogram.ts";
import type { Interval } from "../interval.ts";

/** Ranks 1…n of the two limits among the sorted values; 0 and n + 1 where there is no limit. */
export type RankInterval = {
  readonly first: number;
  readonly last: number;
};

export type QuantileInterval = {
  /** In the unit of the values; ±Infinity where a limit would need more values or is not asked for. */
  readonly interval: Interval;
  readonly ranks: RankInterval;
  readonly count: number;
};

export type QuantileOptions = {
  /** Which quantile: 0 < quantile < 1, 0.99 for p99. */
  readonly quantile: number;
  /** Chance to miss it: 0 < alpha < 1 (one-sided: < 0.5). */
  readonly alpha: number;
  /** "greater" gives a lower limit only, "less" an upper one. Default "two_sided". */
  readonly alternative?: Alternative;
};

/** Throws RangeError unless 0 < quantile < 1 and alpha fits the alternative. */
export function checkQuantileOptions({ quantile, alpha, alternative }: QuantileOptions): void {
  const alphaMax = (alternative ?? "two_sided") === "two_sided" ? 1 : 0.5;
  if (!(quantile > 0 && quantile < 1)) {
    throw new RangeError(`quantile must lie between 0 and 1, got ${quantile}`);
  }
  if (!(alpha > 0 && alpha < alphaMax)) {
    throw new RangeError(`alpha must lie between 0 and ${alphaMax}, got ${alpha}`);
  }
}

/** Why a histogram cannot be used, or null. */
export function findHistogramFault({ counts }: Histogram): DataFault | null {
  for (const count of counts) {
    if (!Number.isFinite(count)) {
      return { code: "not_finite", message: `a bin holds ${count} values` };
    }
    if (count < 0) return { code: "out_of_range", message: `a bin holds ${count} values` };
  }
  return totalOf(counts) > 0 ? null : { code: "empty", message: "there are no values" };
}

/** The values at two ranks, on the outer edges of their bins. */
export function intervalOfRanks(histogram: Histogram, { first, last }: RankInterval): Interval {
  const { lowest, highest, counts } = histogram;
  let low = -Infinity;
  let high = Infinity;
  let seen = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    const until = seen + (counts[bin] as number);
    if (first > seen && first <= until) low = lowest[bin] as number;
    if (last > seen && last <= until) high = highest[bin] as number;
    seen = until;
  }
  return { low, high };
}
