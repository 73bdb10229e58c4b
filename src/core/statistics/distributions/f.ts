import { incompleteBeta, logBetaFactor } from "../special/incomplete-beta.ts";
import { betaOdds } from "./beta.ts";
import { requireNumber, requirePositive, requireProbability } from "./quantile-search.ts";

/** Snedecor's F distribution: df1·F/df2 are the odds of a beta variable with (df1/2, df2/2). */

/** Density at x. */
export function fPdf(x: number, df1: number, df2: number): number {
  check("fPdf", x, df1, df2);
  if (x < 0 || x === Infinity) return 0;
  if (x === 0) return df1 === 2 ? 1 : df1 < 2 ? Infinity : 0;
  const { share, rest } = shares(x, df1, df2);
  return Math.exp(logBetaFactor(share, rest, df1 / 2, df2 / 2)) / x;
}

/** P(X ≤ x). */
export function fCdf(x: number, df1: number, df2: number): number {
  check("fCdf", x, df1, df2);
  if (x <= 0) return 0;
  const { share, rest } = shares(x, df1, df2);
  return incompleteBeta(share, df1 / 2, df2 / 2, rest).lower;
}

/** P(X > x). */
export function fUpper(x: number, df1: number, df2: number): number {
  check("fUpper", x, df1, df2);
  if (x <= 0) return 1;
  const { share, rest } = shares(x, df1, df2);
  return incompleteBeta(share, df1 / 2, df2 / 2, rest).upper;
}

/** x with P(X ≤ x) = p. */
export function fQuantile(p: number, df1: number, df2: number): number {
  requireProbability("fQuantile", p);
  check("fQuantile", 0, df1, df2);
  return (betaOdds(p, 1 - p, df1 / 2, df2 / 2) * df2) / df1;
}

/** x with P(X > x) = q. */
export function fUpperQuantile(q: number, df1: number, df2: number): number {
  requireProbability("fUpperQuantile", q);
  check("fUpperQuantile", 0, df1, df2);
  return (betaOdds(1 - q, q, df1 / 2, df2 / 2) * df2) / df1;
}

/** The beta variable that belongs to x, and its complement. */
function shares(x: number, df1: number, df2: number): { share: number; rest: number } {
  if (x === Infinity) return { share: 1, rest: 0 };
  const odds = (df1 / df2) * x;
  return { share: odds / (1 + odds), rest: 1 / (1 + odds) };
}

function check(name: string, x: number, df1: number, df2: number): void {
  requireNumber(name, x);
  requirePositive(name, "df1", df1);
  requirePositive(name, "df2", df2);
}
