import { incompleteBeta } from "../special/incomplete-beta.ts";
import { deviance, stirlingCorrection } from "../special/gamma.ts";
import { normalQuantile } from "./normal.ts";
import { requireNumber, requireProbability } from "./quantile-search.ts";

/** The binomial distribution: k successes in n trials of probability p. */

/** P(X = k), by Loader's saddle-point form: no factorial, no overflow. */
export function binomialPmf(k: number, n: number, p: number): number {
  check("binomialPmf", k, n, p);
  if (k < 0 || k > n || !Number.isInteger(k)) return 0;
  if (p === 0) return k === 0 ? 1 : 0;
  if (p === 1) return k === n ? 1 : 0;
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  const rest = n - k;
  const log =
    stirlingCorrection(n) -
    stirlingCorrection(k) -
    stirlingCorrection(rest) -
    deviance(k, n * p) -
    deviance(rest, n * (1 - p));
  return Math.exp(log + 0.5 * Math.log(n / k / rest / (2 * Math.PI)));
}

/** P(X ≤ k). */
export function binomialCdf(k: number, n: number, p: number): number {
  check("binomialCdf", k, n, p);
  const whole = Math.floor(k);
  if (whole < 0) return 0;
  if (whole >= n) return 1;
  return incompleteBeta(p, whole + 1, n - whole).upper;
}

/** P(X > k). */
export function binomialUpper(k: number, n: number, p: number): number {
  check("binomialUpper", k, n, p);
  const whole = Math.floor(k);
  if (whole < 0) return 1;
  if (whole >= n) return 0;
  return incompleteBeta(p, whole + 1, n - whole).lower;
}

/** The smallest k with P(X ≤ k) ≥ q. */
export function binomialQuantile(q: number, n: number, p: number): number {
  requireProbability("binomialQuantile", q);
  check("binomialQuantile", 0, n, p);
  if (q === 0 || p === 0) return 0;
  if (q === 1 || p === 1) return n;
  const guess = n * p + normalQuantile(q) * Math.sqrt(n * p * (1 - p));
  let width = 2 + Math.ceil(Math.sqrt(n * p * (1 - p)) / 8);
  let low = Math.floor(guess) - width;
  let high = Math.ceil(guess) + width;
  while (low > -1 && reaches(low, n, p, q)) low -= width *= 2;
  while (high < n && !reaches(high, n, p, q)) high += width *= 2;
  low = Math.max(low, -1);
  high = Math.min(high, n);
  // Never reached at low, always at high.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (reaches(middle, n, p, q)) high = middle;
    else low = middle;
  }
  return high;
}

function reaches(k: number, n: number, p: number, q: number): boolean {
  if (k < 0) return false;
  // Where q is near 1 the upper tail is the one with the digits.
  return q < 0.5 ? binomialCdf(k, n, p) >= q : binomialUpper(k, n, p) <= 1 - q;
}

function check(name: string, k: number, n: number, p: number): void {
  requireNumber(name, k);
  requireProbability(name, p);
  if (!(Number.isInteger(n) && n >= 0)) {
    throw new RangeError(`${name}: n must be a whole number from 0 on, not ${n}`);
  }
}
