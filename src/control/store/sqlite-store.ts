import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../../base/result.ts";
import type { JournalEntry, JournalScope, NewEntry } from "../../core/experiment/journal.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import { over, textsOf } from "./append-texts.ts";
import { HistoryTables } from "./history.ts";
import { HistoryReads } from "./history-reads.ts";
import { readJournal } from "./journal-reads.ts";
import { inTransaction } from "./migrations.ts";
import { memoryPath, openFile, type OpenedFile } from "./sqlite-file.ts";
import { faultOf } from "./sqlite-fault.ts";
import { VerdictTables, type StoredVerdict } from "./verdicts.ts";
import {
  historyBatchMax,
  type HistoryCuts,
  type HistoryPage,
  type HistoryQuery,
  type HistoryRow,
  type JournalQuery,
  type JudgedGuardrail,
  type KnownSeries,
  type NewState,
  type RollUp,
  type SeriesPage,
  type SeriesQuery,
  type Store,
  type StoredState,
  type StoreFault,
  type VerdictQuery,
  type VerdictRetention,
  type VerdictRow,
  type VerdictTrim,
} from "./store.ts";

export type SqliteOptions = {
  /** How long a call waits, standing still, while another process writes. Default 1 s. */
  readonly busyTimeoutMs?: number;
  /** For looking on: nothing is created, migrated or written. Default false. */
  readonly isReadOnly?: boolean;
  /** Default 168 hours. */
  readonly historyRetentionMs?: number;
  /** Default 200 000: at most about 2 GB, for 11 kB are what a busy variant's ten seconds take. */
  readonly historyRowsMax?: number;
  /** When the file is corrupt, move it to `<path>.corrupt-<this wall time>` and begin anew. Default: give the fault. */
  readonly recoverAtMs?: number | null;
};

/**
 * Opens the store in the file at `path`, or creates it with its folder; `:memory:` is a store that ends with
 * the process. Reads the whole file once, to find damage before it is believed.
 */
export function openSqliteStore(
  path: string,
  options: SqliteOptions = {},
): Result<Store, StoreFault> {
  const opened = openFile(path, {
    busyTimeoutMs: options.busyTimeoutMs ?? 1000,
    isReadOnly: options.isReadOnly ?? false,
    recoverAtMs: options.recoverAtMs ?? null,
  });
  if (!opened.ok) return opened;
  try {
    return ok(new SqliteStore(path, opened.value, options));
  } catch (error) {
    opened.value.database.close();
    const fault = faultOf(path, error);
    if (fault === null) throw error;
    return err(fault);
  }
}

class SqliteStore implements Store {
  readonly recoveredFrom: string | null;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #history: HistoryTables;
  readonly #historyReads: HistoryReads;
  readonly #verdicts: VerdictTables;
  /** Which file this is, whatever its name; null in memory. */
  readonly #file: string | null;

