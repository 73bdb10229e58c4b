import type { DatabaseSync } from "node:sqlite";
import { alertKinds } from "../../core/alerting/policy.ts";
import type { JournalEntry } from "../../core/experiment/journal.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import { journalReadDefault, journalReadMax, type JournalQuery } from "./store.ts";

/** Entries of the journal; throws what SQLite throws. */
export function readJournal(database: DatabaseSync, query: JournalQuery): readonly JournalEntry[] {
  const { sql, values } = journalSelection(query);
  return database
    .prepare(sql)
    .all(...values)
    .map((row) => entryOf(row as JournalRow));
}

/** The statement that reads entries, with question marks for its values. */
export function journalSelection(query: JournalQuery): {
  readonly sql: string;
  readonly values: readonly (string | number)[];
} {
  const wheres: string[] = [];
  const values: (string | number)[] = [];
  for (const [where, value] of [
    ["sequence > ?", query.afterSequence],
    ["sequence < ?", query.beforeSequence],
    ["subject = ?", query.subject],
    ["scope = ?", query.scope],
  ] as const) {
    if (value === undefined) continue;
    wheres.push(where);
    values.push(value);
  }
  if (query.about !== undefined) {
    const about = aboutExperiment(query.about);
    wheres.push(about.where);
    values.push(...about.values);
  }
  const where = wheres.length === 0 ? "" : `WHERE ${wheres.join(" AND ")}`;
  const order = query.newestFirst === true ? "DESC" : "ASC";
  values.push(Math.min(Math.max(query.limit ?? journalReadDefault, 1), journalReadMax));
  return { sql: `SELECT * FROM journal ${where} ORDER BY sequence ${order} LIMIT ?`, values };
}

/**
 * An experiment's and a rollout's subject is its key, an alert's is `KIND/KEY` or `KIND/KEY/SUBJECT` (see idOf). The kinds
 * are spelled out, so that the index by subject finds them.
 */
function aboutExperiment(key: string): { readonly where: string; readonly values: string[] } {
  const ofAlerts = alertKinds.flatMap((kind) => {
    const subject = `${kind}/${key}`;
    // "0" is the character behind "/".
    return [subject, `${subject}/`, `${subject}0`];
  });
  const alert = "scope = 'alert' AND (subject = ? OR (subject >= ? AND subject < ?))";
  const wheres = [
    "(subject = ? AND scope IN ('experiment', 'rollout'))",
    ...alertKinds.map(() => `(${alert})`),
  ];
  return { where: `(${wheres.join(" OR ")})`, values: [key, ...ofAlerts] };
}

/** A row of the journal's table. */
export type JournalRow = Omit<JournalEntry, "atMs" | "facts"> & {
  readonly at_ms: number;
  readonly facts: string;
};

/** Throws a SyntaxError when the facts are no JSON. */
export function entryOf(row: JournalRow): JournalEntry {
  const { sequence, at_ms: atMs, actor, scope, subject, kind, facts } = row;
  return { sequence, atMs, actor, scope, subject, kind, facts: JSON.parse(facts) as JsonValue };
}
