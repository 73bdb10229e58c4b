import type { CollectorView } from "../control/collector.ts";
import { exchangeLimits } from "../control/replica/telemetry-exchange.ts";
import type { SystemStatus } from "../wire/system-api.ts";
import type { Control } from "./control.ts";
import type { ProcessSample } from "./process-watch.ts";

/** The process as the admin API shows it; rounded, so that an idle one does not change with every look. */

export type SystemFacts = {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly nodeVersion: string;
  readonly sample: ProcessSample;
  readonly view: Pick<CollectorView, "counters" | "routes">;
  readonly store: ReturnType<Control["store"]>;
  readonly replica: ReturnType<Control["replica"]>;
};

const mebibyte = 1024 * 1024;

export function describeSystem(facts: SystemFacts): SystemStatus {
  const { sample, view, store, replica, ...names } = facts;
  const { p50, p99, max } = sample.eventLoopDelayMs;
  let perSecond = 0;
  for (const route of view.routes.values()) perSecond += route.perSecond;
  return {
    host: names.host,
    pid: names.pid,
    version: names.version,
    node_version: names.nodeVersion,
    cpu_cores: Math.round(sample.cpuCores * 100) / 100,
    memory_bytes: Math.round(sample.residentBytes / mebibyte) * mebibyte,
    heap_bytes: Math.round(sample.heapBytes / mebibyte) * mebibyte,
    event_loop_delay_ms: { p50: Math.round(p50), p99: Math.round(p99), max: Math.round(max) },
    connections: view.counters.connectionsOpen,
    in_flight: view.counters.exchangesInFlight,
    requests_per_second: Math.round(perSecond * 10) / 10,
    store:
      store === null
        ? null
        : {
            kind: replica === null ? "sqlite" : "postgres",
            up: store.isUp,
            fault: store.fault,
            rows_waiting: store.history.waiting,
            rows_dropped: store.history.dropped,
          },
    replica: replica === null ? null : describeReplica(replica),
  };
}

function describeReplica(
  replica: NonNullable<SystemFacts["replica"]>,
): NonNullable<SystemStatus["replica"]> {
  const { authority, instance, leader, epoch, replicas, exchange } = replica;
  const mine = replicas.find((each) => each.instance === instance);
  return {
    authority,
    instance,
    epoch,
    replicas: replicas.map((each) => ({
      instance: each.instance,
      name: each.name,
      version: each.version,
      started_at: new Date(each.startedMs).toISOString(),
      admin_url: each.adminUrl,
      leads: each.instance === leader,
      same_configuration: each.configHash === mine?.configHash,
      seen_seconds_ago: Math.round(each.seenAgoMs / 1000),
    })),
    telemetry: {
      merges: authority === "lead" || replicas.length <= exchangeLimits.mergedByAllMax,
      parts_waiting: exchange.waiting,
      parts_dropped: exchange.dropped,
      parts_merged: exchange.merged,
      parts_unreadable: exchange.unreadable,
    },
  };
}

/** Describes anew with every sample only: between two of them the answer is the same to everybody who asks. */
export function createSystemStatus(
  latest: () => ProcessSample,
  facts: () => Omit<SystemFacts, "sample">,
): () => SystemStatus {
  let known: { readonly sample: ProcessSample; readonly status: SystemStatus } | null = null;
  return () => {
    const sample = latest();
    if (known?.sample !== sample) {
      known = { sample, status: describeSystem({ ...facts(), sample }) };
    }
    return known.status;
  };
}
