// Will an experiment find what it was planned to find? Two questions, neither asked without a planned end.
//
// - sample_size, on the way: units come in at the pace so far, c units in t of T. At the planned end there will be
//   about c·T/t, or the planned number if that comes first; too few when that is less than the power asked for
//   needs. Users who come back make the pace fall, so that the forecast errs to the hopeful side: no false alarm.
// - power, near the end: the power that the units now collected give. With n of the required N units the smallest
//   effect worth finding lies (z_{α/2} + z_{power})·√(n/N) standard errors from 0, because N is where that factor is 1.
import { formatDurationMs } from "../../base/units.ts";
import { formatNumber, formatPercent } from "../statistics/decision/words.ts";
import { normalUpperQuantile } from "../statistics/distributions/normal.ts";
import { normalPower } from "../statistics/power/means.ts";
import type { ExperimentAlertFacts, PlanAlertFacts } from "./facts.ts";
import type { AlertRule } from "./policy.ts";
import type { AlertCondition } from "./state.ts";

/** Part of the planned time below which a pace tells nothing. */
const paceKnownAfter = 0.1;
/** Part of the plan from which it is late for the power to come. */
const lateAfter = 0.9;
const hourMs = 3_600_000;
const hoursToldMax = 2 * 365 * 24;

export function sampleSizeCondition(
  { kind }: AlertRule,
  { experiment, plan }: ExperimentAlertFacts,
): AlertCondition | null {
  if (plan === null) return null;
  const { planned, required, unit, power, collected } = plan;
  const byTime = forecast(plan);
  const value = Math.max(collected, Math.floor(Math.min(planned ?? Infinity, byTime ?? Infinity)));
  if (!(value < required)) return null;
  const needed = `${formatNumber(Math.ceil(required))} that ${formatPercent(power)} power needs`;
  const summary =
    planned !== null && planned <= (byTime ?? Infinity)
      ? `${experiment} is planned to end with ${formatNumber(planned)} ${unit} in the smallest arm, fewer than the ${needed}`
      : `${experiment} will have about ${formatNumber(value)} ${unit} in the smallest arm when its time is over, fewer than the ${needed}${remedyOf(plan)}`;
  return { kind, experiment, subject: null, value, limit: Math.ceil(required), summary };
}

/** `limit` of the rule: the least power; null for the power asked for. */
export function powerCondition(
  { kind, limit: least }: AlertRule,
  { experiment, plan }: ExperimentAlertFacts,
): AlertCondition | null {
  if (plan === null || progressOf(plan) < lateAfter) return null;
  const value = powerNow(plan);
  const limit = least ?? plan.power;
  if (!(value < limit)) return null;
  const summary = `${experiment} is near its end and has ${formatPercent(value)} power with ${formatNumber(plan.collected)} ${plan.unit} in the smallest arm, less than ${formatPercent(limit)}`;
  return { kind, experiment, subject: null, value, limit, summary };
}

/** Units in the smallest arm when the planned time is over; null while that cannot be said. */
function forecast({ collected, ranMs, plannedMs }: PlanAlertFacts): number | null {
  if (plannedMs === null || ranMs <= 0 || ranMs < plannedMs * paceKnownAfter) return null;
  return (collected * plannedMs) / ranMs;
}

/** How much of the plan is done, 0…; whatever ends it first counts. */
function progressOf({ collected, planned, ranMs, plannedMs }: PlanAlertFacts): number {
  const bySize = planned === null ? 0 : collected / planned;
  const byTime = plannedMs === null ? 0 : ranMs / plannedMs;
  return Math.max(bySize, byTime);
}

function powerNow({ collected, required, alpha, power }: PlanAlertFacts): number {
  const atRequired = normalUpperQuantile(alpha / 2) + normalUpperQuantile(1 - power);
  return normalPower(atRequired * Math.sqrt(collected / required), alpha, "two_sided");
}

function remedyOf({ collected, required, ranMs }: PlanAlertFacts): string {
  if (collected === 0) return "";
  const hours = Math.ceil((ranMs * required) / collected / hourMs);
  return hours > hoursToldMax
    ? "; at this pace they take years"
    : `; at this pace they take ${formatDurationMs(hours * hourMs)}`;
}
