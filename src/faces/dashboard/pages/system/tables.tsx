import type { LiveDocument } from "../../../../wire/live.ts";
import { Badge } from "../../parts/badge.tsx";
import type { Tone } from "../../parts/badge.tsx";
import type { IconName } from "../../parts/icon.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Num } from "../../parts/text.tsx";

type Endpoint = LiveDocument["endpoints"][string];
type Worker = LiveDocument["workers"][string];

const endpointColumns: readonly Column<Endpoint>[] = [
  {
    key: "upstream",
    title: "Upstream",
    isHead: true,
    sortBy: ({ upstream }) => upstream,
    cell: ({ upstream }) => <Name>{upstream}</Name>,
  },
  { key: "origin", title: "Endpoint", cell: ({ origin }) => <Name>{origin}</Name> },
  {
    key: "health",
    title: "Health",
    sortBy: ({ healthy, ejected }) => Number(healthy) - Number(ejected),
    cell: ({ healthy, ejected }) => <Health isHealthy={healthy} isEjected={ejected} />,
  },
  {
    key: "in_flight",
    title: "In flight",
    isNumber: true,
    sortBy: ({ in_flight: count }) => count,
    cell: ({ in_flight: count }) => <Num value={count} unit="count" />,
  },
  {
    key: "ejections",
    title: "Ejections",
    hint: "Times that a worker left it out after failures",
    isNumber: true,
    sortBy: ({ ejections }) => ejections,
    cell: ({ ejections }) => <Num value={ejections} unit="count" />,
  },
];

/** Where requests go, and whether it answers. */
export function EndpointTable({ endpoints }: { endpoints: readonly Endpoint[] }) {
  return (
    <Table
      caption="Endpoints of the upstreams"
      columns={endpointColumns}
      rows={endpoints}
      rowKey={({ upstream, origin }) => `${upstream} ${origin}`}
    />
  );
}

function Health({ isHealthy, isEjected }: { isHealthy: boolean; isEjected: boolean }) {
  if (!isHealthy) {
    return (
      <Badge tone="bad" icon="error" title="Its health check fails">
        not healthy
      </Badge>
    );
  }
  if (isEjected) {
    return (
      <Badge tone="warn" icon="pause" title="Left out by at least one worker after failures">
        ejected
      </Badge>
    );
  }
  return (
    <Badge tone="good" icon="ok">
      healthy
    </Badge>
  );
}

const workerLooks: Readonly<Record<Worker["state"], { tone: Tone; icon: IconName }>> = {
  starting: { tone: "info", icon: "wait" },
  running: { tone: "good", icon: "ok" },
  draining: { tone: "warn", icon: "pause" },
  restarting: { tone: "bad", icon: "breach" },
  stopped: { tone: "quiet", icon: "error" },
};

const workerColumns: readonly Column<Worker>[] = [
  { key: "index", title: "Worker", isHead: true, cell: ({ index }) => String(index) },
  {
    key: "state",
    title: "State",
    cell: ({ state }) => <Badge {...workerLooks[state]}>{state}</Badge>,
  },
  {
    key: "restarts",
    title: "Restarts",
    hint: "Times that it was replaced after a crash",
    isNumber: true,
    cell: ({ restarts }) => <Num value={restarts} unit="count" />,
  },
];

export function WorkerTable({ workers }: { workers: readonly Worker[] }) {
  return (
    <Table
      caption="Workers and their state"
      columns={workerColumns}
      rows={workers}
      rowKey={({ index }) => String(index)}
    />
  );
}
