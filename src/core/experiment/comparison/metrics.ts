import { err, ok, type Result } from "../../../base/result.ts";
import { designEffectOf } from "../../statistics/clustered/design-effect.ts";
import { quantileOfHistogram } from "../../statistics/clustered/quantile.ts";
import { ratioOf, sumsOfTelemetry, type ClusteredRatio } from "../../statistics/clustered/ratio.ts";
import type { MetricDirection } from "../../statistics/direction.ts";
import type { DataFault } from "../../statistics/fault.ts";
import { totalOf, type Histogram } from "../../statistics/histogram.ts";
import type { ClusterSums } from "../../telemetry/clusters.ts";
import { isDurationMetric, isPairMetric } from "../../telemetry/metric-names.ts";
import { withLeastVariance, type ArmMeasure } from "../analysis.ts";

/** What variants are compared by, and how each is estimated from what the telemetry holds of an arm. */

/** One arm of the present epoch with all that its telemetry tells. */
export type ComparedArm = ArmMeasure & {
  /** Analysed requests that failed. */
  readonly failures: number;
  /** Microseconds, of analysed requests. */
  readonly duration: Histogram;
  readonly firstByte: Histogram;
  /** By name; x is the metric's value. */
  readonly metrics: ReadonlyMap<string, ClusterSums>;
};

/** What a comparison counts: users, or requests where nobody is known to send them. */
export type Units = "users" | "requests";

export type ComparedMetric = {
  readonly name: string;
  readonly unit: "share" | "ms" | "number";
  /** Which way is better; null where nobody said. */
  readonly direction: MetricDirection | null;
  /** Null before there is one. */
  readonly value: (arm: ComparedArm) => number | null;
  /** The value with the variance that users show, or that independent requests do. */
  readonly estimate: (arm: ComparedArm, units: Units) => Result<ClusteredRatio, DataFault>;
  readonly test: (units: Units) => string;
};

const overUsers = "t-test over users (delta method, 256 groups)";
const overRequests = "t-test over requests";
const testOf = (units: Units) => (units === "users" ? overUsers : overRequests);
const testOfHistogram = (units: Units) =>
  units === "users"
    ? "t-test over requests, with the variance that users add to the mean latency"
    : overRequests;

const latencyMean: ComparedMetric = {
  name: "latency_mean",
  unit: "ms",
  direction: "lower",
  value: ({ clusters, duration }) => meanOf(clusters, 1) ?? meanMs(duration),
  estimate: (arm, units) =>
    units === "users"
      ? ratioOf(sumsOfTelemetry(arm.clusters, "duration"))
      : meanOfHistogram(arm.duration, arm, units),
  test: testOf,
};

const errorRate: ComparedMetric = {
  name: "error_rate",
  unit: "share",
  direction: "lower",
  value: ({ failures, requests }) => (requests === 0 ? null : failures / requests),
  estimate: (arm, units) => {
    if (units === "users") {
      const ratio = ratioOf(sumsOfTelemetry(arm.clusters, "failures"));
      return ratio.ok ? ok(withLeastVariance(ratio.value, arm.users)) : ratio;
    }
    const { failures, requests: n } = arm;
    if (n === 0) return noRequests;
    const value = failures / n;
    const variance = (value * (1 - value)) / n;
    return ok(withLeastVariance({ value, variance, clusters: n, n }, n));
  },
  test: testOf,
};

const latencyP95: ComparedMetric = {
  name: "latency_p95",
  unit: "ms",
  direction: "lower",
  value: ({ duration }) => quantileMs(duration, 0.95),
  estimate: (arm, units) => {
    const found = quantileOfHistogram(arm.duration, 0.95, spreadOf(arm, units));
    if (!found.ok) return found;
    const { value, variance, ...counts } = found.value;
    return ok({ ...counts, value: value / 1000, variance: variance / 1e6 });
  },
  test: testOfHistogram,
};

const firstByteMean: ComparedMetric = {
  name: "first_byte_mean",
  unit: "ms",
  direction: "lower",
  value: ({ firstByte }) => meanMs(firstByte),
  estimate: (arm, units) => meanOfHistogram(arm.firstByte, arm, units),
  test: testOfHistogram,
};

