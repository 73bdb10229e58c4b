// What a group-sequential run that has ended says about the effect. The usual p-value and interval take no
// account of the earlier looks: at a boundary they overstate the effect. Ordering outcomes by the stage at
// which they stopped, and by z within a stage, gives an exact p-value and interval and a median-unbiased
// estimate that do not depend on the looks that were never taken (Tsiatis, Rosner & Mehta, Biometrics 40:797,
// 1984; Jennison & Turnbull 2000, sections 8.4-8.5).
import type { Alternative } from "../alternative.ts";
import { normalQuantile } from "../distributions/normal.ts";
import type { Interval } from "../interval.ts";
import { exitChances, type SequentialLook } from "./group-sequential.ts";
import {
  type Continuation,
  firstContinuation,
  gridResolution,
  nextContinuation,
} from "./group-sequential-integration.ts";

/** Where a run ended: index of the look, and its z-statistic. */
export type SequentialStop = { readonly look: number; readonly z: number };

/**
 * Effects are drifts: the mean of the z-statistic at full information. Multiply by √(information fraction)·SE
 * of the look at which the run stopped to have the unit of the metric.
 */
export type SequentialInference = {
  readonly pValue: number;
  /** Median-unbiased. */
  readonly drift: number;
  /** Covers the true drift with probability 1 − alpha; one-sided for one-sided alternatives. */
  readonly interval: Interval;
};

/**
 * The stagewise p-value, estimate and interval of a run that stopped. The looks before must not have crossed
 * their boundaries. Throws RangeError on a look that does not exist, a z that is not finite, or an alpha
 * outside 0…1.
 */
export function stagewiseInference(
  looks: readonly SequentialLook[],
  stop: SequentialStop,
  options: { readonly alternative: Alternative; readonly alpha: number },
): SequentialInference {
  const { alternative, alpha } = options;
  const last = looks[stop.look];
  if (last === undefined) {
    throw new RangeError(`look must lie in 0…${looks.length - 1}, got ${stop.look}`);
  }
  if (!Number.isFinite(stop.z)) throw new RangeError(`z must be finite, got ${stop.z}`);
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha must lie between 0 and 1, got ${alpha}`);
  }
  const taken = looks.slice(0, stop.look + 1);
  const { lower, upper } = stagewiseTails(taken, stop.z, 0);
  const driftAt = (chance: number): number => solveDrift(taken, stop.z, chance);
  const drift = driftAt(0.5);
  if (alternative === "greater") {
    return { pValue: upper, drift, interval: { low: driftAt(alpha), high: Infinity } };
  }
  if (alternative === "less") {
    return { pValue: lower, drift, interval: { low: -Infinity, high: driftAt(1 - alpha) } };
  }
  return {
    pValue: Math.min(1, 2 * Math.min(lower, upper)),
    drift,
    interval: { low: driftAt(alpha / 2), high: driftAt(1 - alpha / 2) },
  };
}

/** Chances of an outcome at least as far up, and at least as far down, in the stagewise order. */
function stagewiseTails(
  taken: readonly SequentialLook[],
  z: number,
  drift: number,
): { readonly lower: number; readonly upper: number } {
  const resolution = gridResolution(taken.map((look) => look.informationFraction));
  let continuation: Continuation | null = null;
  let lower = 0;
  let upper = 0;
  for (const [index, look] of taken.entries()) {
    const time = look.informationFraction;
    const region: { low: number; high: number } =
      index === taken.length - 1 ? { low: z, high: z } : { low: look.lower, high: look.upper };
    const exit = exitChances(continuation, time, drift, region);
    lower += exit.lower;
    upper += exit.upper;
    continuation =
      continuation === null
        ? firstContinuation(time, drift, region, resolution)
        : nextContinuation(continuation, time, drift, region, resolution);
  }
  return { lower: Math.min(1, lower), upper: Math.min(1, upper) };
}

/** The drift at which the upper tail is `chance`: false position on its probit, which is nearly straight. */
function solveDrift(taken: readonly SequentialLook[], z: number, chance: number): number {
  const target = normalQuantile(chance);
  const excess = (drift: number): number => {
    const { lower, upper } = stagewiseTails(taken, z, drift);
    return (upper < 0.5 ? normalQuantile(upper) : -normalQuantile(lower)) - target;
  };
  const root = Math.sqrt(taken.at(-1)!.informationFraction);
  let low = (z + target - 1) / root;
  let high = (z + target + 1) / root;
  let step = 1 / root;
  while (excess(low) > 0) low -= step *= 2;
  while (excess(high) < 0) high += step *= 2;
  let below = excess(low);
  let above = excess(high);
  for (let round = 0; round < 100 && high - low > 1e-11 * Math.max(1, Math.abs(high)); round += 1) {
    const straight = low - (below * (high - low)) / (above - below);
    const drift = straight > low && straight < high ? straight : (low + high) / 2;
    const value = excess(drift);
    if (Math.abs(value) < 1e-12) return drift;
    // Illinois: an end that stays has its weight halved, so that both ends move.
    if (value < 0) {
      low = drift;
      below = value;
      above /= 2;
    } else {
      high = drift;
      above = value;
      below /= 2;
    }
  }
  return (low + high) / 2;
}
