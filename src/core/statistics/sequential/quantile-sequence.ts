// A quantile, such as the p99 of latency, that may be looked at after every value. A value x can be the q-quantile
// only if at most a share q lies below x and at least a share q at or below it. So x stays as long as some count k
// between #(< x) and #(≤ x) is one that the test of "the rate is q" (bernoulli-mixture.ts) does not reject; those k
// are a range of ranks, which the histogram turns into values on the outer edges of the bins: binning makes the
// interval wider, never wrong.
//
// Source: Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
// identification" (Bernoulli 28:1704, 2022; arXiv 1906.09712), with the beta-binomial mixture.
import { err, ok, type Result } from "../../../base/result.ts";
import type { DataFault } from "../fault.ts";
import { type Histogram, totalOf } from "../histogram.ts";
import type { Interval } from "../interval.ts";
import {
  type BernoulliMixture,
  createBernoulliMixture,
  logEvidence,
  logEvidenceAbove,
  logEvidenceBelow,
} from "./bernoulli-mixture.ts";
import { plannedConcentration } from "./beta-binomial.ts";
import {
  checkQuantileOptions,
  findHistogramFault,
  intervalOfRanks,
  type QuantileInterval,
  type QuantileOptions,
  type RankInterval,
} from "./order-statistics.ts";

export type QuantileSequenceOptions = QuantileOptions & {
  /** The number of values (of one arm) at which the interval is to be tightest; fixed before the first look. */
  readonly plannedCount: number;
};

/**
 * Holds the quantile at all looks together with probability 1 − alpha, for independent values of one distribution.
 * Throws RangeError on invalid options.
 */
export function quantileConfidenceSequence(
  histogram: Histogram,
  options: QuantileSequenceOptions,
): Result<QuantileInterval, DataFault> {
  checkQuantileOptions(options);
  const { alpha, plannedCount, alternative, quantile } = options;
  const concentration = plannedConcentration(plannedCount, alpha, alternative);
  const fault = findHistogramFault(histogram);
  if (fault !== null) return err(fault);
  const count = totalOf(histogram.counts);
  const mixture = createBernoulliMixture(quantile, concentration);
  const ranks = acceptedRanks(count, mixture, options);
  return ok({ interval: intervalOfRanks(histogram, ranks), ranks, count });
}

/**
 * The difference of two arms' quantiles, x minus y: each arm's sequence at alpha/2 (Bonferroni), so that it holds at
 * all looks together with probability 1 − alpha. Independence of the arms is not needed.
 */
export function quantileDifferenceSequence(
  x: Histogram,
  y: Histogram,
  options: QuantileSequenceOptions,
): Result<Interval, DataFault> {
  checkQuantileOptions(options);
  const { alpha, alternative = "two_sided" } = options;
  const mirrored = { two_sided: "two_sided", greater: "less", less: "greater" } as const;
  const ofX = quantileConfidenceSequence(x, { ...options, alpha: alpha / 2 });
  if (!ofX.ok) return ofX;
  const ofY = quantileConfidenceSequence(y, {
    ...options,
    alpha: alpha / 2,
    alternative: mirrored[alternative],
  });
  if (!ofY.ok) return ofY;
  return ok({
    low: ofX.value.interval.low - ofY.value.interval.high,
    high: ofX.value.interval.high - ofY.value.interval.low,
  });
}

function acceptedRanks(
  count: number,
  mixture: BernoulliMixture,
  options: QuantileSequenceOptions,
): RankInterval {
  const { alpha, alternative = "two_sided" } = options;
  const limit = -Math.log(alpha);
  const low = alternative === "two_sided" ? logEvidence : logEvidenceBelow;
  const high = alternative === "two_sided" ? logEvidence : logEvidenceAbove;
  const middle = likeliestCount(count, mixture);
  return {
    first:
      alternative === "less"
        ? 0
        : lastAccepted(middle, 0, (k) => low(mixture, k, count - k) >= limit),
    last:
      alternative === "greater"
        ? count + 1
        : lastAccepted(middle, count, (k) => high(mixture, k, count - k) >= limit) + 1,
  };
}

/** The whole number of values with the least evidence against the quantile: never rejected. */
function likeliestCount(count: number, mixture: BernoulliMixture): number {
  const about = Math.round(count * mixture.rate);
  let best = Math.min(about, count);
  let least = Infinity;
  for (let k = Math.max(0, about - 2); k <= Math.min(count, about + 2); k += 1) {
    const evidence = logEvidence(mixture, k, count - k);
    if (evidence < least) {
      least = evidence;
      best = k;
    }
  }
  return best;
}

/** The last whole number from `from` (accepted) towards `end` that is not rejected; evidence grows that way. */
function lastAccepted(from: number, end: number, isRejected: (k: number) => boolean): number {
  if (!isRejected(end)) return end;
  let accepted = from;
  let rejected = end;
  while (Math.abs(rejected - accepted) > 1) {
    const middle = Math.trunc((accepted + rejected) / 2);
    if (isRejected(middle)) rejected = middle;
    else accepted = middle;
  }
  return accepted;
}
