import { collectDefaultMetrics, Registry } from "prom-client";
import { controlFamilies } from "./control-families.ts";
import { endpointFamilies } from "./endpoint-families.ts";
import { experimentFamilies } from "./experiment-families.ts";
import { registerFamily } from "./family.ts";
import { mirrorFamilies } from "./mirror-families.ts";
import { asksForOpenMetrics, openMetricsType, writeOpenMetrics } from "./open-metrics.ts";
import { pastFamilies } from "./past-families.ts";
import { replicaFamilies } from "./replica-families.ts";
import { processFamilies } from "./process-families.ts";
import { rolloutFamilies } from "./rollout-families.ts";
import { gatherFacts, type MetricsFacts, type MetricsSources } from "./sources.ts";
import { tracingFamilies } from "./tracing-families.ts";
import { trafficFamilies } from "./traffic-families.ts";

export type MetricsText = { readonly contentType: string; readonly body: string };

/** Renders `/metrics` whenever it is called, in the form that the scraper accepts. Make one per process: it also watches Node's own figures. */
export function createMetrics(sources: MetricsSources): (accept?: string) => Promise<MetricsText> {
  const registry = new Registry();
  let facts: MetricsFacts | null = null;
  collectDefaultMetrics({ register: registry });
  for (const family of [
    ...trafficFamilies,
    ...experimentFamilies,
    ...rolloutFamilies,
    ...controlFamilies,
    ...pastFamilies,
    ...replicaFamilies,
    ...mirrorFamilies,
    ...endpointFamilies,
    ...processFamilies,
    ...tracingFamilies,
  ]) {
    registerFamily(registry, family, () => (facts ??= gatherFacts(sources)));
  }
  return async (accept) => {
    // Every family of one scrape reads the same facts.
    facts = gatherFacts(sources);
    if (asksForOpenMetrics(accept)) {
      return { contentType: openMetricsType, body: await writeOpenMetrics(registry) };
    }
    return { contentType: registry.contentType, body: await registry.metrics() };
  };
}
