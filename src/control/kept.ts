import type { JournalScope } from "../core/experiment/journal.ts";
import type { JsonValue } from "../core/experiment/policy.ts";
import type { Store } from "./store/store.ts";

/** What a runner takes from the store when it starts. */

/** Journal entries that are kept in memory for each rollout and experiment. */
export const journalMax = 200;
/** Entries that wait for the store; the oldest go first, the state says all that matters. */
export const owedMax = 100;

export type JournalLine = {
  readonly atMs: number;
  readonly what: string;
  readonly actor: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
};

/** States by subject; a store that cannot be read is as good as none, and says so. */
export function readStates(
  store: Pick<Store, "states"> | null,
  scope: JournalScope,
  log: (level: "error", message: string, facts: Record<string, unknown>) => void,
): Map<string, JsonValue> {
  const states = store?.states(scope);
  if (states === undefined) return new Map();
  if (states.ok) return new Map(states.value.map(({ subject, state }) => [subject, state]));
  log("error", `${scope}s cannot be read from the store`, { reason: states.error.message });
  return new Map();
}

/** The last entries about a subject, oldest first. */
export function readJournal(
  store: Pick<Store, "read"> | null,
  scope: JournalScope,
  subject: string,
  limit: number,
): JournalLine[] {
  const read = store?.read({ scope, subject, newestFirst: true, limit });
  if (read === undefined || !read.ok) return [];
  return read.value.toReversed().map(({ atMs, kind, actor, facts }) => ({
    atMs,
    what: kind,
    actor,
    facts: facts as JournalLine["facts"],
  }));
}
