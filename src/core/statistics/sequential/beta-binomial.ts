// A rate, such as the share of failing users, that may be looked at after every observation: all rates that the
// run does not speak against with evidence 1/α (bernoulli-mixture.ts), each tested by the mixture about itself.
// The guarantee is exact at every number of observations, for independent trials of one rate.
//
// Source: Howard, Ramdas, McAuliffe, Sekhon (Ann. Stat. 49:1055, 2021; arXiv 1810.08240), also for the tuning.
import { err, ok, type Result } from "../../../base/result.ts";
import type { Alternative } from "../alternative.ts";
import type { DataFault } from "../fault.ts";
import type { Interval } from "../interval.ts";
import {
  createBernoulliMixture,
  logEvidence,
  logEvidenceAbove,
  logEvidenceBelow,
} from "./bernoulli-mixture.ts";

export type BernoulliSequenceOptions = {
  /** Chance, over the whole run, that the interval ever misses the rate: 0 < alpha < 1 (one-sided: < 0.5). */
  readonly alpha: number;
  /** The number of trials at which the interval is to be tightest, above 0; fixed before the first look. */
  readonly plannedCount: number;
  /** "greater" gives a lower limit only, "less" an upper one. Default "two_sided". */
  readonly alternative?: Alternative;
};

export type BernoulliSequence = {
  /** Holds the rate at all looks together with probability 1 − alpha; within [0, 1]. */
  readonly interval: Interval;
  /** Successes over trials; null before the first trial. */
  readonly estimate: number | null;
};

/**
 * The concentration c (in trials) of the prior about each rate that makes the sequence (nearly) tightest at
 * `plannedCount` trials: n/(L + ln(1 + L)) − 1 with L = 2·ln(1/α), at least 0.001; one-sided at 2α.
 * Throws RangeError on arguments outside their range.
 */
export function plannedConcentration(
  plannedCount: number,
  alpha: number,
  alternative: Alternative = "two_sided",
): number {
  const alphaMax = alternative === "two_sided" ? 1 : 0.5;
  if (!(alpha > 0 && alpha < alphaMax)) {
    throw new RangeError(`alpha must lie between 0 and ${alphaMax} (${alternative}), got ${alpha}`);
  }
  if (!(plannedCount > 0 && plannedCount < Infinity)) {
    throw new RangeError(`plannedCount must be above 0 and finite, got ${plannedCount}`);
  }
  const evidence = -2 * Math.log(alternative === "two_sided" ? alpha : 2 * alpha);
  return Math.max(plannedCount / (evidence + Math.log1p(evidence)) - 1, 0.001);
}

/**
 * The confidence sequence of a rate at one look: `successes` among `count` trials. Its ends lie on the safe side by the
 * last digit; a one-sided limit closer to 0 (or 1) than 1e-8 over the concentration is 0 (or 1). Faults: not_finite,
 * out_of_range. Throws RangeError on invalid options.
 */
export function bernoulliConfidenceSequence(
  successes: number,
  count: number,
  options: BernoulliSequenceOptions,
): Result<BernoulliSequence, DataFault> {
  const { alpha, plannedCount, alternative = "two_sided" } = options;
  const concentration = plannedConcentration(plannedCount, alpha, alternative);
  if (!Number.isFinite(successes) || !Number.isFinite(count)) {
    return err({ code: "not_finite", message: "successes and trials must be finite numbers" });
  }
  if (!(successes >= 0 && successes <= count)) {
    return err({
      code: "out_of_range",
      message: `needs 0 ≤ successes ≤ trials, got ${successes} of ${count}`,
    });
  }
  if (count === 0) return ok({ interval: { low: 0, high: 1 }, estimate: null });
  const side = { concentration, limit: -Math.log(alpha), isOneSided: alternative !== "two_sided" };
  const failures = count - successes;
  const low = alternative === "less" ? 0 : lowestRate(successes, failures, side);
  const high = alternative === "greater" ? 1 : highestRate(successes, failures, side);
  return ok({ interval: { low, high }, estimate: successes / count });
}

type Side = {
  readonly concentration: number;
  readonly limit: number;
  readonly isOneSided: boolean;
};

/** Below this a rate is 0: 1e-250. */
const rateMin = 1e-250;

/** The largest rate below successes/n that is rejected; 0 when none is. */
function lowestRate(successes: number, failures: number, side: Side): number {
  if (successes === 0) return 0;
  const logEvidenceUp = side.isOneSided ? logEvidenceAbove : logEvidence;
  const isRejected = (rate: number): boolean => {
    const mixture = createBernoulliMixture(rate, side.concentration);
    return logEvidenceUp(mixture, successes, failures) >= side.limit;
  };
  let inside = successes / (successes + failures);
  if (inside === 1) inside = 1 - 2 ** -53;
  let factor = 0.75;
  let outside = inside * factor;
  while (!isRejected(outside)) {
    inside = outside;
    factor = Math.max(factor * factor, 0.1);
    outside *= factor;
    if (outside < rateMin) return 0;
  }
  return bisect(inside, outside, isRejected);
}

/** The smallest rate above successes/n that is rejected; 1 when none is. */
function highestRate(successes: number, failures: number, side: Side): number {
  const rate = successes / (successes + failures);
  // Near 1 the complement keeps the digits.
  if (rate > 0.5) return 1 - lowestRate(failures, successes, side);
  const logEvidenceDown = side.isOneSided ? logEvidenceBelow : logEvidence;
  const isRejected = (candidate: number): boolean => {
    const mixture = createBernoulliMixture(candidate, side.concentration);
    return logEvidenceDown(mixture, successes, failures) >= side.limit;
  };
  let inside = rate;
  let step = Math.max(rate, 1 / (successes + failures)) / 8;
  let outside = rate + step;
  while (outside < 1 && !isRejected(outside)) {
    inside = outside;
    step *= 2;
    outside += step;
  }
  if (outside >= 1) {
    outside = 1 - 2 ** -53;
    if (!isRejected(outside)) return 1;
  }
  return bisect(inside, outside, isRejected);
}

/** The boundary between an accepted and a rejected rate, to the last digit, on its rejected side. */
export function bisect(
  accepted: number,
  rejected: number,
  isRejected: (value: number) => boolean,
): number {
  let inside = accepted;
  let outside = rejected;
  for (;;) {
    const middle = inside + (outside - inside) / 2;
    if (middle === inside || middle === outside) return outside;
    if (isRejected(middle)) outside = middle;
    else inside = middle;
  }
}
