/**
 * The buckets of OpenTelemetry's HTTP durations, continued for answers of language models, in seconds.
 * They are fixed: service-level tools look for literal `le` values.
 */
export const bucketBoundsSeconds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 30, 60, 120,
] as const;

const boundsUs = Float64Array.from(bucketBoundsSeconds, (seconds) => seconds * 1_000_000);

/** Counts of durations by bucket, not cumulative; the last one is +Inf. */
export type BucketCounts = {
  readonly counts: number[];
  count: number;
  sumUs: number;
};

export function createBuckets(): BucketCounts {
  return { counts: Array.from({ length: boundsUs.length + 1 }, () => 0), count: 0, sumUs: 0 };
}

export function addToBuckets(buckets: BucketCounts, valueUs: number): void {
  const at = bucketOf(valueUs);
  buckets.counts[at] = (buckets.counts[at] as number) + 1;
  buckets.count += 1;
  buckets.sumUs += valueUs;
}

/** The place of the bucket that a duration in microseconds belongs to. */
export function bucketOf(valueUs: number): number {
  let low = 0;
  let high = boundsUs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (valueUs <= (boundsUs[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function mergeBuckets(into: BucketCounts, from: BucketCounts): void {
  for (let at = 0; at < from.counts.length; at += 1) {
    into.counts[at] = (into.counts[at] as number) + (from.counts[at] as number);
  }
  into.count += from.count;
  into.sumUs += from.sumUs;
}
