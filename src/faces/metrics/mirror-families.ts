import { divergences } from "../../core/mirror/divergence.ts";
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
    read: (facts) =>
      mirroredOf(facts).flatMap(({ experiment, variant, diverged }) =>
        divergences.map((kind) => ({
          labels: { experiment, variant, kind },
          value: diverged[kind] ?? 0,
        })),
      ),
  },
];

/** Variants that had a write, and those that will get the next: a rate sees the first only when there was a 0 before. */
function mirroredOf({ mirrors, reload }: MetricsFacts): readonly MirroredFacts[] {
  const known = new Set(mirrors.map(({ experiment, variant }) => `${experiment} ${variant}`));
  const awaited = Object.values(reload.config.experiments)
    .filter(({ measure }) => measure.writes === "mirror")
    .flatMap(({ key: experiment, variants }) =>
      variants
        .filter(({ key, control }) => !control && !known.has(`${experiment} ${key}`))
        .map(({ key: variant }) => nothingOf(experiment, variant)),
    );
  return [...mirrors, ...awaited];
}

function nothingOf(experiment: string, variant: string): MirroredFacts {
  const counts = { queued: 0, oldestAgeMs: 0, delivered: 0, retried: 0, diverged: {} };
  return { experiment, variant, ...counts };
}

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
    read: (facts) =>
      mirroredOf(facts).map((mirrored) => ({
        labels: { experiment: mirrored.experiment, variant: mirrored.variant },
        value: read(mirrored),
      })),
  };
}
