import type { AlertKind, AlertPolicy, AlertRule, ChannelPolicy } from "./policy.ts";

/**
 * The rules in force where the configuration says nothing, and what `limit` means for each kind: of `error_rate` and
 * `upstream_unhealthy` a share, of `latency`, `no_traffic` and `writes_behind` milliseconds, of `sample_ratio` an always-valid p-value,
 * of `variant_silent` requests that should have come, of `writes_diverged` writes not acknowledged, of `power` a power (null: the one the analysis asks for).
 */
export const defaultRules: Readonly<Record<AlertKind, AlertRule>> = {
  error_rate: rule("error_rate", "critical", 60_000, 60_000, { limit: 0.1, minRequests: 100 }),
  latency: rule("latency", "warning", 60_000, 60_000, {
    limit: 5000,
    quantile: 0.95,
    minRequests: 100,
  }),
  sample_size: rule("sample_size", "warning", 600_000, 600_000),
  power: rule("power", "warning", 600_000, 600_000),
  // Its p-value takes the looks into account, so that it needs no wait.
  sample_ratio: rule("sample_ratio", "warning", 0, 0, { limit: 0.001 }),
  variant_silent: rule("variant_silent", "warning", 60_000, 60_000, { limit: 20 }),
  no_traffic: rule("no_traffic", "warning", 0, 60_000, { limit: 600_000 }),
  upstream_unhealthy: rule("upstream_unhealthy", "warning", 30_000, 30_000, { limit: 0 }),
  guardrail: rule("guardrail", "warning", 0, 0),
  rollback: rule("rollback", "critical", 0, 0),
  reload_failed: rule("reload_failed", "warning", 0, 0),
  store_unavailable: rule("store_unavailable", "critical", 0, 30_000),
  writes_behind: rule("writes_behind", "warning", 0, 10_000, { limit: 60_000 }),
  writes_diverged: rule("writes_diverged", "warning", 0, 0, { limit: 0 }),
};

/** The log hears of everything. */
export const defaultChannels: readonly ChannelPolicy[] = [
  { name: "log-1", minSeverity: "info", target: { kind: "log" } },
];

/** 4 hours, as Alertmanager repeats: often enough not to be forgotten, seldom enough to be read. */
export const defaultRepeatMs = 4 * 3_600_000;

/** What holds without an `alerts:` section. */
export const defaultAlerts: AlertPolicy = {
  rules: Object.values(defaultRules),
  channels: defaultChannels,
  repeatMs: defaultRepeatMs,
};

function rule(
  kind: AlertKind,
  severity: AlertRule["severity"],
  forMs: number,
  clearMs: number,
  rest: Partial<Pick<AlertRule, "limit" | "quantile" | "minRequests">> = {},
): AlertRule {
  const { limit = null, quantile = null, minRequests = null } = rest;
  return { kind, severity, forMs, clearMs, limit, quantile, minRequests };
}
