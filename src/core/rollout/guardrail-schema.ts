import { z } from "zod";
import { parseDurationMs, parseShare } from "../../base/units.ts";
import {
  choice,
  closed,
  duration,
  flag,
  integer,
  number,
  reject,
  share,
  text,
} from "../config/fields.ts";
import {
  answerMetrics,
  isDurationMetric,
  isKnownMetric,
  isPairMetric,
  metricNamePattern,
  pairMetrics,
} from "../telemetry/metric-names.ts";
import { failingOutcomes } from "../traffic/outcome.ts";
import type { EvidencePolicy, GuardrailMetric, GuardrailPolicy } from "./policy.ts";

/** How guardrails are written, and what they turn into. */

const defaults = {
  falseAlarm: 0.001,
  windowMs: 60_000,
  everyMs: 10_000,
  minRequests: 20,
  /** Share of requests that may be in flight for longer than an `in_flight_age` allows. */
  overdueMax: 0.01,
} as const;

const badOutcomes = {
  error_rate: failingOutcomes,
  success_rate: ["client_error", ...failingOutcomes],
  timeout_rate: ["timeout"],
  truncation_rate: ["truncated"],
  bad_answer_rate: ["bad_answer"],
} as const;

/** Metrics that every experiment has. */
export const guardrailMetrics = [
  "error_rate",
  "success_rate",
  "timeout_rate",
  "truncation_rate",
  "bad_answer_rate",
  "slow_rate",
  "in_flight_age",
  "latency_mean",
] as const;

const known =
  `${guardrailMetrics.join(", ")}, latency_p50…p99.9, ttfb_p50…p99.9, promql, or a metric of answers: ` +
  `${[...answerMetrics, ...pairMetrics].join(", ")}, one of metrics:`;

const written = closed({
  metric: text("a metric", 64).describe(known),
  max: z
    .union([z.number(), z.string()])
    .describe("highest share of requests, or a duration for latencies")
    .optional(),
  min: z
    .union([z.number(), z.string()])
    .describe("lowest success_rate, answer of a query, or mean of a metric")
    .optional(),
  slower_than: duration(1, 3_600_000).describe("what slow_rate counts as slow").optional(),
  relative_to: choice(["control"])
    .describe("compare with the control instead of with a fixed limit")
    .optional(),
  max_ratio: number(1.000001, 1000).describe("times the control's value").optional(),
  min_ratio: number(0.000001, 0.999999)
    .describe("times the control's value, for metrics of answers")
    .optional(),
  query: text("a PromQL query", 4096).describe("asked of the server in prometheus:").optional(),
  name: text("a name", 64)
    .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "letters, digits and _ only")
    .describe("default: the metric's name")
    .optional(),
  on_breach: choice(["rollback", "pause", "alert"])
    .describe("what a breach does; default rollback")
    .optional(),
  evidence: choice(["sequential", "window"])
    .describe(
      "sequential: tests that stay valid at every look; window: the plain value; default sequential",
    )
    .optional(),
  window: duration(1000, 3_600_000).describe("of evidence: window; default 1m").optional(),
  every: duration(1000, 3_600_000).describe("between two looks; default 10s").optional(),
  min_requests: integer(1, 1e9)
    .describe("fewer in the window make a look inconclusive; default 20")
    .optional(),
  failure_limit: integer(0, 1e6)
    .describe("failed looks that are put up with; one more is a breach. Default 0")
    .optional(),
  consecutive: integer(1, 1e6).describe("failed looks in a row that are a breach").optional(),
  inconclusive_limit: integer(0, 1e6)
    .describe("inconclusive looks that are put up with; one more pauses. Default: any number")
    .optional(),
  false_alarm: share().describe("chance of a false alarm in a rollout; default 0.1%").optional(),
  dry_run: flag().describe("judged and shown, without consequence; default false").optional(),
});

type Written = z.output<typeof written>;
type Context = Parameters<typeof reject>[0];
/** What a metric's own fields say. */
type Limits = Pick<GuardrailPolicy, "metric" | "max" | "min">;

/** One entry of `guardrails:`. */
export const guardrailSchema = written.transform((fields, context): GuardrailPolicy => {
  const { metric, relative_to, max_ratio, min_ratio } = fields;
  const isRelative = max_ratio !== undefined || min_ratio !== undefined;
  if ((relative_to !== undefined) !== isRelative) {
    return reject(context, "relative_to: control and max_ratio (or min_ratio) come together");
  }
  const evidence = readEvidence(fields, context);
  const limits = readLimits(fields, context);
  const falseAlarm = fields.false_alarm ?? defaults.falseAlarm;
  if (falseAlarm <= 0 || falseAlarm > 0.5) {
    return reject(context, "expected a share above 0 and up to 50%", ["false_alarm"]);
  }
  const isRatioOnly = limits.max === null && limits.min === null;
  return {
    name: fields.name ?? (isRatioOnly ? `${metric}_ratio` : metric),
    ...limits,
    maxRatio: max_ratio ?? null,
    minRatio: min_ratio ?? null,
    onBreach: fields.on_breach ?? "rollback",
    evidence,
    falseAlarm,
    dryRun: fields.dry_run ?? false,
  };
});

