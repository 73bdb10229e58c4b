import { midpointsOf, type Histogram } from "../histogram.ts";
import { betaVariate } from "../random-variates.ts";
import { openUniform, type Uniform } from "../random.ts";
import type { BootstrapArm } from "./arm.ts";

/** One resample takes as long as this many draws of single values. */
const drawsPerResample = 400;

/**
 * The quantile p of at least 2 values in bins, each taken as its bin's middle, interpolated between neighbours (R's
 * type 7, NumPy's default).
 *
 * No resample is drawn value by value: its k-th smallest value is the one at place ⌊n·U⌋ of the sorted sample, where
 * U is the k-th smallest of n uniform numbers, which has the distribution Beta(k, n − k + 1); given U, the next one is
 * the smallest of n − k uniform numbers above it (H. A. David and H. N. Nagaraja, "Order statistics", 2003, ch. 2).
 */
export function quantileOfBins(bins: Histogram, p: number): BootstrapArm {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`a quantile must be in [0, 1], not ${p}`);
  const middles = midpointsOf(bins);
  const ends = endsOf(bins.counts);
  const n = ends.at(-1) ?? 0;
  const valueAt = (place: number): number => middles[binAt(ends, place)] as number;
  const { rank, share } = placeOf(n, p);
  const between = (low: number, high: number): number =>
    share === 0 ? low : low + share * (high - low);
  return {
    n,
    estimate: between(valueAt(rank), valueAt(Math.min(n - 1, rank + 1))),
    variance: null,
    cost: drawsPerResample,
    resample: (random, estimates) => {
      for (let at = 0; at < estimates.length; at += 1) {
        const place = betaVariate(random, rank + 1, n - rank);
        const low = valueAt(Math.min(n - 1, Math.floor(n * place)));
        if (share === 0) {
          estimates[at] = low;
          continue;
        }
        const next = Math.floor(n * nextPlace(random, place, n - rank - 1));
        estimates[at] = between(low, valueAt(Math.min(n - 1, next)));
      }
    },
    leftOut: { estimates: leaveOneOut(valueAt, ends, p), counts: bins.counts },
  };
}

/** The smallest of `above` uniform numbers in (place, 1). */
function nextPlace(random: Uniform, place: number, above: number): number {
  return place - (1 - place) * Math.expm1(Math.log(openUniform(random)) / above);
}

/** Place (from 0) of the value below the quantile and the share of the way to the next one. */
function placeOf(n: number, p: number): { readonly rank: number; readonly share: number } {
  const exact = (n - 1) * p;
  const rank = Math.floor(exact);
  return { rank, share: exact - rank };
}

/** The quantile without one value of each bin: at and after that bin all places move up by one. */
function leaveOneOut(
  valueAt: (place: number) => number,
  ends: Float64Array,
  p: number,
): Float64Array {
  const n = ends.at(-1) ?? 0;
  const { rank, share } = placeOf(n - 1, p);
  const [at, next, afterNext] = [rank, rank + 1, rank + 2].map((place) =>
    valueAt(Math.min(n - 1, place)),
  ) as [number, number, number];
  return ends.map((_, bin) => {
    const start = bin === 0 ? 0 : (ends[bin - 1] as number);
    const low = rank < start ? at : next;
    const high = rank + 1 < start ? next : afterNext;
    return share === 0 ? low : low + share * (high - low);
  });
}

/** How many values lie in each bin and below it. */
function endsOf(counts: Float64Array): Float64Array {
  let sum = 0;
  return counts.map((count) => (sum += count));
}

/** The bin with the value at a place, by bisection. */
function binAt(ends: Float64Array, place: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] as number) > place) high = middle;
    else low = middle + 1;
  }
  return low;
}
