import type { CollectorView } from "../../control/collector.ts";
import type { Family } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

type EndpointView = CollectorView["endpoints"][number];

/** Endpoints of the upstreams, over all workers. */
export const endpointFamilies: readonly Family<MetricsFacts>[] = [
  endpoints(
    "requests_active",
    "Exchanges with an endpoint in flight.",
    "gauge",
    ({ exchangesInFlight }) => exchangesInFlight,
  ),
  endpoints(
    "connections_active",
    "Open connections to an endpoint.",
    "gauge",
    ({ connectionsOpen }) => connectionsOpen,
  ),
  endpoints("pending", "Exchanges that wait for a connection.", "gauge", ({ pending }) => pending),
  endpoints(
    "ejections_total",
    "Times that a worker left an endpoint out after failures.",
    "counter",
    ({ ejections }) => ejections,
  ),
  endpoints(
    "connect_failures_total",
    "Connections to an endpoint that could not be opened.",
    "counter",
    ({ connectFailures }) => connectFailures,
  ),
  endpoints(
    "ejected",
    "Workers that leave an endpoint out at present.",
    "gauge",
    ({ ejectedBy }) => ejectedBy,
  ),
  {
    name: "sluice_upstream_healthy",
    help: "Whether active checks find an endpoint healthy; 1 without checks.",
    type: "gauge",
    read: ({ reload, health }) => {
      const unhealthy = new Set(
        health
          .filter(({ healthy }) => !healthy)
          .map(({ upstream, origin }) => `${upstream} ${origin}`),
      );
      return Object.values(reload.config.upstreams).flatMap(({ name, endpoints }) =>
        endpoints.map(({ origin }) => ({
          labels: { upstream: name, endpoint: origin },
          value: unhealthy.has(`${name} ${origin}`) ? 0 : 1,
        })),
      );
    },
  },
];

function endpoints(
  suffix: string,
  help: string,
  type: "counter" | "gauge",
  valueOf: (endpoint: EndpointView) => number,
): Family<MetricsFacts> {
  return {
    name: `sluice_upstream_${suffix}`,
    help,
    type,
    read: ({ view }) =>
      view.endpoints.map((endpoint) => ({
        labels: { upstream: endpoint.upstream, endpoint: endpoint.origin },
        value: valueOf(endpoint),
      })),
  };
}
