// Boundaries for a test that is looked at a few times, planned or not, on the way to a known maximum: each
// look spends part of alpha, and the boundary is where the chance of crossing it for the first time, under
// no effect, equals the part spent (Lan & DeMets, Biometrika 70:659, 1983). Boundaries of earlier looks do
// not depend on later ones, so looks may come when they come, as long as nothing that was seen decides when.
//
// Two-sided tests spend alpha/2 on each side by the one-sided function, as ldbounds, gsDesign and rpact do.
import type { Alternative } from "../alternative.ts";
import { normalUpper, normalUpperQuantile } from "../distributions/normal.ts";
import { type AlphaSpending, spentAlpha } from "./alpha-spending.ts";
import {
  type Continuation,
  densityAt,
  firstContinuation,
  gridResolution,
  lowerExit,
  nextContinuation,
  upperExit,
} from "./group-sequential-integration.ts";

/** More looks than this are a case for a confidence sequence. */
export const looksMax = 200;
/** A look that may spend less than this has no boundary and leaves its share to the next. */
const spendMin = 1e-25;

export type GroupSequentialDesign = {
  /**
   * Information (for means and rates: units) at each look over the planned maximum; ascending, above 0, and
   * at least a hundredth of a percent apart. A run that overshoots its plan may end above 1, in its last look.
   */
  readonly informationFractions: readonly number[];
  /** Chance of any false alarm over all looks, both sides together. */
  readonly alpha: number;
  readonly alternative: Alternative;
  readonly spending: AlphaSpending;
};

export type SequentialLook = {
  readonly informationFraction: number;
  /** Stop for an effect below zero at or below this z; −Infinity where this side has no boundary. */
  readonly lower: number;
  /** Stop for an effect above zero at or above this z; Infinity where this side has no boundary. */
  readonly upper: number;
  /** Alpha used up to and with this look, both sides together. */
  readonly spent: number;
  /** The p-value, of the test's alternative, that a fixed-sample test must reach at this look. */
  readonly nominalAlpha: number;
};

export type SequentialPower = {
  /** Chance to cross any boundary at any look. */
  readonly power: number;
  /** Chance to stop at each look, by side. */
  readonly exits: readonly { readonly lower: number; readonly upper: number }[];
  /** Mean information fraction at the stop; runs that cross nothing end at the last look. */
  readonly expectedInformation: number;
};

