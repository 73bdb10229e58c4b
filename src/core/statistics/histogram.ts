import type { SparseCounts } from "../telemetry/latency.ts";

/**
 * How many values lie where: `counts[i]` values somewhere in the closed range from `lowest[i]` to `highest[i]`. Bins
 * ascend and do not overlap; where `lowest[i]` equals `highest[i]` the values are known exactly.
 */
export type Histogram = {
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
  readonly counts: Float64Array;
};

/** Two arms' counts over the same bins, none of which is empty in both. */
export type AlignedHistograms = {
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
};

/** Values below this have a bin each; each doubling from here on has half as many bins, twice as wide. */
const hdrSubBuckets = 2048;

const half = hdrSubBuckets / 2;

/**
 * The bins of an HDR histogram of integers with three significant digits (G. Tene, HdrHistogram: 2048 sub-buckets,
 * unit 1), from its non-empty counters in ascending order.
 */
export function histogramOfCounts(pairs: SparseCounts): Histogram {
  const bins = pairs.length / 2;
  if (!Number.isInteger(bins)) throw new RangeError("counts must hold pairs of index and count");
  const lowest = new Float64Array(bins);
  const highest = new Float64Array(bins);
  const counts = new Float64Array(bins);
  let before = -1;
  for (let bin = 0; bin < bins; bin += 1) {
    const index = pairs[2 * bin] as number;
    const count = pairs[2 * bin + 1] as number;
    if (index <= before || count < 0) {
      throw new RangeError(`counts need ascending indices and no negative count, not ${index}`);
    }
    before = index;
    const doublings = Math.max(0, Math.trunc(index / half) - 1);
    const width = doublings < 31 ? 1 << doublings : 2 ** doublings;
    lowest[bin] = (index - doublings * half) * width;
    highest[bin] = (lowest[bin] as number) + width - 1;
    counts[bin] = count;
  }
  return { lowest, highest, counts };
}

/** A bin for each distinct value. Values must be finite; their order does not matter. */
export function histogramOfValues(values: ArrayLike<number>): Histogram {
  const sorted = Float64Array.from(values).toSorted();
  const counts = new Float64Array(sorted.length);
  let bins = 0;
  for (let at = 0; at < sorted.length; at += 1) {
    const value = sorted[at] as number;
    if (!Number.isFinite(value)) throw new RangeError(`values must be finite, not ${value}`);
    if (bins === 0 || value !== sorted[bins - 1]) {
      sorted[bins] = value;
      bins += 1;
    }
    counts[bins - 1] = (counts[bins - 1] as number) + 1;
  }
  const distinct = sorted.slice(0, bins);
  return { lowest: distinct, highest: distinct, counts: counts.slice(0, bins) };
}

/** How many values a histogram holds. */
export function totalOf(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/** The middle of each bin: what a mean takes its values to be. */
export function midpointsOf({ lowest, highest }: Histogram): Float64Array {
  return lowest.map((low, bin) => low + ((highest[bin] as number) - low) / 2);
}

/**
 * Both arms over the union of their bins. Bins that overlap without being equal (histograms of different kinds) become
 * one bin over all of them, which is coarser but still true.
 */
export function alignHistograms(x: Histogram, y: Histogram): AlignedHistograms {
  const most = x.counts.length + y.counts.length;
  const union = {
    lowest: new Float64Array(most),
    highest: new Float64Array(most),
    x: new Float64Array(most),
    y: new Float64Array(most),
  };
  let bins = 0;
  const add = (from: Histogram, at: number, to: Float64Array): void => {
    const count = from.counts[at] as number;
    if (count === 0) return;
    const low = from.lowest[at] as number;
    const high = from.highest[at] as number;
    if (bins === 0 || low > (union.highest[bins - 1] as number)) {
      union.lowest[bins] = low;
      union.highest[bins] = high;
      bins += 1;
    }
    union.highest[bins - 1] = Math.max(high, union.highest[bins - 1] as number);
    to[bins - 1] = (to[bins - 1] as number) + count;
  };
  let atX = 0;
  let atY = 0;
  while (atX < x.counts.length || atY < y.counts.length) {
    const lowX = atX < x.counts.length ? (x.lowest[atX] as number) : Infinity;
    const lowY = atY < y.counts.length ? (y.lowest[atY] as number) : Infinity;
    if (lowX <= lowY) {
      add(x, atX, union.x);
      atX += 1;
    } else {
      add(y, atY, union.y);
      atY += 1;
    }
  }
  return {
    lowest: union.lowest.slice(0, bins),
    highest: union.highest.slice(0, bins),
    x: union.x.slice(0, bins),
    y: union.y.slice(0, bins),
  };
}
