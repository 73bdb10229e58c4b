/**
 * Notices that the chance of a bad event is above a limit, whenever that begins, with a bounded chance of ever
 * alarming falsely, however long and however often it is looked at.
 *
 * For one start j and one alternative q > p₀ the likelihood ratio E_j = Π (q/p₀)^bad·((1−q)/(1−p₀))^good over
 * what came since j is a supermartingale while the chance stays at or below p₀. The detector is the mixture
 * M = Σ_q π_q Σ_j w_j E_j with Σ w = 1, a Shiryaev-Roberts statistic with summable weights: by Ville's inequality
 * P(M ever reaches 1/α) ≤ α (J. Ville, 1939; the sum over starts after A. N. Shiryaev, 1963, and S. W. Roberts, 1966;
 * e-detectors: J. Shin, A. Ramdas and A. Rinaldo, 2022). A fresh start costs ln(1/w_j), so that a failure that begins
 * after hours of health is found nearly as fast as one that was there from the first request. O(alternatives) a tick.
 */
export type Detector = {
  /** p₀, 0 < limit < 1: the highest chance that is still right. */
  readonly limit: number;
  /** ln Σ_j w_j E_j for each alternative. */
  readonly logSums: readonly number[];
  /** Ticks so far. */
  readonly ticks: number;
  /** The largest ln M so far. */
  readonly logPeak: number;
};

/** Odds of the alternatives over those of the limit: from half as much again to nearly everything. */
const oddsFactors = [1.5, 2, 3, 5, 10, 30, 100, 1000, 1e5] as const;
const logPrior = -Math.log(oddsFactors.length);

/** A detector that has seen nothing. Throws RangeError unless 0 < limit < 1. */
export function createDetector(limit: number): Detector {
  if (!(limit > 0 && limit < 1))
    throw new RangeError(`limit must lie between 0 and 1, not ${limit}`);
  return { limit, logSums: oddsFactors.map(() => -Infinity), ticks: 0, logPeak: -Infinity };
}

/**
 * One tick: `bad` of `count` events. Starts a new hypothesis with each tick that has events. `limit` may differ from
 * tick to tick, as long as it does not depend on what the tick brings.
 */
export function observe(
  detector: Detector,
  bad: number,
  count: number,
  limit = detector.limit,
): Detector {
  if (!(bad >= 0 && bad <= count && count < Infinity)) {
    throw new RangeError(`bad events must be a part of the events, not ${bad} of ${count}`);
  }
  if (count === 0) return detector;
  const logWeight = Math.log(weightOf(detector.ticks));
  const logSums = detector.logSums.map((logSum, at) => {
    const gain = logLikelihoodRatio(bad, count, limit, oddsFactors[at] as number);
    return addLogs(logSum, logWeight) + gain;
  });
  const logEvidence = logPrior + logSums.reduce((sum, each) => addLogs(sum, each), -Infinity);
  const logPeak = Math.max(detector.logPeak, logEvidence);
  return { limit: detector.limit, logSums, ticks: detector.ticks + 1, logPeak };
}

/** ln of how much likelier `bad` of `count` events are with `oddsFactor` times the odds of `limit` than at `limit`. */
export function logLikelihoodRatio(
  bad: number,
  count: number,
  limit: number,
  oddsFactor: number,
): number {
  const odds = (oddsFactor * limit) / (1 - limit);
  const alternative = odds / (1 + odds);
  return bad * Math.log(alternative / limit) + (count - bad) * -Math.log((1 - limit) * (1 + odds));
}

/** The always-valid p-value of "the chance never was above the limit". */
export function detectorPValue({ logPeak }: Detector): number {
  return Math.min(1, Math.exp(-logPeak));
}

/**
 * w_j, summing to 1: half at once, because a bad variant is mostly bad from its first request; the rest falls so
 * slowly that a start after hours costs a few more bad events only. It telescopes: 1/log₂(j+1) − 1/log₂(j+2).
 */
function weightOf(tick: number): number {
  if (tick === 0) return 0.5;
  return 0.5 * (1 / Math.log2(tick + 1) - 1 / Math.log2(tick + 2));
}

/** ln(e^a + e^b) */
function addLogs(a: number, b: number): number {
  if (a === -Infinity) return b;
  if (b === -Infinity) return a;
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}
