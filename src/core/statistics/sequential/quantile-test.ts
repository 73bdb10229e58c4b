// Is a quantile, such as the p99 of latency, the same in two arms? May be looked at after every value. If x is the
// quantile of both arms, then each arm's counts below and up to x are those of a coin of rate q, and the evidence
// against that (bernoulli-mixture.ts) multiplies over independent arms. Whatever the common quantile is, the
// evidence is at least
//
//   ln E = min over x of G_X(x) + G_Y(x),   G(x) = least ln E(k) for k from #(< x) to #(≤ x).
//
// x runs over the bins: within one, k is only known to lie between the counts at its edges, so the least evidence
// is taken, and binning costs power but not validity.
//
// One-sided, null "the quantile of X is not larger than that of Y": then there is an x at which X has at least a share
// q at or below, and Y at most a share q below. Each side is a one-sided test of a rate, as max(W, 1 − π) beyond q
// and 1 − π short of it (error-rate.ts explains this form), which keeps a part of the stake in an arm that is at x.
//
// Source: Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
// identification" (Bernoulli 28:1704, 2022; arXiv 1906.09712); the one-sided form follows from it.
import { err, ok, type Result } from "../../../base/result.ts";
import type { DataFault } from "../fault.ts";
import { type AlignedHistograms, alignHistograms, type Histogram, totalOf } from "../histogram.ts";
import { incompleteBeta } from "../special/incomplete-beta.ts";
import { type BernoulliMixture, createBernoulliMixture, logEvidence } from "./bernoulli-mixture.ts";
import { plannedConcentration } from "./beta-binomial.ts";
import { checkQuantileOptions, findHistogramFault } from "./order-statistics.ts";
import type { QuantileSequenceOptions } from "./quantile-sequence.ts";

export type QuantileTest = {
  /**
   * Valid at any look: under the null it is ever at a or below with chance ≤ a, so that the smallest so far may be
   * reported.
   */
  readonly pValue: number;
  /** ln E; below 0 the data agree with the null. */
  readonly logEvidence: number;
};

/**
 * Tests a quantile of x against that of y ("greater": larger in x). `plannedCount` is per arm, and `alpha` only tunes
 * the test. O(bins). Throws RangeError on invalid options.
 */
export function quantileTest(
  x: Histogram,
  y: Histogram,
  options: QuantileSequenceOptions,
): Result<QuantileTest, DataFault> {
  checkQuantileOptions(options);
  const { quantile, alpha, plannedCount, alternative = "two_sided" } = options;
  const concentration = plannedConcentration(plannedCount, alpha, alternative);
  const fault = findHistogramFault(x) ?? findHistogramFault(y);
  if (fault !== null) return err(fault);
  const mixture = createBernoulliMixture(quantile, concentration);
  const aligned = alignHistograms(x, y);
  const arms = [aligned.x, aligned.y] as const;
  const evidence =
    alternative === "two_sided"
      ? leastEvidence(arms, mixture)
      : alternative === "greater"
        ? leastOneSidedEvidence(arms[0], arms[1], mixture)
        : leastOneSidedEvidence(arms[1], arms[0], mixture);
  return ok({ pValue: Math.min(1, Math.exp(-evidence)), logEvidence: evidence });
}

type Counts = AlignedHistograms["x"];

function leastEvidence([x, y]: readonly [Counts, Counts], mixture: BernoulliMixture): number {
  const armX = { total: totalOf(x), least: 0 };
  const armY = { total: totalOf(y), least: 0 };
  armX.least = leastCount(armX.total, mixture);
  armY.least = leastCount(armY.total, mixture);
  const evidenceOf = (arm: typeof armX, below: number, until: number): number => {
    const k = Math.min(Math.max(arm.least, below), until);
    return logEvidence(mixture, k, arm.total - k);
  };
  let belowX = 0;
  let belowY = 0;
  let least = Infinity;
  for (let bin = 0; bin < x.length; bin += 1) {
    const untilX = belowX + (x[bin] as number);
    const untilY = belowY + (y[bin] as number);
    // Before both least points either evidence still falls, after both either rises.
    if (untilX >= armX.least || untilY >= armY.least) {
      const sum = evidenceOf(armX, belowX, untilX) + evidenceOf(armY, belowY, untilY);
      least = Math.min(least, sum);
    }
    if (untilX >= armX.least && untilY >= armY.least) break;
    belowX = untilX;
    belowY = untilY;
  }
  return least;
}

/** The real number of values among `total` with the least evidence: evidence is convex in it (golden section). */
function leastCount(total: number, mixture: BernoulliMixture): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let low = 0;
  let high = total;
  let left = high - golden * (high - low);
  let right = low + golden * (high - low);
  let atLeft = logEvidence(mixture, left, total - left);
  let atRight = logEvidence(mixture, right, total - right);
  while (high - low > 1e-7 * Math.sqrt(total)) {
    if (atLeft <= atRight) {
      high = right;
      [right, atRight] = [left, atLeft];
      left = high - golden * (high - low);
      atLeft = logEvidence(mixture, left, total - left);
    } else {
      low = left;
      [left, atLeft] = [right, atRight];
      right = low + golden * (high - low);
      atRight = logEvidence(mixture, right, total - right);
    }
  }
  return low + (high - low) / 2;
}

/** Evidence that `larger` has the larger quantile. */
function leastOneSidedEvidence(larger: Counts, smaller: Counts, mixture: BernoulliMixture): number {
  const { rate, complement, concentration } = mixture;
  const prior = incompleteBeta(rate, concentration * rate, concentration * complement, complement);
  // Null of `larger`: at least the share q; of `smaller`: at most.
  const reserveLarger = Math.log(prior.upper);
  const reserveSmaller = Math.log(prior.lower);
  const totalLarger = totalOf(larger);
  const totalSmaller = totalOf(smaller);
  let untilLarger = 0;
  let belowSmaller = 0;
  let least = Infinity;
  for (let bin = 0; bin < larger.length; bin += 1) {
    untilLarger += larger[bin] as number;
    const untilSmaller = belowSmaller + (smaller[bin] as number);
    const isLargerBelow = untilLarger < rate * totalLarger;
    const isSmallerAbove = belowSmaller > rate * totalSmaller;
    // Before the quantile of `smaller` only the other's evidence changes, and falls.
    if (untilSmaller > rate * totalSmaller || !isLargerBelow) {
      const ofLarger = isLargerBelow
        ? Math.max(reserveLarger, logEvidence(mixture, untilLarger, totalLarger - untilLarger))
        : reserveLarger;
      const ofSmaller = isSmallerAbove
        ? Math.max(reserveSmaller, logEvidence(mixture, belowSmaller, totalSmaller - belowSmaller))
        : reserveSmaller;
      least = Math.min(least, ofLarger + ofSmaller);
    }
    if (!isLargerBelow) break;
    belowSmaller = untilSmaller;
  }
  return least;
}
