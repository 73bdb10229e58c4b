import { err, ok, type Result } from "../../../base/result.ts";
import { tQuantile } from "../distributions/student-t.ts";
import { relativeLift } from "../effect-size/relative.ts";
import type { EffectSize } from "../effect-size/standardised.ts";
import type { DataFault } from "../fault.ts";
import { tOf, type TestOptions, type TTest } from "../t-test.ts";

/**
 * Sums by cluster: `weight` holds the requests and `sum` what is averaged over them (latencies, errors). A cluster is
 * a user, or a group of users that hashing made at random, such as the 256 of the telemetry.
 */
export type ClusteredSums = {
  readonly weight: Float64Array;
  readonly sum: Float64Array;
};

/** A ratio metric R = ΣS/ΣN with the variance that its clusters show. */
export type ClusteredRatio = {
  readonly value: number;
  readonly variance: number;
  /** Clusters that hold anything. */
  readonly clusters: number;
  /** ΣN: requests. */
  readonly n: number;
};

export type RatioComparison = TTest & {
  /** Difference over the value of y; null where that is 0. */
  readonly lift: (EffectSize & { readonly standardError: number }) | null;
};

/**
 * The delta method for a ratio of sums over clusters (W. G. Cochran, "Sampling Techniques", 1977, §6.4; A. Deng,
 * U. Knoblich and J. Lu, 2018): Var(R) = K/(K−1)·Σ(S_k − R·N_k)²/(ΣN)². Requests of one user may be as alike as they
 * like. With groups of users instead of users it is the random-group estimator (K. M. Wolter, 2007, ch. 2), unbiased
 * with less precise variance: its K − 1 degrees of freedom go into the t quantile. `too_few` below two clusters.
 */
export function ratioOf({ weight, sum }: ClusteredSums): Result<ClusteredRatio, DataFault> {
  let n = 0;
  let total = 0;
  let clusters = 0;
  for (let at = 0; at < weight.length; at += 1) {
    if ((weight[at] as number) <= 0) continue;
    clusters += 1;
    n += weight[at] as number;
    total += sum[at] as number;
  }
  if (n === 0) return err({ code: "empty", message: "there are no requests" });
  if (clusters < 2) {
    return err({
      code: "too_few",
      message: "all requests are of one user: their variance is unknown",
    });
  }
  const value = total / n;
  let squares = 0;
  for (let at = 0; at < weight.length; at += 1) {
    if ((weight[at] as number) > 0)
      squares += ((sum[at] as number) - value * (weight[at] as number)) ** 2;
  }
  const variance = ((clusters / (clusters - 1)) * squares) / (n * n);
  if (!Number.isFinite(value) || !Number.isFinite(variance)) {
    return err({ code: "out_of_range", message: "the sums are too large" });
  }
  return ok({ value, variance, clusters, n });
}

/** Difference and relative lift of x against y, with Satterthwaite's degrees of freedom over K − 1 in each arm. */
export function compareRatios(
  x: ClusteredRatio,
  y: ClusteredRatio,
  options: TestOptions = {},
): Result<RatioComparison, DataFault> {
  const square = x.variance + y.variance;
  if (square === 0) {
    return err({ code: "zero_variance", message: "all users of both arms have the same value" });
  }
  const df =
    1 /
    ((x.variance / square) ** 2 / (x.clusters - 1) + (y.variance / square) ** 2 / (y.clusters - 1));
  const test = tOf(x.value - y.value, Math.sqrt(square), df, options);
  const { confidence = 0.95 } = options;
  const lift = relativeLift(
    { value: x.value, standardError: Math.sqrt(x.variance) },
    { value: y.value, standardError: Math.sqrt(y.variance) },
    confidence,
    tQuantile((1 + confidence) / 2, df),
  );
  return ok({ ...test, lift: lift.ok ? lift.value : null });
}

/** Sums by user from rows: `users` holds each row's user as an index below `userCount`. */
export function sumsByUser(
  values: ArrayLike<number>,
  users: ArrayLike<number>,
  userCount: number,
): ClusteredSums {
  const weight = new Float64Array(userCount);
  const sum = new Float64Array(userCount);
  for (let at = 0; at < values.length; at += 1) {
    const user = users[at] as number;
    weight[user] = (weight[user] as number) + 1;
    sum[user] = (sum[user] as number) + (values[at] as number);
  }
  return { weight, sum };
}

/** Sums from the telemetry's clusters, [n, Σx, Σx², Σfail] each: durations, or failures. */
export function sumsOfTelemetry(
  clusters: Float64Array,
  metric: "duration" | "failures",
): ClusteredSums {
  const fields = 4;
  const count = clusters.length / fields;
  const offset = metric === "duration" ? 1 : 3;
  const pick = (field: number) =>
    Float64Array.from({ length: count }, (_, at) => clusters[at * fields + field] as number);
  return { weight: pick(0), sum: pick(offset) };
}
