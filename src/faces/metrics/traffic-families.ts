import type { BucketCounts } from "../../core/telemetry/buckets.ts";
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
    read: (facts) => durations(facts, serverDuration, ({ server }) => server),
  },
  {
    name: clientDuration,
    help: "The part of it that the upstream took, of requests that were sent to one.",
    type: "histogram",
    read: (facts) => durations(facts, clientDuration, ({ client }) => client),
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
];

function* durations(
  { view }: MetricsFacts,
  name: string,
  of: (cell: { server: BucketCounts; client: BucketCounts }) => BucketCounts,
): Generator<Sample> {
  for (const { experiment, variant, route, cells } of view.traffic) {
    for (const cell of cells) {
      const buckets = of(cell);
      if (buckets.count === 0) continue;
      const { method } = cell;
      // No status was ever sent: an empty label is no label.
      const status = cell.status === 0 ? "" : String(cell.status);
      const labels: Labels = { experiment, variant, route, method, status };
      yield* histogramSamples(name, labels, buckets);
    }
  }
}
