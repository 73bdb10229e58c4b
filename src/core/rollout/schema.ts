import { z } from "zod";
import {
  choice,
  closed,
  duration,
  flag,
  integer,
  list,
  number,
  reject,
  share,
  text,
} from "../config/fields.ts";
import { parseDurationMs, parseShare } from "../../base/units.ts";
import type { GuardrailMetric, GuardrailPolicy, RolloutPolicy } from "./policy.ts";

/** How rollouts and their guardrails are written, and what they turn into. */

export const rolloutLimits = { stepsMax: 100, guardrailsMax: 32 } as const;

const defaults = {
  holdMs: 300_000,
  observeMs: 300_000,
  minRequests: 100,
  falseAlarm: 0.001,
} as const;

const step = closed({
  share: share().describe("of users that get the treatment"),
  hold: duration(1000, 30 * 86_400_000)
    .describe("least time at this share; default 5m")
    .optional(),
  min_requests: integer(0, 1e9).describe("least requests of the treatment; default 100").optional(),
  gate: choice(["none", "approval"]).describe("approval: somebody has to promote it").optional(),
}).transform((written, context) => {
  if (written.share === 0)
    return reject(context, "a step gives the treatment more than 0", ["share"]);
  return {
    share: written.share,
    holdMs: written.hold ?? defaults.holdMs,
    minRequests: written.min_requests ?? defaults.minRequests,
    gate: written.gate ?? ("none" as const),
  };
});

const notYet = "not in this version: guardrails judge sequentially";

/** `rollout:` of an experiment: a share that stands, or steps that climb. */
export const rolloutSchema = closed(
  {
    share: share()
      .describe("the treatment's share of users, until the file says otherwise")
      .optional(),
    steps: list(step, "steps", rolloutLimits.stepsMax)
      .refine((steps) => steps.length > 0, "name at least one step")
      .refine(
        (steps) => steps.every(({ share }, at) => at === 0 || share > (steps[at - 1]?.share ?? 0)),
        "each step gives the treatment more than the one before",
      )
      .describe("shares that Sluice climbs by itself while the guardrails allow it")
      .optional(),
    observe: duration(1000, 30 * 86_400_000)
      .describe(
        "how long the last share is watched before the rollout counts as promoted; default 5m",
      )
      .optional(),
  },
  {},
).transform((written, context) => {
  if ((written.share === undefined) === (written.steps === undefined)) {
    return reject(context, "say exactly one of share and steps");
  }
  if (written.observe !== undefined && written.steps === undefined) {
    return reject(context, "observe belongs to steps", ["observe"]);
  }
  return written;
});

const badOutcomes = {
  error_rate: ["upstream_error", "proxy_error", "timeout", "truncated"],
  success_rate: ["client_error", "upstream_error", "proxy_error", "timeout", "truncated"],
  timeout_rate: ["timeout"],
  truncation_rate: ["truncated"],
} as const;

const known =
  "error_rate, success_rate, timeout_rate, truncation_rate, latency_p50…p99.9, ttfb_p50…p99.9";

/** One entry of `guardrails:`. */
export const guardrailSchema = closed(
  {
    metric: text("a metric", 64).describe(known),
    max: z
      .union([z.number(), z.string()])
      .describe("highest share of requests, or a duration for latencies")
      .optional(),
    min: z.union([z.number(), z.string()]).describe("lowest success_rate").optional(),
    relative_to: choice(["control"]).optional(),
    max_ratio: number(1.000001, 1000).describe("times the control's rate").optional(),
    on_breach: choice(["rollback", "pause", "alert"]).describe("default rollback").optional(),
    false_alarm: share().describe("chance of a false alarm in a rollout; default 0.1%").optional(),
    dry_run: flag().describe("judged and shown, without consequence").optional(),
  },
  { evidence: notYet, consecutive: notYet, window: notYet },
).transform((written, context): GuardrailPolicy => {
  const { metric, max, min, relative_to, max_ratio } = written;
  const base = {
    maxRatio: max_ratio ?? null,
    onBreach: written.on_breach ?? ("rollback" as const),
    falseAlarm: written.false_alarm ?? defaults.falseAlarm,
    dryRun: written.dry_run ?? false,
    name:
      max_ratio !== undefined && max === undefined && min === undefined
        ? `${metric}_ratio`
        : metric,
  };
  if ((relative_to === undefined) !== (max_ratio === undefined)) {
    return reject(context, "relative_to: control and max_ratio come together");
  }
  if (base.falseAlarm <= 0 || base.falseAlarm > 0.5) {
    return reject(context, "expected a share above 0 and up to 50%", ["false_alarm"]);
  }
  if (Object.hasOwn(badOutcomes, metric)) {
    const bad = badOutcomes[metric as keyof typeof badOutcomes];
    const isSuccess = metric === "success_rate";
    if (isSuccess && max !== undefined) return reject(context, "success_rate has a min", ["max"]);
    if (!isSuccess && min !== undefined)
      return reject(context, "only success_rate has a min", ["min"]);
    const bound = isSuccess ? min : max;
    const limit = bound === undefined ? null : parseShare(bound);
    const at = isSuccess ? "min" : "max";
    if (bound !== undefined && (limit === null || limit <= 0 || limit >= 1)) {
      return reject(context, "expected a share between 0 and 1, such as 5%", [at]);
    }
    if (limit === null && max_ratio === undefined) {
      return reject(context, `say ${at}, or relative_to: control with max_ratio`);
    }
    const absolute = limit !== null && isSuccess ? Number((1 - limit).toFixed(9)) : limit;
    return { ...base, metric: { kind: "outcomes", bad }, max: absolute };
  }
  const latency = parseLatency(metric);
  if (latency === null) return reject(context, `expected one of ${known}`, ["metric"]);
  if (max_ratio !== undefined) {
    return reject(context, "latencies have a max only, in this version", ["max_ratio"]);
  }
  const limitMs = typeof max === "string" ? parseDurationMs(max) : null;
  if (limitMs === null || limitMs <= 0) {
    return reject(context, "expected a duration such as 800ms or 5s", ["max"]);
  }
  return {
    ...base,
    metric: { ...latency, limitMs },
    max: Number((1 - latency.quantile).toFixed(6)),
  };
});

function parseLatency(
  metric: string,
): Omit<Extract<GuardrailMetric, { kind: "latency" }>, "limitMs"> | null {
  const [, of, percent] = /^(latency|ttfb)_p(\d{2}(?:\.\d)?)$/.exec(metric) ?? [];
  if (of === undefined || percent === undefined) return null;
  const quantile = Number((Number(percent) / 100).toFixed(4));
  if (quantile < 0.5) return null;
  return { kind: "latency", of: of === "latency" ? "duration" : "first_byte", quantile };
}

/** Puts a rollout and its guardrails together; null for one whose share stands. */
export function resolveRollout(
  written: z.output<typeof rolloutSchema> | undefined,
  guardrails: readonly GuardrailPolicy[],
): RolloutPolicy | null {
  if (written?.steps === undefined) return null;
  return { steps: written.steps, guardrails, observeMs: written.observe ?? defaults.observeMs };
}
