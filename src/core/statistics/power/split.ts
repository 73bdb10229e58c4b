// Two arms of unequal size: how a total divides, and the smallest total that does a job.
import { err, ok, type Result } from "../../../base/result.ts";
import type { DataFault } from "../fault.ts";

/** Weights of the arms x (treatment) and y (control), in any unit: [5, 95], [1, 1]. Both above 0 and finite. */
export type Split = readonly [number, number];

/** Sizes of the arms x and y. */
export type ArmSizes = readonly [number, number];

/** The largest total that is searched. */
const totalMax = 1e12;

/** Throws RangeError unless both weights are above 0 and finite. */
function assertSplit(split: Split): void {
  if (!split.every((weight) => weight > 0 && weight < Infinity)) {
    throw new RangeError(`split must hold two finite weights above 0, got ${split.join(":")}`);
  }
}

/** Throws RangeError unless 0 < alpha < 1. */
export function assertAlpha(alpha: number): void {
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha must lie between 0 and 1, got ${alpha}`);
  }
}

/** Throws RangeError unless alpha < power < 1: at no effect any test already has power alpha. */
export function assertPower(power: number, alpha: number): void {
  if (!(power > alpha && power < 1)) {
    throw new RangeError(`power must lie between alpha (${alpha}) and 1, got ${power}`);
  }
}

/** Throws RangeError unless both sizes are at least `least` and finite. */
export function assertSizes(sizes: ArmSizes, least: number): void {
  if (!sizes.every((size) => size >= least && size < Infinity)) {
    throw new RangeError(`sizes must be finite and at least ${least}, got ${sizes.join(", ")}`);
  }
}

/**
 * The smallest whole arm sizes, `least` at the fewest, in the ratio of the split, at which `powerOf` (which
 * must grow with the sizes, and take fractions) reaches `power`: the exact fractional solution, found by
 * bisection, with each arm rounded up. `out_of_range` when 1e12 in total are not enough.
 */
export function smallestSizes(
  powerOf: (sizes: ArmSizes) => number,
  power: number,
  split: Split,
  least: number,
): Result<ArmSizes, DataFault> {
  assertSplit(split);
  const divide = (total: number): ArmSizes => [
    Math.max(least, total / (1 + split[1] / split[0])),
    Math.max(least, total / (1 + split[0] / split[1])),
  ];
  const enough = (total: number): boolean => powerOf(divide(total)) >= power;
  let high = 2 * least;
  while (!enough(high)) {
    if (high >= totalMax) {
      return err({
        code: "out_of_range",
        message: `more than ${totalMax} observations would be needed: the effect is too small, or points away from the alternative`,
      });
    }
    high = Math.min(totalMax, 2 * high);
  }
  let low = high === 2 * least ? 0 : high / 2;
  while (high - low > 1e-11 * high) {
    const middle = (low + high) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  // Whole numbers that the bisection met from just above stay whole.
  const [x, y] = divide(high).map((size) => Math.ceil(size * (1 - 1e-10)));
  return ok([x!, y!]);
}

/**
 * The smallest magnitude in (0, `largest`] at which `powerOf`, which must grow with it, reaches `power`, to
 * 1e-12 relative; null when even the largest does not.
 */
export function smallestEffect(
  powerOf: (magnitude: number) => number,
  power: number,
  largest: number,
): number | null {
  let high = largest;
  if (powerOf(high) < power) return null;
  while (powerOf(high / 2) >= power && high > Number.MIN_VALUE) high /= 2;
  let low = high / 2;
  while (high - low > 1e-13 * high) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (powerOf(middle) >= power) high = middle;
    else low = middle;
  }
  return high;
}
