import { useState } from "preact/hooks";
import type { LiveDocument } from "../../../../wire/live.ts";
import { useApp } from "../../app/context.ts";
import { CommandButton } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Age } from "../../parts/text.tsx";
import { describeWhat } from "../../words/journal.ts";

type Silence = LiveDocument["alerts"]["silences"][string];

/** What is kept quiet, until when, by whom and why. */
export function SilenceTable({ silences }: { silences: readonly Silence[] }) {
  const { api } = useApp();
  const [ending, setEnding] = useState<Silence | null>(null);
  const columns: readonly Column<Silence>[] = [
    {
      key: "what",
      title: "Quiet about",
      isHead: true,
      cell: (silence) => (
        <span class="wraps" dir="auto">
          {describeSilence(silence)}
        </span>
      ),
    },
    { key: "until", title: "Ends", cell: ({ until }) => <Age at={until} /> },
    {
      key: "actor",
      title: "By",
      cell: ({ actor, reason }) => (
        <>
          <bdi>{actor}</bdi>
          {reason !== null && (
            <p class="muted small wraps" dir="auto">
              {reason}
            </p>
          )}
        </>
      ),
    },
    {
      key: "end",
      title: "",
      cell: (silence) => (
        <CommandButton onClick={() => setEnding(silence)}>
          End<span class="visually-hidden"> the silence about {describeSilence(silence)}</span>
        </CommandButton>
      ),
    },
  ];
  return (
    <>
      <Table
        caption="Silences in force"
        columns={columns}
        rows={silences}
        rowKey={({ silence }) => silence}
      />
      {ending !== null && (
        <ConfirmDialog
          title="End the silence?"
          action="End it"
          done="The silence has ended."
          run={() => api.post("v1/alerts", { command: "unsilence", silence: ending.silence })}
          onClose={() => setEnding(null)}
        >
          <p>Channels are told again of {describeSilence(ending)}, of what fires now included.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

/** "error rate of climb, compact"; all alerts where it names nothing. */
export function describeSilence({
  kind,
  experiment,
  subject,
}: Pick<Silence, "kind" | "experiment" | "subject">): string {
  const what = kind === null ? "all alerts" : describeWhat(kind);
  const whom = [experiment, subject].filter((part) => part !== null && part !== "");
  return whom.length === 0 ? what : `${what} of ${whom.join(", ")}`;
}
