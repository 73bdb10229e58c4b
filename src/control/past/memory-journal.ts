import { ok } from "../../base/result.ts";
import { alertKinds } from "../../core/alerting/policy.ts";
import type { JournalEntry, NewEntry } from "../../core/experiment/journal.ts";
import {
  journalReadDefault,
  journalReadMax,
  type JournalQuery,
  type Store,
} from "../store/store.ts";

/** Entries that are kept without a store, all experiments together; the oldest go first. */
export const memoryJournalMax = 2000;

/** What a journal is written to and read from. */
export type JournalStore = Pick<Store, "append" | "states" | "read">;

/** The journal of a Sluice without a store: it ends with the process, and states are not kept at all. */
export function createMemoryJournal(): JournalStore {
  const entries: JournalEntry[] = [];
  let sequence = 0;
  return {
    append(fresh: readonly NewEntry[]) {
      for (const entry of fresh) {
        sequence += 1;
        entries.push({ ...entry, sequence });
      }
      entries.splice(0, Math.max(0, entries.length - memoryJournalMax));
      return ok(sequence);
    },
    states: () => ok([]),
    read(query) {
      const found = entries.filter((entry) => matches(entry, query));
      if (query.newestFirst === true) found.reverse();
      const limit = Math.min(Math.max(query.limit ?? journalReadDefault, 1), journalReadMax);
      return ok(found.slice(0, limit));
    },
  };
}

function matches(entry: JournalEntry, query: JournalQuery): boolean {
  const { afterSequence = -Infinity, beforeSequence = Infinity, scope, subject, about } = query;
  return (
    entry.sequence > afterSequence &&
    entry.sequence < beforeSequence &&
    (scope === undefined || entry.scope === scope) &&
    (subject === undefined || entry.subject === subject) &&
    (about === undefined || isAbout(entry, about))
  );
}

/** As the store's own reading has it: an alert's subject is `KIND/KEY` or `KIND/KEY/SUBJECT`. */
function isAbout({ scope, subject }: JournalEntry, experiment: string): boolean {
  if (scope === "experiment" || scope === "rollout") return subject === experiment;
  if (scope !== "alert") return false;
  return alertKinds.some((kind) => `${subject}/`.startsWith(`${kind}/${experiment}/`));
}
