import type { CollectorView } from "../../control/collector.ts";
import { unreadReasons } from "../../core/inspection/inspect.ts";
import { refusals } from "../../core/traffic/refusal.ts";
import { copySkipReasons } from "../../wire/messages.ts";
import type { Family, Sample } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

/** What a connection can be refused for, besides requests. */
const refusalCodes = [...Object.keys(refusals), "tls_handshake_failed", "connections_max"];

type CounterName = Exclude<
  keyof CollectorView["counters"],
  "refused" | "uninspected" | "uninspectedOf" | "copiesSkipped"
>;

/** Sluice itself: configuration, workers, connections and limits. */
export const processFamilies: readonly Family<MetricsFacts>[] = [
  gauge("sluice_config_generation", "Rises with every configuration applied.", ({ reload }) =>
    one(reload.generation),
  ),
  gauge(
    "sluice_config_last_reload_successful",
    "Whether the last attempt to load a configuration left it in force.",
    ({ reload: { last } }) => {
      const kind = last === null ? "applied" : last.outcome.kind;
      return one(kind === "applied" || kind === "unchanged" ? 1 : 0);
    },
  ),
  gauge(
    "sluice_config_last_reload_timestamp_seconds",
    "When that attempt was.",
    ({ reload: { last }, startedWallMs }) => one((last?.atMs ?? startedWallMs) / 1000),
  ),
  {
    name: "sluice_worker_restarts_total",
    help: "Times that a worker was replaced.",
    type: "counter",
    read: ({ workers }) =>
      workers.map(({ index, restarts }) => ({ labels: { worker: index }, value: restarts })),
  },
  {
    name: "sluice_worker_cpu_seconds_total",
    help: "User and system CPU time of a worker's threads.",
    type: "counter",
    read: ({ view }) =>
      Array.from(view.cpuSeconds, ([worker, value]) => ({ labels: { worker }, value })),
  },
  {
    name: "sluice_refused_total",
    help: "Refusals and limits reached, by their stable code.",
    type: "counter",
    read: ({ view }) => byName("code", refusalCodes, view.counters.refused),
  },
  {
    name: "sluice_answers_uninspected_total",
    help: "Answers that a reader passed over, by reason.",
    type: "counter",
    read: ({ view }) => byName("reason", unreadReasons, view.counters.uninspected),
  },
  counter(
    "sluice_metric_values_refused_total",
    "Values given as metrics that are no numbers.",
    "metricsRefused",
  ),
  {
    name: "sluice_copies_skipped_total",
    help: "Requests drawn to be copied to another variant that were not, by reason.",
    type: "counter",
    read: ({ view }) => byName("reason", copySkipReasons, view.counters.copiesSkipped),
  },
  counter("sluice_retries_total", "Exchanges sent again to an upstream.", "retries"),
  counter("sluice_retries_denied_total", "Retries that the budget forbade.", "retriesDenied"),
  counter(
    "sluice_connections_accepted_total",
    "Connections that clients opened.",
    "connectionsAccepted",
  ),
  gauge("sluice_connections_active", "Open connections of clients.", ({ view }) =>
    one(view.counters.connectionsOpen),
  ),
  counter("sluice_upgrades_total", "Connections that became tunnels.", "upgrades"),
  counter("sluice_faults_total", "Requests answered 502 because of a bug in Sluice.", "faults"),
  gauge("sluice_telemetry_series", "Series that the workers hold.", ({ view }) =>
    one(view.series.held),
  ),
  {
    name: "sluice_telemetry_series_overflow_total",
    help: "Requests counted as _overflow, because there were too many series.",
    type: "counter",
    read: ({ view }) => one(view.series.overflowed),
  },
  counter(
    "sluice_access_records_dropped_total",
    "Access log records that did not fit between two snapshots.",
    "accessRecordsDropped",
  ),
  gauge("sluice_build_info", "1, with the versions as labels.", ({ version, nodeVersion }) => [
    { labels: { version, node_version: nodeVersion }, value: 1 },
  ]),
];

/** Names that can come are there from the start, at 0: a rate sees the first one of each only then. */
function byName(
  label: string,
  known: readonly string[],
  counts: Readonly<Record<string, number>>,
): Sample[] {
  const names = new Set([...known, ...Object.keys(counts)]);
  return Array.from(names, (name) => ({ labels: { [label]: name }, value: counts[name] ?? 0 }));
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}

function gauge(
  name: string,
  help: string,
  read: (facts: MetricsFacts) => Sample[],
): Family<MetricsFacts> {
  return { name, help, type: "gauge", read };
}

function counter(name: string, help: string, of: CounterName): Family<MetricsFacts> {
  return { name, help, type: "counter", read: ({ view }) => one(view.counters[of]) };
}