  constructor(path: string, { database, recoveredFrom }: OpenedFile, options: SqliteOptions) {
    this.#path = path;
    this.#database = database;
    this.recoveredFrom = recoveredFrom;
    this.#statements = prepareStatements(database);
    this.#history = new HistoryTables(database, {
      historyRetentionMs: options.historyRetentionMs ?? 168 * 3_600_000,
      historyRowsMax: options.historyRowsMax ?? 200_000,
    });
    this.#historyReads = new HistoryReads(database);
    this.#verdicts = new VerdictTables(database);
    this.#file = path === memoryPath ? null : identityOf(path);
  }

  append(entries: readonly NewEntry[], states: readonly NewState[]): Result<number, StoreFault> {
    const texts = textsOf(entries, states);
    if (!texts.ok) return texts;
    const { facts, states: stateTexts } = texts.value;
    return this.#write(() =>
      inTransaction(this.#database, () => {
        const { insertEntry, putState, deleteState } = this.#statements;
        for (const [at, { atMs, actor, scope, subject, kind }] of entries.entries()) {
          insertEntry.run(atMs, actor, scope, subject, kind, facts[at] as string);
        }
        const sequence = this.#lastSequence();
        for (const [at, { scope, subject, state }] of states.entries()) {
          if (state === null) deleteState.run(scope, subject);
          else putState.run(scope, subject, stateTexts[at] as string, sequence);
        }
        return sequence;
      }),
    );
  }

  states(scope: JournalScope): Result<readonly StoredState[], StoreFault> {
    return this.#attempt(() =>
      this.#statements.states.all(scope).map(({ subject, state, sequence }) => ({
        subject: subject as string,
        state: JSON.parse(state as string) as JsonValue,
        sequence: sequence as number,
        version: 0,
      })),
    );
  }

  read(query: JournalQuery): Result<readonly JournalEntry[], StoreFault> {
    return this.#attempt(() => readJournal(this.#database, query));
  }

  addHistory(rows: readonly HistoryRow[]): Result<void, StoreFault> {
    const tooLarge = over("rows of history at once", rows.length, historyBatchMax);
    if (tooLarge !== null) return err(tooLarge);
    return this.#write(() => this.#history.add(rows));
  }

  readHistory(query: HistoryQuery): Result<HistoryPage, StoreFault> {
    return this.#attempt(() => this.#history.read(query));
  }

  rollUp(nowMs: number): Result<RollUp, StoreFault> {
    return this.#write(() => this.#history.rollUp(nowMs));
  }

  historySeries(prefix: string): Result<readonly KnownSeries[], StoreFault> {
    return this.#attempt(() => this.#historyReads.series(prefix));
  }

  historyCuts(): Result<HistoryCuts, StoreFault> {
    return this.#attempt(() => this.#historyReads.cuts());
  }

  countSeries(query: Omit<SeriesQuery, "limit">): Result<number, StoreFault> {
    return this.#attempt(() => this.#historyReads.count(query));
  }

  readSeries(query: SeriesQuery): Result<SeriesPage, StoreFault> {
    return this.#attempt(() => this.#historyReads.read(query));
  }

  addVerdicts(rows: readonly VerdictRow[]): Result<void, StoreFault> {
    const tooLarge = over("verdicts at once", rows.length, historyBatchMax);
    if (tooLarge !== null) return err(tooLarge);
    return this.#write(() => this.#verdicts.add(rows));
  }

  judgedGuardrails(experiment: string): Result<readonly JudgedGuardrail[], StoreFault> {
    return this.#attempt(() => this.#verdicts.guardrails(experiment));
  }

  firstVerdictMs(experiment: string): Result<number | null, StoreFault> {
    return this.#attempt(() => this.#verdicts.firstMs(experiment));
  }

  readVerdicts(query: VerdictQuery): Result<readonly StoredVerdict[], StoreFault> {
    return this.#attempt(() => this.#verdicts.read(query));
  }

  trimVerdicts(nowMs: number, retention: VerdictRetention): Result<VerdictTrim, StoreFault> {
    return this.#write(() => this.#verdicts.trim(nowMs, retention));
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #lastSequence(): number {
    return (this.#statements.lastSequence.get()?.["sequence"] as number | undefined) ?? 0;
  }

  #write<Value>(write: () => Value): Result<Value, StoreFault> {
    return this.#attempt(() => {
      // What goes into a file that has lost its name ends with the process.
      if (this.#file !== null && identityOf(this.#path) !== this.#file) throw new FileMoved();
      return write();
    });
  }

  #attempt<Value>(run: () => Value): Result<Value, StoreFault> {
    const path = this.#path;
    if (!this.#database.isOpen) return err({ code: "io", message: `the store ${path} is closed` });
    try {
      return ok(run());
    } catch (error) {
      if (error instanceof FileMoved) {
        return err({ code: "io", message: `the store ${path} was moved or deleted while open` });
      }
      const fault = faultOf(path, error);
      if (fault === null) throw error;
      return err(fault);
    }
  }
}

class FileMoved extends Error {}

function identityOf(path: string): string | null {
  const file = statSync(path, { throwIfNoEntry: false });
  return file === undefined ? null : `${file.dev}:${file.ino}`;
}

function prepareStatements(database: DatabaseSync) {
  return {
    insertEntry: database.prepare(
      `INSERT INTO journal (at_ms, actor, scope, subject, kind, facts) VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    lastSequence: database.prepare(
      "SELECT seq AS sequence FROM sqlite_sequence WHERE name = 'journal'",
    ),
    putState: database.prepare(
      `INSERT INTO state (scope, subject, state, sequence) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET state = excluded.state, sequence = excluded.sequence`,
    ),
    deleteState: database.prepare("DELETE FROM state WHERE scope = ? AND subject = ?"),
    states: database.prepare(
      "SELECT subject, state, sequence FROM state WHERE scope = ? ORDER BY subject",
    ),
  };
}
