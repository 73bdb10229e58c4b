import { err, ok, type Result } from "../../../base/result.ts";
import type { DataFault } from "../fault.ts";

/** How alike a user's requests are, and what that costs. */
export type IntraClassCorrelation = {
  /** Share of the variance that lies between users; the estimate may be slightly below 0. */
  readonly icc: number;
  readonly requestsPerUser: number;
  /** Standard deviation over mean of requests per user. */
  readonly variation: number;
  /** How many times the variance of independent requests: 1 + (m̄(1 + cv²) − 1)·icc (S. M. Eldridge et al., 2006). */
  readonly designEffect: number;
};

/**
 * The estimator of the analysis of variance for users of unequal size (A. Donner, 1986): (MSB − MSW)/(MSB + (m₀−1)MSW)
 * with m₀ = (N − Σm²/N)/(K − 1). It feeds `sluice power --users-icc`. `too_few` unless there are two users and one of
 * them has two requests; `zero_variance` when all values are the same.
 */
export function intraClassCorrelation(
  values: ArrayLike<number>,
  users: ArrayLike<number>,
  userCount: number,
): Result<IntraClassCorrelation, DataFault> {
  const sizes = new Float64Array(userCount);
  const sums = new Float64Array(userCount);
  let total = 0;
  for (let at = 0; at < values.length; at += 1) {
    const user = users[at] as number;
    sizes[user] = (sizes[user] as number) + 1;
    sums[user] = (sums[user] as number) + (values[at] as number);
    total += values[at] as number;
  }
  const n = values.length;
  const present = sizes.filter((size) => size > 0);
  const k = present.length;
  if (k < 2 || n === k) {
    const message =
      "at least two users, and one with two requests, are needed to see how alike a user's requests are";
    return err({ code: "too_few", message });
  }
  const mean = total / n;
  let between = 0;
  for (let user = 0; user < userCount; user += 1) {
    const size = sizes[user] as number;
    if (size > 0) between += size * ((sums[user] as number) / size - mean) ** 2;
  }
  let within = 0;
  for (let at = 0; at < n; at += 1) {
    const user = users[at] as number;
    within += ((values[at] as number) - (sums[user] as number) / (sizes[user] as number)) ** 2;
  }
  if (!Number.isFinite(between + within)) {
    return err({ code: "not_finite", message: "a value is not a finite number, or too large" });
  }
  if (between + within === 0) {
    return err({ code: "zero_variance", message: "all values are the same" });
  }
  const squares = present.reduce((sum, size) => sum + size * size, 0);
  const typical = (n - squares / n) / (k - 1);
  const meanBetween = between / (k - 1);
  const meanWithin = within / (n - k);
  const icc = (meanBetween - meanWithin) / (meanBetween + (typical - 1) * meanWithin);
  const requestsPerUser = n / k;
  const variation = Math.sqrt(Math.max(0, squares / k - requestsPerUser ** 2)) / requestsPerUser;
  const designEffect = 1 + (requestsPerUser * (1 + variation * variation) - 1) * Math.max(0, icc);
  return ok({ icc, requestsPerUser, variation, designEffect });
}
