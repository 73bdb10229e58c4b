import { histogramOfCounts } from "../statistics/histogram.ts";
import type { SparseCounts } from "./latency.ts";

/** What sparse counts say about durations, without a dense histogram for each of many stretches. */

/** Milliseconds. */
export type DurationFacts = {
  readonly mean: number;
  readonly max: number;
  /** The value that `percent` (0…100) of all stay within, to three digits; the same as `percentileMs` gives. */
  readonly at: (percent: number) => number;
};

/** Null without any. */
export function durationFacts(counts: SparseCounts): DurationFacts | null {
  if (counts.length === 0) return null;
  const bins = histogramOfCounts(counts);
  let total = 0;
  let sum = 0;
  for (let bin = 0; bin < bins.counts.length; bin += 1) {
    const count = bins.counts[bin] as number;
    total += count;
    sum += (count * ((bins.lowest[bin] as number) + (bins.highest[bin] as number))) / 2;
  }
  return {
    mean: sum / total / 1000,
    max: (bins.highest.at(-1) as number) / 1000,
    at: (percent) => {
      // A share that is a whole number of values but for the last bit of a double is that number.
      const rank = Math.max(1, Math.ceil((percent / 100) * total * (1 - Number.EPSILON)));
      let seen = 0;
      for (let bin = 0; bin < bins.counts.length; bin += 1) {
        seen += bins.counts[bin] as number;
        if (seen >= rank) return (bins.highest[bin] as number) / 1000;
      }
      return (bins.highest.at(-1) as number) / 1000;
    },
  };
}

/** Counts of several arms in buckets that all of them share. */
export type Distribution = {
  /** Upper ends in milliseconds, rising; each is the one before times the same ratio. */
  readonly boundsMs: readonly number[];
  /** By arm, as many as bounds; they add up to all that the arm's counts hold. */
  readonly counts: readonly (readonly number[])[];
};

export const distributionBucketsMax = 60;
/** Narrower buckets would tell the histogram's own steps (three digits) and not the distribution. */
const ratioMin = 1.02;

/** From the smallest to the largest duration of all arms, in buckets of equal ratio; none without any duration. */
export function distributionOf(arms: readonly SparseCounts[]): Distribution {
  const histograms = arms.map((counts) => histogramOfCounts(counts));
  const lowest = Math.min(...histograms.map(({ highest }) => highest[0] ?? Infinity));
  const highest = Math.max(...histograms.map((each) => each.highest.at(-1) ?? 0));
  if (highest === 0) return { boundsMs: [], counts: arms.map(() => []) };
  const doublings = Math.log(highest / lowest);
  const buckets = Math.min(
    distributionBucketsMax,
    Math.max(1, Math.ceil(doublings / Math.log(ratioMin))),
  );
  const bounds = Array.from({ length: buckets }, (_, at) =>
    at === buckets - 1 ? highest : lowest * Math.exp((doublings * (at + 1)) / buckets),
  );
  const counts = histograms.map((histogram) => {
    const sums = bounds.map(() => 0);
    let bucket = 0;
    for (let bin = 0; bin < histogram.counts.length; bin += 1) {
      while ((bounds[bucket] as number) < (histogram.highest[bin] as number)) bucket += 1;
      sums[bucket] = (sums[bucket] as number) + (histogram.counts[bin] as number);
    }
    return sums;
  });
  return { boundsMs: bounds.map((us) => us / 1000), counts };
}
