import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { HistoryTables, sumCounts } from "../history.ts";
import type { HistoryResolutionMs } from "../store.ts";
import type { CopiedRow, CopiedTable, CopySource, CopyTarget } from "./copy.ts";

const batchRows = 200;

const selections: Readonly<Record<CopiedTable, string>> = {
  journal: "SELECT * FROM journal ORDER BY sequence",
  state: "SELECT scope, subject, state, sequence FROM state ORDER BY scope, subject",
  history: `SELECT key, resolution_ms, at_ms, is_rolled, counts
    FROM history JOIN series ON series.id = series_id
    ORDER BY resolution_ms DESC, is_rolled DESC, history.id`,
  history_cut: "SELECT resolution_ms, until_ms FROM history_cut",
  verdict: `SELECT experiment, name, unit, on_breach, is_dry_run, at_ms, verdict, value, control,
      limit_value, low, high, requests, p_value
    FROM verdict JOIN guardrail ON guardrail.id = guardrail_id ORDER BY guardrail_id, at_ms`,
};

function countRows(database: DatabaseSync, table: CopiedTable): number {
  return Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.["rows"]);
}

/** Reads a SQLite store; to be used within a transaction. */
export function createSqliteSource(path: string, database: DatabaseSync): CopySource {
  return {
    name: path,
    async *rows(table) {
      let batch: CopiedRow[] = [];
      for (const row of database.prepare(selections[table]).iterate()) {
        batch.push(row as CopiedRow);
        if (batch.length < batchRows) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    },
    count: async (table) => countRows(database, table),
  };
}

/** Writes a SQLite store; to be used within a transaction. */
export function createSqliteTarget(path: string, database: DatabaseSync): CopyTarget {
  const adders = createAdders(database);
  return {
    name: path,
    async add(table, rows) {
      for (const row of rows) adders[table](row);
    },
    count: async (table) => countRows(database, table),
  };
}

type AddRow = (row: CopiedRow) => void;

function createAdders(database: DatabaseSync): Readonly<Record<CopiedTable, AddRow>> {
  const prepare = (sql: string) => database.prepare(sql);
  const insert = (table: string, columns: readonly string[]): AddRow => {
    const places = columns.map(() => "?").join(", ");
    const statement = prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`);
    return (row) => void statement.run(...valuesOf(row, columns));
  };
  const putGuardrail = prepare(
    `INSERT INTO guardrail (experiment, name, unit, on_breach, is_dry_run) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET unit = excluded.unit RETURNING id`,
  );
  const addVerdict = insert("verdict", ["guardrail_id", "at_ms", "verdict", ...measured]);
  return {
    journal: insert("journal", journalColumns),
    state: insert("state", ["scope", "subject", "state", "sequence"]),
    history: createHistoryAdder(database),
    history_cut: insert("history_cut", ["resolution_ms", "until_ms"]),
    verdict(row) {
      const of = valuesOf(row, ["experiment", "name", "unit", "on_breach", "is_dry_run"]);
      const id = putGuardrail.get(...of)?.["id"] as number;
      addVerdict({ ...row, guardrail_id: id });
    },
  };
}

/**
 * Replicas have rows of their own of the same stretch: here they are one. What came after the rest had become part of a
 * longer stretch is added to that as well, as a latecomer is.
 */
function createHistoryAdder(database: DatabaseSync): AddRow {
  const tables = new HistoryTables(database, {
    historyRetentionMs: Infinity,
    historyRowsMax: Infinity,
  });
  const putSeries = database.prepare(
    "INSERT INTO series (key) VALUES (?) ON CONFLICT DO UPDATE SET key = excluded.key RETURNING id",
  );
  const find = database.prepare(
    "SELECT counts FROM history WHERE series_id = ? AND resolution_ms = ? AND at_ms = ?",
  );
  const put = database.prepare(
    `INSERT INTO history (series_id, resolution_ms, at_ms, is_rolled, counts) VALUES (?, ?, ?, 1, ?)
     ON CONFLICT DO UPDATE SET counts = excluded.counts`,
  );
  return (row) => {
    const key = row["key"] as string;
    const resolutionMs = row["resolution_ms"] as HistoryResolutionMs;
    const atMs = row["at_ms"] as number;
    const counts = row["counts"] as Uint8Array;
    if (row["is_rolled"] === 0) {
      tables.addWithin([{ series: key, resolutionMs, atMs, counts }]);
      return;
    }
    const place = [putSeries.get(key)?.["id"] as number, resolutionMs, atMs];
    const known = find.get(...place)?.["counts"] as Uint8Array | undefined;
    put.run(...place, known === undefined ? counts : sumCounts(known, counts, () => {}));
  };
}

export const journalColumns = [
  "sequence",
  "at_ms",
  "actor",
  "scope",
  "subject",
  "kind",
  "facts",
] as const;
export const measured = [
  "value",
  "control",
  "limit_value",
  "low",
  "high",
  "requests",
  "p_value",
] as const;

function valuesOf(row: CopiedRow, columns: readonly string[]): SQLInputValue[] {
  return columns.map((column) => row[column] ?? null);
}
