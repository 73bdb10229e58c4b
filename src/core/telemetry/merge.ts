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
