import { err, ok, type Result } from "../../base/result.ts";
import type { DataFault } from "./fault.ts";
import {
  alignHistograms,
  histogramOfValues,
  totalOf,
  type AlignedHistograms,
  type Histogram,
} from "./histogram.ts";

/** How often a value of x is larger than one of y, over all pairs: what rank tests look at. */
export type Superiority = {
  /** Values in x and in y. */
  readonly m: number;
  readonly n: number;
  /** Pairs in which x is larger, ties counted half: Mann and Whitney's U of x. */
  readonly wins: number;
  /** wins − mn/2, which keeps its digits where nearly as many pairs are won as lost. */
  readonly excess: number;
  /** θ = P(x > y) + ½·P(x = y) in the samples. */
  readonly theta: number;
  /** θ of the values inside the bins is no further away than this; 0 for raw values. */
  readonly binningError: number;
};

/** Raw samples as bins of one value each, so that ranks cost one sort; `minimum` values are needed in each arm. */
export function alignValues(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  minimum: number,
): Result<AlignedHistograms, DataFault> {
  for (const [arm, values] of [
    ["x", x],
    ["y", y],
  ] as const) {
    const fault = valuesFault(arm, values);
    if (fault !== null) return err(fault);
  }
  return alignBins(histogramOfValues(x), histogramOfValues(y), minimum);
}

/** Two histograms over the same bins; a fault when one has fewer than `minimum` values. */
export function alignBins(
  x: Histogram,
  y: Histogram,
  minimum: number,
): Result<AlignedHistograms, DataFault> {
  const fewest = Math.min(totalOf(x.counts), totalOf(y.counts));
  if (fewest === 0) return err({ code: "empty", message: "an arm has no values" });
  if (fewest < minimum) {
    const message = `at least ${minimum} values are needed in each arm, there are ${fewest}`;
    return err({ code: "too_few", message });
  }
  return ok(alignHistograms(x, y));
}

/** The first value that is no finite number as a fault. */
export function valuesFault(arm: string, values: ArrayLike<number>): DataFault | null {
  for (let at = 0; at < values.length; at += 1) {
    if (!Number.isFinite(values[at])) {
      const message = `value ${at + 1} of ${arm} is ${values[at]}, not a finite number`;
      return { code: "not_finite", message };
    }
  }
  return null;
}

/** Counts pairs in O(bins): a bin's x beat all y below it, its y all x below it, and both tie. Both arms must hold values. */
export function superiorityOf({ lowest, highest, x, y }: AlignedHistograms): Superiority {
  const m = totalOf(x);
  const n = totalOf(y);
  let belowX = 0;
  let belowY = 0;
  let balance = 0;
  let unsure = 0;
  for (let bin = 0; bin < x.length; bin += 1) {
    const inX = x[bin] as number;
    const inY = y[bin] as number;
    balance += inX * belowY - inY * belowX;
    belowX += inX;
    belowY += inY;
    if (lowest[bin] !== highest[bin]) unsure += inX * inY;
  }
  const pairs = m * n;
  const excess = balance / 2;
  const wins = pairs / 2 + excess;
  return { m, n, wins, excess, theta: wins / pairs, binningError: unsure / (2 * pairs) };
}
