import { err, ok, type Result } from "../../../base/result.ts";
import type { DataFault } from "../fault.ts";
import { momentsOf, type Moments } from "../moments.ts";
import { welchT, type TestOptions, type TTest } from "../t-test.ts";

/** One value a user: of the experiment, and of the time before it. */
export type PrePostSample = {
  readonly values: Float64Array;
  readonly before: Float64Array;
};

export type CupedTest = TTest & {
  /** θ = cov(Y, X)/var(X), pooled over both arms. */
  readonly theta: number;
  /** Share of the difference's variance that the time before explains, 0 to 1. */
  readonly varianceReduction: number;
};

/**
 * CUPED (A. Deng, Y. Xu, R. Kohavi and T. Walker, "Improving the sensitivity of online controlled experiments by
 * utilizing pre-experiment data", 2013): Welch's test on Y − θX. What users did before cannot depend on their arm, so
 * the difference stays unbiased while its variance shrinks by the squared correlation. Values are one a user (a mean
 * or a sum); a user without a time before has to be left out or given the mean of X by the caller.
 */
export function cuped(
  x: PrePostSample,
  y: PrePostSample,
  options: TestOptions = {},
): Result<CupedTest, DataFault> {
  const ofX = pairOf(x);
  if (!ofX.ok) return ofX;
  const ofY = pairOf(y);
  if (!ofY.ok) return ofY;
  const spread = ofX.value.beforeSquares + ofY.value.beforeSquares;
  if (spread === 0) {
    return err({ code: "zero_variance", message: "all users had the same value before" });
  }
  const theta = (ofX.value.products + ofY.value.products) / spread;
  const test = welchT(adjust(ofX.value, theta), adjust(ofY.value, theta), options);
  if (!test.ok) return test;
  const plain = ofX.value.now.variance / ofX.value.now.n + ofY.value.now.variance / ofY.value.now.n;
  const reduced = test.value.standardError ** 2;
  const varianceReduction = Math.min(1, Math.max(0, 1 - reduced / plain));
  return ok({ ...test.value, theta, varianceReduction });
}

type Pair = {
  readonly now: Moments;
  readonly before: Moments;
  /** Σ(X − X̄)² and Σ(X − X̄)(Y − Ȳ). */
  readonly beforeSquares: number;
  readonly products: number;
};

function pairOf({ values, before }: PrePostSample): Result<Pair, DataFault> {
  if (values.length !== before.length) {
    throw new RangeError(`${values.length} values but ${before.length} values before`);
  }
  const now = momentsOf(values);
  if (!now.ok) return now;
  const then = momentsOf(before);
  if (!then.ok) return then;
  let products = 0;
  for (const [at, value] of values.entries()) {
    products += (value - now.value.mean) * ((before[at] as number) - then.value.mean);
  }
  const beforeSquares = then.value.variance * (then.value.n - 1);
  return ok({ now: now.value, before: then.value, beforeSquares, products });
}

/** The moments of Y − θX. */
function adjust({ now, before, products }: Pair, theta: number): Moments {
  const covariance = now.n > 1 ? products / (now.n - 1) : 0;
  const variance = now.variance - 2 * theta * covariance + theta * theta * before.variance;
  return { n: now.n, mean: now.mean - theta * before.mean, variance: Math.max(0, variance) };
}
