import { err, ok, type Result } from "../../../base/result.ts";
import { normalUpperQuantile } from "../distributions/normal.ts";
import type { DataFault } from "../fault.ts";
import { type Histogram, totalOf } from "../histogram.ts";
import { tOf, type TestOptions, type TTest } from "../t-test.ts";
import { ratioOf, sumsByUser } from "./ratio.ts";

/** A quantile of requests with a variance that allows for users. */
export type ClusteredQuantile = {
  readonly value: number;
  readonly variance: number;
  readonly clusters: number;
  readonly n: number;
};

/** The density is measured between the order statistics that enclose the quantile with 95 %. */
const outerZ = normalUpperQuantile((1 - 0.95) / 2);

/**
 * The quantile ν of the values of clustered requests. Its variance for independent requests comes from the distance of
 * two order statistics, ((Y_U − Y_L)/2z)² at ranks n(ν ± z·√(ν(1−ν)/n)); clustering multiplies it by
 * Var_cluster(Ī)/(ν(1−ν)/n) with I = 1{Y ≤ Q̂}, the clustered variance of the share below over that of independent
 * requests (A. Deng, U. Knoblich and J. Lu, "Applying the delta method in metric analytics", 2018, §4.2). `too_few`
 * where a rank would lie outside the sample.
 */
export function clusteredQuantile(
  values: Float64Array,
  users: ArrayLike<number>,
  userCount: number,
  quantile: number,
): Result<ClusteredQuantile, DataFault> {
  if (!(quantile > 0 && quantile < 1)) {
    throw new RangeError(`quantile must lie between 0 and 1, not ${quantile}`);
  }
  const n = values.length;
  if (n === 0) return err({ code: "empty", message: "there are no requests" });
  const ranks = outerRanks(n, quantile);
  if (!ranks.ok) return ranks;
  const { low, high } = ranks.value;
  const independent = (quantile * (1 - quantile)) / n;
  const sorted = values.toSorted();
  const value = sorted[Math.min(n, Math.ceil(n * quantile)) - 1] as number;
  const below = Float64Array.from(values, (each) => (each <= value ? 1 : 0));
  const share = ratioOf(sumsByUser(below, users, userCount));
  if (!share.ok) return share;
  const spread = ((sorted[high - 1] as number) - (sorted[low - 1] as number)) / (2 * outerZ);
  const variance = spread * spread * (share.value.variance / independent);
  return ok({ value, variance, clusters: share.value.clusters, n });
}

/**
 * The same from a histogram, which does not know whose requests it counts: `designEffect` (at least 1) stands for how much
 * clustering multiplies the variance, and `clusters` for the independent ones behind it. The value is its bin's upper edge,
 * as HDR histograms tell it. The spread is measured on the outer edges of the bins, so that binning makes the variance
 * larger, never smaller.
 */
export function quantileOfHistogram(
  histogram: Histogram,
  quantile: number,
  { designEffect, clusters }: { readonly designEffect: number; readonly clusters: number },
): Result<ClusteredQuantile, DataFault> {
  const n = totalOf(histogram.counts);
  if (n === 0) return err({ code: "empty", message: "there are no requests" });
  const ranks = outerRanks(n, quantile);
  if (!ranks.ok) return ranks;
  const { low, high } = ranks.value;
  const bin = binOf(histogram, Math.min(n, Math.ceil(n * quantile)));
  const value = histogram.highest[bin] as number;
  const [from, to] = [binOf(histogram, low), binOf(histogram, high)];
  const width = (histogram.highest[to] as number) - (histogram.lowest[from] as number);
  return ok({ value, variance: (width / (2 * outerZ)) ** 2 * designEffect, clusters, n });
}

function binOf({ counts }: Histogram, rank: number): number {
  let seen = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    seen += counts[bin] as number;
    if (seen >= rank) return bin;
  }
  throw new RangeError(`there is no rank ${rank} among ${seen}`);
}

/** The ranks of the order statistics between which the density is measured. */
function outerRanks(
  n: number,
  quantile: number,
): Result<{ readonly low: number; readonly high: number }, DataFault> {
  const half = outerZ * Math.sqrt((quantile * (1 - quantile)) / n);
  const low = Math.floor(n * (quantile - half));
  const high = Math.ceil(n * (quantile + half));
  if (low >= 1 && high <= n) return ok({ low, high });
  const odds = Math.max(quantile, 1 - quantile) / Math.min(quantile, 1 - quantile);
  const needed = Math.ceil(outerZ * outerZ * odds) + 1;
  const message = `the quantile ${quantile} needs about ${needed} requests in each arm, there are ${n}`;
  return err({ code: "too_few", message });
}

/** Difference of two quantiles, x − y, with Satterthwaite's degrees of freedom over users. */
export function compareQuantiles(
  x: ClusteredQuantile,
  y: ClusteredQuantile,
  options: TestOptions = {},
): Result<TTest, DataFault> {
  const square = x.variance + y.variance;
  if (square === 0) {
    return err({
      code: "zero_variance",
      message: "the values around both quantiles are all the same",
    });
  }
  const df =
    1 /
    ((x.variance / square) ** 2 / (x.clusters - 1) + (y.variance / square) ** 2 / (y.clusters - 1));
  return ok(tOf(x.value - y.value, Math.sqrt(square), df, options));
}
