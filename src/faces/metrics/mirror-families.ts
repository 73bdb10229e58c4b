import type { Family } from "./family.ts";
import type { MetricsFacts, MirroredFacts } from "./sources.ts";

/** Writes on their way to the variants that did not answer them. */
export const mirrorFamilies: readonly Family<MetricsFacts>[] = [
  perVariant(
    "sluice_mirrored_writes_queued",
    "Mirrored writes that wait for the variant, in their order.",
    "gauge",
    ({ queued }) => queued,
  ),
  perVariant(
    "sluice_mirrored_writes_oldest_seconds",
    "Age of the oldest mirrored write that waits; 0 when none does.",
    "gauge",
    ({ oldestAgeMs }) => oldestAgeMs / 1000,
  ),
  perVariant(
    "sluice_mirrored_writes_delivered_total",
    "Mirrored writes that the variant answered for good.",
    "counter",
    ({ delivered }) => delivered,
  ),
  perVariant(
    "sluice_mirrored_writes_retried_total",
    "Attempts at mirrored writes that have to be repeated.",
    "counter",
    ({ retried }) => retried,
  ),
  {
    name: "sluice_mirrored_writes_diverged_total",
    help: "Mirrored writes that came to something else than on the primary, or did not arrive.",
    type: "counter",
    read: ({ mirrors }) =>
      mirrors.flatMap(({ experiment, variant, diverged }) =>
        Object.entries(diverged).map(([kind, value = 0]) => ({
          labels: { experiment, variant, kind },
          value,
        })),
      ),
  },
];

function perVariant(
  name: string,
  help: string,
  type: "counter" | "gauge",
  read: (mirrored: MirroredFacts) => number,
): Family<MetricsFacts> {
  return {
    name,
    help,
    type,
    read: ({ mirrors }) =>
      mirrors.map((mirrored) => ({
        labels: { experiment: mirrored.experiment, variant: mirrored.variant },
        value: read(mirrored),
      })),
  };
}
