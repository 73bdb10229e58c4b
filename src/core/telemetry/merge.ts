import { outcomes } from "../traffic/outcome.ts";
import { addPackedClusters, createClusterSums, type ClusterSums } from "./clusters.ts";
import { DistinctUsers } from "./distinct.ts";
import type { HistoryTotals } from "./history.ts";
import { addCounts, createLatency, type Latency } from "./latency.ts";
import type { SeriesDelta } from "./snapshot.ts";

/** Any number of deltas of one arm, added up; neither their order matters nor who measured them. */
export type Totals = {
  /** Finished exchanges by outcome, in the order of `outcomes`. */
  readonly outcomes: number[];
  readonly bytes: { in: number; out: number };
  retries: number;
  /** Enrolled exchanges; everything below counts those only. */
  analysed: number;
  readonly analysedOutcomes: number[];
  /** Microseconds. */
  readonly duration: Latency;
  readonly firstByte: Latency;
  readonly clusters: ClusterSums;
  readonly users: DistinctUsers;
  readonly failingUsers: DistinctUsers;
  /** By name; x is the metric's value. */
  readonly metrics: Map<string, ClusterSums>;
  /** Why answers were bad ones: counts by FailureReason. */
  readonly failures: Map<string, number>;
};

export function createTotals(): Totals {
  return {
    outcomes: outcomes.map(() => 0),
    bytes: { in: 0, out: 0 },
    retries: 0,
    analysed: 0,
    analysedOutcomes: outcomes.map(() => 0),
    duration: createLatency(64),
    firstByte: createLatency(64),
    clusters: createClusterSums(),
    users: new DistinctUsers(),
    failingUsers: new DistinctUsers(),
    metrics: new Map(),
    failures: new Map(),
  };
}

export function addSnapshot(totals: Totals, delta: SeriesDelta): void {
  addNumbers(totals.outcomes, delta.outcomes);
  totals.bytes.in += delta.bytesIn;
  totals.bytes.out += delta.bytesOut;
  totals.retries += delta.retries;
  totals.analysed += delta.analysed;
  addNumbers(totals.analysedOutcomes, delta.analysedOutcomes);
  addCounts(totals.duration, delta.duration);
  addCounts(totals.firstByte, delta.firstByte);
  addPackedClusters(totals.clusters, delta.clusters);
  if (delta.users !== null) totals.users.merge(delta.users);
  if (delta.failingUsers !== null) totals.failingUsers.merge(delta.failingUsers);
  addMetrics(totals.metrics, delta.metrics);
  addFailures(totals.failures, delta.failures);
}

/** Adds what the history holds of one arm. */
export function addHistory(totals: Totals, history: HistoryTotals): void {
  addNumbers(totals.outcomes, history.outcomes);
  totals.bytes.in += history.bytesIn;
  totals.bytes.out += history.bytesOut;
  totals.retries += history.retries;
  totals.analysed += history.analysed;
  addNumbers(totals.analysedOutcomes, history.analysedOutcomes);
  addCounts(totals.duration, history.duration);
  addCounts(totals.firstByte, history.firstByte);
  addPackedClusters(totals.clusters, history.clusters);
  if (history.users !== null) totals.users.merge(history.users);
  if (history.failingUsers !== null) totals.failingUsers.merge(history.failingUsers);
  addMetrics(totals.metrics, history.metrics);
  addFailures(totals.failures, history.failures);
}

/** Adds packed sums to those of the same name. */
export function addMetrics(
  target: Map<string, ClusterSums>,
  source: Readonly<Record<string, Float64Array>>,
): void {
  for (const [name, packed] of Object.entries(source)) {
    let sums = target.get(name);
    if (sums === undefined) {
      sums = createClusterSums();
      target.set(name, sums);
    }
    addPackedClusters(sums, packed);
  }
}

function addFailures(target: Map<string, number>, source: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(source)) {
    target.set(reason, (target.get(reason) ?? 0) + count);
  }
}

/** How often a metric was measured, and the mean of its values. */
export type MetricMean = { readonly count: number; readonly mean: number };

/** Every metric that was measured at all, by name. */
export function metricMeans({ metrics }: Pick<Totals, "metrics">): Record<string, MetricMean> {
  const means = Array.from(metrics, ([name, sums]): [string, MetricMean] => {
    let count = 0;
    let sum = 0;
    for (let at = 0; at < sums.length; at += 4) {
      count += sums[at] as number;
      sum += sums[at + 1] as number;
    }
    return [name, { count, mean: sum / count }];
  });
  return Object.fromEntries(means.filter(([, { count }]) => count > 0));
}

/** The duration in milliseconds that `percent` (0…100) of all stay within, to three digits; null without any. */
export function percentileMs(latency: Latency, percent: number): number | null {
  if (latency.totalCount === 0) return null;
  return latency.getValueAtPercentile(percent) / 1000;
}

/** Adds `source` to `target`, element by element. */
export function addNumbers(target: number[], source: readonly number[]): void {
  for (let at = 0; at < source.length; at += 1) {
    target[at] = (target[at] as number) + (source[at] as number);
  }
}

export function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
