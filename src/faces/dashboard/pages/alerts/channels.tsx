import type { LiveDocument } from "../../../../wire/live.ts";
import { Badge } from "../../parts/badge.tsx";
import { EmptyState } from "../../parts/card.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Age, Name, Num } from "../../parts/text.tsx";

type Channel = LiveDocument["alerts"]["channels"][string];

const columns: readonly Column<Channel>[] = [
  {
    key: "name",
    title: "Channel",
    isHead: true,
    cell: ({ name, kind, target }) => (
      <>
        <Name>{name}</Name>
        {target !== "" && target !== kind && (
          <p class="muted small wraps" dir="auto">
            {target}
          </p>
        )}
      </>
    ),
  },
  { key: "state", title: "State", cell: (channel) => <State channel={channel} /> },
  {
    key: "sent",
    title: "Sent",
    isNumber: true,
    cell: ({ sent }) => <Num value={sent} unit="count" />,
  },
  {
    key: "queued",
    title: "Waiting",
    isNumber: true,
    cell: ({ queued }) => <Num value={queued} unit="count" />,
  },
  {
    key: "failed",
    title: "Failed",
    hint: "Attempts; and notices that were given up",
    isNumber: true,
    cell: ({ failed, dropped }) => (
      <>
        <Num value={failed} unit="count" />
        {dropped > 0 && <p class="small bad-text">{dropped} given up</p>}
      </>
    ),
  },
  { key: "last", title: "Last", cell: ({ last_sent_at: at }) => <Age at={at} /> },
];

/** Where notices go, and whether they get there. */
export function ChannelTable({ channels }: { channels: readonly Channel[] }) {
  if (channels.length === 0) {
    return (
      <EmptyState title="Nobody is told.">
        <p>Add a channel under alerts.channels in the configuration.</p>
      </EmptyState>
    );
  }
  return (
    <Table
      caption="Channels and their state"
      columns={columns}
      rows={channels}
      rowKey={({ name }) => name}
    />
  );
}

function State({ channel: { last_error: error, queued, sent } }: { channel: Channel }) {
  if (error !== null) {
    return (
      <>
        <Badge tone="bad" icon="error">
          failing
        </Badge>
        <p class="small bad-text wraps" dir="auto">
          {error}
        </p>
      </>
    );
  }
  if (queued > 0) {
    return (
      <Badge tone="info" icon="wait">
        sending
      </Badge>
    );
  }
  return (
    <Badge tone={sent > 0 ? "good" : "quiet"} icon={sent > 0 ? "ok" : "dot"}>
      {sent > 0 ? "works" : "not used yet"}
    </Badge>
  );
}
