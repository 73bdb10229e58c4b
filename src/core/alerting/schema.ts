import { z } from "zod";
import { formatDurationMs, formatShare } from "../../base/units.ts";
import { choice, closed, duration, integer, number, reject, share } from "../config/fields.ts";
import { alertChannelsSchema } from "./channel-schema.ts";
import { defaultChannels, defaultRepeatMs, defaultRules } from "./defaults.ts";
import {
  alertKinds,
  alertSeverities,
  type AlertKind,
  type AlertPolicy,
  type AlertRule,
} from "./policy.ts";

/** How the alerts slice of the configuration is written, and what it turns into. */

const day = 86_400_000;
const off = choice(["off"]);

/** Keys of the one latency rule, by its quantile. */
const latencyQuantiles = {
  latency_p50: 0.5,
  latency_p75: 0.75,
  latency_p90: 0.9,
  latency_p95: 0.95,
  latency_p98: 0.98,
  latency_p99: 0.99,
  "latency_p99.9": 0.999,
} as const;
type LatencyKey = keyof typeof latencyQuantiles;
const latencyKeys = Object.keys(latencyQuantiles) as LatencyKey[];

/** Shares of 100 % are refused: nothing exceeds them. */
const exceedableShare = share().refine((limit) => limit < 1, {
  error: "nothing exceeds 100%: say off instead of a limit to have no such alert",
});
const minRequests = integer(1, 1e9)
  .describe("requests in the last minute below which it says nothing; default 100")
  .optional();

/** What each kind of alert is about, for the reference. */
const about: Readonly<Record<AlertKind, string>> = {
  error_rate: "a variant fails more of its requests of the last minute than limit",
  latency: "a variant's percentile of the last minute is above limit; one such key counts",
  sample_size: "an experiment is planned to end with too few users or requests",
  power: "an experiment near its end has less power than limit",
  sample_ratio: "users are not split as configured: the p-value is below limit",
  variant_silent: "a variant got none of the limit or more requests that its share should bring",
  no_traffic: "an experiment had no request for limit",
  upstream_unhealthy: "more of an upstream's endpoints than limit are down",
  guardrail: "a breached guardrail paused a rollout, or has on_breach: alert",
  rollback: "a rollout was rolled back",
  reload_failed: "a configuration was refused; the one before is in force",
  store_unavailable: "what is decided does not outlive a restart",
  writes_behind: "a mirrored write has waited for longer than limit",
  writes_diverged:
    "more mirrored writes than limit came to something else and nobody acknowledged it",
};

type WrittenRule = {
  readonly limit?: number | undefined;
  readonly min_requests?: number | undefined;
  readonly for?: number | undefined;
  readonly clear?: number | undefined;
  readonly severity?: AlertRule["severity"] | undefined;
};

function rule<Shape extends z.ZodRawShape>(kind: AlertKind, shape: Shape) {
  const { forMs, clearMs, severity } = defaultRules[kind];
  const map = closed({
    ...shape,
    for: duration(0, day)
      .describe(`how long it has to last to fire; default ${formatDurationMs(forMs)}`)
      .optional(),
    clear: duration(0, day)
      .describe(`how long it has to be gone to be resolved; default ${formatDurationMs(clearMs)}`)
      .optional(),
    severity: choice(alertSeverities).describe(`how grave it is; default ${severity}`).optional(),
  });
  const example = `expected off, or a map of ${Object.keys(map.shape).join(", ")}`;
  return z
    .union([off, map], { error: () => example })
    .transform((written): AlertRule | null =>
      written === "off" ? null : fill(kind, written as WrittenRule),
    )
    .describe(about[kind])
    .optional();
}

function fill(kind: AlertKind, written: WrittenRule): AlertRule {
  const defaults = defaultRules[kind];
  return {
    ...defaults,
    limit: written.limit ?? defaults.limit,
    minRequests: written.min_requests ?? defaults.minRequests,
    forMs: written.for ?? defaults.forMs,
    clearMs: written.clear ?? defaults.clearMs,
    severity: written.severity ?? defaults.severity,
  };
}

