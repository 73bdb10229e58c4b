import { erfc, logErfc } from "../special/error-function.ts";

/** The standard normal distribution. Tails keep their relative precision down to the smallest numbers. */

const rootTwo = Math.SQRT2;
const logRootTwoPi = 0.9189385332046727;

/** Density at x. */
export function normalPdf(x: number): number {
  return Math.exp(-0.5 * x * x - logRootTwoPi);
}

/** P(X ≤ x). */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x / rootTwo);
}

/** P(X > x). */
export function normalUpper(x: number): number {
  return 0.5 * erfc(x / rootTwo);
}

/** ln P(X > x), also where the probability is smaller than any number. */
export function normalLogUpper(x: number): number {
  return logErfc(x / rootTwo) - Math.LN2;
}

/** x with P(X ≤ x) = p; ∓Infinity at 0 and 1. Throws RangeError outside [0, 1]. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`normalQuantile: p must be in [0, 1], not ${p}`);
  return p < 0.5 ? -upperQuantile(p) : upperQuantile(1 - p);
}

/** x with P(X > x) = q; ±Infinity at 0 and 1. Throws RangeError outside [0, 1]. */
export function normalUpperQuantile(q: number): number {
  if (!(q >= 0 && q <= 1)) {
    throw new RangeError(`normalUpperQuantile: q must be in [0, 1], not ${q}`);
  }
  return q <= 0.5 ? upperQuantile(q) : -upperQuantile(1 - q);
}

/** For q ≤ ½: P. J. Acklam's rational approximation (2003; 1.15e-9), then Newton on the logarithm of the tail. */
function upperQuantile(q: number): number {
  if (q === 0) return Infinity;
  if (q === 0.5) return 0;
  let x = approximate(q);
  const target = Math.log(q);
  for (let step = 0; step < 2; step += 1) {
    const logTail = normalLogUpper(x);
    const hazard = Math.exp(-0.5 * x * x - logRootTwoPi - logTail);
    x += (logTail - target) / hazard;
  }
  return x;
}

const centre = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2,
  -3.066479806614716e1, 2.506628277459239,
] as const;
const centreBelow = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1,
  -1.328068155288572e1, 1,
] as const;
const tail = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734,
  4.374664141464968, 2.938163982698783,
] as const;
const tailBelow = [
  7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1,
] as const;

function approximate(q: number): number {
  if (q > 0.02425) {
    const r = 0.5 - q;
    return (r * horner(centre, r * r)) / horner(centreBelow, r * r);
  }
  const r = Math.sqrt(-2 * Math.log(q));
  return -horner(tail, r) / horner(tailBelow, r);
}

function horner(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * x + coefficient;
  return sum;
}