/** Everything that at least one arm has a value of; `directions` tells which way metrics of one's own are better. */
export function metricsOf(
  arms: Iterable<ComparedArm>,
  directions: ReadonlyMap<string, MetricDirection>,
): readonly ComparedMetric[] {
  const names = new Set<string>();
  let hasFirstByte = false;
  for (const { metrics, firstByte } of arms) {
    hasFirstByte ||= firstByte.counts.length > 0;
    for (const [name, sums] of metrics) {
      // Those of pairs are measured on copies: no arm has them to itself.
      if (!isPairMetric(name) && meanOf(sums, 1) !== null) names.add(name);
    }
  }
  const own = [...names].toSorted().map((name) => metricOf(name, directions));
  return [latencyMean, errorRate, latencyP95, ...(hasFirstByte ? [firstByteMean] : []), ...own];
}

/** Of what Sluice measures by name, what more is worse of. */
const lowerIsBetter: ReadonlySet<string> = new Set(["tokens_in", "tokens_out", "cost"]);

function metricOf(name: string, directions: ReadonlyMap<string, MetricDirection>): ComparedMetric {
  const isDuration = isDurationMetric(name);
  const known = name === "tokens_per_second" ? "higher" : null;
  const cheap = isDuration || lowerIsBetter.has(name) ? "lower" : known;
  return {
    name,
    unit: isDuration ? "ms" : "number",
    direction: directions.get(name) ?? cheap,
    value: ({ metrics }) => meanOf(metrics.get(name), 1),
    estimate: ({ metrics }) => {
      const sums = metrics.get(name);
      return sums === undefined ? noRequests : ratioOf(sumsOfTelemetry(sums, "duration"));
    },
    test: testOf,
  };
}

const noRequests = err<DataFault>({ code: "empty", message: "there are no requests" });

/** A field's sum over n; null without any. */
function meanOf(sums: ClusterSums | undefined, field: 1 | 3): number | null {
  let n = 0;
  let total = 0;
  for (let at = 0; at < (sums?.length ?? 0); at += 4) {
    n += sums?.[at] as number;
    total += sums?.[at + field] as number;
  }
  return n === 0 ? null : total / n;
}

/** What clustering does to a variance over requests, and the independent groups behind it. */
function spreadOf({ clusters, requests }: ComparedArm, units: Units) {
  if (units === "requests") return { designEffect: 1, clusters: Math.max(2, requests) };
  let held = 0;
  for (let at = 0; at < clusters.length; at += 4) if ((clusters[at] as number) > 0) held += 1;
  return { designEffect: designEffectOf(clusters), clusters: Math.max(2, held) };
}

function meanOfHistogram(
  histogram: Histogram,
  arm: ComparedArm,
  units: Units,
): Result<ClusteredRatio, DataFault> {
  const value = meanMs(histogram);
  if (value === null) return noRequests;
  const n = totalOf(histogram.counts);
  if (n < 2) return err({ code: "too_few", message: "one request has no variance" });
  let squares = 0;
  const { counts } = histogram;
  for (let bin = 0; bin < counts.length; bin += 1) {
    squares += (counts[bin] as number) * (middleMs(histogram, bin) - value) ** 2;
  }
  const { designEffect, clusters } = spreadOf(arm, units);
  return ok({ value, variance: (squares / (n - 1) / n) * designEffect, clusters, n });
}

function meanMs(histogram: Histogram): number | null {
  const n = totalOf(histogram.counts);
  if (n === 0) return null;
  let sum = 0;
  const { counts } = histogram;
  for (let bin = 0; bin < counts.length; bin += 1) {
    sum += (counts[bin] as number) * middleMs(histogram, bin);
  }
  return sum / n;
}

function quantileMs(histogram: Histogram, quantile: number): number | null {
  const rank = Math.ceil(totalOf(histogram.counts) * quantile);
  let seen = 0;
  const { counts } = histogram;
  for (let bin = 0; bin < counts.length; bin += 1) {
    seen += counts[bin] as number;
    // The upper edge, as everywhere else where this percentile is shown.
    if (seen >= rank) return (histogram.highest[bin] as number) / 1000;
  }
  return null;
}

function middleMs({ lowest, highest }: Histogram, bin: number): number {
  return ((lowest[bin] as number) + (highest[bin] as number)) / 2000;
}
