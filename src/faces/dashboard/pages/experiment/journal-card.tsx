import type { JournalPage } from "../../../../wire/journal-api.ts";
import { useLive } from "../../app/context.ts";
import { Card, EmptyState, Failure, Loading } from "../../parts/card.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Moment } from "../../parts/text.tsx";
import { useRequest } from "../../parts/use-request.ts";
import { describeFacts, describeWhat } from "../../words/journal.ts";

type Entry = JournalPage["entries"][number];

const entriesMax = 50;

const columns: readonly Column<Entry>[] = [
  { key: "at", title: "When", cell: ({ at }) => <Moment at={at} />, isHead: true },
  {
    key: "what",
    title: "What",
    cell: ({ what, scope }) => (
      <>
        {describeWhat(what)} <span class="tag">{scope}</span>
      </>
    ),
  },
  { key: "actor", title: "Who", cell: ({ actor }) => <bdi>{actor}</bdi> },
  {
    key: "facts",
    title: "On which evidence",
    cell: ({ facts }) => <span dir="auto">{describeFacts(facts)}</span>,
  },
];

/** Who did what, when and why, the newest first. */
export function JournalCard({ experiment }: { experiment: string }) {
  // Asks again when there is another entry in the live document.
  const last = useLive(
    (document) =>
      [document.rollouts[experiment], document.experiments[experiment]]
        .map((one) => one?.journal.at(-1)?.at ?? "")
        .join(" "),
    [experiment],
  );
  const { body, failure, reload } = useRequest<JournalPage>(
    (api, signal) => api.get("v1/journal", { experiment, limit: entriesMax }, signal),
    [experiment, last],
  );
  return (
    <Card title="Journal">
      {failure !== null && <Failure says={failure} retry={reload} />}
      {body === null && failure === null && <Loading what="the journal" />}
      {body !== null && body.entries.length === 0 && (
        <EmptyState title="Nothing was done to this experiment yet." />
      )}
      {body !== null && body.entries.length > 0 && (
        <Table
          caption={`Journal of ${experiment}`}
          columns={columns}
          rows={body.entries}
          rowKey={({ sequence }) => String(sequence)}
        />
      )}
    </Card>
  );
}
