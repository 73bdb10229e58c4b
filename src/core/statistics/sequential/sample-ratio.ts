// Do the arms get the users that the configuration promises them? A sequential test of the sample ratio, which may
// be looked at after every user and for any number of arms. Under the null each new user goes to arm i with
// chance pᵢ; the likelihood of the counts averaged over other splits ~ Dirichlet(c·p), divided by that under p,
// is a martingale that starts at 1:
//
//   E = B(c·p + n) / (B(c·p)·∏ pᵢ^nᵢ)         B: the multivariate beta function
//
// Count every user once, in the epoch and the arm of the first request: requests of one user are not independent.
// Where the split changes, the counts start anew with the users who are new since then, and the E multiply.
//
// Source: Lindon and Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022, arXiv 2011.03567).
// Precision: deviances of Stirling's form, as in bernoulli-mixture.ts.
import { deviance, stirlingCorrection } from "../special/gamma.ts";

export type SampleRatioOptions = {
  /** Each arm's configured share of new users; at least two, each 0…1, together 1. */
  readonly shares: readonly number[];
  /**
   * The prior's weight in users: 10,000 (default, as in GrowthBook) looks for deviations around half a percentage point
   * of an even split, 100 for five. Above 0; fixed before the first look.
   */
  readonly concentration?: number;
};

export type SampleRatioTest = {
  readonly shares: readonly number[];
  readonly concentration: number;
  /** Users of this epoch by arm. */
  readonly users: readonly number[];
  readonly pastLogEvidence: number;
  /** ln E of this moment; Infinity once an arm with share 0 has a user. */
  readonly logEvidence: number;
  /** The largest ln E at any update, 0 at the start. */
  readonly logEvidencePeak: number;
};

const sharesSumTolerance = 1e-6;

/** A test without users yet. Throws RangeError on shares or a concentration outside their range. */
export function createSampleRatioTest(options: SampleRatioOptions): SampleRatioTest {
  const { concentration = 10_000 } = options;
  if (!(concentration > 0 && concentration < Infinity)) {
    throw new RangeError(`concentration must be above 0 and finite, got ${concentration}`);
  }
  return {
    shares: normalise(options.shares),
    concentration,
    users: options.shares.map(() => 0),
    pastLogEvidence: 0,
    logEvidence: 0,
    logEvidencePeak: 0,
  };
}

/** Adds the users first seen since the last update, by arm; counts ≥ 0. */
export function addUsers(test: SampleRatioTest, added: readonly number[]): SampleRatioTest {
  if (added.length !== test.users.length) {
    throw new RangeError(`users must be given for ${test.users.length} arms, not ${added.length}`);
  }
  const users = test.users.map((count, arm) => count + (added[arm] as number));
  if (!added.every((count) => count >= 0 && count < Infinity)) {
    throw new RangeError(`users must be finite counts from 0, got ${added.join(", ")}`);
  }
  const logEvidence = test.pastLogEvidence + splitLogEvidence(users, test);
  return {
    ...test,
    users,
    logEvidence,
    logEvidencePeak: Math.max(test.logEvidencePeak, logEvidence),
  };
}

/** New users are split differently from now on, among the same arms: what was found remains. */
export function nextSplit(test: SampleRatioTest, shares: readonly number[]): SampleRatioTest {
  if (shares.length !== test.shares.length) {
    throw new RangeError(`shares must be given for ${test.shares.length} arms`);
  }
  return {
    ...test,
    shares: normalise(shares),
    users: shares.map(() => 0),
    pastLogEvidence: test.logEvidence,
  };
}

/** The always-valid p-value: the smallest 1/E so far. Under the null it ever falls to a or below with chance ≤ a. */
export function sampleRatioPValue(test: SampleRatioTest): number {
  return Math.min(1, Math.exp(-test.logEvidencePeak));
}

function normalise(shares: readonly number[]): readonly number[] {
  const sum = shares.reduce((total, share) => total + share, 0);
  if (
    shares.length < 2 ||
    !shares.every((share) => share >= 0 && share <= 1) ||
    Math.abs(sum - 1) > sharesSumTolerance
  ) {
    throw new RangeError(
      `shares must be at least two from 0 to 1 with sum 1: ${shares.join(", ")}`,
    );
  }
  return shares.map((share) => share / sum);
}

function splitLogEvidence(
  users: readonly number[],
  { shares, concentration }: SampleRatioTest,
): number {
  const seen = users.reduce((sum, count) => sum + count, 0);
  if (seen === 0) return 0;
  const total = concentration + seen;
  let log =
    0.5 * Math.log1p(seen / concentration) -
    stirlingCorrection(total) +
    stirlingCorrection(concentration);
  for (const [arm, share] of shares.entries()) {
    const count = users[arm] as number;
    if (share === 0) {
      if (count > 0) return Infinity;
      continue;
    }
    const prior = concentration * share;
    log +=
      deviance(prior + count, total * share) -
      0.5 * Math.log1p(count / prior) +
      stirlingCorrection(prior + count) -
      stirlingCorrection(prior);
  }
  return log;
}
