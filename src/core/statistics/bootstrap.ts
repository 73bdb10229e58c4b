import { err, ok, type Result } from "../../base/result.ts";
import type { Alternative } from "./alternative.ts";
import type { BootstrapArm } from "./bootstrap/arm.ts";
import {
  accelerationOf,
  bcaInterval,
  contrastOf,
  percentileInterval,
  type Contrast,
} from "./bootstrap/interval.ts";
import { meanOfBins, meanOfValues } from "./bootstrap/mean.ts";
import { quantileOfBins } from "./bootstrap/quantile.ts";
import type { DataFault } from "./fault.ts";
import { histogramOfValues, totalOf, type Histogram } from "./histogram.ts";
import type { Interval } from "./interval.ts";
import type { Uniform } from "./random.ts";
import { valuesFault } from "./superiority.ts";
import { requireConfidence } from "./t-test.ts";

export type BootstrapOptions = {
  readonly random: Uniform;
  /** Of each arm; default mean. A quantile is a number in [0, 1], such as 0.5 for the median. */
  readonly statistic?: "mean" | { readonly quantile: number };
  /** x − y (default) or x/y. */
  readonly contrast?: Contrast;
  /** About x against y; default two_sided. */
  readonly alternative?: Alternative;
  /** Of both intervals, between 0 and 1; default 0.95. */
  readonly confidence?: number;
  /** From 100 to 100,000, default 2,000; fewer are made where that would take seconds. */
  readonly resamples?: number;
};

export type Bootstrap = {
  /** The contrast in the samples. */
  readonly estimate: number;
  /** Standard deviation of the replicates. */
  readonly standardError: number;
  readonly percentile: Interval;
  readonly bca: Interval;
  /** Under the null hypothesis that both arms have the same mean (or quantile), also where the contrast is a ratio. */
  readonly pValue: number;
  /** How many were made. */
  readonly resamples: number;
};

const resamplesMin = 100;
const resamplesMax = 100_000;
/** Draws of single values in all resamples together, about half a second. */
const drawsMax = 250_000_000;
/** Made at least, whatever they cost. */
const resamplesKept = 200;

/**
 * Bootstrap of two independent samples of at least 2 values each (B. Efron, 1979). The p-value is that of a world
 * in which the null holds: resamples of both arms moved to a common mean, compared by their t statistics
 * (Efron and Tibshirani 1993, algorithm 16.2); for quantiles, which have no standard error, by differences. It is
 * (1 + as extreme)/(1 + resamples), never 0. `zero_variance` when neither mean varies, `out_of_range` when a
 * ratio's denominator is not clearly on one side of 0 or sums are too large for a double.
 */
export function bootstrap(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  options: BootstrapOptions,
): Result<Bootstrap, DataFault> {
  const fault = valuesFault("x", x) ?? valuesFault("y", y) ?? sizesFault(x.length, y.length);
  if (fault !== null) return err(fault);
  const { statistic = "mean" } = options;
  const armOf = (values: ArrayLike<number>) =>
    statistic === "mean"
      ? meanOfValues(Float64Array.from(values))
      : quantileOfBins(histogramOfValues(values), statistic.quantile);
  return compare(armOf(x), armOf(y), options);
}

/** The same from counts, in O(bins) a resample for means and O(log bins) for quantiles. */
export function bootstrapBinned(
  x: Histogram,
  y: Histogram,
  options: BootstrapOptions,
): Result<Bootstrap, DataFault> {
  const fault = sizesFault(totalOf(x.counts), totalOf(y.counts));
  if (fault !== null) return err(fault);
  const { statistic = "mean" } = options;
  const armOf = (bins: Histogram) =>
    statistic === "mean" ? meanOfBins(bins) : quantileOfBins(bins, statistic.quantile);
  return compare(armOf(x), armOf(y), options);
}

function compare(
  x: BootstrapArm,
  y: BootstrapArm,
  {
    random,
    contrast = "difference",
    alternative = "two_sided",
    confidence = 0.95,
    resamples: asked = 2000,
  }: BootstrapOptions,
): Result<Bootstrap, DataFault> {
  requireConfidence(confidence);
  if (!(Number.isInteger(asked) && asked >= resamplesMin && asked <= resamplesMax)) {
    throw new RangeError(`resamples must be ${resamplesMin} to ${resamplesMax}, not ${asked}`);
  }
  if (x.variance === 0 && y.variance === 0) {
    return err({ code: "zero_variance", message: "the values of neither arm vary" });
  }
  const affordable = Math.max(resamplesKept, Math.floor(drawsMax / (x.cost + y.cost)));
  const resamples = Math.min(asked, affordable);
  const ofX = drawFrom(x, random, resamples);
  const ofY = drawFrom(y, random, resamples);
  const side = Math.sign(y.estimate);
  if (contrast === "ratio" && (side === 0 || ofY.estimates.some((one) => one * side <= 0))) {
    const message = "the ratio has no bounds: its denominator is not clearly on one side of 0";
    return err({ code: "out_of_range", message });
  }
  const estimate = contrastOf(contrast, x.estimate, y.estimate);
  const sorted = ofX.estimates
    .map((one, at) => contrastOf(contrast, one, ofY.estimates[at] as number))
    .toSorted();
  const standardError = deviationOf(sorted);
  if (!Number.isFinite(estimate) || !Number.isFinite(standardError)) {
    return err({ code: "out_of_range", message: "the values are too large to be summed up" });
  }
  return ok({
    estimate,
    standardError,
    percentile: percentileInterval(sorted, confidence, alternative),
    bca: bcaInterval(sorted, estimate, accelerationOf(contrast, x, y), confidence, alternative),
    pValue: nullPValue(x, y, ofX, ofY, alternative),
    resamples,
  });
}

type Replicates = { readonly estimates: Float64Array; readonly variances: Float64Array };

function drawFrom(arm: BootstrapArm, random: Uniform, resamples: number): Replicates {
  const replicates = {
    estimates: new Float64Array(resamples),
    variances: new Float64Array(resamples),
  };
  arm.resample(random, replicates.estimates, replicates.variances);
  return replicates;
}

function nullPValue(
  x: BootstrapArm,
  y: BootstrapArm,
  ofX: Replicates,
  ofY: Replicates,
  alternative: Alternative,
): number {
  const isStudentised = x.variance !== null && y.variance !== null;
  const scaled = (distance: number, square: number): number => {
    if (distance === 0 || !isStudentised) return distance;
    return distance / Math.sqrt(square);
  };
  const difference = x.estimate - y.estimate;
  const observed = scaled(difference, (x.variance ?? 0) + (y.variance ?? 0));
  // What differs by rounding only counts as equal.
  const slack = Math.abs(observed) * 1e-12;
  let extreme = 0;
  for (const [at, estimate] of ofX.estimates.entries()) {
    const square = (ofX.variances[at] as number) + (ofY.variances[at] as number);
    const t = scaled(estimate - (ofY.estimates[at] as number) - difference, square);
    const reached =
      alternative === "two_sided"
        ? Math.abs(t) >= Math.abs(observed) - slack
        : alternative === "greater"
          ? t >= observed - slack
          : t <= observed + slack;
    if (reached) extreme += 1;
  }
  return (1 + extreme) / (1 + ofX.estimates.length);
}

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

function sizesFault(m: number, n: number): DataFault | null {
  const fewest = Math.min(m, n);
  if (fewest === 0) return { code: "empty", message: "an arm has no values" };
  if (fewest >= 2) return null;
  return {
    code: "too_few",
    message: `at least 2 values are needed in each arm, there are ${fewest}`,
  };
}
