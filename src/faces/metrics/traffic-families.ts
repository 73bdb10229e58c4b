import { failureReasons } from "../../core/inspection/facts.ts";
import { histogramSamples, type Family, type Labels, type Sample } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

const serverDuration = "http_server_request_duration_seconds";
const clientDuration = "http_client_request_duration_seconds";

/** Exchanges by experiment, variant and route; names as in OpenTelemetry's HTTP conventions where it has one. */
export const trafficFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: serverDuration,
    help: "Time from a request's head to the end of its response.",
    type: "histogram",
    read: (facts) => durations(facts, serverDuration, "server"),
  },
  {
    name: clientDuration,
    help: "The part of it that the upstream took, of requests that were sent to one.",
    type: "histogram",
    read: (facts) => durations(facts, clientDuration, "client"),
  },
  {
    name: "http_server_active_requests",
    help: "Requests in flight.",
    type: "gauge",
    read: ({ view }) =>
      view.traffic.map(({ experiment, variant, route, inFlight }) => ({
        labels: { experiment, variant, route },
        value: inFlight,
      })),
  },
  {
    name: "sluice_outcomes_total",
    help: "Finished requests by what they turned into.",
    type: "counter",
    read: ({ view }) =>
      view.traffic.flatMap(({ experiment, variant, route, outcomes }) =>
        Object.entries(outcomes).map(([outcome, value]) => ({
          labels: { experiment, variant, route, outcome },
          value,
        })),
      ),
  },
  {
    name: "sluice_answer_failures_total",
    help: "Answers that failed in spite of their status, by what they said.",
    type: "counter",
    read: ({ view }) =>
      view.traffic
        .filter(({ experiment }) => experiment !== "")
        .flatMap(({ experiment, variant, route, failures }) =>
          failureReasons.map((reason) => ({
            labels: { experiment, variant, route, reason },
            value: failures.get(reason) ?? 0,
          })),
        ),
  },
  {
    name: "sluice_copies_total",
    help: "Copies of requests that nobody was answered with, by what they turned into.",
    type: "counter",
    read: ({ view }) =>
      view.traffic.flatMap(({ experiment, variant, route, copies }) =>
        Object.entries(copies)
          .filter(([, value]) => value > 0)
          .map(([outcome, value]) => ({ labels: { experiment, variant, route, outcome }, value })),
      ),
  },
  {
    name: "sluice_metric_values_total",
    help: "How many values of a metric were measured (tokens, cost, comparisons, your own).",
    type: "counter",
    read: (facts) => metricSamples(facts, ({ count }) => count),
  },
  {
    // Not a counter: a metric may be negative.
    name: "sluice_metric_sum",
    help: "Sum of the values of a metric since the start.",
    type: "gauge",
    read: (facts) => metricSamples(facts, ({ sum }) => sum),
  },
];

function metricSamples(
  { view }: MetricsFacts,
  of: (sums: { readonly count: number; readonly sum: number }) => number,
): Sample[] {
  return view.traffic.flatMap(({ experiment, variant, route, metrics }) =>
    Array.from(metrics, ([metric, sums]) => ({
      labels: { experiment, variant, route, metric },
      value: of(sums),
    })),
  );
}

function* durations(
  { view }: MetricsFacts,
  name: string,
  side: "server" | "client",
): Generator<Sample> {
  for (const { experiment, variant, route, cells } of view.traffic) {
    for (const cell of cells) {
      const buckets = cell[side];
      if (buckets.count === 0) continue;
      const { method } = cell;
      // No status was ever sent: an empty label is no label.
      const status = cell.status === 0 ? "" : String(cell.status);
      const labels: Labels = { experiment, variant, route, method, status };
      yield* histogramSamples(name, labels, buckets, cell.exemplars?.[side]);
    }
  }
}
