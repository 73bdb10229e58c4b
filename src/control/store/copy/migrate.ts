import type { Timers } from "../../../base/clock.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { placeOf } from "../../../core/config/database-place.ts";
import { Connection, type Session } from "../postgres/connection.ts";
import { faultOf as postgresFaultOf, Refusal } from "../postgres/fault.ts";
import {
  lockClass,
  locks,
  migrationMsMax,
  prepareSchema,
  schemaSteps,
} from "../postgres/schema.ts";
import { openFile } from "../sqlite-file.ts";
import { faultOf as sqliteFaultOf } from "../sqlite-fault.ts";
import type { StoreFault } from "../store.ts";
import { copyStore, type CopyCounts } from "./copy.ts";
import { createPostgresSource, createPostgresTarget } from "./postgres-copy.ts";
import { createSqliteSource, createSqliteTarget } from "./sqlite-copy.ts";

/** From a file to a database, or back. */
export type MigrationPlan = {
  readonly path: string;
  readonly url: string;
  readonly to: "sqlite" | "postgres";
};

const busyTimeoutMs = 10_000;
const connectMsMax = 10_000;
const copyMsMax = 24 * 3_600_000;

/** Copies a store into an empty one of the other kind: all of it, or nothing. Creates the one that it writes. */
export async function migrateStore(
  { path, url, to }: MigrationPlan,
  timers: Timers,
): Promise<Result<CopyCounts, StoreFault>> {
  const isToFile = to === "sqlite";
  const opened = openFile(path, { busyTimeoutMs, isReadOnly: !isToFile, recoverAtMs: null });
  if (!opened.ok) return opened;
  const { database } = opened.value;
  const place = placeOf(url);
  const connection = new Connection(
    {
      url,
      applicationName: "sluice migrate",
      deadlineMs: connectMsMax,
      isReadOnly: isToFile,
      onLost: () => {},
    },
    timers,
  );
  const copy = async (session: Session) => {
    const copied = isToFile
      ? await copyStore(
          createPostgresSource(place.name, session),
          createSqliteTarget(path, database),
        )
      : await copyStore(
          createSqliteSource(path, database),
          createPostgresTarget(place.name, session),
        );
    // Nothing of either transaction is kept.
    if (!copied.ok) throw new Refusal(copied.error);
    return copied.value;
  };
  try {
    await connection.open();
    const options = { steps: schemaSteps, isReadOnly: isToFile };
    await connection.ask((session) => prepareSchema(session, place, options), migrationMsMax);
    return ok(
      await connection.ask(async (session) => {
        await session.run(beginning(isToFile));
        database.exec(isToFile ? "BEGIN IMMEDIATE" : "BEGIN");
        const counts = await copy(session);
        // What was only read ends first: if that fails, nothing is kept.
        if (isToFile) await session.run("COMMIT");
        database.exec("COMMIT");
        if (!isToFile) await session.run("COMMIT");
        return counts;
      }, copyMsMax),
    );
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    const fault = sqliteFaultOf(path, error) ?? postgresFaultOf(place, error);
    if (fault === null) throw error;
    return err(fault);
  } finally {
    await connection.end();
    database.close();
  }
}

/** One moment of what is read; while it is written, no Sluice writes in between. */
function beginning(isRead: boolean): string {
  const patience =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
  if (isRead) return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${patience}`;
  const hold = [locks.append, locks.rollUp].map(
    (lock) => `SELECT pg_advisory_xact_lock(${lockClass}, ${lock})`,
  );
  return `BEGIN; ${patience}; ${hold.join("; ")}`;
}
