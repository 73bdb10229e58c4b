// A quantile at a number of values that was fixed beforehand: of n values the number at or below the quantile is
// Binomial(n, q), whatever the distribution, so that two order statistics enclose it with a known chance. With
// ties or bins the chance only grows. Looking repeatedly is what quantile-sequence.ts is for.
//
// Source: H. A. David, H. N. Nagaraja, "Order Statistics" (3rd ed. 2003), section 7.1; W. J. Conover, "Practical
// Nonparametric Statistics" (3rd ed. 1999), section 3.2.
import { err, ok, type Result } from "../../../base/result.ts";
import { binomialCdf, binomialQuantile, binomialUpper } from "../distributions/binomial.ts";
import type { DataFault } from "../fault.ts";
import { type Histogram, totalOf } from "../histogram.ts";
import {
  checkQuantileOptions,
  findHistogramFault,
  intervalOfRanks,
  type QuantileInterval,
  type QuantileOptions,
  type RankInterval,
} from "./order-statistics.ts";

export type FixedQuantileInterval = QuantileInterval & {
  /** The chance, at least 1 − alpha, with which these ranks enclose the quantile of a continuous distribution. */
  readonly confidence: number;
};

/** The interval of a quantile, with alpha/2 on each side. Throws RangeError on invalid options. */
export function fixedQuantileInterval(
  histogram: Histogram,
  options: QuantileOptions,
): Result<FixedQuantileInterval, DataFault> {
  checkQuantileOptions(options);
  const fault = findHistogramFault(histogram);
  if (fault !== null) return err(fault);
  const { quantile } = options;
  const count = totalOf(histogram.counts);
  const ranks = enclosingRanks(count, options);
  const missedBelow = ranks.first === 0 ? 0 : binomialCdf(ranks.first - 1, count, quantile);
  const missedAbove = ranks.last > count ? 0 : binomialUpper(ranks.last - 1, count, quantile);
  return ok({
    interval: intervalOfRanks(histogram, ranks),
    ranks,
    count,
    confidence: 1 - missedBelow - missedAbove,
  });
}

function enclosingRanks(count: number, options: QuantileOptions): RankInterval {
  const { quantile, alpha, alternative = "two_sided" } = options;
  const tail = alternative === "two_sided" ? alpha / 2 : alpha;
  return {
    first: alternative === "less" ? 0 : binomialQuantile(tail, count, quantile),
    last:
      alternative === "greater"
        ? count + 1
        : count + 1 - binomialQuantile(tail, count, 1 - quantile),
  };
}