const windowFields = [
  "window",
  "every",
  "min_requests",
  "failure_limit",
  "consecutive",
  "inconclusive_limit",
] as const;

function readEvidence(fields: Written, context: Context): EvidencePolicy {
  const isQuery = fields.metric === "promql";
  if (isQuery && fields.evidence === "sequential") {
    return reject(context, "a query gives plain values: its evidence is a window", ["evidence"]);
  }
  if (!isQuery && fields.evidence !== "window") {
    const unused = windowFields.find((field) => fields[field] !== undefined);
    if (unused !== undefined) return reject(context, `belongs to evidence: window`, [unused]);
    return { kind: "sequential" };
  }
  if (fields.false_alarm !== undefined) {
    return reject(context, "a window cannot promise that: it belongs to evidence: sequential", [
      "false_alarm",
    ]);
  }
  const unused = (["window", "min_requests"] as const).find((field) => fields[field] !== undefined);
  if (isQuery && unused !== undefined) {
    return reject(context, "a query has a window of its own: write it there", [unused]);
  }
  return {
    kind: "window",
    windowMs: fields.window ?? defaults.windowMs,
    everyMs: fields.every ?? defaults.everyMs,
    minRequests: fields.min_requests ?? defaults.minRequests,
    failureLimit: fields.failure_limit ?? (fields.consecutive === undefined ? 0 : 1e6),
    consecutive: fields.consecutive ?? null,
    inconclusiveLimit: fields.inconclusive_limit ?? null,
  };
}

function readLimits(fields: Written, context: Context): Limits {
  const { metric } = fields;
  for (const [field, of] of [
    ["query", "promql"],
    ["slower_than", "slow_rate"],
  ] as const) {
    if (fields[field] !== undefined && metric !== of) {
      return reject(context, `${field} belongs to metric: ${of}`, [field]);
    }
  }
  if (metric === "promql") return readQuery(fields, context);
  if (isNamedMetric(metric)) return readMetric(fields, context);
  if (fields.min_ratio !== undefined) {
    return reject(context, "only metrics of answers have a min_ratio", ["min_ratio"]);
  }
  if (Object.hasOwn(badOutcomes, metric) || metric === "slow_rate") {
    return readRate(fields, context);
  }
  return readDurations(fields, context);
}

function readQuery({ query, name, max, min, max_ratio, every }: Written, context: Context): Limits {
  if (query === undefined) return reject(context, "metric: promql needs a query");
  if (name === undefined) return reject(context, "metric: promql needs a name to be shown by");
  if (max_ratio !== undefined) {
    return reject(context, "a query compares by itself: write the ratio in it", ["max_ratio"]);
  }
  if (max === undefined && min === undefined) return reject(context, "say max, min or both");
  for (const [field, value] of [
    ["max", max],
    ["min", min],
  ] as const) {
    if (typeof value === "string") return reject(context, "expected a number", [field]);
  }
  const metric: GuardrailMetric = { kind: "promql", query, everyMs: every ?? defaults.everyMs };
  return {
    metric,
    max: (max as number | undefined) ?? null,
    min: (min as number | undefined) ?? null,
  };
}

function readRate(fields: Written, context: Context): Limits {
  const { metric, max, min, max_ratio, slower_than: limitMs } = fields;
  const isSuccess = metric === "success_rate";
  if (isSuccess && max !== undefined) return reject(context, "success_rate has a min", ["max"]);
  if (!isSuccess && min !== undefined) {
    return reject(context, "only success_rate and promql have a min", ["min"]);
  }
  const bound = isSuccess ? min : max;
  const limit = bound === undefined ? null : parseShare(bound);
  const at = isSuccess ? "min" : "max";
  if (bound !== undefined && (limit === null || limit <= 0 || limit >= 1)) {
    return reject(context, "expected a share between 0 and 1, such as 5%", [at]);
  }
  if (limit === null && max_ratio === undefined) {
    return reject(context, `say ${at}, or relative_to: control with max_ratio`);
  }
  const highest = limit !== null && isSuccess ? Number((1 - limit).toFixed(9)) : limit;
  if (metric === "slow_rate") {
    if (limitMs === undefined) return reject(context, "slow_rate needs slower_than, such as 800ms");
    return { metric: { kind: "slow", of: "duration", limitMs }, max: highest, min: null };
  }
  const bad = badOutcomes[metric as keyof typeof badOutcomes];
  return { metric: { kind: "outcomes", bad }, max: highest, min: null };
}

