import type { Result } from "../../base/result.ts";
import type { JournalEntry, JournalScope, NewEntry } from "../../core/experiment/journal.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import type { Verdict } from "../../core/rollout/guardrail/verdict.ts";

/**
 * Why the store did not do what it was asked; nothing of it happened.
 *
 * - `full`: no room on the disk; works again when there is
 * - `read_only`: the file, its folder or the disk cannot be written
 * - `locked`: another process wrote for longer than the wait
 * - `corrupt`: the file is no database or is damaged
 * - `unreadable`: there is no such file, or it belongs to another program or cannot be opened
 * - `newer`: a newer Sluice wrote the file
 * - `too_large`: a fact, a state or a batch is over its limit
 * - `io`: the disk failed, or the file was moved while open
 * - `unreachable`: the server did not answer in time, or refused; nothing is known to have happened
 * - `fenced`: another replica leads by now, so that this one may not decide any more
 * - `conflict`: another replica has changed the state meanwhile
 */
export type StoreFault = {
  readonly code:
    | "full"
    | "read_only"
    | "locked"
    | "corrupt"
    | "unreadable"
    | "newer"
    | "too_large"
    | "io"
    | "unreachable"
    | "fenced"
    | "conflict";
  /** For a person; names the file or the server. */
  readonly message: string;
};

/** The state that a subject has from now on; null when it has none any more. */
export type NewState = {
  readonly scope: JournalScope;
  readonly subject: string;
  readonly state: JsonValue | null;
  /**
   * In a shared store: the version that this replica changes, 0 for a state that is not there yet; if there is another by
   * now, the append is refused with `conflict`, else the version is one higher. Default: whatever is there.
   */
  readonly expected?: number;
};

export type StoredState = {
  readonly subject: string;
  readonly state: JsonValue;
  /** The newest entry of the journal when the state was written, those of the same append included. */
  readonly sequence: number;
  /** In a shared store: one higher with every write of the state, from 1. Elsewhere 0. */
  readonly version: number;
};

export type JournalQuery = {
  /** Only entries after this one. */
  readonly afterSequence?: number;
  /** Only entries before this one: the next page when reading the newest first. */
  readonly beforeSequence?: number;
  readonly subject?: string;
  /** Only what is about this experiment: its own entries, its rollout's, and those of alerts about it. */
  readonly about?: string;
  readonly scope?: JournalScope;
  /** 1 to `journalReadMax`, default `journalReadDefault`. */
  readonly limit?: number;
  /** Default: the oldest first. */
  readonly newestFirst?: boolean;
};

export const journalReadDefault = 100;
export const journalReadMax = 1000;
/** Entries of one append. */
export const appendEntriesMax = 1000;
/** Characters of an entry's facts, as JSON. */
export const factsCharactersMax = 64 * 1024;
/** Characters of a state, as JSON. */
export const stateCharactersMax = 1024 * 1024;

/** How long the stretches are that history is kept in, in milliseconds: 10 s, 1 min, 1 h. */
export const historyResolutionsMs = [10_000, 60_000, 3_600_000] as const;
export type HistoryResolutionMs = (typeof historyResolutionsMs)[number];

export type HistoryRow = {
  /** The series' key as text, whatever its writer takes for that. */
  readonly series: string;
  /** When the stretch began, wall time; the store rounds it down to a multiple of the resolution. */
  readonly atMs: number;
  readonly resolutionMs: HistoryResolutionMs;
  /** See encodeHistory. */
  readonly counts: Uint8Array;
};

/** Rows of one `addHistory`, and of one `addVerdicts`. */
export const historyBatchMax = 5000;
/** Rows of one answer; one stretch of time is never cut, so a few more are possible. */
export const historyReadMax = 10_000;

export type HistoryQuery = {
  /** Stretches that begin at this wall time or later, and before `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolutionMs: HistoryResolutionMs;
  /** Default: all. */
  readonly series?: string;
};

export type HistoryPage = {
  /** By time, then by series. */
  readonly rows: readonly HistoryRow[];
  /** Where to read on; null when this was all. */
  readonly nextFromMs: number | null;
};

export type RollUp = {
  /** Rows that were added into rows of the next resolution. */
  readonly merged: number;
  /** Rows that were too old or too many. */
  readonly deleted: number;
  /** Rows since the opening whose bytes nobody could read, and which count nowhere. */
  readonly unreadable: number;
  /** Rows of history that there are now. */
  readonly rows: number;
  /** False when the bound on one call's work left some for the next. */
  readonly isDone: boolean;
};

/** A series of which there is history. */
export type KnownSeries = {
  readonly series: string;
  /** When its first row that is still there began. */
  readonly firstMs: number;
};

