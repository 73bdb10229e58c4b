import { err, ok, type Result } from "../../base/result.ts";
import { parseDurationMs } from "../../base/units.ts";
import { suggest, unknown } from "../config/suggestion.ts";

/**
 * Thresholds in k6's form: a metric, perhaps of one variant or endpoint, and `AGGREGATION OPERATOR NUMBER`, such as
 * `http_req_duration{variant:new}` with `p(95)<500`. A metric that does not exist is an error, and one without a
 * value in the end is a breach: a threshold must not hold because nothing was measured.
 */

/** What a metric is: a distribution of milliseconds, a share of requests, or a count. */
export type MetricKind = "trend" | "rate" | "counter";

/** k6's names, and Sluice's own. */
export const loadMetrics = {
  http_req_duration: { kind: "trend", of: "response time" },
  http_req_waiting: { kind: "trend", of: "time to first byte" },
  http_req_failed: { kind: "rate", of: "failed requests" },
  http_reqs: { kind: "counter", of: "requests ended" },
  checks: { kind: "rate", of: "answers as expected" },
  dropped_iterations: { kind: "counter", of: "arrivals dropped" },
  response_time: { kind: "trend", of: "response time" },
  service_time: { kind: "trend", of: "service time" },
  time_to_first_byte: { kind: "trend", of: "time to first byte" },
  time_to_first_token: { kind: "trend", of: "time to first token" },
  start_error: { kind: "trend", of: "lateness of starts" },
  errors: { kind: "counter", of: "failed requests" },
  dropped: { kind: "counter", of: "arrivals dropped" },
  retries: { kind: "counter", of: "retries" },
} as const satisfies Record<string, { readonly kind: MetricKind; readonly of: string }>;

export type LoadMetric = keyof typeof loadMetrics;

/** Metrics that variants and endpoints have, too. */
const groupedMetrics = new Set<LoadMetric>([
  "http_req_duration",
  "response_time",
  "service_time",
  "http_req_waiting",
  "time_to_first_byte",
  "time_to_first_token",
  "http_req_failed",
  "http_reqs",
  "errors",
  "checks",
]);

export type Aggregation =
  | { readonly kind: "avg" | "min" | "max" | "count" | "rate" }
  | { readonly kind: "percentile"; readonly percentile: number };

const operators = ["<=", ">=", "===", "==", "!=", "<", ">"] as const;
type Operator = (typeof operators)[number];

export type Group = { readonly by: "variant" | "endpoint"; readonly name: string };

export type Threshold = {
  /** As written: `http_req_duration{variant:new}: p(95)<500`. */
  readonly text: string;
  readonly metric: LoadMetric;
  /** Whose values; null for all. */
  readonly group: Group | null;
  readonly aggregation: Aggregation;
  readonly operator: Operator;
  /** Milliseconds of trends, a share of rates, a number of counters (a second, with `rate`). */
  readonly limit: number;
  /** Whether a breach ends the run. */
  readonly abortOnFail: boolean;
  /** How long a breach does not end it yet, from the end of the warm-up. */
  readonly delayAbortMs: number;
};

/** The value of a threshold's metric at some moment; null where nothing was measured. */
export type MetricReader = (
  metric: LoadMetric,
  group: Group | null,
  aggregation: Aggregation,
) => number | null;

export type ThresholdResult = {
  readonly text: string;
  readonly value: number | null;
  readonly ok: boolean;
};

/** What a threshold is besides its two texts. */
export type AbortRule = Pick<Threshold, "abortOnFail" | "delayAbortMs">;

const metricNames = Object.keys(loadMetrics) as LoadMetric[];

/** Reads a metric with its condition; the error says which of the two is wrong, and what would be right. */
export function parseThreshold(
  metricText: string,
  condition: string,
  rule: AbortRule,
): Result<Threshold, string> {
  const named = /^\s*([a-z_0-9]+)\s*(?:\{\s*([a-z_]+)\s*:\s*([^{}]*?)\s*\})?\s*$/i.exec(metricText);
  if (named === null) {
    return err(`${JSON.stringify(metricText)} is no metric, such as http_req_duration`);
  }
  const metric = named[1] as LoadMetric;
  if (!Object.hasOwn(loadMetrics, metric)) return err(unknown("metric", metric, metricNames));
  const group = parseGroup(metric, named[2] ?? null, named[3] ?? "");
  if (!group.ok) return group;
  const text = `${metricText.trim()}: ${condition.trim()}`;
  const read = parseCondition(condition, loadMetrics[metric].kind, metric);
  if (!read.ok) return read;
  return ok({ text, metric, group: group.value, ...read.value, ...rule });
}

