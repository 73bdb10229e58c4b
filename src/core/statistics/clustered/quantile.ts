import { err, ok, type Result } from "../../../base/result.ts";
import { normalUpperQuantile } from "../distributions/normal.ts";
import type { DataFault } from "../fault.ts";
import { tOf, type TestOptions, type TTest } from "../t-test.ts";
import { ratioOf, sumsByUser } from "./ratio.ts";

/** A quantile of requests with a variance that allows for users. */
export type ClusteredQuantile = {
  readonly value: number;
  readonly variance: number;
  readonly clusters: number;
  readonly n: number;
};

/** Confidence of the order statistics between which the density is measured. */
const outerConfidence = 0.95;

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
  const z = normalUpperQuantile((1 - outerConfidence) / 2);
  const independent = (quantile * (1 - quantile)) / n;
  const low = Math.floor(n * (quantile - z * Math.sqrt(independent)));
  const high = Math.ceil(n * (quantile + z * Math.sqrt(independent)));
  if (low < 1 || high > n) {
    const needed =
      Math.ceil((z * z * Math.max(quantile, 1 - quantile)) / Math.min(quantile, 1 - quantile)) + 1;
    const message = `the quantile ${quantile} needs about ${needed} requests in each arm, there are ${n}`;
    return err({ code: "too_few", message });
  }
  const sorted = values.toSorted();
  const value = sorted[Math.min(n, Math.ceil(n * quantile)) - 1] as number;
  const below = Float64Array.from(values, (each) => (each <= value ? 1 : 0));
  const share = ratioOf(sumsByUser(below, users, userCount));
  if (!share.ok) return share;
  const spread = ((sorted[high - 1] as number) - (sorted[low - 1] as number)) / (2 * z);
  const variance = spread * spread * (share.value.variance / independent);
  return ok({ value, variance, clusters: share.value.clusters, n });
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
