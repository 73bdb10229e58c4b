import { bucketBoundsSeconds, bucketOf } from "./buckets.ts";

/** One traced exchange that stands for those of its bucket. Times in whole microseconds, -1 for what did not happen. */
export type Exemplar = {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  readonly serverUs: number;
  readonly clientUs: number;
  readonly wallMs: number;
};

/** The latest exemplar of each bucket of a histogram, the last for +Inf; null where there was none. */
export type BucketExemplars = (BucketExemplar | null)[];
export type BucketExemplar = {
  readonly traceId: string;
  readonly valueUs: number;
  readonly wallMs: number;
};

export function createBucketExemplars(): BucketExemplars {
  return Array.from({ length: bucketBoundsSeconds.length + 1 }, () => null);
}

/** Puts an exemplar into its bucket, in place of the one before. */
export function keepExemplar(into: BucketExemplars, exemplar: BucketExemplar): void {
  if (exemplar.valueUs >= 0) into[bucketOf(exemplar.valueUs)] = exemplar;
}
