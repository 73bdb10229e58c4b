import type { Session } from "../postgres/connection.ts";
import { nobody } from "../postgres/history.ts";
import type { CopiedRow, CopiedTable, CopySource, CopyTarget } from "./copy.ts";
import { journalColumns, measured } from "./sqlite-copy.ts";

const batchRows = 200;
const hourMs = 3_600_000;

/** With SQLite's names, numbers for booleans, and hours as rolled: there is nothing above them. */
const selections: Readonly<Record<CopiedTable, string>> = {
  journal: `SELECT ${journalColumns.join(", ")} FROM journal ORDER BY sequence`,
  state: "SELECT scope, subject, state, sequence FROM state ORDER BY scope, subject",
  history: `SELECT key, resolution_ms, at_ms, counts,
      (is_rolled OR resolution_ms = ${hourMs})::integer AS is_rolled
    FROM history JOIN series ON series.id = series_id
    ORDER BY resolution_ms DESC, is_rolled DESC, history.id`,
  history_cut: "SELECT resolution_ms, until_ms FROM history_cut",
  verdict: `SELECT experiment, name, unit, on_breach, is_dry_run::integer AS is_dry_run, at_ms, verdict,
      ${measured.join(", ")}
    FROM verdict JOIN guardrail ON guardrail.id = guardrail_id ORDER BY guardrail_id, at_ms`,
};

async function countRows(session: Session, table: CopiedTable): Promise<number> {
  const what = table === "history" ? "DISTINCT (series_id, resolution_ms, at_ms)" : "*";
  const [row] = await session.rows<{ rows: number }>(`SELECT count(${what}) AS rows FROM ${table}`);
  return row?.rows ?? 0;
}

/** Reads a PostgreSQL store; to be used within a transaction that sees one moment. */
export function createPostgresSource(name: string, session: Session): CopySource {
  return {
    name,
    async *rows(table) {
      await session.run(`DECLARE copied CURSOR FOR ${selections[table]}`);
      for (;;) {
        const rows = await session.rows<CopiedRow>(`FETCH ${batchRows} FROM copied`);
        if (rows.length === 0) break;
        yield rows;
      }
      await session.run("CLOSE copied");
    },
    count: (table) => countRows(session, table),
  };
}

/** Writes a PostgreSQL store; to be used within a transaction. */
export function createPostgresTarget(name: string, session: Session): CopyTarget {
  return {
    name,
    add: (table, rows) => adders[table](session, rows),
    count: (table) => countRows(session, table),
  };
}

type AddRows = (session: Session, rows: readonly CopiedRow[]) => Promise<void>;

const adders: Readonly<Record<CopiedTable, AddRows>> = {
  async journal(session, rows) {
    const types = ["bigint", "bigint", "text", "text", "text", "text", "text"];
    await insert(session, rows, "journal", journalColumns, types);
    await session.run(
      "SELECT setval(pg_get_serial_sequence('journal', 'sequence'), max(sequence)) FROM journal",
    );
  },
  async state(session, rows) {
    const columns = ["scope", "subject", "state", "sequence"];
    await session.run(
      `INSERT INTO state (${columns.join(", ")}, version)
       SELECT *, 1 FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])`,
      valuesOf(rows, columns),
    );
  },
  async history(session, rows) {
    await session.run(
      "INSERT INTO series (key) SELECT DISTINCT unnest($1::text[]) ON CONFLICT DO NOTHING",
      valuesOf(rows, ["key"]),
    );
    await session.run(
      `INSERT INTO history (series_id, resolution_ms, at_ms, instance, is_rolled, counts)
       SELECT series.id, resolution_ms, at_ms, $6, is_rolled = 1 AND resolution_ms <> ${hourMs}, counts
       FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::integer[], $5::bytea[])
         AS given (key, resolution_ms, at_ms, is_rolled, counts)
       JOIN series USING (key)`,
      [...valuesOf(rows, ["key", "resolution_ms", "at_ms", "is_rolled", "counts"]), nobody],
    );
  },
  history_cut: (session, rows) =>
    insert(session, rows, "history_cut", ["resolution_ms", "until_ms"], ["integer", "bigint"]),
  async verdict(session, rows) {
    const guardrail = ["experiment", "name", "unit", "on_breach", "is_dry_run"];
    await session.run(
      `INSERT INTO guardrail (${guardrail.join(", ")})
       SELECT DISTINCT ON (experiment, name) experiment, name, unit, on_breach, is_dry_run = 1
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[])
         AS given (${guardrail.join(", ")})
       ON CONFLICT DO NOTHING`,
      valuesOf(rows, guardrail),
    );
    await session.run(
      `INSERT INTO verdict (guardrail_id, at_ms, verdict, ${measured.join(", ")})
       SELECT guardrail.id, at_ms, verdict, ${measured.join(", ")}
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::float8[], $6::float8[],
           $7::float8[], $8::float8[], $9::float8[], $10::bigint[], $11::float8[])
         AS given (experiment, name, at_ms, verdict, ${measured.join(", ")})
       JOIN guardrail USING (experiment, name)`,
      valuesOf(rows, ["experiment", "name", "at_ms", "verdict", ...measured]),
    );
  },
};

async function insert(
  session: Session,
  rows: readonly CopiedRow[],
  table: string,
  columns: readonly string[],
  types: readonly string[],
): Promise<void> {
  const given = types.map((type, at) => `$${at + 1}::${type}[]`).join(", ");
  await session.run(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT * FROM unnest(${given})`,
    valuesOf(rows, columns),
  );
}

/** A list for each column. */
function valuesOf(rows: readonly CopiedRow[], columns: readonly string[]): unknown[] {
  return columns.map((column) => rows.map((row) => row[column] ?? null));
}
