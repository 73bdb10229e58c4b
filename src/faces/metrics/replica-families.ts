import type { Family } from "./family.ts";
import type { MetricsFacts, ReplicaFacts } from "./sources.ts";

/** This process among the replicas that share its store; nothing where there is no shared store. */
export const replicaFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: "sluice_replicas",
    help: "Replicas that share the store, as this one knows them.",
    type: "gauge",
    read: ({ replica }) =>
      replica === null ? [] : [{ labels: {}, value: replica.replicas.length }],
  },
  {
    name: "sluice_replica_authority",
    help: "1 for what this replica may decide: lead, follow, or cut_off when it cannot reach the shared store.",
    type: "gauge",
    read: ({ replica }) =>
      replica === null
        ? []
        : (["lead", "follow", "cut_off"] as const).map((authority) => ({
            labels: { authority },
            value: replica.authority === authority ? 1 : 0,
          })),
  },
  {
    name: "sluice_replica_telemetry_parts_total",
    help: "Parts of telemetry between replicas: published and dropped are this one's, merged and unreadable those of others.",
    type: "counter",
    read: ({ replica }) =>
      replica === null
        ? []
        : partResults.map((result) => ({ labels: { result }, value: replica.exchange[result] })),
  },
  {
    name: "sluice_replica_telemetry_parts_waiting",
    help: "Parts of this replica's telemetry that the store does not have yet.",
    type: "gauge",
    read: ({ replica }) =>
      replica === null ? [] : [{ labels: {}, value: replica.exchange.waiting }],
  },
];

const partResults: readonly (keyof ReplicaFacts["exchange"])[] = [
  "published",
  "dropped",
  "merged",
  "unreadable",
];
