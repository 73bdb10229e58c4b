import { dashboard } from "./dashboard.ts";
import { chart, stat, timeline, type Query } from "./panel.ts";
import { anyIsBad, anyIsUnusual, here } from "./queries.ts";

const upDown = { 0: { text: "down", color: "red" }, 1: { text: "up", color: "green" } };

function gauge(name: string, legend: string): Query {
  return { expr: `${name}{${here}}`, legend };
}

function rateOf(name: string, by: string): Query {
  const legend = by
    .split(", ")
    .map((label) => `{{${label}}}`)
    .join(" ");
  return { expr: `sum by (${by}) (rate(${name}{${here}}[$__rate_interval]))`, legend };
}

/** What Sluice itself adds to each request: the mean at the client's side less the mean at the upstream's. */
function meanOf(side: "server" | "client"): string {
  const sum = `http_${side}_request_duration_seconds_sum`;
  const count = `http_${side}_request_duration_seconds_count`;
  return `sum by (instance) (rate(${sum}{${here}, status=~"2.."}[$__rate_interval])) / sum by (instance) (rate(${count}{${here}, status=~"2.."}[$__rate_interval]))`;
}

export const internals = dashboard({
  name: "internals",
  title: "Sluice: proxy internals",
  description: "Sluice itself: does it keep up, what does it refuse, and is anything of it broken.",
  experiments: "none",
  rows: [
    {
      title: "Is it well",
      panels: [
        stat({
          title: "Configuration",
          description:
            "Whether the last attempt to load a configuration left it in force; the log says why not.",
          unit: "short",
          queries: [{ expr: `min(sluice_config_last_reload_successful{${here}})` }],
          span: 4,
          states: { 0: { text: "refused", color: "red" }, 1: { text: "in force", color: "green" } },
        }),
        stat({
          title: "Store",
          description:
            "Whether the last write to the store worked. Without it shares may fall but not rise.",
          unit: "short",
          queries: [{ expr: `min(sluice_store_up{${here}})` }],
          span: 4,
          states: upDown,
          noValue: "no store",
        }),
        stat({
          title: "Event loop",
          description:
            "99 % of the main thread's turns came at most this late. It judges and shows; requests never wait for it.",
          unit: "s",
          queries: [{ expr: `max(nodejs_eventloop_lag_p99_seconds{${here}})` }],
          span: 4,
          steps: [
            [null, "green"],
            [0.1, "yellow"],
            [0.5, "red"],
          ],
        }),
        stat({
          title: "Worker restarts",
          description: "Workers that crashed or hung and were replaced, in the time shown.",
          unit: "short",
          queries: [{ expr: `sum(increase(sluice_worker_restarts_total{${here}}[$__range]))` }],
          span: 4,
          steps: anyIsUnusual,
          decimals: 0,
        }),
        stat({
          title: "Faults",
          description:
            "Requests answered 502 because of a bug in Sluice, in the time shown. Any is worth a report.",
          unit: "short",
          queries: [{ expr: `sum(increase(sluice_faults_total{${here}}[$__range]))` }],
          span: 4,
          steps: anyIsBad,
          decimals: 0,
        }),
        stat({
          title: "Refused",
          description: "Refusals and limits reached, all codes together.",
          unit: "reqps",
          queries: [{ expr: `sum(rate(sluice_refused_total{${here}}[$__rate_interval]))` }],
          span: 4,
          steps: [
            [null, "green"],
            [1, "orange"],
          ],
        }),
      ],
    },
    {
      title: "Time and CPU",
      panels: [
        chart({
          title: "What Sluice adds",
          description:
            "Mean time at the client's side less mean time at the upstream's, of requests answered with 2xx: parsing, waiting for a connection, relaying.",
          unit: "s",
          queries: [{ expr: `${meanOf("server")} - ${meanOf("client")}`, legend: "{{instance}}" }],
          span: 8,
        }),
        chart({
          title: "Event loop of the main thread",
          description:
            "How late its turns come. Workers have loops of their own; theirs show as CPU.",
          unit: "s",
          queries: [
            gauge("nodejs_eventloop_lag_p50_seconds", "{{instance}} p50"),
            gauge("nodejs_eventloop_lag_p99_seconds", "{{instance}} p99"),
          ],
          span: 8,
        }),
        chart({
          title: "CPU",
          description:
            "Cores taken, by worker, and by the whole process. A worker near 1 is full: give it company.",
          unit: "short",
          queries: [
            {
              ...rateOf("sluice_worker_cpu_seconds_total", "instance, worker"),
              legend: "{{instance}} worker {{worker}}",
            },
            { ...rateOf("process_cpu_seconds_total", "instance"), legend: "{{instance}} process" },
          ],
          span: 8,
          steps: [
            [null, "transparent"],
            [1, "red"],
          ],
        }),
        chart({
          title: "Memory",
          description: "Resident memory of the process, and the main thread's heap in use.",
          unit: "bytes",
          queries: [
            gauge("process_resident_memory_bytes", "{{instance}} resident"),
            gauge("nodejs_heap_size_used_bytes", "{{instance}} heap"),
          ],
          span: 8,
        }),
        chart({
          title: "Garbage collection",
          description: "Share of time that the main thread collects garbage.",
          unit: "percentunit",
          queries: [rateOf("nodejs_gc_duration_seconds_sum", "instance, kind")],
          span: 8,
        }),
        chart({
          title: "Files and connections",
          description:
            "Open file descriptors beside clients' connections: the first has to follow the second.",
          unit: "short",
          queries: [
            gauge("process_open_fds", "{{instance}} descriptors"),
            gauge("sluice_connections_active", "{{instance}} clients"),
          ],
          span: 8,
        }),
      ],
    },
    {
      title: "Requests",
      panels: [
        chart({
          title: "Refused, by code",
          description:
            "Refusals and limits reached by their stable code, as in the problem document that the client got.",
          unit: "reqps",
          queries: [
            {
              expr: `sum by (code) (rate(sluice_refused_total{${here}}[$__rate_interval]))`,
              legend: "{{code}}",
            },
          ],
          span: 8,
          isStacked: true,
        }),
        chart({
          title: "Connections",
          description:
            "Connections that clients opened, and those that became tunnels (WebSocket).",
          unit: "cps",
          queries: [
            {
              ...rateOf("sluice_connections_accepted_total", "instance"),
              legend: "{{instance}} accepted",
            },
            { ...rateOf("sluice_upgrades_total", "instance"), legend: "{{instance}} tunnels" },
          ],
          span: 8,
        }),
        chart({
          title: "Retries",
          description: "Requests sent again to an upstream, and retries that the budget forbade.",
          unit: "reqps",
          queries: [
            { ...rateOf("sluice_retries_total", "instance"), legend: "{{instance}} sent" },
            { ...rateOf("sluice_retries_denied_total", "instance"), legend: "{{instance}} denied" },
          ],
          span: 8,
        }),
      ],
    },
    {
      title: "Upstreams",
      panels: [
        timeline({
          title: "Health",
          description:
            "Active checks of each endpoint; without a check an endpoint counts as healthy.",
          unit: "short",
          queries: [
            {
              expr: `min by (upstream, endpoint) (sluice_upstream_healthy{${here}})`,
              legend: "{{upstream}} {{endpoint}}",
            },
          ],
          span: 8,
          states: upDown,
        }),
        chart({
          title: "In flight and waiting",
          description:
            "Exchanges under way with each endpoint, and those that wait for a connection.",
          unit: "short",
          queries: [
            {
              expr: `sum by (upstream) (sluice_upstream_requests_active{${here}})`,
              legend: "{{upstream}} in flight",
            },
            {
              expr: `sum by (upstream) (sluice_upstream_pending{${here}})`,
              legend: "{{upstream}} waiting",
            },
            {
              expr: `sum by (upstream) (sluice_upstream_connections_active{${here}})`,
              legend: "{{upstream}} connections",
            },
          ],
          span: 8,
        }),
        chart({
          title: "Failures",
          description:
            "Connections that could not be opened, ejections after failures, and workers that leave an endpoint out now.",
          unit: "short",
          queries: [
            {
              expr: `sum by (upstream) (increase(sluice_upstream_connect_failures_total{${here}}[$__rate_interval]))`,
              legend: "{{upstream}} connect failures",
            },
            {
              expr: `sum by (upstream) (increase(sluice_upstream_ejections_total{${here}}[$__rate_interval]))`,
              legend: "{{upstream}} ejections",
            },
            {
              expr: `sum by (upstream) (sluice_upstream_ejected{${here}})`,
              legend: "{{upstream}} ejected by workers",
            },
          ],
          span: 8,
        }),
      ],
    },
    {
      title: "What is kept",
      panels: [
        chart({
          title: "Series",
          description: "Series of telemetry that the workers hold; each worker has room for 4,096.",
          unit: "short",
          queries: [
            gauge("sluice_telemetry_series", "{{instance}} held"),
            gauge("sluice_recent_history_rows", "{{instance}} rows of the last hour"),
          ],
          span: 8,
        }),
        chart({
          title: "Rows of history",
          description:
            "Rows that the store took, those that were lost, and those that wait; nothing without a store.",
          unit: "short",
          queries: [
            {
              expr: `sum by (result) (increase(sluice_history_rows_total{${here}}[$__rate_interval]))`,
              legend: "telemetry {{result}}",
            },
            {
              expr: `sum by (result) (increase(sluice_verdict_rows_total{${here}}[$__rate_interval]))`,
              legend: "verdicts {{result}}",
            },
            gauge("sluice_history_rows_waiting", "{{instance}} waiting"),
          ],
          span: 8,
        }),
        chart({
          title: "Dropped",
          description:
            "What a limit made Sluice leave out: access records, exchanges without a series of their own, rows in memory, alerts, values of metrics, questions about the past, spans.",
          unit: "short",
          queries: [
            ["sluice_access_records_dropped_total", "access records"],
            ["sluice_telemetry_series_overflow_total", "requests without a series"],
            ["sluice_recent_history_dropped_total", "rows in memory"],
            ["sluice_alerts_without_room_total", "alerts"],
            ["sluice_metric_values_refused_total", "values of metrics"],
            ["sluice_past_questions_refused_total", "questions"],
            ["sluice_spans_dropped_total", "spans"],
          ].map(([name, legend = ""]) => ({
            expr: `sum(increase(${name}{${here}}[$__rate_interval]))`,
            legend,
          })),
          span: 8,
        }),
        chart({
          title: "Not looked at",
          description:
            "Answers that a reader passed over, and copies that were not made, by reason.",
          unit: "reqps",
          queries: [
            {
              expr: `sum by (reason) (rate(sluice_answers_uninspected_total{${here}}[$__rate_interval]))`,
              legend: "answer {{reason}}",
            },
            {
              expr: `sum by (reason) (rate(sluice_copies_skipped_total{${here}}[$__rate_interval]))`,
              legend: "copy {{reason}}",
            },
          ],
          span: 6,
        }),
        chart({
          title: "Mirrored writes",
          description:
            "Age of the oldest write that a variant has not taken yet; empty without mirroring.",
          unit: "s",
          queries: [
            {
              expr: `max by (experiment, variant) (sluice_mirrored_writes_oldest_seconds{${here}})`,
              legend: "{{experiment}} {{variant}}",
            },
          ],
          span: 6,
        }),
        chart({
          title: "Spans",
          description:
            "Spans that the collector took, and why others did not get there; 0 without `tracing:`.",
          unit: "short",
          queries: [
            {
              expr: `sum(increase(sluice_spans_exported_total{${here}}[$__rate_interval]))`,
              legend: "exported",
            },
            {
              expr: `sum by (reason) (increase(sluice_spans_dropped_total{${here}}[$__rate_interval]))`,
              legend: "dropped: {{reason}}",
            },
          ],
          span: 6,
        }),
        chart({
          title: "Who listens",
          description: "Dashboards and programs with an open live feed.",
          unit: "short",
          queries: [gauge("sluice_live_listeners", "{{instance}}")],
          span: 6,
        }),
      ],
    },
  ],
});
