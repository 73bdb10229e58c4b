import type { MessagePort } from "node:worker_threads";
import type { JournalEntry, JournalScope } from "../../../core/experiment/journal.ts";
import type { HistoryOptions } from "../history.ts";
import type { RemotePart, ReplicaReport, Standing, StateVersion } from "../shared-store.ts";
import type {
  HistoryCuts,
  HistoryPage,
  HistoryQuery,
  HistoryRow,
  JournalQuery,
  JudgedGuardrail,
  KnownSeries,
  RollUp,
  SeriesPage,
  SeriesQuery,
  StoredState,
  StoreFault,
  VerdictQuery,
  VerdictRetention,
  VerdictRow,
  VerdictTrim,
} from "../store.ts";
import type { StoredVerdict } from "../verdicts.ts";
import type { Appended } from "./journal.ts";
import type { SchemaOptions } from "./schema.ts";

/** What the main thread and the thread that talks to the server say to each other. */

export type ThreadOptions = HistoryOptions &
  SchemaOptions & {
    readonly port: MessagePort;
    /** Numbers that both threads see, see `flag`. */
    readonly flags: SharedArrayBuffer;
    readonly url: string;
    /** This process, from its start to its end. */
    readonly instance: string;
    readonly deadlineMs: number;
  };

/** Places in `flags`: `wake` rises with each message to the main thread, `isUp` is 1 while the server is there. */
export const flag = { wake: 0, isUp: 1, count: 2 } as const;

/** While the main thread stands still for the answer. */
export type BlockingOperations = {
  append: (appended: Appended) => number;
  states: (scope: JournalScope) => readonly StoredState[];
  read: (query: JournalQuery) => readonly JournalEntry[];
  addHistory: (rows: readonly HistoryRow[], batch: number | null) => void;
  readHistory: (query: HistoryQuery) => HistoryPage;
  rollUp: (nowMs: number) => RollUp;
  historySeries: (prefix: string) => readonly KnownSeries[];
  historyCuts: () => HistoryCuts;
  countSeries: (query: Omit<SeriesQuery, "limit">) => number;
  readSeries: (query: SeriesQuery) => SeriesPage;
  addVerdicts: (rows: readonly VerdictRow[]) => void;
  judgedGuardrails: (experiment: string) => readonly JudgedGuardrail[];
  firstVerdictMs: (experiment: string) => number | null;
  readVerdicts: (query: VerdictQuery) => readonly StoredVerdict[];
  trimVerdicts: (nowMs: number, retention: VerdictRetention) => VerdictTrim;
};

/** While the main thread goes on. */
export type LaterOperations = {
  heartbeat: (report: ReplicaReport, wantsLead: boolean) => Standing;
  publish: (sequence: number, body: Uint8Array) => void;
  collect: () => readonly RemotePart[];
  leave: () => void;
};

export type Operations = BlockingOperations & LaterOperations;

/** Each operation as the thread performs it. */
export type Performed = {
  readonly [Name in keyof Operations]: (
    ...values: Parameters<Operations[Name]>
  ) => Promise<ReturnType<Operations[Name]>>;
};

export type ToThread =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: keyof Operations;
      readonly values: readonly unknown[];
    }
  | { readonly kind: "close" };

export type FromThread =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "fault"; readonly id: number; readonly fault: StoreFault }
  /** Why the server cannot be used; null when it can. */
  | { readonly kind: "status"; readonly down: StoreFault | null }
  | { readonly kind: "changed"; readonly changed: StateVersion };
