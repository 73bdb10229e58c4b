import { err, ok, type Result } from "../../base/result.ts";
import type { DataFault } from "./fault.ts";

/** A sample by its first two moments; `variance` is the unbiased one (divisor n − 1), 0 for a single value. */
export type Moments = { readonly n: number; readonly mean: number; readonly variance: number };

/**
 * Two passes with compensated sums (A. Neumaier, 1974) and the correction of T. F. Chan, G. H. Golub and R. J. LeVeque
 * ("Algorithms for computing the sample variance", 1983): right where Σx² − (Σx)²/n loses every digit. `empty`
 * without values, `not_finite` with the place of the first value that is no number.
 */
export function momentsOf(values: ArrayLike<number>): Result<Moments, DataFault> {
  const n = values.length;
  if (n === 0) return err({ code: "empty", message: "there are no values" });
  let sum = 0;
  let lost = 0;
  for (let at = 0; at < n; at += 1) {
    const value = values[at] as number;
    if (!Number.isFinite(value)) {
      return err({
        code: "not_finite",
        message: `value ${at + 1} is ${value}, not a finite number`,
      });
    }
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  const mean = (sum + lost) / n;
  if (!Number.isFinite(mean)) {
    return err({ code: "out_of_range", message: "the sum of the values is too large" });
  }
  let squares = 0;
  let rest = 0;
  for (let at = 0; at < n; at += 1) {
    const distance = (values[at] as number) - mean;
    squares += distance * distance;
    rest += distance;
  }
  const variance = n === 1 ? 0 : Math.max(0, (squares - (rest * rest) / n) / (n - 1));
  if (!Number.isFinite(variance)) {
    return err({ code: "out_of_range", message: "the squares of the values are too large" });
  }
  return ok({ n, mean, variance });
}

/** The moments of two samples together (Chan, Golub & LeVeque, 1983). */
export function mergeMoments(x: Moments, y: Moments): Moments {
  if (x.n === 0) return y;
  if (y.n === 0) return x;
  const n = x.n + y.n;
  const apart = y.mean - x.mean;
  const squares = x.variance * (x.n - 1) + y.variance * (y.n - 1) + (apart * apart * x.n * y.n) / n;
  return { n, mean: x.mean + (apart * y.n) / n, variance: squares / (n - 1) };
}

/** Σ(value − mean)^power/n for power 3 and 4 gives skewness and excess kurtosis: how far from normal a sample is. */
export function shapeOf(
  values: ArrayLike<number>,
  { n, mean, variance }: Moments,
): { readonly skewness: number; readonly excessKurtosis: number } {
  if (variance === 0) return { skewness: 0, excessKurtosis: 0 };
  const spread = Math.sqrt((variance * (n - 1)) / n);
  let third = 0;
  let fourth = 0;
  for (let at = 0; at < n; at += 1) {
    const scaled = ((values[at] as number) - mean) / spread;
    const square = scaled * scaled;
    third += square * scaled;
    fourth += square * square;
  }
  return { skewness: third / n, excessKurtosis: fourth / n - 3 };
}
