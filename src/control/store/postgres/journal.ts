import type { JournalEntry, JournalScope } from "../../../core/experiment/journal.ts";
import type { JsonValue } from "../../../core/experiment/policy.ts";
import { entryOf, journalSelection, type JournalRow } from "../journal-reads.ts";
import type { StateVersion } from "../shared-store.ts";
import type { JournalQuery, StoredState } from "../store.ts";
import { inTransaction, type Session } from "./connection.ts";
import { Refusal } from "./fault.ts";
import { lockClass, locks } from "./schema.ts";

/** Entries and states of one append, in columns, their JSON as text. */
export type Appended = {
  readonly entries: readonly {
    readonly atMs: number;
    readonly actor: string;
    readonly scope: JournalScope;
    readonly subject: string;
    readonly kind: string;
    readonly facts: string;
  }[];
  readonly states: readonly AppendedState[];
  /** The epoch that the writer leads in; null asks nobody. */
  readonly fence: number | null;
};

type AppendedState = {
  readonly scope: JournalScope;
  readonly subject: string;
  /** Null when there is none any more. */
  readonly text: string | null;
  readonly expected: number | null;
};

/** The channel that tells of changed states. */
export const stateChannel = "sluice_state";
/** A notice has 8000 bytes at most, and a character may take six of them. */
const noticeSubjectBytesMax = 1000;

/**
 * Writes entries and states in one transaction and gives the newest sequence number; refuses with `fenced` or `conflict`.
 * Appends come one after the other, so that whoever reads on after a sequence number misses none.
 */
export async function append(
  session: Session,
  { entries, states, fence }: Appended,
  instance: string,
): Promise<number> {
  const write = async () => {
    if (fence !== null) await checkFence(session, fence);
    const written = await checkVersions(session, states);
    const sequence = await addEntries(session, entries);
    if (written.length > 0) await putStates(session, written, sequence, instance);
    return sequence;
  };
  const begin = `BEGIN; SELECT pg_advisory_xact_lock(${lockClass}, ${locks.append})`;
  return inTransaction(session, write, begin);
}

/** Nobody takes the lead while this transaction lasts. */
async function checkFence(session: Session, fence: number): Promise<void> {
  const [leader] = await session.rows<{ epoch: number; instance: string | null }>(
    "SELECT epoch, instance FROM leader FOR SHARE",
  );
  if (leader?.epoch === fence) return;
  const message = `another replica leads by now (epoch ${leader?.epoch ?? "unknown"}, this one led in ${fence})`;
  throw new Refusal({ code: "fenced", message });
}

/** The states to write, the last of each subject. */
async function checkVersions(
  session: Session,
  states: readonly AppendedState[],
): Promise<readonly AppendedState[]> {
  if (states.length === 0) return [];
  const wanted = new Map(states.map((state) => [`${state.scope} ${state.subject}`, state]));
  const kept = [...wanted.values()];
  const found = await session.rows<StateVersion>(
    `SELECT scope, subject, version FROM state
     WHERE (scope, subject) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
    columnsOf(kept),
  );
  const versions = new Map(
    found.map(({ scope, subject, version }) => [`${scope} ${subject}`, version]),
  );
  for (const [key, { scope, subject, expected }] of wanted) {
    const version = versions.get(key) ?? 0;
    if (expected === null || expected === version) continue;
    const message = `another replica has changed the state of ${scope} ${subject} meanwhile (version ${version}, this one knew ${expected})`;
    throw new Refusal({ code: "conflict", message });
  }
  return kept;
}

function columnsOf(states: readonly AppendedState[]): [string[], string[]] {
  return [states.map(({ scope }) => scope), states.map(({ subject }) => subject)];
}

async function addEntries(session: Session, entries: Appended["entries"]): Promise<number> {
  if (entries.length > 0) {
    await session.run(
      `INSERT INTO journal (at_ms, actor, scope, subject, kind, facts)
       SELECT at_ms, actor, scope, subject, kind, facts
       FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         WITH ORDINALITY AS entry (at_ms, actor, scope, subject, kind, facts, place)
       ORDER BY place`,
      [
        entries.map(({ atMs }) => atMs),
        entries.map(({ actor }) => actor),
        entries.map(({ scope }) => scope),
        entries.map(({ subject }) => subject),
        entries.map(({ kind }) => kind),
        entries.map(({ facts }) => facts),
      ],
    );
  }
  const [last] = await session.rows<{ sequence: number }>(
    "SELECT coalesce(max(sequence), 0) AS sequence FROM journal",
  );
  return last?.sequence ?? 0;
}

/** Others are told when the transaction is done; of a subject that is too long for a notice they learn by their heartbeat. */
async function putStates(
  session: Session,
  states: readonly AppendedState[],
  sequence: number,
  instance: string,
): Promise<void> {
  const tell = `SELECT pg_notify('${stateChannel}', json_build_object(
      'scope', scope, 'subject', subject, 'version', version, 'instance', $3::text)::text)
    FROM written WHERE octet_length(subject) < ${noticeSubjectBytesMax}`;
  const given = states.filter(({ text }) => text !== null);
  if (given.length > 0) {
    await session.run(
      `WITH written AS (
         INSERT INTO state AS kept (scope, subject, state, sequence, version)
         SELECT scope, subject, text, $5, 1
         FROM unnest($1::text[], $2::text[], $4::text[]) AS given (scope, subject, text)
         ON CONFLICT (scope, subject) DO UPDATE
           SET state = excluded.state, sequence = excluded.sequence, version = kept.version + 1
         RETURNING scope, subject, version)
       ${tell}`,
      [...columnsOf(given), instance, given.map(({ text }) => text), sequence],
    );
  }
  const gone = states.filter(({ text }) => text === null);
  if (gone.length > 0) {
    await session.run(
      `WITH written AS (
         DELETE FROM state
         WHERE (scope, subject) IN (SELECT * FROM unnest($1::text[], $2::text[]))
         RETURNING scope, subject, version + 1 AS version)
       ${tell}`,
      [...columnsOf(gone), instance],
    );
  }
}

/** By subject. */
export async function readStates(
  session: Session,
  scope: JournalScope,
): Promise<readonly StoredState[]> {
  const rows = await session.rows<Omit<StoredState, "state"> & { readonly text: string }>(
    `SELECT subject, state AS text, sequence, version FROM state
     WHERE scope = $1 ORDER BY subject`,
    [scope],
  );
  return rows.map(({ subject, text, sequence, version }) => {
    return { subject, state: JSON.parse(text) as JsonValue, sequence, version };
  });
}

export async function readJournal(
  session: Session,
  query: JournalQuery,
): Promise<readonly JournalEntry[]> {
  const { sql, values } = journalSelection(query);
  let place = 0;
  const rows = await session.rows<JournalRow>(
    sql.replaceAll("?", () => `$${(place += 1)}`),
    values,
  );
  return rows.map(entryOf);
}
