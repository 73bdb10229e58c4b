import type { Clock, Timers } from "../base/clock.ts";
import {
  addHistoryTotals,
  encodeHistory,
  historyOf,
  type HistoryTotals,
} from "../core/telemetry/history.ts";
import { parseSeriesText, seriesText } from "../core/telemetry/series-text.ts";
import type { SeriesDelta } from "../core/telemetry/snapshot.ts";
import { historyResolutionsMs, type HistoryRow, type Store } from "./store/store.ts";
import type { SupervisorLog } from "./worker-slot.ts";

export const historyLimits = {
  /** Rows written at a time, so that the main thread stands still for some milliseconds only. */
  batchMax: 100,
  /** Rows that wait for the store; beyond, the oldest go. */
  rowsMax: 20_000,
  /** Experiments whose lost rows are counted one by one. */
  experimentsMax: 1000,
  /** How long after its end a stretch may still be added to. */
  graceMs: 1000,
  writeEveryMs: 250,
  rollUpEveryMs: 60_000,
} as const;

const [stretchMs] = historyResolutionsMs;

export type HistoryState = {
  readonly written: number;
  /** Rows that were lost because the store did not take them. */
  readonly dropped: number;
  readonly waiting: number;
};

export type HistoryWriterDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: Pick<Store, "addHistory" | "rollUp">;
  /** Whether this process rolls up; of several that share a store, one does. Default: yes. */
  readonly rollsUp?: () => boolean;
  readonly log: SupervisorLog;
};

function isAlways(): boolean {
  return true;
}

/** Rows that are tried until the store has them, as they were the first time: the answer may be what was lost. */
type Batch = {
  readonly number: number;
  readonly held: readonly Held[];
  readonly rows: readonly HistoryRow[];
};

/** Keeps what workers report in the store, in stretches of ten seconds. */
export type HistoryWriter = {
  take(series: readonly SeriesDelta[]): void;
  state(): HistoryState;
  /** Rows of an experiment that were lost because the store did not take them. */
  readonly droppedOf: (experiment: string) => number;
  /** What the store does not have yet. */
  held(): readonly HeldHistory[];
  /** Writes what is held, and ends. */
  stop(): void;
};

export type HeldHistory = {
  readonly series: string;
  readonly atMs: number;
  readonly totals: HistoryTotals;
};

type Held = { readonly series: string; readonly atMs: number; totals: HistoryTotals };

export function createHistoryWriter(dependencies: HistoryWriterDependencies): HistoryWriter {
  const { clock, timers, store, log, rollsUp = isAlways } = dependencies;
  /** By time and series, in the order in which they came. */
  const held = new Map<string, Held>();
  const counts = { written: 0, dropped: 0 };
  const droppedBy = new Map<string, number>();
  let toldMs = -Infinity;
  let rolledMs = clock.monotonicMs();
  let isRolling = false;
  let batch: Batch | null = null;
  let batches = 0;

  function take(series: readonly SeriesDelta[]): void {
    const atMs = Math.floor(clock.wallMs() / stretchMs) * stretchMs;
    for (const delta of series) {
      const text = seriesText(delta.key);
      const id = `${atMs} ${text}`;
      const present = held.get(id);
      const totals = historyOf(delta);
      if (present === undefined) held.set(id, { series: text, atMs, totals });
      else present.totals = addHistoryTotals(present.totals, totals);
    }
    while (held.size > historyLimits.rowsMax) {
      const [oldest] = held.keys();
      if (oldest === undefined) break;
      noteDropped(held.get(oldest)?.series ?? "");
      held.delete(oldest);
    }
  }

  function noteDropped(series: string): void {
    counts.dropped += 1;
    const experiment = parseSeriesText(series)?.experiment ?? null;
    if (experiment === null) return;
    const before = droppedBy.get(experiment);
    if (before === undefined && droppedBy.size >= historyLimits.experimentsMax) return;
    droppedBy.set(experiment, (before ?? 0) + 1);
  }

  /** Over, or of a time that the clock has gone back from. */
  function isOver({ atMs }: Held): boolean {
    const nowMs = clock.wallMs();
    return nowMs >= atMs + stretchMs + historyLimits.graceMs || atMs > nowMs;
  }

  /** Writes a batch; false when the store did not take it. */
  function write(which: (one: Held) => boolean): boolean {
    batch ??= takeBatch(which);
    if (batch === null) return true;
    const added = store.addHistory(batch.rows, batch.number);
    if (!added.ok) {
      complain(added.error.message);
      return false;
    }
    counts.written += batch.rows.length;
    batch = null;
    return true;
  }

  function takeBatch(which: (one: Held) => boolean): Batch | null {
    const taken: Held[] = [];
    for (const [id, one] of held) {
      if (!which(one)) continue;
      held.delete(id);
      taken.push(one);
      if (taken.length === historyLimits.batchMax) break;
    }
    if (taken.length === 0) return null;
    batches += 1;
    const rows = taken.map(({ series, atMs, totals }) => {
      return { series, atMs, resolutionMs: stretchMs, counts: encodeHistory(totals) };
    });
    return { number: batches, held: taken, rows };
  }

  function rollUp(): void {
    const nowMs = clock.monotonicMs();
    if (!rollsUp()) return;
    if (!isRolling && nowMs - rolledMs < historyLimits.rollUpEveryMs) return;
    rolledMs = nowMs;
    const rolled = store.rollUp(Math.round(clock.wallMs()));
    // What is left comes with the next turn, so that no turn is long.
    isRolling = rolled.ok && !rolled.value.isDone;
    if (!rolled.ok) complain(rolled.error.message);
  }

  function complain(reason: string): void {
    if (clock.monotonicMs() - toldMs < 60_000) return;
    toldMs = clock.monotonicMs();
    log("error", "telemetry history not written", { reason, waiting: waiting() });
  }

  function waiting(): number {
    return held.size + (batch?.rows.length ?? 0);
  }

  const cancel = timers.every(historyLimits.writeEveryMs, () => {
    if (write(isOver)) rollUp();
  });
  return {
    take,
    state: () => ({ ...counts, waiting: waiting() }),
    droppedOf: (experiment) => droppedBy.get(experiment) ?? 0,
    held: () =>
      [...(batch?.held ?? []), ...held.values()].map(({ series, atMs, totals }) => ({
        series,
        atMs,
        totals,
      })),
    stop() {
      cancel();
      while ((held.size > 0 || batch !== null) && write(isAlways));
    },
  };
}
