import { incompleteGamma, logGammaFactor } from "../special/incomplete-gamma.ts";
import { normalQuantile } from "./normal.ts";
import {
  requireNumber,
  requirePositive,
  requireProbability,
  searchQuantile,
} from "./quantile-search.ts";

/** The χ² distribution with `df` degrees of freedom: the incomplete gamma function at df/2 (DLMF 8.2). */

/** Density at x. */
export function chiSquarePdf(x: number, df: number): number {
  check("chiSquarePdf", x, df);
  if (x < 0 || x === Infinity) return 0;
  if (x === 0) return df === 2 ? 0.5 : df < 2 ? Infinity : 0;
  return Math.exp(logGammaFactor(df / 2, x / 2)) / x;
}

/** P(X ≤ x). */
export function chiSquareCdf(x: number, df: number): number {
  check("chiSquareCdf", x, df);
  return x <= 0 ? 0 : incompleteGamma(df / 2, x / 2).lower;
}

/** P(X > x). */
export function chiSquareUpper(x: number, df: number): number {
  check("chiSquareUpper", x, df);
  return x <= 0 ? 1 : incompleteGamma(df / 2, x / 2).upper;
}

/** x with P(X ≤ x) = p. */
export function chiSquareQuantile(p: number, df: number): number {
  requireProbability("chiSquareQuantile", p);
  return search(p, 1 - p, df);
}

/** x with P(X > x) = q. */
export function chiSquareUpperQuantile(q: number, df: number): number {
  requireProbability("chiSquareUpperQuantile", q);
  return search(1 - q, q, df);
}

function search(lower: number, upper: number, df: number): number {
  check("chiSquareQuantile", 0, df);
  if (lower === 0) return 0;
  if (upper === 0) return Infinity;
  const tails = (x: number) => incompleteGamma(df / 2, x / 2);
  const scaledPdf = (x: number) => Math.exp(logGammaFactor(df / 2, x / 2));
  return searchQuantile({ tails, scaledPdf }, lower, upper, start(lower, upper, df));
}

/** E. B. Wilson and M. M. Hilferty, 1931. */
function start(lower: number, upper: number, df: number): number {
  const z = lower < upper ? normalQuantile(lower) : -normalQuantile(upper);
  const spread = 2 / (9 * df);
  const root = 1 - spread + z * Math.sqrt(spread);
  return root > 0.01 ? df * root ** 3 : df * 1e-6;
}

function check(name: string, x: number, df: number): void {
  requireNumber(name, x);
  requirePositive(name, "df", df);
}
