import { bucketOf } from "./hash.ts";

/** A half-open part [start, end) of the buckets 0…1. */
export type BucketRange = readonly [start: number, end: number];

/**
 * GrowthBook's bucket ranges: each variant's slot is as wide as its weight, and `coverage` (0…1) fills each
 * slot from its start, so that raising the coverage adds users and moves none. `weights` are relative.
 */
export function weightedRanges(weights: readonly number[], coverage: number): BucketRange[] {
  const sum = weights.reduce((partial, weight) => partial + weight, 0);
  // Shares that already add up to one stay as they are: dividing by 0.9999999999999999 would move a boundary.
  const total = Math.abs(sum - 1) < 1e-9 ? 1 : sum;
  let start = 0;
  return weights.map((weight) => {
    const width = weight / total;
    const range: BucketRange = [start, start + coverage * width];
    start += width;
    return range;
  });
}

/**
 * A rollout's ranges, `[treatment, control]`: treatment [0, share), control [share, 1), both squeezed into
 * [0, coverage). Who is enrolled does not depend on the share, and raising it only moves users from control
 * to treatment.
 */
export function rolloutRanges(share: number, coverage: number): [BucketRange, BucketRange] {
  return [
    [0, share * coverage],
    [share * coverage, coverage],
  ];
}

/** Index of the first range that holds `bucket`, or -1. */
export function rangeIndex(ranges: readonly BucketRange[], bucket: number): number {
  for (let at = 0; at < ranges.length; at += 1) {
    const range = ranges[at] as BucketRange;
    if (bucket >= range[0] && bucket < range[1]) return at;
  }
  return -1;
}

/** GrowthBook's namespace check: the user's place in the namespace, hash version 1, lies in the range. */
export function inNamespace(
  user: string,
  namespace: { readonly id: string; readonly range: readonly [number, number] },
): boolean {
  const place = bucketOf(user, `__${namespace.id}`, 1);
  return place >= namespace.range[0] && place < namespace.range[1];
}
