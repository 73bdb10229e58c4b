import { histogramOfValues, midpointsOf, totalOf, type Histogram } from "../histogram.ts";
import { binomialVariate } from "../random-variates.ts";
import type { Uniform } from "../random.ts";
import type { BootstrapArm } from "./arm.ts";

/** A binomial count takes as long as this many draws of single values. */
const drawsPerBinomial = 50;

/** The mean of raw values, of which there are at least 2, all finite. */
export function meanOfValues(values: Float64Array): BootstrapArm {
  const bins = histogramOfValues(values);
  if (bins.counts.length * drawsPerBinomial < values.length) return meanOfBins(bins);
  const moments = weigh(bins.lowest, bins.counts);
  const centred = values.map((value) => value - moments.estimate);
  return {
    ...moments,
    cost: values.length,
    resample: (random, estimates, variances) => {
      drawValues(centred, random, estimates, variances);
      finish(moments, estimates, variances);
    },
  };
}

/** The mean of at least 2 values in bins, each taken as its bin's middle. */
export function meanOfBins(bins: Histogram): BootstrapArm {
  const middles = midpointsOf(bins);
  const moments = weigh(middles, bins.counts);
  const centred = middles.map((value) => value - moments.estimate);
  return {
    ...moments,
    cost: centred.length * drawsPerBinomial,
    resample: (random, estimates, variances) => {
      drawCounts(centred, bins.counts, moments.n, random, estimates, variances);
      finish(moments, estimates, variances);
    },
  };
}

type Moments = Pick<BootstrapArm, "n" | "estimate" | "leftOut"> & { readonly variance: number };

function weigh(values: Float64Array, counts: Float64Array): Moments {
  const n = totalOf(counts);
  const sumOf = (term: (value: number) => number) =>
    values.reduce((sum, value, bin) => sum + (counts[bin] as number) * term(value), 0);
  // From a value on, so that values that are all the same have no variance at all; then once more from there.
  const start = values[0] as number;
  const rough = start + sumOf((value) => value - start) / n;
  const estimate = rough + sumOf((value) => value - rough) / n;
  const squares = sumOf((value) => (value - estimate) ** 2);
  const estimates = values.map((value) => estimate + (estimate - value) / (n - 1));
  return { n, estimate, variance: squares / (n - 1) / n, leftOut: { estimates, counts } };
}

/** From sums of centred values and of their squares to means and their squared standard errors. */
function finish({ n, estimate }: Moments, estimates: Float64Array, variances: Float64Array): void {
  for (let at = 0; at < estimates.length; at += 1) {
    const sum = estimates[at] as number;
    const squares = (variances[at] as number) - (sum * sum) / n;
    variances[at] = Math.max(0, squares / (n - 1) / n);
    estimates[at] = estimate + sum / n;
  }
}

/**
 * Draws n of n values per resample. The generator is the xoshiro128** of random.ts with a state from `random`, written
 * out here because a call per draw more than doubles the time. A value's chance is off by at most n/2^32 of itself.
 */
function drawValues(
  values: Float64Array,
  random: Uniform,
  sums: Float64Array,
  squares: Float64Array,
): void {
  const n = values.length;
  const scale = n * 2 ** -32;
  let a = Math.floor(random() * 2 ** 32) | 0;
  let b = Math.floor(random() * 2 ** 32) | 0;
  let c = Math.floor(random() * 2 ** 32) | 0;
  // Never all 0.
  let d = Math.floor(random() * 2 ** 32) | 1;
  for (let at = 0; at < sums.length; at += 1) {
    let sum = 0;
    let square = 0;
    for (let draw = 0; draw < n; draw += 1) {
      const scaled = Math.imul(b, 5);
      const output = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
      const value = values[(output * scale) | 0] as number;
      sum += value;
      square += value * value;
    }
    sums[at] = sum;
    squares[at] = square;
  }
}

/** Draws how often each bin comes up, all at once: multinomial counts as binomials of what is left. */
function drawCounts(
  values: Float64Array,
  counts: Float64Array,
  n: number,
  random: Uniform,
  sums: Float64Array,
  squares: Float64Array,
): void {
  for (let at = 0; at < sums.length; at += 1) {
    let sum = 0;
    let square = 0;
    let left = n;
    let mass = n;
    for (let bin = 0; bin < values.length && left > 0; bin += 1) {
      const count = counts[bin] as number;
      if (count === 0) continue;
      const drawn = binomialVariate(random, left, count / mass);
      const value = values[bin] as number;
      sum += drawn * value;
      square += drawn * value * value;
      left -= drawn;
      mass -= count;
    }
    sums[at] = sum;
    squares[at] = square;
  }
}
