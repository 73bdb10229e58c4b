import { failuresOf } from "../traffic/outcome.ts";
import { durationFacts } from "./durations.ts";
import type { HistoryTotals } from "./history.ts";
import { mergeCounts, type SparseCounts } from "./latency.ts";
import { sumOf } from "./merge.ts";

/** Rows of history as columns over time: one value for each stretch and arm. */

type Cell = {
  requests: number;
  failures: number;
  duration: SparseCounts;
  firstByte: SparseCounts;
  tokensIn: number | null;
  tokensOut: number | null;
};

export type Timeline = {
  readonly stepMs: number;
  /** By arm, then by when the stretch began. */
  readonly arms: Map<string, Map<number, Cell>>;
};

/** Times in milliseconds; null where nothing was measured. Every array has one value for each stretch. */
export type Columns = {
  readonly requests: number[];
  readonly failures: number[];
  readonly p50: (number | null)[];
  readonly p95: (number | null)[];
  readonly p99: (number | null)[];
  readonly firstByteP50: (number | null)[];
  readonly firstByteP95: (number | null)[];
  readonly mean: (number | null)[];
  readonly tokensIn: (number | null)[];
  readonly tokensOut: (number | null)[];
};

/** Stretches of `stepMs`, beginning at its multiples. */
export function createTimeline(stepMs: number): Timeline {
  return { stepMs, arms: new Map() };
}

/** Adds what an arm measured from `atMs` on; it counts for the stretch in which it began. */
export function addToTimeline(
  { stepMs, arms }: Timeline,
  arm: string,
  atMs: number,
  totals: HistoryTotals,
): void {
  let cells = arms.get(arm);
  if (cells === undefined) {
    cells = new Map();
    arms.set(arm, cells);
  }
  const stretchMs = Math.floor(atMs / stepMs) * stepMs;
  const cell = cells.get(stretchMs);
  const requests = sumOf(totals.outcomes);
  const failures = failuresOf(totals.outcomes);
  const tokensIn = sumOfMetric(totals, "tokens_in");
  const tokensOut = sumOfMetric(totals, "tokens_out");
  const { duration, firstByte } = totals;
  if (cell === undefined) {
    cells.set(stretchMs, { requests, failures, duration, firstByte, tokensIn, tokensOut });
    return;
  }
  cell.requests += requests;
  cell.failures += failures;
  cell.duration = mergeCounts(cell.duration, duration);
  cell.firstByte = mergeCounts(cell.firstByte, firstByte);
  cell.tokensIn = addKnown(cell.tokensIn, tokensIn);
  cell.tokensOut = addKnown(cell.tokensOut, tokensOut);
}

/** When the stretches began in which any arm measured anything, rising. */
export function stretchesOf({ arms }: Timeline): readonly number[] {
  const all = new Set<number>();
  for (const cells of arms.values()) for (const atMs of cells.keys()) all.add(atMs);
  return [...all].toSorted((one, other) => one - other);
}

export function createColumns(): Columns {
  return {
    requests: [],
    failures: [],
    p50: [],
    p95: [],
    p99: [],
    firstByteP50: [],
    firstByteP95: [],
    mean: [],
    tokensIn: [],
    tokensOut: [],
  };
}

/** Adds an arm's values of one stretch, one to each column; one at a time, for there may be thousands. */
export function appendStretch(
  columns: Columns,
  { arms }: Timeline,
  arm: string,
  atMs: number,
): void {
  const cell = arms.get(arm)?.get(atMs);
  const duration = cell === undefined ? null : durationFacts(cell.duration);
  const firstByte = cell === undefined ? null : durationFacts(cell.firstByte);
  columns.requests.push(cell?.requests ?? 0);
  columns.failures.push(cell?.failures ?? 0);
  columns.p50.push(duration?.at(50) ?? null);
  columns.p95.push(duration?.at(95) ?? null);
  columns.p99.push(duration?.at(99) ?? null);
  columns.firstByteP50.push(firstByte?.at(50) ?? null);
  columns.firstByteP95.push(firstByte?.at(95) ?? null);
  columns.mean.push(duration === null ? null : Math.round(duration.mean * 1000) / 1000);
  columns.tokensIn.push(cell?.tokensIn ?? null);
  columns.tokensOut.push(cell?.tokensOut ?? null);
}

/** Of a metric's packed clusters: [cluster, n, Σx, Σx², Σfail] one behind the other. */
function sumOfMetric({ metrics }: HistoryTotals, name: string): number | null {
  const packed = metrics[name];
  if (packed === undefined || packed.length === 0) return null;
  let sum = 0;
  for (let at = 2; at < packed.length; at += 5) sum += packed[at] as number;
  return sum;
}

function addKnown(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return one + other;
}
