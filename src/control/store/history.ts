import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { decodeHistory, mergeHistory } from "../../core/telemetry/history.ts";
import { inTransaction } from "./migrations.ts";
import {
  historyReadMax,
  historyResolutionsMs,
  type HistoryPage,
  type HistoryQuery,
  type HistoryResolutionMs,
  type HistoryRow,
  type RollUp,
} from "./store.ts";

export type HistoryOptions = {
  /** Older history is deleted; the finest goes after a day, and minutes after seven, if that is earlier. */
  readonly historyRetentionMs: number;
  /** When there are more rows, the oldest of the finest go first. */
  readonly historyRowsMax: number;
};

const hourMs = 3_600_000;
const [finestMs, minuteMs] = historyResolutionsMs;

/** How long each resolution is of use. */
export const keptAtMostMs: Readonly<Record<HistoryResolutionMs, number>> = {
  10_000: 24 * hourMs,
  60_000: 7 * 24 * hourMs,
  3_600_000: Infinity,
};

/** Rows added up and rows deleted in one call: about 20 ms of the main thread at 11 kB a row. */
export const rollUpLimits = { mergedMax: 50, deletedMax: 500 } as const;
const { mergedMax, deletedMax } = rollUpLimits;

/** The history tables. Its methods throw what SQLite throws. */
export class HistoryTables {
  readonly #database: DatabaseSync;
  readonly #options: HistoryOptions;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Rows there are, as far as this process knows. */
  #rows: number;
  #unreadable = 0;

  constructor(database: DatabaseSync, options: HistoryOptions) {
    this.#database = database;
    this.#options = options;
    this.#statements = prepareStatements(database);
    this.#rows = this.#countRows();
  }

  add(rows: readonly HistoryRow[]): void {
    this.#change(() => this.addWithin(rows));
  }

  /** As `add`, within the caller's transaction. */
  addWithin(rows: readonly HistoryRow[]): void {
    for (const { series, atMs, resolutionMs, counts } of rows) {
      this.#addRow(this.#seriesId(series), atMs, resolutionMs, counts);
    }
  }

  read({ fromMs, toMs, resolutionMs, series }: HistoryQuery): HistoryPage {
    const database = this.#database;
    let where = "resolution_ms = ? AND at_ms >= ? AND at_ms < ?";
    const values: SQLInputValue[] = [resolutionMs, fromMs];
    if (series !== undefined) where += " AND key = ?";
    const ofSeries = series === undefined ? [] : [series];
    const from = `FROM history JOIN series ON series.id = series_id WHERE ${where} ORDER BY at_ms`;
    const times = database.prepare(`SELECT at_ms AS atMs ${from} LIMIT 1 OFFSET ?`);
    const timeAt = (offset: number) =>
      times.get(...values, toMs, ...ofSeries, offset)?.["atMs"] as number | undefined;
    const firstMs = timeAt(0);
    if (firstMs === undefined) return { rows: [], nextFromMs: null };
    const beyondMs = timeAt(historyReadMax) ?? null;
    // A stretch with more series than fit comes whole, or reading on would never get past it.
    const nextFromMs = beyondMs === firstMs ? firstMs + resolutionMs : beyondMs;
    const rows = database
      .prepare(`SELECT key, at_ms AS atMs, counts ${from}, key`)
      .all(...values, nextFromMs ?? toMs, ...ofSeries)
      .map(({ key, atMs, counts }) => ({
        series: key as string,
        atMs: atMs as number,
        resolutionMs,
        counts: counts as Uint8Array,
      }));
    return { rows, nextFromMs };
  }

