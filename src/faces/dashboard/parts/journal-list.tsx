import { useEffect, useState } from "preact/hooks";
import type { JournalPage } from "../../../wire/journal-api.ts";
import { wordsOf } from "../app/api.ts";
import { useApp } from "../app/context.ts";
import { describeFacts, describeWhat } from "../words/journal.ts";
import { EmptyState, Failure, Loading } from "./card.tsx";
import { Moment } from "./text.tsx";
import { useRequest } from "./use-request.ts";

type Entry = JournalPage["entries"][number];
export type JournalLine = Pick<Entry, "at" | "what" | "actor" | "facts">;

const pageSize = 50;

/** Journal entries, the newest first, page after page; where the journal cannot be had, those of the live document. */
export function JournalList({
  of,
  query,
  known,
  seen = "",
  empty,
}: {
  /** For screen readers. */
  of: string;
  query: { readonly experiment?: string; readonly scope?: string };
  /** The last entries of the live document, oldest first: another one there asks for the first page again. */
  known: readonly JournalLine[];
  /** Whatever else tells, by its change, that there may be another entry. */
  seen?: string;
  empty: string;
}) {
  const { api } = useApp();
  const last = known.at(-1)?.at ?? "";
  const { body, failure, reload } = useRequest<JournalPage>(
    (asked, signal) => asked.get("v1/journal", { ...query, limit: pageSize }, signal),
    [query, last, seen],
  );
  const [first, setFirst] = useState<JournalPage | null>(null);
  const [older, setOlder] = useState<readonly Entry[]>([]);
  const [before, setBefore] = useState<number | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);

  useEffect(() => {
    if (body === null) return;
    setFirst(body);
    // Pages that were opened stay open; entries between them and a newer first page cannot be missing.
    if (older.length === 0) setBefore(body.before);
  }, [body]);

  const more = async () => {
    try {
      const page = await api.get<JournalPage>("v1/journal", {
        ...query,
        limit: pageSize,
        ...(before !== null && { before }),
      });
      setOlder([...older, ...page.entries]);
      setBefore(page.before);
      setTrouble(null);
    } catch (error) {
      setTrouble(wordsOf(error));
    }
  };

  const listed = new Set<number>();
  const entries: readonly (JournalLine & Partial<Entry>)[] =
    first === null
      ? known.toReversed()
      : [...first.entries, ...older].filter(({ sequence }) => {
          const isNew = !listed.has(sequence);
          listed.add(sequence);
          return isNew;
        });
  const isLost = failure !== null && first === null;
  if (first === null && failure === null && known.length === 0) {
    return <Loading what="the journal" />;
  }
  return (
    <>
      {isLost && known.length === 0 && <Failure says={failure} retry={reload} />}
      {entries.length === 0 && !isLost && <EmptyState title={empty} />}
      {entries.length > 0 && (
        <ol class="journal" aria-label={of}>
          {entries.map(({ at, what, actor, facts, sequence, scope, subject }, index) => (
            <li key={sequence ?? `${at} ${index}`} class="journal-entry">
              <span class="journal-when small muted">
                <Moment at={at} />
              </span>
              <div class="journal-text">
                <strong>{describeWhat(what)}</strong>{" "}
                <span class="muted">
                  by <bdi>{actor}</bdi>
                </span>
                {query.experiment === undefined && subject !== undefined && (
                  <p class="small muted" dir="auto">
                    {subject}
                  </p>
                )}
                {query.scope === undefined && scope !== undefined && scope !== "rollout" && (
                  <>
                    {" "}
                    <span class="tag">{scope}</span>
                  </>
                )}
                <p class="small" dir="auto">
                  {describeFacts(facts)}
                </p>
              </div>
            </li>
          ))}
        </ol>
      )}
      {isLost && known.length > 0 && (
        <p class="small muted">Only the last entries: the journal cannot be had ({failure})</p>
      )}
      {trouble !== null && <Failure says={trouble} />}
      {before !== null && (
        <button type="button" class="button" onClick={() => void more()}>
          Older entries
        </button>
      )}
    </>
  );
}
