import type {
  JudgedGuardrail,
  VerdictQuery,
  VerdictRetention,
  VerdictRow,
  VerdictTrim,
} from "../store.ts";
import { verdictKinds, verdictsDeletedMax, type StoredVerdict } from "../verdicts.ts";
import { inTransaction, type Session } from "./connection.ts";

/** A row of the same guardrail and time gives way to a graver one, and to a later one as grave. */
export async function addVerdicts(session: Session, rows: readonly VerdictRow[]): Promise<void> {
  if (rows.length === 0) return;
  await inTransaction(session, async () => {
    const ids = await putGuardrails(session, rows);
    const kept = new Map<string, VerdictRow>();
    for (const row of rows) {
      const key = `${keyOf(row.of)} ${row.atMs}`;
      const known = kept.get(key);
      if (known === undefined || gravityOf(row) >= gravityOf(known)) kept.set(key, row);
    }
    const written = [...kept.values()];
    await session.run(
      `INSERT INTO verdict (guardrail_id, at_ms, verdict, ${measured})
       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::float8[], $5::float8[],
         $6::float8[], $7::float8[], $8::float8[], $9::bigint[], $10::float8[])
       ON CONFLICT (guardrail_id, at_ms) DO UPDATE SET verdict = excluded.verdict,
         value = excluded.value, control = excluded.control, limit_value = excluded.limit_value,
         low = excluded.low, high = excluded.high, requests = excluded.requests,
         p_value = excluded.p_value
       WHERE ${gravity("excluded.verdict")} >= ${gravity("verdict.verdict")}`,
      [
        written.map(({ of }) => ids.get(keyOf(of))),
        written.map(({ atMs }) => atMs),
        written.map(({ verdict }) => verdictKinds.indexOf(verdict)),
        written.map(({ value }) => value),
        written.map(({ control }) => control),
        written.map(({ limit }) => limit),
        written.map(({ low }) => low),
        written.map(({ high }) => high),
        written.map(({ requests }) => requests),
        written.map(({ pValue }) => pValue),
      ],
    );
  });
}

/** Numbers of the guardrails that rows are of; what is said of them last counts. */
async function putGuardrails(
  session: Session,
  rows: readonly VerdictRow[],
): Promise<ReadonlyMap<string, number>> {
  const guardrails = [...new Map(rows.map(({ of }) => [keyOf(of), of])).values()];
  const put = await session.rows<{ id: number; experiment: string; guardrail: string }>(
    `INSERT INTO guardrail (experiment, name, unit, on_breach, is_dry_run)
     SELECT experiment, name, unit, on_breach, is_dry_run
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
       WITH ORDINALITY AS given (experiment, name, unit, on_breach, is_dry_run, place)
     ORDER BY place
     ON CONFLICT (experiment, name) DO UPDATE SET unit = excluded.unit,
       on_breach = excluded.on_breach, is_dry_run = excluded.is_dry_run
     RETURNING id, experiment, name AS guardrail`,
    [
      guardrails.map(({ experiment }) => experiment),
      guardrails.map(({ guardrail }) => guardrail),
      guardrails.map(({ unit }) => unit),
      guardrails.map(({ onBreach }) => onBreach),
      guardrails.map(({ dryRun }) => dryRun),
    ],
  );
  return new Map(put.map((row) => [keyOf(row), row.id]));
}

export async function readGuardrails(
  session: Session,
  experiment: string,
): Promise<readonly JudgedGuardrail[]> {
  return session.rows<JudgedGuardrail>(
    `SELECT experiment, name AS guardrail, unit, on_breach AS "onBreach", is_dry_run AS "dryRun"
     FROM guardrail WHERE experiment = $1 ORDER BY id`,
    [experiment],
  );
}

/** The time of the first row of an experiment; null without any. */
export async function firstVerdictMs(session: Session, experiment: string): Promise<number | null> {
  const [row] = await session.rows<{ atMs: number | null }>(
    `SELECT min(at_ms) AS "atMs" FROM verdict
     WHERE guardrail_id IN (SELECT id FROM guardrail WHERE experiment = $1)`,
    [experiment],
  );
  return row?.atMs ?? null;
}

/** The gravest of each stretch with its values, the latest of equally grave ones; by time. */
export async function readVerdicts(
  session: Session,
  { experiment, guardrail, fromMs, toMs, stepMs }: VerdictQuery,
): Promise<readonly StoredVerdict[]> {
  const rows = await session.rows<Omit<StoredVerdict, "verdict"> & { readonly kind: number }>(
    `SELECT DISTINCT ON (1) (at_ms / $5::bigint) * $5::bigint AS "atMs", verdict AS kind, value, control,
       limit_value AS "limit", low, high, requests, p_value AS "pValue"
     FROM verdict
     WHERE guardrail_id = (SELECT id FROM guardrail WHERE experiment = $1 AND name = $2)
       AND at_ms >= $3 AND at_ms < $4
     ORDER BY 1, ${gravity("verdict")} DESC, at_ms DESC`,
    [experiment, guardrail, fromMs, toMs, stepMs],
  );
  return rows.map(({ kind, ...row }) =>
    Object.assign(row, { verdict: verdictKinds[kind] as VerdictRow["verdict"] }),
  );
}

export async function trimVerdicts(
  session: Session,
  nowMs: number,
  { retentionMs, rowsMax }: VerdictRetention,
): Promise<VerdictTrim> {
  let deleted = await remove(session, "WHERE at_ms < $2", verdictsDeletedMax, [
    nowMs - retentionMs,
  ]);
  const [counted] = await session.rows<{ rows: number }>("SELECT count(*) AS rows FROM verdict");
  let rows = counted?.rows ?? 0;
  // Breaches are what somebody will look for: they go last.
  for (const where of ["WHERE verdict < 3", ""]) {
    const surplus = Math.min(rows - rowsMax, verdictsDeletedMax - deleted);
    if (surplus <= 0) break;
    const gone = await remove(session, where, surplus, []);
    deleted += gone;
    rows -= gone;
  }
  if (deleted > 0) await removeUnused(session);
  return { deleted, isDone: deleted < verdictsDeletedMax };
}

async function remove(
  session: Session,
  where: string,
  limit: number,
  values: readonly number[],
): Promise<number> {
  return session.run(
    `DELETE FROM verdict WHERE (guardrail_id, at_ms) IN
     (SELECT guardrail_id, at_ms FROM verdict ${where} ORDER BY at_ms LIMIT $1)`,
    [limit, ...values],
  );
}

/** Another replica may just be adding to one: it stays then, and goes with the next turn. */
async function removeUnused(session: Session): Promise<void> {
  await session.run(
    `DELETE FROM guardrail WHERE id IN (
       SELECT id FROM guardrail
       WHERE NOT EXISTS (SELECT 1 FROM verdict WHERE guardrail_id = guardrail.id)
       FOR UPDATE SKIP LOCKED)`,
  );
}

const measured = "value, control, limit_value, low, high, requests, p_value";

function keyOf({ experiment, guardrail }: Pick<JudgedGuardrail, "experiment" | "guardrail">) {
  return JSON.stringify([experiment, guardrail]);
}

/** As gravityOf of the guardrails has it. */
function gravity(column: string): string {
  return `greatest(${column} - 1, 0)`;
}

function gravityOf({ verdict }: VerdictRow): number {
  return Math.max(verdictKinds.indexOf(verdict) - 1, 0);
}
