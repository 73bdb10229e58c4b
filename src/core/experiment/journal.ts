import type { JsonValue } from "./policy.ts";

/** What an entry, or a kept state, is about; the subject is its key: an experiment, a rollout, an alert, a path of the admin port. */
export type JournalScope = "rollout" | "experiment" | "alert" | "config" | "store" | "admin";

/** One line of the append-only journal: who did what to what, and on which evidence. */
export type JournalEntry = {
  /** Rises by at least 1 from entry to entry, and is never given twice. */
  readonly sequence: number;
  /** Wall time in whole milliseconds. */
  readonly atMs: number;
  /** A person, a token's name, or the part of Sluice that decided. */
  readonly actor: string;
  readonly scope: JournalScope;
  readonly subject: string;
  /** What happened, as a word: `started`, `promoted`, `rolled_back`. */
  readonly kind: string;
  /** Reason and evidence. */
  readonly facts: JsonValue;
};

/** An entry that the store has not numbered yet. */
export type NewEntry = Omit<JournalEntry, "sequence">;
