import type { AlertNotice } from "./notice.ts";
import type { AlertRule } from "./policy.ts";
import {
  alertLimits,
  type Alert,
  type AlertCondition,
  type AlertPhase,
  type AlertTime,
  type FiringPhase,
} from "./state.ts";

/** One alert from its first look to its end: pending, firing, gone. */

/** A condition that holds, with the rule for its kind. */
export type Holding = {
  readonly condition: AlertCondition;
  readonly rule: AlertRule;
};

/**
 * `error_rate/new_model/treatment`; without an experiment `upstream_unhealthy/-/smp`, without either
 * `store_unavailable`. Names of experiments have no slashes and are never `-`.
 */
export function idOf({
  kind,
  experiment,
  subject,
}: Pick<AlertCondition, "kind" | "experiment" | "subject">): string {
  const parts = subject === null ? [kind, experiment] : [kind, experiment ?? "-", subject];
  return parts
    .filter((part) => part !== null)
    .join("/")
    .slice(0, alertLimits.idLengthMax);
}

/** An alert whose condition was seen for the first time; it fires at once where its rule asks for no wait. */
export function begin(
  id: string,
  condition: AlertCondition,
  rule: AlertRule,
  time: AlertTime,
): Alert {
  const phase: AlertPhase =
    rule.forMs === 0 ? fire(time) : { kind: "pending", sinceMs: time.nowMs };
  return { ...describe(condition, rule), id, phase };
}

/**
 * The alert after one more look; null when it is over. An alert whose kind has no rule any more is over at once.
 * While the condition is gone it keeps what it said last.
 */
export function advance(
  alert: Alert,
  holds: Holding | null,
  rule: AlertRule | null,
  time: AlertTime,
): Alert | null {
  const { phase } = alert;
  if (holds === null) {
    if (phase.kind === "pending" || rule === null) return null;
    const goneSinceMs = phase.goneSinceMs ?? time.nowMs;
    if (time.nowMs - goneSinceMs >= rule.clearMs) return null;
    return { ...alert, phase: { ...phase, goneSinceMs } };
  }
  const seen = { ...alert, ...describe(holds.condition, holds.rule) };
  if (phase.kind === "firing") return { ...seen, phase: { ...phase, goneSinceMs: null } };
  const isDue = time.nowMs - phase.sinceMs >= holds.rule.forMs;
  return isDue ? { ...seen, phase: fire(time) } : seen;
}

/** What channels are told of an alert that fires, or that ended at `endedAtMs`. */
export function noticeOf(
  alert: Alert,
  { startedAtMs, acknowledged }: FiringPhase,
  status: AlertNotice["status"],
  endedAtMs: number | null,
): AlertNotice {
  const { id, kind, severity, experiment, subject, summary, value, limit } = alert;
  return {
    alert: id,
    status,
    kind,
    severity,
    experiment,
    subject,
    summary,
    value,
    limit,
    startedAtMs,
    // The wall clock may have been set back meanwhile.
    endedAtMs: endedAtMs === null ? null : Math.max(startedAtMs, endedAtMs),
    acknowledgedBy: acknowledged?.actor ?? null,
  };
}

function fire({ atMs }: AlertTime): FiringPhase {
  return {
    kind: "firing",
    startedAtMs: atMs,
    goneSinceMs: null,
    toldMs: null,
    acknowledged: null,
  };
}

function describe(condition: AlertCondition, { severity }: AlertRule) {
  const { kind, experiment, subject, value, limit, summary } = condition;
  const short = summary.slice(0, alertLimits.summaryLengthMax);
  return { kind, experiment, subject, value, limit, severity, summary: short };
}
