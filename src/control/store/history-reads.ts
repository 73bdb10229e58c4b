import type { DatabaseSync } from "node:sqlite";
import {
  historyResolutionsMs,
  type HistoryCuts,
  type HistoryRow,
  type KnownSeries,
  type SeriesPage,
  type SeriesQuery,
} from "./store.ts";

/**
 * Reads history so that every request counts once, whatever resolution it is read in: a row is part of the next longer
 * stretch's from the moment that it is marked as rolled, in the same transaction. So the rows of one resolution, and the
 * finer ones that are not rolled yet, are all that there is. Its methods throw what SQLite throws.
 */
export class HistoryReads {
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#statements = prepareStatements(database);
  }

  cuts(): HistoryCuts {
    const rows = this.#statements.cuts.all() as { resolutionMs: number; untilMs: number }[];
    return new Map(rows.map(({ resolutionMs, untilMs }) => [resolutionMs, untilMs]));
  }

  /** The series whose text begins with `prefix`, by text. */
  series(prefix: string): readonly KnownSeries[] {
    const { series, first } = this.#statements;
    // The next text of the same length: everything that begins with the prefix is below it.
    const last = prefix.length - 1;
    const beyond = prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
    const found = series.all(prefix, beyond) as { id: number; key: string }[];
    return found.map(({ id, key }) => {
      const firsts = historyResolutionsMs.map(
        (resolutionMs) => first.get(id, resolutionMs)?.["atMs"] as number | null,
      );
      return { series: key, firstMs: Math.min(...firsts.map((atMs) => atMs ?? Infinity)) };
    });
  }

  count({ series, fromMs, toMs, resolutionMs }: Omit<SeriesQuery, "limit">): number {
    const id = this.#idOf(series);
    return id === null
      ? 0
      : (this.#statements.count.get(id, resolutionMs, fromMs, toMs)?.["rows"] as number);
  }

  read({ series, fromMs, toMs, resolutionMs, limit }: SeriesQuery): SeriesPage {
    const id = this.#idOf(series);
    if (id === null) return { rows: [], nextFromMs: null };
    const { rows, unrolled } = this.#statements;
    const found = rows.all(series, id, resolutionMs, fromMs, toMs, limit) as HistoryRow[];
    const lastMs = found.at(-1)?.atMs;
    const isCut = found.length === limit && lastMs !== undefined;
    const endMs = isCut ? lastMs + resolutionMs : toMs;
    const finer = historyResolutionsMs
      .filter((each) => each < resolutionMs)
      .flatMap((each) => unrolled.all(series, id, each, fromMs, endMs) as HistoryRow[]);
    return {
      rows: [...found, ...finer],
      nextFromMs: isCut && endMs < toMs ? endMs : null,
    };
  }

  #idOf(series: string): number | null {
    return (this.#statements.find.get(series)?.["id"] as number | undefined) ?? null;
  }
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const columns = "? AS series, at_ms AS atMs, resolution_ms AS resolutionMs, counts";
  const range = "series_id = ? AND resolution_ms = ? AND at_ms >= ? AND at_ms < ?";
  return {
    cuts: prepare("SELECT resolution_ms AS resolutionMs, until_ms AS untilMs FROM history_cut"),
    find: prepare("SELECT id FROM series WHERE key = ?"),
    series: prepare("SELECT id, key FROM series WHERE key >= ? AND key < ? ORDER BY key"),
    first: prepare(
      "SELECT min(at_ms) AS atMs FROM history WHERE series_id = ? AND resolution_ms = ?",
    ),
    count: prepare(`SELECT count(*) AS rows FROM history WHERE ${range}`),
    rows: prepare(`SELECT ${columns} FROM history WHERE ${range} ORDER BY at_ms LIMIT ?`),
    // They are few and have an index of their own; by series, all the others would be looked at.
    unrolled: prepare(
      `SELECT ${columns} FROM history INDEXED BY history_to_roll WHERE ${range} AND is_rolled = 0`,
    ),
  };
}
