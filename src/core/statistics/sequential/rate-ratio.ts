// By how much the treatment's error rate differs from the control's, at any moment of an error-rate test: all
// ratios R = λt/λc that the errors do not speak against with evidence 1/α. For a share ρ the arm of an error is the
// treatment with the odds ρ/(1−ρ)·R, so that with x = ln R − ln R₀ the evidence against R is that against R₀ plus
//
//   Σ (S·ln(1 + θ₀(eˣ − 1)) − s·x)         over epochs: S errors, s of them of the treatment,
//
// which is convex in x: the ratios not rejected are an interval about the likeliest. It assumes one ratio for the
// whole run (the base rate may change). Source: Lindon and Malek (arXiv 2011.03567), inverted in θ.
import type { Interval } from "../interval.ts";
import { bisect } from "./beta-binomial.ts";
import { type ErrorRateTest, totalLogMixture } from "./error-rate.ts";

export type RateRatio = {
  /** The likeliest ratio, treatment over control, 0…∞; null without any error. */
  readonly estimate: number | null;
  /**
   * Holds the ratio at all looks together with probability 1 − alpha. One-sided tests limit it on one side only:
   * `not_worse` from below, `worse` from above. Null where no single ratio explains all epochs.
   */
  readonly interval: Interval | null;
};

/** One share's errors; theta is θ₀ and complement 1 − θ₀. */
type Share = {
  readonly theta: number;
  readonly complement: number;
  readonly errors: number;
  readonly treatment: number;
};

/** The ratio of error rates with its confidence sequence. Throws RangeError on alpha outside (0, 1). */
export function rateRatio(test: ErrorRateTest, alpha: number): RateRatio {
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha must lie between 0 and 1, got ${alpha}`);
  }
  const shares: Share[] = [];
  for (const { share, control, treatment } of [...test.past, test.current]) {
    const weight = share * test.nullRatio;
    const total = weight + 1 - share;
    const errors = control + treatment;
    if (errors === 0) continue;
    shares.push({ theta: weight / total, complement: (1 - share) / total, errors, treatment });
  }
  if (shares.length === 0) return { estimate: null, interval: { low: 0, high: Infinity } };
  const likeliest = likeliestLogRatio(shares);
  const base = totalLogMixture(test);
  const limit = -Math.log(alpha);
  const isRejected = (logRatio: number): boolean => base + gain(shares, logRatio) >= limit;
  const estimate = test.nullRatio * Math.exp(likeliest);
  if (Number.isFinite(likeliest) && isRejected(likeliest)) return { estimate, interval: null };
  const edge = (direction: 1 | -1): number =>
    test.nullRatio * Math.exp(searchEdge(likeliest, direction, isRejected));
  return {
    estimate,
    interval: {
      low: test.kind === "worse" ? 0 : edge(-1),
      high: test.kind === "not_worse" ? Infinity : edge(1),
    },
  };
}

/** What the evidence against R is more than that against R₀; x = ln R − ln R₀. */
function gain(shares: readonly Share[], x: number): number {
  let sum = 0;
  for (const { theta, complement, errors, treatment } of shares) {
    // From the side on which the exponential stays small.
    sum +=
      x <= 0
        ? errors * logMean(complement, theta, x) - treatment * x
        : errors * logMean(theta, complement, -x) + (errors - treatment) * x;
  }
  return sum;
}

/** ln(rest + part·eˣ) for x ≤ 0 and parts with sum 1. */
function logMean(rest: number, part: number, x: number): number {
  const change = part * Math.expm1(x);
  return change > -0.5 ? Math.log1p(change) : Math.log(rest + part * Math.exp(x));
}

/** Where the gain is least: ∓Infinity where all errors are of one arm. */
function likeliestLogRatio(shares: readonly Share[]): number {
  const errors = shares.reduce((sum, share) => sum + share.errors, 0);
  const treatment = shares.reduce((sum, share) => sum + share.treatment, 0);
  if (treatment === 0) return -Infinity;
  if (treatment === errors) return Infinity;
  const single = ({ theta, complement, treatment: part, errors: all }: Share): number =>
    Math.log(part / (all - part)) - Math.log(theta / complement);
  if (shares.length === 1) return single(shares[0] as Share);
  // The slope rises in x, from −treatment to errors − treatment.
  const isRising = (x: number): boolean => {
    let slope = -treatment;
    for (const share of shares) {
      const odds = (share.theta / share.complement) * Math.exp(x);
      slope += odds === Infinity ? share.errors : (share.errors * odds) / (1 + odds);
    }
    return slope >= 0;
  };
  return bisect(-logRatioMax, logRatioMax, isRising);
}

/** Ratios beyond e^±700 are 0 and ∞. */
const logRatioMax = 700;

function searchEdge(
  likeliest: number,
  direction: 1 | -1,
  isRejected: (x: number) => boolean,
): number {
  if (likeliest === direction * Infinity) return likeliest;
  // From an infinite likeliest ratio any that is not rejected will do, and there is one far out.
  let inside = Math.min(Math.max(likeliest, -logRatioMax), logRatioMax);
  let step = 2 ** -20;
  let outside = inside + direction * step;
  while (!isRejected(outside)) {
    inside = outside;
    step *= 2;
    outside += direction * step;
    if (Math.abs(outside) > 2 * logRatioMax) return direction * Infinity;
  }
  return bisect(inside, outside, isRejected);
}
