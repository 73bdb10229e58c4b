import type { Alternative } from "../../../src/core/statistics/alternative.ts";
import { normalQuantile } from "../../../src/core/statistics/distributions/normal.ts";
import type { Uniform } from "../../../src/core/statistics/random.ts";
import {
  type GroupSequentialDesign,
  groupSequentialBoundaries,
} from "../../../src/core/statistics/sequential/group-sequential.ts";
import { meanConfidenceSequence } from "../../../src/core/statistics/sequential/mean-sequence.ts";

/** Shares of the runs, 0…1, at alpha 0.05. */
export type MeanSequenceRates = {
  /** The sequence's p-value reached alpha, or its interval missed the truth, at any look. */
  readonly sequence: number;
  /** A z-test reached alpha at any look: what looking does to a test that is not made for it. */
  readonly naive: number;
  /** Mean number of observations when the sequence first rejected; all of them where it did not. */
  readonly observations: number;
};

/**
 * Two arms of exponential times (mean 1, the first times 1 + lift), in turn, with a look every 100
 * observations up to 5,000. At lift 0 the rates are false alarms.
 */
export function simulateMeanSequence(
  runs: number,
  uniform: Uniform,
  { lift, alternative }: { readonly lift: number; readonly alternative: Alternative },
): MeanSequenceRates {
  const alpha = 0.05;
  const critical = normalQuantile(1 - (alternative === "two_sided" ? alpha / 2 : alpha));
  const sign = alternative === "less" ? -1 : 1;
  let sequence = 0;
  let naive = 0;
  let observations = 0;
  for (let run = 0; run < runs; run += 1) {
    const sums = [0, 0];
    const squares = [0, 0];
    let stopped = 5000;
    let fooled = false;
    for (let seen = 1; seen <= 5000; seen += 1) {
      const arm = seen % 2;
      const value = -Math.log(1 - uniform()) * (arm === 1 ? 1 + lift : 1);
      sums[arm]! += value;
      squares[arm]! += value * value;
      if (seen % 100 !== 0) continue;
      const size = seen / 2;
      const variances = sums.map(
        (sum, index) => (squares[index]! - (sum * sum) / size) / (size - 1),
      );
      const estimate = (sums[1]! - sums[0]!) / size;
      const standardError = Math.sqrt((variances[0]! + variances[1]!) / size);
      const z = estimate / standardError;
      fooled ||= (alternative === "two_sided" ? Math.abs(z) : sign * z) >= critical;
      const look = meanConfidenceSequence(
        { estimate, standardError, units: seen },
        { alpha, plannedUnits: 2500, alternative },
      );
      if (!look.ok) throw new Error(look.error.message);
      const { interval, pValue } = look.value;
      const rejects = pValue <= alpha;
      if (rejects !== (interval.low > 0 || interval.high < 0)) {
        throw new Error(`p-value ${pValue} and interval ${JSON.stringify(interval)} disagree`);
      }
      if (rejects && stopped === 5000) stopped = seen;
    }
    if (stopped < 5000) sequence += 1;
    if (fooled) naive += 1;
    observations += stopped;
  }
  return { sequence: sequence / runs, naive: naive / runs, observations: observations / runs };
}

export type GroupSequentialRates = {
  /** Share of runs that crossed a boundary, 0…1. */
  readonly crossed: number;
  /** Mean information fraction at the end. */
  readonly information: number;
};

/** Brownian motion of the given drift against a design's boundaries. */
export function simulateGroupSequential(
  runs: number,
  uniform: Uniform,
  design: GroupSequentialDesign,
  drift: number,
): GroupSequentialRates {
  const looks = groupSequentialBoundaries(design);
  let crossed = 0;
  let information = 0;
  for (let run = 0; run < runs; run += 1) {
    let time = 0;
    let position = 0;
    for (const look of looks) {
      const step = look.informationFraction - time;
      // (u + tiny): never the quantile of 0.
      position += drift * step + Math.sqrt(step) * normalQuantile(uniform() + 2 ** -54);
      time = look.informationFraction;
      const z = position / Math.sqrt(time);
      if (z >= look.upper || z <= look.lower) {
        crossed += 1;
        break;
      }
    }
    information += time;
  }
  return { crossed: crossed / runs, information: information / runs };
}
