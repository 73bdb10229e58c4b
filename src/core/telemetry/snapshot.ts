import type { BucketCounts } from "./buckets.ts";
import type { DistinctDelta } from "./distinct.ts";
import type { Exemplar } from "./exemplar.ts";
import type { SparseCounts } from "./latency.ts";

/** What a series of exchanges is told apart by. */
export type SeriesKey = {
  readonly experiment: string | null;
  readonly variant: string | null;
  readonly upstream: string | null;
  readonly route: string;
  /** Rises whenever the experiment's split changes. */
  readonly epoch: number;
  /** Requests, not users, were randomised. */
  readonly randomised: boolean;
  /** Copies that nobody was answered with. */
  readonly shadow: boolean;
};

/** Exchanges slower than this are told apart by user. */
export type SlowLimit = {
  readonly of: "duration" | "first_byte";
  /** Whole microseconds. */
  readonly limitUs: number;
};

/** Exchanges of one method and status, for exposition. */
export type StatusCounts = {
  readonly method: string;
  readonly status: number;
  readonly server: BucketCounts;
  readonly client: BucketCounts;
  /** The slowest that was traced; null without. */
  exemplar: Exemplar | null;
};

/** In-flight exchanges of a series at the moment of the snapshot. */
export type InFlightAges = {
  readonly count: number;
  readonly oldestMs: number;
  /** How many are older than each of `inFlightAgeBoundsMs`. */
  readonly olderThan: readonly number[];
};

/** Ages that in-flight requests are counted by; a guardrail's limit is held against the next one above it. */
export const inFlightAgeBoundsMs = [
  250, 500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000,
  300_000,
] as const;

/**
 * What happened in a series since the last snapshot: everything adds up, so that snapshots of all workers
 * and times merge by addition. `analysed` and what follows it count enrolled exchanges only.
 */
export type SeriesDelta = {
  readonly key: SeriesKey;
  /** All exchanges by outcome, in the order of `outcomes`. */
  readonly outcomes: readonly number[];
  readonly statuses: readonly StatusCounts[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retries: number;
  readonly inFlight: InFlightAges;
  readonly analysed: number;
  readonly analysedOutcomes: readonly number[];
  readonly duration: SparseCounts;
  readonly firstByte: SparseCounts;
  /** See packClusters. */
  readonly clusters: Float64Array;
  readonly users: DistinctDelta | null;
  readonly failingUsers: DistinctDelta | null;
  /** Users who met an exchange slower than a limit, in the order of the series' `slowLimits`. */
  readonly slowUsers: readonly (DistinctDelta | null)[];
  /** What was measured besides times, by name: see packClusters, x being the metric's value. */
  readonly metrics: Readonly<Record<string, Float64Array>>;
  /** Why answers were bad ones: counts by FailureReason. */
  readonly failures: Readonly<Record<string, number>>;
};

/** One worker's telemetry since its last snapshot; plain data, safe to post between threads. */
export type TelemetrySnapshot = {
  readonly wallMs: number;
  readonly series: readonly SeriesDelta[];
  readonly seriesCount: number;
  /** Exchanges counted for the overflow series because the limit on series was reached, since the start. */
  readonly overflowed: number;
  /** Values of metrics that a series had no room for, since the start. */
  readonly metricsDropped: number;
};
