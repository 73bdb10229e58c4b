import type { SeriesWatch } from "../telemetry/recorder.ts";
import type { SlowLimit } from "../telemetry/snapshot.ts";
import type { GuardrailPolicy, RolloutPolicy } from "./policy.ts";

/**
 * The limits above which workers tell apart the users who met a slow answer: those of relative `slow_rate` guardrails,
 * in their order. A relative guardrail counts users, not requests, because one user's requests are slow alike.
 */
function slowLimitsOf(rollout: RolloutPolicy): readonly SlowLimit[] {
  return rollout.guardrails.flatMap((guardrail) =>
    guardrail.metric.kind === "slow" && isComparedByUser(guardrail)
      ? [{ of: guardrail.metric.of, limitUs: Math.round(guardrail.metric.limitMs * 1000) }]
      : [],
  );
}

/** What workers look for in an experiment's series. */
export function watchOf(rollout: RolloutPolicy | null): SeriesWatch {
  if (rollout === null) return { slowLimits: [], isUrgent: false };
  return { slowLimits: slowLimitsOf(rollout), isUrgent: true };
}

/** True for a guardrail that needs to know which users met a slow answer. */
export function isComparedByUser({ metric, maxRatio, evidence }: GuardrailPolicy): boolean {
  return metric.kind === "slow" && maxRatio !== null && evidence.kind === "sequential";
}