/** Splits `METRIC: CONDITION`, as the command line has it; the tag's own colon stays in the metric. */
export function splitThreshold(text: string): Result<readonly [string, string], string> {
  const match = /^([^:{]*(?:\{[^}]*\})?)\s*:(.*)$/s.exec(text);
  if (match === null) {
    return err(`expected METRIC: CONDITION such as "http_req_duration: p(95)<500"`);
  }
  return ok([match[1] as string, match[2] as string]);
}

function parseGroup(
  metric: LoadMetric,
  by: string | null,
  name: string,
): Result<Group | null, string> {
  if (by === null) return ok(null);
  if (by !== "variant" && by !== "endpoint") {
    return err(`{${by}:…} is unknown; a metric can be of a {variant:NAME} or an {endpoint:NAME}`);
  }
  if (!groupedMetrics.has(metric)) return err(`${metric} is measured of the whole run only`);
  if (name === "") return err(`{${by}:} needs a name`);
  return ok({ by, name });
}

function parseCondition(
  condition: string,
  kind: MetricKind,
  metric: LoadMetric,
): Result<Pick<Threshold, "aggregation" | "operator" | "limit">, string> {
  const match = /^\s*(.*?)\s*(<=|>=|===|==|!=|<|>)\s*(\S+)\s*$/.exec(condition);
  if (match === null) {
    return err(`${JSON.stringify(condition)} is no condition, such as p(95)<500 or rate<0.01`);
  }
  const aggregation = parseAggregation(match[1] as string, kind, metric);
  if (!aggregation.ok) return aggregation;
  const limit = parseLimit(match[3] as string, kind);
  if (limit === null) {
    const example = kind === "trend" ? "500 (milliseconds) or 1.5s" : "0.01 or 1%";
    return err(
      `${JSON.stringify(match[3])} is no limit, such as ${kind === "counter" ? "100" : example}`,
    );
  }
  return ok({ aggregation: aggregation.value, operator: match[2] as Operator, limit });
}

const aggregationsOf: Record<MetricKind, readonly string[]> = {
  trend: ["avg", "min", "med", "max", "p(N)"],
  rate: ["rate"],
  counter: ["count", "rate"],
};

function parseAggregation(
  text: string,
  kind: MetricKind,
  metric: LoadMetric,
): Result<Aggregation, string> {
  const known = aggregationsOf[kind];
  if (kind === "trend") {
    if (text === "med") return ok({ kind: "percentile", percentile: 50 });
    const percentile = /^p\((\d+(?:\.\d+)?)\)$/.exec(text);
    if (percentile !== null && Number(percentile[1]) <= 100) {
      return ok({ kind: "percentile", percentile: Number(percentile[1]) });
    }
  }
  if (known.includes(text) && text !== "p(N)" && text !== "med") {
    return ok({ kind: text as "avg" | "min" | "max" | "count" | "rate" });
  }
  const hint = suggest(text, known);
  return err(`${metric} has no ${JSON.stringify(text)}${hint || `; it has ${known.join(", ")}`}`);
}

function parseLimit(text: string, kind: MetricKind): number | null {
  if (/^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text)) return Number(text);
  if (kind === "trend") return parseDurationMs(text);
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  return kind === "rate" && percent !== null ? Number(percent[1]) / 100 : null;
}

/** Judges thresholds by what `read` gives now. */
export function judgeThresholds(
  thresholds: readonly Threshold[],
  read: MetricReader,
): readonly ThresholdResult[] {
  return thresholds.map((threshold) => {
    const value = read(threshold.metric, threshold.group, threshold.aggregation);
    return { text: threshold.text, value, ok: value !== null && holds(value, threshold) };
  });
}

/** The first threshold whose breach ends the run, `measuredMs` after the end of the warm-up; no value is no breach yet. */
export function abortingBreach(
  thresholds: readonly Threshold[],
  read: MetricReader,
  measuredMs: number,
): string | null {
  for (const threshold of thresholds) {
    if (!threshold.abortOnFail || measuredMs < threshold.delayAbortMs) continue;
    const value = read(threshold.metric, threshold.group, threshold.aggregation);
    if (value !== null && !holds(value, threshold) && !mayStillHold(threshold))
      return threshold.text;
  }
  return null;
}

/** What has to be reached, such as `count>100`, cannot be missed before the end. */
function mayStillHold({ metric, aggregation, operator }: Threshold): boolean {
  if (loadMetrics[metric].kind !== "counter" || aggregation.kind !== "count") return false;
  return operator !== "<" && operator !== "<=";
}

function holds(value: number, { operator, limit }: Threshold): boolean {
  switch (operator) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "==":
    case "===":
      return value === limit;
    case "!=":
      return value !== limit;
  }
}
