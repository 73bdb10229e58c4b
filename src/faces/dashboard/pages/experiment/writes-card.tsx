import { useLive } from "../../app/context.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card } from "../../parts/card.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Moment, Name, Num } from "../../parts/text.tsx";
import { countOf } from "../../words/numbers.ts";
import { formatSpan } from "../../words/time.ts";
import type { LiveTraffic } from "../../words/stand.ts";

type Mirrored = LiveTraffic["mirrored"][number];
type Divergence = Mirrored["last"][number];

const states = {
  in_step: { tone: "good", icon: "ok", word: "in step" },
  catching_up: { tone: "info", icon: "wait", word: "catching up" },
  diverged: { tone: "bad", icon: "breach", word: "diverged" },
} as const;

/** Variants that get copies of writes: who is behind, and what came to something else. */
export function WritesCard({ experiment }: { experiment: string }) {
  const mirrored = useLive((document) => document.traffic[experiment]?.mirrored, [experiment]);
  if (mirrored === undefined || mirrored.length === 0) return null;
  return (
    <Card title="Mirrored writes">
      <div class="stack">
        {mirrored.map((one) => (
          <Line key={one.variant} mirrored={one} />
        ))}
      </div>
    </Card>
  );
}

function Line({ mirrored }: { mirrored: Mirrored }) {
  const { variant, state, queued, oldest_seconds: oldest, delivered, retried, failure } = mirrored;
  const { diverged, unacknowledged, last } = mirrored;
  const { tone, icon, word } = states[state];
  const kinds = Object.entries(diverged).filter(([, count]) => count > 0);
  return (
    <section class="stack" aria-label={`Writes for ${variant}`}>
      <h3 class="stand-line">
        <Name>{variant}</Name>
        <Badge tone={tone} icon={icon}>
          {word}
        </Badge>
      </h3>
      <p>
        {countOf(delivered, "write")} delivered, {countOf(retried, "try", "tries")} again;{" "}
        {queued === 0
          ? "none waits"
          : `${countOf(queued, "write")} wait, the oldest for ${formatSpan(oldest * 1000)}`}
        .
      </p>
      {failure !== null && (
        <p class="bad-text" dir="auto">
          The first that waits was not taken: {failure}
        </p>
      )}
      {kinds.length > 0 && (
        <p>
          Came to something else: {kinds.map(([kind, count]) => `${kind} ${count}`).join(", ")}
          {unacknowledged > 0 && `; ${unacknowledged} since somebody last acknowledged it`}.
        </p>
      )}
      {last.length > 0 && (
        <Table
          caption={`Writes of ${variant} that came to something else`}
          columns={columns}
          rows={last.toReversed()}
          rowKey={({ request_id: id, kind }) => `${id} ${kind}`}
        />
      )}
    </section>
  );
}

const columns: readonly Column<Divergence>[] = [
  { key: "at", title: "When", isHead: true, cell: ({ at }) => <Moment at={at} /> },
  { key: "kind", title: "What", cell: ({ kind }) => kind },
  { key: "path", title: "Path", cell: ({ path }) => <Name>{path}</Name> },
  {
    key: "primary",
    title: "Primary answered",
    cell: ({ primary }) => <Answer answer={primary} />,
  },
  { key: "target", title: "It answered", cell: ({ target }) => <Answer answer={target} /> },
  { key: "request", title: "Request", cell: ({ request_id: id }) => <Name>{id}</Name> },
];

function Answer({ answer: { status, says } }: { answer: Divergence["primary"] }) {
  return (
    <>
      <Num value={status} /> {says !== null && <bdi>{says}</bdi>}
    </>
  );
}
