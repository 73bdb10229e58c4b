// How strongly a run of successes and failures speaks against one given success rate, in a form that may be
// looked at after every observation. Under the null each success has probability q. The likelihood of the run,
// averaged over other rates θ ~ Beta(cq, c(1−q)), divided by its likelihood under q, is a martingale that
// starts at 1 (beta-binomial mixture):
//
//   E = B(cq + k, c(1−q) + m) / (B(cq, c(1−q))·q^k·(1−q)^m)         k successes, m failures
//
// By Ville's inequality it ever reaches 1/α with probability at most α. One-sided: the average over θ > q only,
// which is a supermartingale for every rate ≤ q, constant or not, as (1−p)(1−θ)/(1−q) + pθ/q ≤ 1 for p ≤ q < θ.
//
// Source: Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences"
// (Ann. Stat. 49:1055, 2021; arXiv 1810.08240): the beta-binomial mixtures, two-sided and one-sided.
//
// Precision: with A = cq + k, B = c(1−q) + m and S = A + B, Stirling's form of the gamma function makes
// ln E = D(A, Sq) + D(B, S(1−q)) − ½·ln((1 + k/cq)(1 + m/c(1−q))/(1 + (k+m)/c)) + corrections, D being the
// deviance: every term is of the size of the result, where log-betas would be of the size of the counts.
import { deviance, stirlingCorrection } from "../special/gamma.ts";
import { incompleteBeta } from "../special/incomplete-beta.ts";

/** A null rate with the prior weights of success and failure about it, ready for many evaluations. */
export type BernoulliMixture = {
  /** The null rate q, and 1 − q. */
  readonly rate: number;
  readonly complement: number;
  /** c, in observations: the larger, the closer to q are the rates that the evidence is tuned to. */
  readonly concentration: number;
  /** Stirling's corrections of the prior's own beta function. */
  readonly correction: number;
};

/**
 * The mixture about a null rate in (0, 1). `complement` is 1 − rate, for callers that know it better than a
 * subtraction does. Throws RangeError on a rate or a concentration outside its range.
 */
export function createBernoulliMixture(
  rate: number,
  concentration: number,
  complement = 1 - rate,
): BernoulliMixture {
  if (!(rate > 0 && complement > 0 && rate <= 1 && complement <= 1)) {
    throw new RangeError(`the null rate must lie between 0 and 1, got ${rate}`);
  }
  if (!(concentration > 0 && concentration < Infinity)) {
    throw new RangeError(`concentration must be above 0 and finite, got ${concentration}`);
  }
  const correction =
    stirlingCorrection(concentration * rate) +
    stirlingCorrection(concentration * complement) -
    stirlingCorrection(concentration);
  return { rate, complement, concentration, correction };
}

/** ln E against "the rate is q", for real counts ≥ 0. */
export function logEvidence(
  mixture: BernoulliMixture,
  successes: number,
  failures: number,
): number {
  if (successes === 0 && failures === 0) return 0;
  const { rate, complement, concentration } = mixture;
  const a = concentration * rate;
  const b = concentration * complement;
  const total = concentration + successes + failures;
  return (
    deviance(a + successes, total * rate) +
    deviance(b + failures, total * complement) -
    0.5 *
      (Math.log1p(successes / a) +
        Math.log1p(failures / b) -
        Math.log1p((successes + failures) / concentration)) +
    stirlingCorrection(a + successes) +
    stirlingCorrection(b + failures) -
    stirlingCorrection(total) -
    mixture.correction
  );
}

/** ln E against "the rate is q or less": the mixture over larger rates only; -Infinity where E < e^-700. */
export function logEvidenceAbove(
  mixture: BernoulliMixture,
  successes: number,
  failures: number,
): number {
  if (successes === 0 && failures === 0) return 0;
  const { rate, complement, concentration } = mixture;
  const a = concentration * rate;
  const b = concentration * complement;
  // Nearly all of so small a prior weight lies at 0: the rest would have no digits, and 1 is on the safe side.
  const prior = a < priorWeightMin ? 1 : incompleteBeta(rate, a, b, complement).upper;
  const posterior = incompleteBeta(rate, a + successes, b + failures, complement).upper;
  return logEvidence(mixture, successes, failures) + Math.log(posterior) - Math.log(prior);
}

const priorWeightMin = 1e-8;

/** ln E against "the rate is q or more". */
export function logEvidenceBelow(
  mixture: BernoulliMixture,
  successes: number,
  failures: number,
): number {
  const { rate, complement, concentration, correction } = mixture;
  const mirrored = { rate: complement, complement: rate, concentration, correction };
  return logEvidenceAbove(mirrored, failures, successes);
}