/** By resolution: up to when rows may have been deleted. Later ones are all there; a resolution without one has all of its. */
export type HistoryCuts = ReadonlyMap<number, number>;

export type SeriesQuery = {
  readonly series: string;
  /** Multiples of the resolution; rows that begin in between. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolutionMs: HistoryResolutionMs;
  /** Rows of the resolution; finer ones that are not yet part of them come besides. */
  readonly limit: number;
};

export type SeriesPage = {
  /** Those of the resolution by time, then finer ones. No request is in two of them. */
  readonly rows: readonly HistoryRow[];
  /** Where to read on; null when this was all. */
  readonly nextFromMs: number | null;
};

/** A guardrail as it was when it was judged last. */
export type JudgedGuardrail = {
  readonly experiment: string;
  readonly guardrail: string;
  readonly unit: "share" | "ms" | "number";
  readonly onBreach: "rollback" | "pause" | "alert";
  readonly dryRun: boolean;
};

/** What a guardrail said in a stretch of time: the gravest verdict with its values, see gravityOf. */
export type VerdictRow = {
  readonly of: JudgedGuardrail;
  readonly atMs: number;
  readonly verdict: Verdict["verdict"];
  readonly value: number | null;
  readonly control: number | null;
  readonly limit: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly requests: number;
  readonly pValue: number | null;
};

export type VerdictQuery = {
  readonly experiment: string;
  readonly guardrail: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Stretches to sum up, from multiples of it. */
  readonly stepMs: number;
};

export type VerdictRetention = {
  readonly retentionMs: number;
  /** When there are more rows, the oldest go, breaches last. */
  readonly rowsMax: number;
};

export type VerdictTrim = {
  readonly deleted: number;
  /** False when the bound on one call's work left some for the next. */
  readonly isDone: boolean;
};

/** Journal, states and history that outlive the process. Every call is done when it returns. */
export type Store = {
  /** The file that was damaged and moved aside when this one was opened; null when none was. */
  readonly recoveredFrom: string | null;
  /**
   * Adds entries to the journal and changes states, all of it or nothing, and durably before it returns.
   * Gives the newest entry's sequence number, 0 when there is none. Throws a TypeError when a value has
   * no JSON. In a shared store, `fence` is the epoch that this replica leads in: if another leads by now, nothing is
   * written (`fenced`).
   */
  append(
    entries: readonly NewEntry[],
    states: readonly NewState[],
    fence?: number,
  ): Result<number, StoreFault>;
  /** By subject. */
  states(scope: JournalScope): Result<readonly StoredState[], StoreFault>;
  read(query: JournalQuery): Result<readonly JournalEntry[], StoreFault>;
  /**
   * Adds rows up with what there is of the same series, time and resolution. In a shared store, `batch` rises with each
   * batch of this process and stays when the same rows are tried again, so that they count once even if the first answer
   * was lost.
   */
  addHistory(rows: readonly HistoryRow[], batch?: number): Result<void, StoreFault>;
  readHistory(query: HistoryQuery): Result<HistoryPage, StoreFault>;
  /**
   * Adds the rows of each minute and hour that is over at the wall time `nowMs` into one, and deletes what
   * is too old; a part of it when there is much. The journal stays.
   */
  rollUp(nowMs: number): Result<RollUp, StoreFault>;
  /** The series whose text begins with `prefix`, which is not empty; by text. */
  historySeries(prefix: string): Result<readonly KnownSeries[], StoreFault>;
  historyCuts(): Result<HistoryCuts, StoreFault>;
  /** How many rows a series has in a range, in one resolution. */
  countSeries(query: Omit<SeriesQuery, "limit">): Result<number, StoreFault>;
  /** Rows of a range so that every request is in exactly one of them. */
  readSeries(query: SeriesQuery): Result<SeriesPage, StoreFault>;
  /** Writes verdicts; where there is one of the same guardrail and time, the graver one stays. */
  addVerdicts(rows: readonly VerdictRow[]): Result<void, StoreFault>;
  /** Guardrails that the experiment's rollout was ever judged by, as far as rows reach back. */
  judgedGuardrails(experiment: string): Result<readonly JudgedGuardrail[], StoreFault>;
  firstVerdictMs(experiment: string): Result<number | null, StoreFault>;
  /** The gravest of each stretch, by time. */
  readVerdicts(query: VerdictQuery): Result<readonly Omit<VerdictRow, "of">[], StoreFault>;
  /** Deletes verdicts that are too old or too many; a part of them when there is much. */
  trimVerdicts(nowMs: number, retention: VerdictRetention): Result<VerdictTrim, StoreFault>;
  /** May be called again; every other call then gives a fault. */
  close(): void;
};
