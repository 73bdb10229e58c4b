import type { Uniform } from "../random.ts";

/** A statistic of one arm and how it varies when the arm's values are drawn again, with replacement. */
export type BootstrapArm = {
  readonly n: number;
  readonly estimate: number;
  /** Its squared standard error by formula; null where there is none. */
  readonly variance: number | null;
  /** What a resample costs, in draws of single values. */
  readonly cost: number;
  /** Fills both arrays: the statistic of each resample, and its squared standard error if `variance` has one. */
  readonly resample: (random: Uniform, estimates: Float64Array, variances: Float64Array) => void;
  /** The jackknife: the statistic without one value, and how many values give the same. */
  readonly leftOut: { readonly estimates: Float64Array; readonly counts: Float64Array };
};
