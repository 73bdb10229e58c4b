// The error guardrail: does the treatment fail more often than the control? It may be looked at after every
// request and does not mind a base rate of errors that changes with the hour.
//
// Only errors count. Each request goes to the treatment with chance ρ, whatever happened before. If the arms
// fail with probabilities λt and λc at that moment, then the arm of the next error is the treatment with chance
//
//   θ = ρ·λt/(ρ·λt + (1−ρ)·λc) = ρR/(ρR + 1 − ρ),   R = λt/λc,
//
// in which a base rate common to both cancels: equal rates mean θ = ρ, however the traffic is split. So ρ is the
// *configured* allocation, of the unit that is assigned at random: of requests where each is split by itself, of
// users where users stick. It is not the observed share of requests, which the treatment itself may change (by
// retries, or by users who leave) and which is not known before the errors are. That the split is what was
// configured is a matter of its own: sample-ratio.ts, which must pass first.
//
// COUNT THE FIRST ERROR OF EACH USER wherever a user sends more than one request: one user's errors are not
// independent coin flips, and raw counts then raise false alarms by themselves (first-errors.ts).
//
// Two-sided, null R = 1: the beta-binomial mixture about ρ (bernoulli-mixture.ts). One-sided about R₀ = 1 + margin,
// θ₀ = θ(R₀): the same mixture about θ₀, over the likelihood at the null's θ nearest to the data. Then E > 1 only
// where the data lie outside the null, and there E = W, the mixture over the likelihood at θ₀. With π the prior's
// mass outside the null and M the mixture over that part, W ≤ πM + (1 − π), because inside the null no θ is
// likelier than θ₀. The right side is a supermartingale from 1 for any R, changing too, within the null: stake π
// on M and keep the rest. So max(W, 1 − π) outside and 1 − π inside is an e-process with the same p-values, and
// one bad epoch cannot take away more than the stake.
//
// Epochs: where ρ changes, the counts start anew and the E multiply (the new factor has mean ≤ 1 given the past).
//
// Source: Lindon and Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022, arXiv 2011.03567);
// null by maximum likelihood: Wasserman, Ramdas, Balakrishnan, "Universal inference" (PNAS 117:16880, 2020).
import { incompleteBeta } from "../special/incomplete-beta.ts";
import { type BernoulliMixture, createBernoulliMixture, logEvidence } from "./bernoulli-mixture.ts";

/**
 * The null that evidence is collected against: `two_sided` equal rates; `not_worse` R ≤ 1 + margin (rejecting it is a
 * reason to abort); `worse` R ≥ 1 + margin (rejecting it shows the treatment not inferior, or better).
 */
export type ErrorRateNull = "two_sided" | "not_worse" | "worse";

export type ErrorRateOptions = {
  /** The treatment's configured share of the two arms' traffic, 0 < share < 1. */
  readonly share: number;
  readonly kind: ErrorRateNull;
  /** How much higher the treatment's rate may be, relative: 0.2 is 20 %. Above −1; default 0, two_sided only 0. */
  readonly margin?: number;
  /**
   * The prior's weight in errors: more tunes to smaller differences, found later. Default 100 two-sided, 20 one-sided.
   * Above 0; fixed before the first look.
   */
  readonly concentration?: number;
};

/** Errors under one share. */
type Epoch = {
  readonly share: number;
  readonly control: number;
  readonly treatment: number;
};

export type ErrorRateTest = {
  readonly kind: ErrorRateNull;
  /** R₀ = 1 + margin. */
  readonly nullRatio: number;
  readonly current: Epoch;
  /** Former epochs, those of the same share as one. */
  readonly past: readonly Epoch[];
  /** ln E of this moment. */
  readonly logEvidence: number;
  /** The largest ln E at any update, 0 at the start. */
  readonly logEvidencePeak: number;
  /** ln E of the former epochs, as a stake and as a mixture over the likelihood at θ₀ (W). */
  readonly pastLogEvidence: number;
  readonly pastLogMixture: number;
  readonly mixture: BernoulliMixture;
  /** ln(1 − π), or −∞ two-sided. */
  readonly logReserve: number;
};

/** Different shares that one test can go through: every whole basis point. */
export const errorRateSharesMax = 10_000;

