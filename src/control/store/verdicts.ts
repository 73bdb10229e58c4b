import type { DatabaseSync } from "node:sqlite";
import { inTransaction } from "./migrations.ts";
import type {
  JudgedGuardrail,
  VerdictQuery,
  VerdictRetention,
  VerdictRow,
  VerdictTrim,
} from "./store.ts";

/** Rows deleted in one call: some milliseconds of the main thread. */
export const verdictsDeletedMax = 1000;

/** The verdict tables. Its methods throw what SQLite throws. */
export class VerdictTables {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Rows there are, as far as this process knows. */
  #rows: number;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#rows = this.#countRows();
  }

  /** A row of the same guardrail and time gives way to a graver one, and to a later one as grave. */
  add(rows: readonly VerdictRow[]): void {
    const { putGuardrail, put } = this.#statements;
    inTransaction(this.#database, () => {
      for (const {
        atMs,
        verdict,
        value,
        control,
        limit,
        low,
        high,
        requests,
        pValue,
        of,
      } of rows) {
        const { experiment, guardrail, unit, onBreach, dryRun } = of;
        const id = putGuardrail.get(experiment, guardrail, unit, onBreach, dryRun ? 1 : 0)?.["id"];
        const measured = [value, control, limit, low, high, requests, pValue];
        put.run(id as number, atMs, verdictKinds.indexOf(verdict), ...measured);
      }
    });
    this.#rows += rows.length;
  }

  guardrails(experiment: string): readonly JudgedGuardrail[] {
    return this.#statements.guardrails.all(experiment).map((row) => ({
      experiment,
      guardrail: row["name"] as string,
      unit: row["unit"] as JudgedGuardrail["unit"],
      onBreach: row["onBreach"] as JudgedGuardrail["onBreach"],
      dryRun: row["isDryRun"] === 1,
    }));
  }

  /** The time of the first row of an experiment; null without any. */
  firstMs(experiment: string): number | null {
    return (this.#statements.first.get(experiment)?.["atMs"] as number | null | undefined) ?? null;
  }

  /** The gravest of each stretch with its values, the latest of equally grave ones; by time. */
  read({ experiment, guardrail, fromMs, toMs, stepMs }: VerdictQuery): readonly StoredVerdict[] {
    const { read } = this.#statements;
    const rows = read.all(stepMs, stepMs, experiment, guardrail, fromMs, toMs);
    return rows.map(({ kind, ...row }) =>
      Object.assign(row, { verdict: verdictKinds[kind as number] }),
    ) as unknown as StoredVerdict[];
  }

  trim(nowMs: number, { retentionMs, rowsMax }: VerdictRetention): VerdictTrim {
    const { deleteOld, deleteHarmless, deleteAny, deleteUnused } = this.#statements;
    const deleted = inTransaction(this.#database, () => {
      let gone = Number(deleteOld.run(nowMs - retentionMs, verdictsDeletedMax).changes);
      // Other processes add and delete as well; counting takes a while, so only when it matters.
      if (this.#rows - gone > rowsMax) this.#rows = this.#countRows() + gone;
      const surplus = () => Math.min(this.#rows - gone - rowsMax, verdictsDeletedMax - gone);
      // Breaches are what somebody will look for: they go last.
      if (surplus() > 0) gone += Number(deleteHarmless.run(surplus()).changes);
      if (surplus() > 0) gone += Number(deleteAny.run(surplus()).changes);
      if (gone > 0) deleteUnused.run();
      return gone;
    });
    this.#rows -= deleted;
    return { deleted, isDone: deleted < verdictsDeletedMax };
  }

  #countRows(): number {
    return this.#statements.count.get()?.["rows"] as number;
  }
}

export type StoredVerdict = Omit<VerdictRow, "of">;

/** In the order of their numbers in the table. */
export const verdictKinds: readonly VerdictRow["verdict"][] = ["ok", "wait", "error", "breach"];

/** As gravityOf has it. */
function gravity(column: string): string {
  return `max(${column} - 1, 0)`;
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const measured = "value, control, limit_value, low, high, requests, p_value";
  return {
    putGuardrail: prepare(
      `INSERT INTO guardrail (experiment, name, unit, on_breach, is_dry_run) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET unit = excluded.unit, on_breach = excluded.on_breach,
         is_dry_run = excluded.is_dry_run
       RETURNING id`,
    ),
    put: prepare(
      `INSERT INTO verdict (guardrail_id, at_ms, verdict, ${measured})
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET verdict = excluded.verdict, value = excluded.value,
         control = excluded.control, limit_value = excluded.limit_value, low = excluded.low,
         high = excluded.high, requests = excluded.requests, p_value = excluded.p_value
       WHERE ${gravity("excluded.verdict")} >= ${gravity("verdict.verdict")}`,
    ),
    guardrails: prepare(
      `SELECT name, unit, on_breach AS onBreach, is_dry_run AS isDryRun FROM guardrail
       WHERE experiment = ? ORDER BY id`,
    ),
    first: prepare(
      `SELECT min(at_ms) AS atMs FROM verdict
       WHERE guardrail_id IN (SELECT id FROM guardrail WHERE experiment = ?)`,
    ),
    // Numbers are bound as doubles, by which a division would not be one of whole numbers. With a single max() SQLite takes the other columns from the row that has it; 10¹³ ms are the year 2286.
    read: prepare(
      `SELECT atMs, verdict AS kind, value, control, limit_value AS "limit", low, high, requests,
         p_value AS pValue
       FROM (SELECT (at_ms / CAST(? AS INTEGER)) * CAST(? AS INTEGER) AS atMs, max(${gravity("verdict")} * 10000000000000 + at_ms), verdict,
           ${measured}
         FROM verdict
         WHERE guardrail_id = (SELECT id FROM guardrail WHERE experiment = ? AND name = ?)
           AND at_ms >= ? AND at_ms < ?
         GROUP BY 1)
       ORDER BY atMs`,
    ),
    deleteOld: prepare(
      `DELETE FROM verdict WHERE (guardrail_id, at_ms) IN
       (SELECT guardrail_id, at_ms FROM verdict WHERE at_ms < ? ORDER BY at_ms LIMIT ?)`,
    ),
    deleteHarmless: prepare(
      `DELETE FROM verdict WHERE (guardrail_id, at_ms) IN
       (SELECT guardrail_id, at_ms FROM verdict WHERE verdict < 3 ORDER BY at_ms LIMIT ?)`,
    ),
    deleteAny: prepare(
      `DELETE FROM verdict WHERE (guardrail_id, at_ms) IN
       (SELECT guardrail_id, at_ms FROM verdict ORDER BY at_ms LIMIT ?)`,
    ),
    deleteUnused: prepare(
      `DELETE FROM guardrail WHERE NOT EXISTS
       (SELECT 1 FROM verdict WHERE guardrail_id = guardrail.id)`,
    ),
    count: prepare("SELECT count(*) AS rows FROM verdict"),
  };
}
