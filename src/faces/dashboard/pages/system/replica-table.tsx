import type { LiveDocument } from "../../../../wire/live.ts";
import { Badge } from "../../parts/badge.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Age, Name } from "../../parts/text.tsx";
import { formatSpan } from "../../words/time.ts";

type Replica = NonNullable<LiveDocument["system"]["replica"]>["replicas"][number];

const columns: readonly Column<Replica>[] = [
  {
    key: "name",
    title: "Replica",
    isHead: true,
    sortBy: ({ name }) => name,
    cell: ({ name, admin_url: url }) =>
      url === null ? <Name>{name}</Name> : <a href={url}>{name}</a>,
  },
  {
    key: "role",
    title: "Role",
    sortBy: ({ leads }) => Number(!leads),
    cell: ({ leads }) =>
      leads ? (
        <Badge tone="good" icon="ok">
          leader
        </Badge>
      ) : (
        "follower"
      ),
  },
  { key: "version", title: "Version", cell: ({ version }) => <Name>{version}</Name> },
  {
    key: "configuration",
    title: "Configuration",
    sortBy: ({ same_configuration: isSame }) => Number(isSame),
    cell: ({ same_configuration: isSame }) =>
      isSame ? (
        "as here"
      ) : (
        <Badge tone="warn" icon="breach" title="It routes differently than this one">
          another
        </Badge>
      ),
  },
  { key: "started", title: "Started", cell: ({ started_at: at }) => <Age at={at} /> },
  {
    key: "seen",
    title: "Seen",
    hint: "When this one last heard of it from the store",
    isNumber: true,
    cell: ({ seen_seconds_ago: seconds }) => `${formatSpan(seconds * 1000)} ago`,
  },
];

/** All that share the store. */
export function ReplicaTable({ replicas, mine }: { replicas: readonly Replica[]; mine: string }) {
  const named = replicas.map((each) =>
    each.instance === mine ? Object.assign({}, each, { name: `${each.name} (this one)` }) : each,
  );
  return (
    <Table
      caption="Replicas that share the store"
      columns={columns}
      rows={named}
      rowKey={({ instance }) => instance}
    />
  );
}