/** A test without errors yet. Throws RangeError on options outside their range. */
export function createErrorRateTest(options: ErrorRateOptions): ErrorRateTest {
  const { share, kind, margin = 0, concentration = kind === "two_sided" ? 100 : 20 } = options;
  if (!(margin > -1 && margin < Infinity) || (kind === "two_sided" && margin !== 0)) {
    throw new RangeError(`margin must be above -1, and 0 in a two-sided test, got ${margin}`);
  }
  return {
    kind,
    nullRatio: 1 + margin,
    past: [],
    logEvidence: 0,
    logEvidencePeak: 0,
    pastLogEvidence: 0,
    pastLogMixture: 0,
    ...startEpoch(kind, 1 + margin, share, concentration),
  };
}

/** Adds errors (of requests, or of users who had none before) since the last update; counts ≥ 0. */
export function addErrors(test: ErrorRateTest, control: number, treatment: number): ErrorRateTest {
  if (!(control >= 0 && treatment >= 0 && control + treatment < Infinity)) {
    throw new RangeError(`errors must be finite counts from 0, got ${control} and ${treatment}`);
  }
  const { current } = test;
  const updated = {
    ...test,
    current: {
      share: current.share,
      control: current.control + control,
      treatment: current.treatment + treatment,
    },
  };
  updated.logEvidence = test.pastLogEvidence + epochLogEvidence(updated);
  updated.logEvidencePeak = Math.max(test.logEvidencePeak, updated.logEvidence);
  return updated;
}

/** The traffic is split differently from now on: what was found remains, the counts start anew. */
export function nextEpoch(test: ErrorRateTest, share: number): ErrorRateTest {
  const { current, kind, nullRatio, mixture } = test;
  const epoch = startEpoch(kind, nullRatio, share, mixture.concentration);
  if (current.control + current.treatment === 0) return { ...test, ...epoch };
  const past = test.past.filter((one) => one.share !== current.share);
  const same = test.past.find((one) => one.share === current.share);
  if (past.length >= errorRateSharesMax) {
    throw new RangeError(`a test can go through ${errorRateSharesMax} different shares at most`);
  }
  past.push({
    share: current.share,
    control: current.control + (same?.control ?? 0),
    treatment: current.treatment + (same?.treatment ?? 0),
  });
  return {
    ...test,
    ...epoch,
    past,
    pastLogEvidence: test.logEvidence,
    pastLogMixture: test.pastLogMixture + epochLogMixture(test),
  };
}

/** The always-valid p-value: the smallest 1/E so far. Under the null it ever falls to a or below with chance ≤ a. */
export function errorRatePValue(test: ErrorRateTest): number {
  return Math.min(1, Math.exp(-test.logEvidencePeak));
}

/** ln W: the mixture over the likelihood at θ₀, of all epochs. What a confidence sequence inverts. */
export function totalLogMixture(test: ErrorRateTest): number {
  return test.pastLogMixture + epochLogMixture(test);
}

function startEpoch(
  kind: ErrorRateNull,
  nullRatio: number,
  share: number,
  concentration: number,
): Pick<ErrorRateTest, "current" | "mixture" | "logReserve"> {
  if (!(share > 0 && share < 1)) {
    throw new RangeError(`share must lie between 0 and 1, got ${share}`);
  }
  const weight = share * nullRatio;
  const rate = weight / (weight + 1 - share);
  const complement = (1 - share) / (weight + 1 - share);
  const mixture = createBernoulliMixture(rate, concentration, complement);
  const prior = incompleteBeta(rate, concentration * rate, concentration * complement, complement);
  const reserve = { two_sided: 0, not_worse: prior.lower, worse: prior.upper }[kind];
  return {
    current: { share, control: 0, treatment: 0 },
    mixture,
    logReserve: Math.log(reserve),
  };
}

function epochLogMixture({ mixture, current }: ErrorRateTest): number {
  return logEvidence(mixture, current.treatment, current.control);
}

function epochLogEvidence(test: ErrorRateTest): number {
  const { control, treatment } = test.current;
  if (test.kind === "two_sided" || control + treatment === 0) return epochLogMixture(test);
  const excess = treatment * test.mixture.complement - control * test.mixture.rate;
  const isOutside = test.kind === "not_worse" ? excess > 0 : excess < 0;
  return isOutside ? Math.max(test.logReserve, epochLogMixture(test)) : test.logReserve;
}
