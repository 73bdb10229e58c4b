import type { History } from "../../wire/history-api.ts";
import type { JournalPage } from "../../wire/journal-api.ts";
import type { JournalEntry, JournalScope } from "../../core/experiment/journal.ts";
import { journalReadMax, type JournalQuery } from "../store/store.ts";
import type { JournalStore } from "./memory-journal.ts";

/** Pages of the journal that are looked through for one range; marks that are older than all of them are left out. */
const pagesMax = 4;

/** What the journal says about an experiment in a range, oldest first. */
export function readMarks(
  journal: Pick<JournalStore, "read">,
  about: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): History["marks"] {
  const found: JournalEntry[] = [];
  let beforeSequence: number | null = null;
  for (let page = 0; page < pagesMax; page += 1) {
    const query: JournalQuery = {
      about,
      newestFirst: true,
      limit: journalReadMax,
      ...(beforeSequence !== null && { beforeSequence }),
    };
    const read = journal.read(query);
    if (!read.ok) break;
    found.push(...read.value.filter(({ atMs }) => atMs >= fromMs && atMs < toMs));
    const oldest = read.value.at(-1);
    if (oldest === undefined || read.value.length < journalReadMax || oldest.atMs < fromMs) break;
    beforeSequence = oldest.sequence;
  }
  return found.toReversed().map((entry) => Object.assign(lineOf(entry), { scope: entry.scope }));
}

export type JournalRequest = {
  readonly experiment?: string | undefined;
  readonly scope?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
};

const scopes: ReadonlySet<string> = new Set<JournalScope>([
  "rollout",
  "experiment",
  "alert",
  "config",
  "store",
  "admin",
]);

/** A page of the journal, newest first; one of a scope that there is not is empty, as is a journal that cannot be read. */
export function readJournalPage(
  journal: Pick<JournalStore, "read">,
  { experiment, scope, before, limit }: JournalRequest,
): JournalPage {
  if (scope !== undefined && !scopes.has(scope)) return { entries: [], before: null };
  const read = journal.read({
    newestFirst: true,
    // One more tells whether there is another page; the store gives no more than so many at once.
    limit: Math.min(limit + 1, journalReadMax),
    ...(experiment !== undefined && { about: experiment }),
    ...(scope !== undefined && { scope: scope as JournalScope }),
    ...(before !== undefined && { beforeSequence: before }),
  });
  const found = read.ok ? read.value : [];
  const shown = found.slice(0, limit);
  const isMore = found.length > limit || found.length === journalReadMax;
  return {
    entries: shown.map((entry) => {
      const { sequence, scope: of, subject } = entry;
      return Object.assign(lineOf(entry), { sequence, scope: of, subject });
    }),
    before: isMore ? (shown.at(-1)?.sequence ?? null) : null,
  };
}

type Line = Omit<History["marks"][number], "scope">;

function lineOf({ atMs, kind, actor, facts }: JournalEntry): Line {
  return { at: new Date(atMs).toISOString(), what: kind, actor, facts: plainFacts(facts) };
}

/** What is no plain value is shown as JSON. */
function plainFacts(facts: JournalEntry["facts"]): Line["facts"] {
  if (facts === null || typeof facts !== "object" || Array.isArray(facts)) return {};
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      value !== null && typeof value === "object" ? JSON.stringify(value) : value,
    ]),
  );
}
