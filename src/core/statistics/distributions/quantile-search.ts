import type { Tails } from "../special/incomplete-gamma.ts";

/** A distribution on (0, ∞) as the search sees it. */
export type PositiveDistribution = {
  readonly tails: (x: number) => Tails;
  /** x times the density at x. */
  readonly scaledPdf: (x: number) => number;
};

const stepsMax = 200;
const logMax = 709;

/**
 * x with P(X ≤ x) = `lower`, or P(X > x) = `upper`: the smaller of the two is met, so that tiny probabilities count.
 * Newton in ln x on the logarithm of the tail, where power-law and exponential tails are both nearly straight, kept
 * inside a bracket.
 */
export function searchQuantile(
  { tails, scaledPdf }: PositiveDistribution,
  lower: number,
  upper: number,
  start: number,
): number {
  const isLower = lower <= upper;
  const target = Math.log(isLower ? lower : upper);
  let low = -logMax;
  let high = logMax;
  let s = Math.min(logMax - 1, Math.max(1 - logMax, Math.log(start)));
  if (!Number.isFinite(s)) s = 0;
  for (let step = 0; step < stepsMax; step += 1) {
    const x = Math.exp(s);
    const at = tails(x);
    const tail = isLower ? at.lower : at.upper;
    const excess = Math.log(tail) - target;
    if (excess === 0) return x;
    if (excess > 0 === isLower) high = s;
    else low = s;
    const slope = ((isLower ? 1 : -1) * scaledPdf(x)) / tail;
    let next = s - excess / slope;
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (Math.abs(next - s) <= 1e-15 * Math.max(1, Math.abs(s))) return Math.exp(next);
    s = next;
  }
  return Math.exp(s);
}

/** Throws RangeError unless p is a probability. */
export function requireProbability(name: string, p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new RangeError(`${name}: the probability must be in [0, 1], not ${p}`);
}

/** Throws RangeError unless a parameter is positive and finite. */
export function requirePositive(name: string, parameter: string, value: number): void {
  if (!(value > 0 && value < Infinity)) {
    throw new RangeError(`${name}: ${parameter} must be positive and finite, not ${value}`);
  }
}

/** Throws RangeError when x is not a number. */
export function requireNumber(name: string, x: number): void {
  if (Number.isNaN(x)) throw new RangeError(`${name}: x is not a number`);
}
