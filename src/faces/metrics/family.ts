import type { Metric, Registry } from "prom-client";
import type { BucketExemplar, BucketExemplars } from "../../core/telemetry/exemplar.ts";
import { bucketBoundsSeconds, type BucketCounts } from "../../core/telemetry/buckets.ts";

export type Labels = Readonly<Record<string, string | number>>;

export type Sample = {
  /** The family's name with a suffix; the family's own by default. */
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
  /** Shown to those who ask for OpenMetrics. */
  readonly exemplar?: BucketExemplar | null;
};

/** Samples of one metric, made from facts when they are asked for. */
export type Family<Facts> = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly read: (facts: Facts) => Iterable<Sample>;
};

/**
 * Registers a family with prom-client. Its own metrics count for themselves; these only show what the
 * collector has counted, so they are registered as the interface that a registry reads: `get`.
 */
export function registerFamily<Facts>(
  registry: Registry,
  { name, help, type, read }: Family<Facts>,
  facts: () => Facts,
): void {
  const get = () => Promise.resolve({ name, help, type, values: [...read(facts())] });
  const metric = { name, help, type, aggregator: "sum", get, reset: () => undefined };
  registry.registerMetric(metric as unknown as Metric);
}

/** A histogram's cumulative buckets, sum in seconds and count. */
export function* histogramSamples(
  name: string,
  labels: Labels,
  { counts, count, sumUs }: Readonly<BucketCounts>,
  exemplars: BucketExemplars | null = null,
): Generator<Sample> {
  let cumulative = 0;
  const bucket = (le: number | string, value: number, exemplar: BucketExemplar | null) => {
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value, exemplar };
  };
  for (const [at, bound] of bucketBoundsSeconds.entries()) {
    cumulative += counts[at] as number;
    yield bucket(bound, cumulative, exemplars?.[at] ?? null);
  }
  yield bucket("+Inf", count, exemplars?.[bucketBoundsSeconds.length] ?? null);
  yield { metricName: `${name}_sum`, labels, value: sumUs / 1e6 };
  yield { metricName: `${name}_count`, labels, value: count };
}
