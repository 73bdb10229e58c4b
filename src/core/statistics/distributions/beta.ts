import jStat from "jstat";
import { incompleteBeta, logBetaFactor } from "../special/incomplete-beta.ts";
import type { Tails } from "../special/incomplete-gamma.ts";
import {
  requireNumber,
  requirePositive,
  requireProbability,
  searchQuantile,
} from "./quantile-search.ts";

/** The beta distribution on [0, 1]. */

/** Density at x. */
export function betaPdf(x: number, a: number, b: number): number {
  check("betaPdf", x, a, b);
  if (x < 0 || x > 1) return 0;
  if (x === 0) return a === 1 ? b : a < 1 ? Infinity : 0;
  if (x === 1) return b === 1 ? a : b < 1 ? Infinity : 0;
  return Math.exp(logBetaFactor(x, 1 - x, a, b)) / (x * (1 - x));
}

/** P(X ≤ x). */
export function betaCdf(x: number, a: number, b: number): number {
  return tailsAt("betaCdf", x, a, b).lower;
}

/** P(X > x). */
export function betaUpper(x: number, a: number, b: number): number {
  return tailsAt("betaUpper", x, a, b).upper;
}

/** x with P(X ≤ x) = p. */
export function betaQuantile(p: number, a: number, b: number): number {
  requireProbability("betaQuantile", p);
  return fromOdds(betaOdds(p, 1 - p, a, b));
}

/** x with P(X > x) = q. */
export function betaUpperQuantile(q: number, a: number, b: number): number {
  requireProbability("betaUpperQuantile", q);
  return fromOdds(betaOdds(1 - q, q, a, b));
}

/** The odds x/(1 − x) of the quantile: they keep their digits at both ends. */
export function betaOdds(lower: number, upper: number, a: number, b: number): number {
  check("betaQuantile", 0, a, b);
  if (lower === 0) return 0;
  if (upper === 0) return Infinity;
  const tails = (odds: number) => incompleteBeta(odds / (1 + odds), a, b, 1 / (1 + odds));
  const scaledPdf = (odds: number) =>
    Math.exp(logBetaFactor(odds / (1 + odds), 1 / (1 + odds), a, b));
  return searchQuantile({ tails, scaledPdf }, lower, upper, start(lower, a, b));
}

/** jStat's quantile is good to 1e-7 for probabilities that are not small and a, b below 1e5: a place to start. */
function start(p: number, a: number, b: number): number {
  const mean = a / b;
  if (p < 1e-6 || p > 1 - 1e-6 || Math.max(a, b) > 1e5 || Math.min(a, b) < 0.5) return mean;
  const x = jStat.beta.inv(p, a, b);
  return x > 0 && x < 1 ? x / (1 - x) : mean;
}

function fromOdds(odds: number): number {
  return odds === Infinity ? 1 : odds / (1 + odds);
}

function tailsAt(name: string, x: number, a: number, b: number): Tails {
  check(name, x, a, b);
  if (x <= 0) return { lower: 0, upper: 1 };
  return x >= 1 ? { lower: 1, upper: 0 } : incompleteBeta(x, a, b);
}

function check(name: string, x: number, a: number, b: number): void {
  requireNumber(name, x);
  requirePositive(name, "a", a);
  requirePositive(name, "b", b);
}