  rollUp(nowMs: number): RollUp {
    const { merged, deleted } = this.#change(() => {
      const minutes = this.#mergeInto(minuteMs, nowMs, mergedMax);
      const hours = this.#mergeInto(hourMs, nowMs, mergedMax - minutes);
      return { merged: minutes + hours, deleted: this.#delete(nowMs) };
    });
    return {
      merged,
      deleted,
      unreadable: this.#unreadable,
      rows: this.#rows,
      isDone: merged < mergedMax && deleted < deletedMax,
    };
  }

  /** Adds up to `limit` rows of the resolution below `intoMs` to the stretches that are over. */
  #mergeInto(intoMs: HistoryResolutionMs, nowMs: number, limit: number): number {
    const fromMs = intoMs === hourMs ? minuteMs : finestMs;
    // Stretches that began before this are over, and the longer ones they belong to as well.
    const overMs = Math.floor(nowMs / intoMs) * intoMs;
    const rows = this.#statements.toRoll.all(fromMs, overMs, limit) as Row[];
    const sums = new Map<string, Row>();
    for (const row of rows) {
      const atMs = Math.floor(row.atMs / intoMs) * intoMs;
      const key = `${row.seriesId} ${atMs}`;
      const sum = sums.get(key);
      const counts = sum === undefined ? row.counts : this.#sum(sum.counts, row.counts);
      sums.set(key, { ...row, atMs, counts });
      this.#statements.markRolled.run(row.id);
    }
    for (const { seriesId, atMs, counts } of sums.values()) {
      this.#addRow(seriesId, atMs, intoMs, counts);
    }
    return rows.length;
  }

  /** Rows that are not yet part of a longer stretch stay until they are. */
  #delete(nowMs: number): number {
    const { deleteOld, deleteOldest, deleteUnusedSeries } = this.#statements;
    let deleted = 0;
    for (const resolutionMs of historyResolutionsMs) {
      const keptMs = Math.min(keptAtMostMs[resolutionMs], this.#options.historyRetentionMs);
      const untilMs = nowMs - keptMs - resolutionMs;
      const gone = deleteOld.all(resolutionMs, untilMs, deletedMax - deleted) as Deleted[];
      deleted += this.#noteCut(gone);
    }
    this.#rows -= deleted;
    const { historyRowsMax } = this.#options;
    // Other processes add and delete as well; counting takes a while, so only when it matters.
    if (this.#rows > historyRowsMax) this.#rows = this.#countRows();
    if (this.#rows > historyRowsMax) {
      const limit = Math.min(this.#rows - historyRowsMax, deletedMax - deleted);
      const surplus = this.#noteCut(deleteOldest.all(limit) as Deleted[]);
      this.#rows -= surplus;
      deleted += surplus;
    }
    if (deleted > 0) deleteUnusedSeries.run();
    return deleted;
  }

  /** Remembers up to when rows are gone; how many they are. */
  #noteCut(gone: readonly Deleted[]): number {
    const cuts = new Map<number, number>();
    for (const { resolutionMs, atMs } of gone) {
      cuts.set(resolutionMs, Math.max(cuts.get(resolutionMs) ?? -Infinity, atMs));
    }
    for (const [resolutionMs, atMs] of cuts) this.#statements.noteCut.run(resolutionMs, atMs);
    return gone.length;
  }

  #addRow(
    seriesId: number,
    atMs: number,
    resolutionMs: HistoryResolutionMs,
    counts: Uint8Array,
  ): void {
    const startMs = Math.floor(atMs / resolutionMs) * resolutionMs;
    const { find, insert, update } = this.#statements;
    const found = find.get(seriesId, resolutionMs, startMs) as Found | undefined;
    if (found === undefined) {
      // There is nothing above an hour.
      insert.run(seriesId, resolutionMs, startMs, resolutionMs === hourMs ? 1 : 0, counts);
      this.#rows += 1;
      return;
    }
    update.run(this.#sum(found.counts, counts), found.id);
    // A latecomer, when the longer stretch has its row already.
    if (found.isRolled === 0 || resolutionMs === hourMs) return;
    this.#addRow(seriesId, startMs, resolutionMs === finestMs ? minuteMs : hourMs, counts);
  }

  #sum(left: Uint8Array, right: Uint8Array): Uint8Array {
    return sumCounts(left, right, () => (this.#unreadable += 1));
  }

  #seriesId(key: string): number {
    const { findSeries, insertSeries } = this.#statements;
    const found = findSeries.get(key) as { id: number } | undefined;
    return found?.id ?? Number(insertSeries.run(key).lastInsertRowid);
  }

  #countRows(): number {
    return this.#statements.count.get()?.["rows"] as number;
  }

  #change<Value>(change: () => Value): Value {
    const before = { rows: this.#rows, unreadable: this.#unreadable };
    try {
      return inTransaction(this.#database, change);
    } catch (error) {
      this.#rows = before.rows;
      this.#unreadable = before.unreadable;
      throw error;
    }
  }
}

/** Both added up; what cannot be read counts nothing. */
export function sumCounts(
  left: Uint8Array,
  right: Uint8Array,
  onUnreadable: () => void,
): Uint8Array {
  const sum = mergeHistory(left, right);
  if (sum.ok) return sum.value;
  onUnreadable();
  return decodeHistory(left).ok ? left : right;
}

type Row = { id: number; seriesId: number; atMs: number; counts: Uint8Array };
type Deleted = { resolutionMs: number; atMs: number };
type Found = { id: number; isRolled: number; counts: Uint8Array };

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    findSeries: prepare("SELECT id FROM series WHERE key = ?"),
    insertSeries: prepare("INSERT INTO series (key) VALUES (?)"),
    deleteUnusedSeries: prepare(
      "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM history WHERE series_id = series.id)",
    ),
    find: prepare(
      `SELECT id, is_rolled AS isRolled, counts FROM history
       WHERE series_id = ? AND resolution_ms = ? AND at_ms = ?`,
    ),
    insert: prepare(
      `INSERT INTO history (series_id, resolution_ms, at_ms, is_rolled, counts)
       VALUES (?, ?, ?, ?, ?)`,
    ),
    update: prepare("UPDATE history SET counts = ? WHERE id = ?"),
    toRoll: prepare(
      `SELECT id, series_id AS seriesId, at_ms AS atMs, counts FROM history
       WHERE resolution_ms = ? AND at_ms < ? AND is_rolled = 0 ORDER BY at_ms LIMIT ?`,
    ),
    markRolled: prepare("UPDATE history SET is_rolled = 1 WHERE id = ?"),
    deleteOld: prepare(
      `DELETE FROM history WHERE id IN (SELECT id FROM history
       WHERE resolution_ms = ? AND at_ms <= ? AND is_rolled = 1 ORDER BY at_ms LIMIT ?)
       RETURNING resolution_ms AS resolutionMs, at_ms AS atMs`,
    ),
    deleteOldest: prepare(
      `DELETE FROM history WHERE id IN (SELECT id FROM history
       WHERE is_rolled = 1 ORDER BY resolution_ms, at_ms LIMIT ?)
       RETURNING resolution_ms AS resolutionMs, at_ms AS atMs`,
    ),
    noteCut: prepare(
      `INSERT INTO history_cut (resolution_ms, until_ms) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)`,
    ),
    count: prepare("SELECT count(*) AS rows FROM history"),
  };
}
