import type { Clock } from "../base/clock.ts";
import {
  addHistoryTotals,
  decodeHistory,
  encodeHistory,
  historyOf,
  type HistoryTotals,
} from "../core/telemetry/history.ts";
import { seriesText } from "../core/telemetry/series-text.ts";
import type { SeriesDelta, SeriesKey } from "../core/telemetry/snapshot.ts";

/** How long the stretches are that the recent past is kept in, and for how long. */
export const recentLevels = [
  { resolutionMs: 1000, keptMs: 5 * 60_000 + 10_000 },
  { resolutionMs: 10_000, keptMs: 3_600_000 + 20_000 },
] as const;

export const recentLimits = {
  /** Rows of both levels; beyond, the oldest go. */
  rowsMax: 100_000,
  /** Of sealed rows, as they are encoded. */
  bytesMax: 32 * 1024 * 1024,
} as const;

const keysMax = 10_000;

export type RecentRow = {
  readonly series: string;
  readonly key: SeriesKey;
  readonly atMs: number;
  readonly counts: Uint8Array | HistoryTotals;
};

export type RecentState = {
  readonly rows: number;
  readonly bytes: number;
  /** Rows that went before their time because there were too many. */
  readonly dropped: number;
};

/** What experiments measured of late, in memory: fine stretches of some minutes, and an hour without a store. */
export type RecentHistory = {
  /** When this began to measure, wall time. */
  readonly startedMs: number;
  take(series: readonly SeriesDelta[]): void;
  /** Rows of an experiment that began in the range; copies are left out. */
  rows(
    experiment: string,
    resolutionMs: number,
    fromMs: number,
    toMs: number,
  ): readonly RecentRow[];
  /** Since when everything is there; the process may be younger than the level's time. */
  completeFromMs(resolutionMs: number): number;
  state(): RecentState;
};

type Row = {
  readonly series: string;
  readonly key: SeriesKey;
  readonly atMs: number;
  counts: Uint8Array | HistoryTotals;
};

type Level = {
  readonly resolutionMs: number;
  readonly keptMs: number;
  /** By time and series, in the order in which they came. */
  readonly rows: Map<string, Row>;
  /** Of the stretch that is not over, whose rows are not yet sealed. */
  open: Set<string>;
  openMs: number;
  completeFromMs: number;
};

export function createRecentHistory({
  clock,
  limits = recentLimits,
}: {
  readonly clock: Pick<Clock, "wallMs">;
  readonly limits?: { readonly rowsMax: number; readonly bytesMax: number };
}): RecentHistory {
  const startedMs = clock.wallMs();
  const levels = recentLevels.map(({ resolutionMs, keptMs }): Level => ({
    resolutionMs,
    keptMs,
    rows: new Map(),
    open: new Set(),
    openMs: -Infinity,
    completeFromMs: startedMs,
  }));
  const keys = new Map<string, SeriesKey>();
  let bytes = 0;
  let dropped = 0;

  /** Snapshots come with keys of their own; all rows of a series share one. */
  function sameKey(text: string, key: SeriesKey): SeriesKey {
    if (keys.size >= keysMax) keys.clear();
    const known = keys.get(text);
    if (known === undefined) keys.set(text, key);
    return known ?? key;
  }

  function add(level: Level, series: string, key: SeriesKey, totals: HistoryTotals): void {
    const atMs = Math.floor(clock.wallMs() / level.resolutionMs) * level.resolutionMs;
    if (atMs !== level.openMs) {
      seal(level);
      level.openMs = atMs;
    }
    const id = `${atMs} ${series}`;
    level.open.add(id);
    const known = level.rows.get(id);
    if (known === undefined) level.rows.set(id, { series, key, atMs, counts: totals });
    else {
      const before = open(known);
      known.counts = before === null ? totals : addHistoryTotals(before, totals);
    }
  }

  /** As totals again: the clock has gone back to a stretch that was over. */
  function open(row: Row): HistoryTotals | null {
    if (!(row.counts instanceof Uint8Array)) return row.counts;
    bytes -= row.counts.length;
    const decoded = decodeHistory(row.counts);
    return decoded.ok ? decoded.value : null;
  }

  function seal(level: Level): void {
    for (const id of level.open) {
      const row = level.rows.get(id);
      if (row === undefined || row.counts instanceof Uint8Array) continue;
      row.counts = encodeHistory(row.counts);
      bytes += row.counts.length;
    }
    level.open.clear();
    expire(level);
  }

  function expire(level: Level): void {
    const untilMs = clock.wallMs() - level.keptMs;
    for (const [id, row] of level.rows) {
      if (row.atMs >= untilMs) break;
      drop(level, id, row);
    }
  }

  function drop(level: Level, id: string, row: Row): void {
    level.rows.delete(id);
    level.open.delete(id);
    if (row.counts instanceof Uint8Array) bytes -= row.counts.length;
    level.completeFromMs = Math.max(level.completeFromMs, row.atMs + level.resolutionMs);
  }

  function makeRoom(): void {
    while (rowCount() > limits.rowsMax || bytes > limits.bytesMax) {
      // The level with more rows gives way.
      const level = levels.reduce((most, each) => (each.rows.size > most.rows.size ? each : most));
      const [oldest] = level.rows;
      if (oldest === undefined) return;
      drop(level, ...oldest);
      dropped += 1;
    }
  }

  const rowCount = () => levels.reduce((sum, { rows }) => sum + rows.size, 0);

  return {
    startedMs,
    take(series) {
      for (const delta of series) {
        const { experiment, variant, shadow } = delta.key;
        if (experiment === null || variant === null || shadow) continue;
        const totals = withoutClusters(historyOf(delta));
        const text = seriesText(delta.key);
        const key = sameKey(text, delta.key);
        for (const level of levels) add(level, text, key, totals);
      }
      makeRoom();
    },
    rows(experiment, resolutionMs, fromMs, toMs) {
      const level = levels.find((each) => each.resolutionMs === resolutionMs);
      const rows: RecentRow[] = [];
      for (const row of level?.rows.values() ?? []) {
        if (row.key.experiment !== experiment || row.atMs < fromMs || row.atMs >= toMs) continue;
        rows.push({ ...row });
      }
      return rows;
    },
    completeFromMs(resolutionMs) {
      const level = levels.find((each) => each.resolutionMs === resolutionMs);
      if (level === undefined) return Infinity;
      return Math.max(level.completeFromMs, clock.wallMs() - level.keptMs);
    },
    state: () => ({ rows: rowCount(), bytes, dropped }),
  };
}

const noClusters = new Float64Array(0);

/** Variances of stretches are nobody's question; of metrics the sums are enough. */
function withoutClusters(totals: HistoryTotals): HistoryTotals {
  const metrics = Object.entries(totals.metrics).map(([name, packed]) => [name, sumUp(packed)]);
  return { ...totals, clusters: noClusters, metrics: Object.fromEntries(metrics) };
}

/** All clusters as one: [0, n, Σx, Σx², Σfail]. */
function sumUp(packed: Float64Array): Float64Array {
  if (packed.length <= 5) return packed;
  const sum = new Float64Array(5);
  for (let at = 0; at < packed.length; at += 5) {
    for (let field = 1; field < 5; field += 1) {
      sum[field] = (sum[field] as number) + (packed[at + field] as number);
    }
  }
  return sum;
}
