import type { DatabaseSync } from "node:sqlite";

/**
 * The schema's versions, in order: version n is what the first n make of an empty file. They only go
 * forward; what was released is never changed.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    facts TEXT NOT NULL
  ) STRICT;
  CREATE INDEX journal_by_subject ON journal (subject, sequence);
  CREATE INDEX journal_by_scope ON journal (scope, sequence);
  CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

  CREATE TABLE state (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (scope, subject)
  ) STRICT;
  `,
  `
  CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL REFERENCES series (id),
    resolution_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    is_rolled INTEGER NOT NULL,
    counts BLOB NOT NULL,
    UNIQUE (series_id, resolution_ms, at_ms)
  ) STRICT;
  CREATE INDEX history_by_time ON history (resolution_ms, at_ms, is_rolled);
  CREATE INDEX history_to_roll ON history (resolution_ms, at_ms) WHERE is_rolled = 0;
  `,
  `
  -- Up to when rows of a resolution may have been deleted; later ones are all there.
  CREATE TABLE history_cut (
    resolution_ms INTEGER PRIMARY KEY,
    until_ms INTEGER NOT NULL
  ) STRICT;
  -- Of what was deleted before nothing is known: what is older than the oldest row, or all of it where there is none.
  INSERT INTO history_cut (resolution_ms, until_ms)
    SELECT finer.resolution_ms, coalesce(
      (SELECT min(at_ms) - 1 FROM history WHERE resolution_ms = finer.resolution_ms),
      (SELECT max(at_ms + resolution_ms) FROM history))
    FROM (SELECT 10000 AS resolution_ms UNION ALL SELECT 60000) AS finer
    WHERE EXISTS (SELECT 1 FROM history);

  CREATE TABLE guardrail (
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    on_breach TEXT NOT NULL,
    is_dry_run INTEGER NOT NULL,
    UNIQUE (experiment, name)
  ) STRICT;

  CREATE TABLE verdict (
    guardrail_id INTEGER NOT NULL REFERENCES guardrail (id),
    at_ms INTEGER NOT NULL,
    -- 0 ok, 1 wait, 2 error, 3 breach.
    verdict INTEGER NOT NULL,
    value REAL,
    control REAL,
    limit_value REAL,
    low REAL,
    high REAL,
    requests INTEGER NOT NULL,
    p_value REAL,
    PRIMARY KEY (guardrail_id, at_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX verdict_by_time ON verdict (at_ms, verdict);
  `,
];

/** "Sluc" in ASCII: tells Sluice's files from those of other programs. */
export const applicationId = 0x536c7563;

export function schemaVersion(database: DatabaseSync): number {
  return readPragma(database, "user_version");
}

export function readPragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** Brings a file to the newest version in one transaction: it fails whole. Does nothing to a newer one. */
export function migrate(database: DatabaseSync, steps: readonly string[] = migrations): void {
  if (schemaVersion(database) >= steps.length) return;
  inTransaction(database, () => {
    // Another process may have been faster.
    for (const step of steps.slice(schemaVersion(database))) database.exec(step);
    database.exec(`PRAGMA application_id = ${applicationId}`);
    const version = Math.max(schemaVersion(database), steps.length);
    database.exec(`PRAGMA user_version = ${version}`);
  });
}

/** Runs `change` alone among all writers; when it or the commit throws, nothing has changed. */
export function inTransaction<Value>(database: DatabaseSync, change: () => Value): Value {
  database.exec("BEGIN IMMEDIATE");
  try {
    const value = change();
    database.exec("COMMIT");
    return value;
  } catch (error) {
    // SQLite itself rolls back after some errors, a full disk among them.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