const latencyRule = rule("latency", {
  limit: duration(1, 3_600_000)
    .describe(
      `of that percentile, by variant; default ${formatDurationMs(defaultRules.latency.limit as number)}`,
    )
    .optional(),
  min_requests: minRequests,
});

const rules = closed({
  error_rate: rule("error_rate", {
    limit: exceedableShare
      .describe(
        `share of a variant's requests; default ${formatShare(defaultRules.error_rate.limit as number)}`,
      )
      .optional(),
    min_requests: minRequests,
  }),
  latency_p50: latencyRule,
  latency_p75: latencyRule,
  latency_p90: latencyRule,
  latency_p95: latencyRule,
  latency_p98: latencyRule,
  latency_p99: latencyRule,
  "latency_p99.9": latencyRule,
  sample_size: rule("sample_size", {}),
  power: rule("power", {
    limit: number(0.05, 0.999)
      .describe("power that is expected; default: what the analysis asks for")
      .optional(),
  }),
  sample_ratio: rule("sample_ratio", {
    limit: number(1e-12, 0.5)
      .describe(`always-valid p-value; default ${defaultRules.sample_ratio.limit}`)
      .optional(),
  }),
  variant_silent: rule("variant_silent", {
    limit: integer(1, 1e9)
      .describe(
        `requests that should have come in a minute; default ${defaultRules.variant_silent.limit}`,
      )
      .optional(),
  }),
  no_traffic: rule("no_traffic", {
    limit: duration(1000, day)
      .describe(
        `how long no request came; default ${formatDurationMs(defaultRules.no_traffic.limit as number)}`,
      )
      .optional(),
  }),
  upstream_unhealthy: rule("upstream_unhealthy", {
    limit: exceedableShare
      .describe("share of an upstream's endpoints that may be down; default 0%: none")
      .optional(),
  }),
  guardrail: rule("guardrail", {}),
  rollback: rule("rollback", {}),
  reload_failed: rule("reload_failed", {}),
  store_unavailable: rule("store_unavailable", {}),
  writes_behind: rule("writes_behind", {
    limit: duration(1000, day)
      .describe(
        `age of the oldest write that waits; default ${formatDurationMs(defaultRules.writes_behind.limit as number)}`,
      )
      .optional(),
  }),
  writes_diverged: rule("writes_diverged", {
    limit: integer(0, 1e9).describe("mirrored writes not acknowledged; default 0: none").optional(),
  }),
});

type WrittenRules = z.output<typeof rules>;

/** `alerts:`; everything in it has a default. */
export const alertsSchema = closed({
  rules: rules
    .transform(resolveRules)
    .describe("by kind; one that is not named has its default, off has none")
    .prefault({}),
  channels: alertChannelsSchema.describe("where notices go; default the log").optional(),
  repeat: z
    .union([off, duration(60_000, 7 * day)], {
      error: () => "expected off, or a duration such as 30m or 4h",
    })
    .describe(
      `how often a firing alert that nobody acknowledged is told again; default ${formatDurationMs(defaultRepeatMs)}`,
    )
    .optional(),
}).transform(({ rules, channels = defaultChannels, repeat = defaultRepeatMs }): AlertPolicy => ({
  rules,
  channels,
  repeatMs: repeat === "off" ? null : repeat,
}));

function resolveRules(
  written: WrittenRules,
  context: Parameters<typeof reject>[0],
): readonly AlertRule[] {
  const named = latencyKeys.filter((key) => written[key]);
  if (named.length > 1) {
    const [, second] = named as [LatencyKey, LatencyKey];
    return reject(context, `there is one latency rule: ${named.join(" or ")}`, [second]);
  }
  return alertKinds.flatMap((kind) => {
    const rule = kind === "latency" ? latencyOf(written) : written[kind];
    return rule === null ? [] : [rule ?? defaultRules[kind]];
  });
}

/** Naming any quantile replaces the default rule. */
function latencyOf(written: WrittenRules): AlertRule | null | undefined {
  const key = latencyKeys.find((key) => written[key]);
  if (key !== undefined)
    return Object.assign({}, written[key], { quantile: latencyQuantiles[key] });
  return latencyKeys.some((key) => written[key] === null) ? null : undefined;
}
