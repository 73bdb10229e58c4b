import { dropReasons } from "../../control/tracing/exporter.ts";
import type { Family } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

/** Spans on their way to the collector; all at 0 where nothing is traced. */
export const tracingFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: "sluice_spans_exported_total",
    help: "Spans that the collector took.",
    type: "counter",
    read: ({ tracing }) => [{ labels: {}, value: tracing.exported }],
  },
  {
    name: "sluice_spans_dropped_total",
    help: "Spans that did not get there, by reason.",
    type: "counter",
    read: ({ tracing, view }) => [
      { labels: { reason: "worker_full" }, value: view.counters.spansDropped },
      ...dropReasons.map((reason) => ({ labels: { reason }, value: tracing.dropped[reason] })),
    ],
  },
  {
    name: "sluice_spans_queued",
    help: "Spans that wait to be sent.",
    type: "gauge",
    read: ({ tracing }) => [{ labels: {}, value: tracing.queued }],
  },
];