/** The boundaries of every look. Accurate to 1e-9 for tens of looks, 1e-7 for 200. Throws RangeError on an invalid design. */
export function groupSequentialBoundaries(
  design: GroupSequentialDesign,
): readonly SequentialLook[] {
  const { informationFractions: times, alpha, alternative, spending } = design;
  assertTimes(times);
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha must lie between 0 and 1, got ${alpha}`);
  }
  const sides = alternative === "two_sided" ? 2 : 1;
  const resolution = gridResolution(times);
  const looks: SequentialLook[] = [];
  let continuation: Continuation | null = null;
  let spentSide = 0;
  for (const [index, time] of times.entries()) {
    const allowance = spentAlpha(spending, time, alpha / sides) - spentSide;
    const boundary: number =
      allowance < spendMin ? Infinity : solveBoundary(continuation, time, allowance);
    if (boundary !== Infinity) spentSide += allowance;
    looks.push({
      informationFraction: time,
      lower: alternative === "greater" ? -Infinity : -boundary,
      upper: alternative === "less" ? Infinity : boundary,
      spent: sides * spentSide,
      nominalAlpha: sides * normalUpper(boundary),
    });
    if (index === times.length - 1) break;
    // By symmetry a test for "less" is the mirror of one for "greater".
    const region: { low: number; high: number } = {
      low: sides === 2 ? -boundary : -Infinity,
      high: boundary,
    };
    continuation =
      continuation === null
        ? firstContinuation(time, 0, region, resolution)
        : nextContinuation(continuation, time, 0, region, resolution);
  }
  return looks;
}

/**
 * What a design does when the final z-statistic (at information fraction 1) has mean `drift`: for two arms of
 * n each at full information, drift = difference / (σ√(2/n)). Throws RangeError on an infinite drift.
 */
export function groupSequentialPower(
  looks: readonly SequentialLook[],
  drift: number,
): SequentialPower {
  const times = looks.map((look) => look.informationFraction);
  assertTimes(times);
  if (!Number.isFinite(drift)) throw new RangeError(`drift must be finite, got ${drift}`);
  const resolution = gridResolution(times);
  const exits: { lower: number; upper: number }[] = [];
  let continuation: Continuation | null = null;
  let power = 0;
  let expectedInformation = 0;
  for (const { informationFraction: time, lower, upper } of looks) {
    const exit = exitChances(continuation, time, drift, { low: lower, high: upper });
    exits.push(exit);
    power += exit.lower + exit.upper;
    expectedInformation += time * (exit.lower + exit.upper);
    const region = { low: lower, high: upper };
    continuation =
      continuation === null
        ? firstContinuation(time, drift, region, resolution)
        : nextContinuation(continuation, time, drift, region, resolution);
  }
  power = Math.min(1, power);
  return {
    power,
    exits,
    expectedInformation: expectedInformation + (1 - power) * times.at(-1)!,
  };
}

/**
 * The drift (positive; negative for a test whose only boundary is the lower one) at which the design has the
 * given power, and by which factor its maximum sample exceeds that of a single look with the same alpha and power.
 * `power` must lie between the design's alpha and 1.
 */
export function requiredDrift(
  looks: readonly SequentialLook[],
  power: number,
): { readonly drift: number; readonly inflation: number } {
  const spent = looks.at(-1)?.spent ?? 1;
  if (!(power > spent && power < 1)) {
    throw new RangeError(`power must lie between alpha (${spent}) and 1, got ${power}`);
  }
  const downward = looks.every((look) => look.upper === Infinity);
  const sign = downward ? -1 : 1;
  let low = 0;
  let high = 1;
  while (groupSequentialPower(looks, sign * high).power < power) {
    low = high;
    high *= 2;
  }
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (groupSequentialPower(looks, sign * middle).power < power) low = middle;
    else high = middle;
  }
  const twoSided = looks.some((look) => look.lower > -Infinity && look.upper < Infinity);
  const single = normalUpperQuantile(spent / (twoSided ? 2 : 1)) + normalUpperQuantile(1 - power);
  return { drift: sign * high, inflation: (high / single) ** 2 };
}

/** Chance, under `drift`, to go on until `time` and then leave the region, by side. */
export function exitChances(
  continuation: Continuation | null,
  time: number,
  drift: number,
  region: { readonly low: number; readonly high: number },
): { readonly lower: number; readonly upper: number } {
  if (continuation === null) {
    const mean = drift * Math.sqrt(time);
    return { lower: normalUpper(mean - region.low), upper: normalUpper(region.high - mean) };
  }
  return {
    lower: lowerExit(continuation, time, drift, region.low),
    upper: upperExit(continuation, time, drift, region.high),
  };
}

/** The z above which the chance of a first crossing at `time` is `spend`: Newton on its logarithm, bracketed. */
function solveBoundary(continuation: Continuation | null, time: number, spend: number): number {
  if (continuation === null) return normalUpperQuantile(spend);
  let low = -40;
  let high = 40;
  let z = Math.max(0, normalUpperQuantile(spend));
  for (let round = 0; round < 200; round += 1) {
    const exit = upperExit(continuation, time, 0, z);
    if (exit > spend) low = z;
    else high = z;
    const step =
      exit > 0 ? (Math.log(exit / spend) * exit) / densityAt(continuation, time, 0, z) : NaN;
    const next = z + step;
    if (Math.abs(step) < 1e-13 || high - low < 1e-13) return z;
    z = next > low && next < high ? next : (low + high) / 2;
  }
  return z;
}

function assertTimes(times: readonly number[]): void {
  if (times.length === 0 || times.length > looksMax) {
    throw new RangeError(
      `informationFractions must hold 1 to ${looksMax} looks, got ${times.length}`,
    );
  }
  for (const [index, time] of times.entries()) {
    const earlier = index === 0 ? 0 : times[index - 1]!;
    if (!(time > earlier && time < Infinity && (index === 0 || time > earlier * 1.0001))) {
      throw new RangeError(
        `informationFractions must ascend from above 0, at least 0.01 % apart; look ${index + 1} is ${time}`,
      );
    }
    if (time > 1 && index < times.length - 1) {
      throw new RangeError(
        `only the last information fraction may exceed 1, look ${index + 1} is ${time}`,
      );
    }
  }
}
