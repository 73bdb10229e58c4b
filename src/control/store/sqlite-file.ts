import { accessSync, constants, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../../base/result.ts";
import { applicationId, migrate, migrations, readPragma, schemaVersion } from "./migrations.ts";
import { faultOf } from "./sqlite-fault.ts";
import type { StoreFault } from "./store.ts";

export type FileOptions = {
  /** How long to wait for another process's transaction; Sluice's main thread stands still meanwhile. */
  readonly busyTimeoutMs: number;
  readonly isReadOnly: boolean;
  /** The wall time that a damaged file is to be moved aside with; null leaves it and gives the fault. */
  readonly recoverAtMs: number | null;
};

export type OpenedFile = {
  readonly database: DatabaseSync;
  readonly recoveredFrom: string | null;
};

export const memoryPath = ":memory:";

/** What SQLite keeps of the write-ahead log's file after a checkpoint. */
const logBytesKept = 16 * 1024 * 1024;
const retryMs = 10;

/** Opens or creates the file, checks it from end to end and brings its schema up to date. */
export function openFile(path: string, options: FileOptions): Result<OpenedFile, StoreFault> {
  const opened = openChecked(path, options);
  if (opened.ok) return ok({ database: opened.value, recoveredFrom: null });
  const isLost = opened.error.code === "corrupt" && !options.isReadOnly;
  if (!isLost || options.recoverAtMs === null) return opened;
  const moved = moveAside(path, `${path}.corrupt-${options.recoverAtMs}`);
  if (!moved.ok) return moved;
  const created = openChecked(path, options);
  return created.ok ? ok({ database: created.value, recoveredFrom: moved.value }) : created;
}

function openChecked(path: string, options: FileOptions): Result<DatabaseSync, StoreFault> {
  let database: DatabaseSync | null = null;
  try {
    if (path !== memoryPath && !options.isReadOnly) {
      mkdirSync(dirname(path), { recursive: true });
    }
    database = new DatabaseSync(path, {
      timeout: options.busyTimeoutMs,
      readOnly: options.isReadOnly,
      enableForeignKeyConstraints: true,
    });
    const fault = faultIn(database, path, options);
    if (fault === null) {
      if (!options.isReadOnly) prepareForWriting(database, options.busyTimeoutMs);
      return ok(database);
    }
    database.close();
    return err(fault);
  } catch (error) {
    database?.close();
    const fault = faultOf(path, error);
    if (fault === null) throw error;
    const isUnwritable = fault.code === "unreadable" && !options.isReadOnly;
    return err((isUnwritable ? writeFault(path) : null) ?? fault);
  }
}

/** Errors of opening do not say why; null when the file and the folder that there are could be written. */
function writeFault(path: string): StoreFault | null {
  let place = path;
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  try {
    accessSync(place, constants.W_OK);
    if (place === path) accessSync(dirname(place), constants.W_OK);
    return null;
  } catch (error) {
    return faultOf(path, error);
  }
}

/** Looks before anything is written, so that a file that is not ours stays as it is. */
function faultIn(
  database: DatabaseSync,
  path: string,
  { isReadOnly }: FileOptions,
): StoreFault | null {
  const version = schemaVersion(database);
  const isOurs = readPragma(database, "application_id") === applicationId;
  const isEmpty = database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (!isOurs && !isEmpty) {
    return { code: "unreadable", message: `${path} is the database of another program` };
  }
  if (version > migrations.length) {
    return {
      code: "newer",
      message: `the store ${path} was written by a newer Sluice (its schema is version ${version}, this Sluice knows ${migrations.length})`,
    };
  }
  if (isReadOnly && version < migrations.length) {
    return {
      code: "unreadable",
      message: `the store ${path} is of an older Sluice; start Sluice once to bring it up to date`,
    };
  }
  const found = Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
  if (found === "ok") return null;
  return { code: "corrupt", message: `the store ${path} is damaged (${String(found)})` };
}

function prepareForWriting(database: DatabaseSync, busyTimeoutMs: number): void {
  switchToLog(database, busyTimeoutMs);
  // With FULL, a commit is on the disk before it returns; otherwise the power takes the last ones with it.
  database.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = ${logBytesKept};
    PRAGMA cell_size_check = ON;
  `);
  migrate(database);
}

/** The one step for which SQLite does not wait itself when another process opens the new file as well. */
function switchToLog(database: DatabaseSync, busyTimeoutMs: number): void {
  for (let leftMs = busyTimeoutMs; ; leftMs -= retryMs) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (faultOf("", error)?.code !== "locked" || leftMs <= 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

/** The log goes with its database: it may hold what can still be saved by hand. */
function moveAside(path: string, aside: string): Result<string, StoreFault> {
  try {
    if (existsSync(aside)) {
      return err({ code: "io", message: `cannot move the damaged store to ${aside}: it exists` });
    }
    renameSync(path, aside);
    for (const suffix of ["-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    return ok(aside);
  } catch (error) {
    const fault = faultOf(path, error);
    if (fault === null) throw error;
    return err(fault);
  }
}