/** True for a metric of answers; whether it is declared is looked at where the declarations are known. */
function isNamedMetric(metric: string): boolean {
  const isTime = parseLatency(metric) !== null || /^(?:latency|ttfb)_p/.test(metric);
  const isOwn = Object.hasOwn(badOutcomes, metric) || timesAndRates.has(metric);
  return isKnownMetric(metric) || (!isTime && !isOwn && metricNamePattern.test(metric));
}

const timesAndRates: ReadonlySet<string> = new Set([
  "slow_rate",
  "in_flight_age",
  "latency_mean",
  "promql",
]);

/** The mean of a metric of answers: a ceiling or a floor, absolute, relative or both. */
function readMetric(fields: Written, context: Context): Limits {
  const { metric, max, min, max_ratio, min_ratio } = fields;
  const isCeiling = max !== undefined || max_ratio !== undefined;
  const isFloor = min !== undefined || min_ratio !== undefined;
  if (isCeiling === isFloor) {
    const message = isCeiling
      ? "write a ceiling and a floor as two guardrails"
      : "say max, min, or relative_to: control with max_ratio or min_ratio";
    return reject(context, message);
  }
  if ((max_ratio !== undefined || min_ratio !== undefined) && isPairMetric(metric)) {
    return reject(context, `${metric} is a comparison with the control already: say max or min`);
  }
  if (min_ratio !== undefined && fields.evidence === "window") {
    return reject(context, "belongs to evidence: sequential", ["min_ratio"]);
  }
  const limits = { max, min };
  for (const field of ["max", "min"] as const) {
    const bound = limits[field];
    if (bound === undefined || typeof bound === "number") continue;
    const parsed = isDurationMetric(metric) ? parseDurationMs(bound) : null;
    if (parsed === null) {
      // Metrics of one's own are plain numbers: this is rather a word mistyped.
      if (!isKnownMetric(metric)) return reject(context, `expected one of ${known}`, ["metric"]);
      const example = isDurationMetric(metric) ? "a duration such as 800ms" : "a number";
      return reject(context, `expected ${example}`, [field]);
    }
    limits[field] = parsed;
  }
  return {
    metric: { kind: "mean", of: metric },
    max: (limits.max as number | undefined) ?? null,
    min: (limits.min as number | undefined) ?? null,
  };
}

/** Metrics whose limit is a duration. */
function readDurations(fields: Written, context: Context): Limits {
  const { metric, max, min, max_ratio } = fields;
  const latency = parseLatency(metric);
  const isMean = metric === "latency_mean";
  if (latency === null && !isMean && metric !== "in_flight_age") {
    return reject(context, `expected one of ${known}`, ["metric"]);
  }
  if (min !== undefined) return reject(context, "only success_rate and promql have a min", ["min"]);
  if (max_ratio !== undefined && !isMean) return readRelative(fields, latency, context);
  const limitMs = typeof max === "string" ? parseDurationMs(max) : null;
  if ((max !== undefined || max_ratio === undefined) && (limitMs === null || limitMs <= 0)) {
    return reject(context, "expected a duration such as 800ms or 5s", ["max"]);
  }
  if (isMean) return { metric: { kind: "mean", of: null }, max: limitMs, min: null };
  const { of, quantile } = latency ?? { of: "duration", quantile: 1 - defaults.overdueMax };
  return {
    metric: { kind: "slow", of, limitMs: limitMs ?? 0 },
    max: Number((1 - quantile).toFixed(6)),
    min: null,
  };
}

function readRelative(
  { max, evidence }: Written,
  latency: ReturnType<typeof parseLatency>,
  context: Context,
): Limits {
  const at = ["max_ratio"];
  if (latency === null) return reject(context, "in_flight_age has a max only", at);
  if (max !== undefined) return reject(context, "write max as a guardrail of its own", ["max"]);
  if (evidence === "window") {
    return reject(context, "in a window compare slow_rate (slower_than) instead", at);
  }
  return { metric: { kind: "quantile", ...latency }, max: null, min: null };
}

function parseLatency(
  metric: string,
): { readonly of: "duration" | "first_byte"; readonly quantile: number } | null {
  const [, of, percent] = /^(latency|ttfb)_p(\d{2}(?:\.\d)?)$/.exec(metric) ?? [];
  if (of === undefined || percent === undefined) return null;
  const quantile = Number((Number(percent) / 100).toFixed(4));
  return quantile < 0.5 ? null : { of: of === "latency" ? "duration" : "first_byte", quantile };
}
