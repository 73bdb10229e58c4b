import type { SlowLimit } from "../telemetry/snapshot.ts";
import type { GuardrailPolicy, RolloutPolicy } from "./policy.ts";

/**
 * The limits above which workers tell apart the users who met a slow answer: those of relative `slow_rate` guardrails,
 * in their order. A relative guardrail counts users, not requests, because one user's requests are slow alike.
 */
export function slowLimitsOf(rollout: RolloutPolicy | null): readonly SlowLimit[] {
  if (rollout === null) return [];
  return rollout.guardrails.flatMap((guardrail) =>
    guardrail.metric.kind === "slow" && isComparedByUser(guardrail)
      ? [{ of: guardrail.metric.of, limitUs: Math.round(guardrail.metric.limitMs * 1000) }]
      : [],
  );
}

/** True for a guardrail that needs to know which users met a slow answer. */
export function isComparedByUser({ metric, maxRatio, evidence }: GuardrailPolicy): boolean {
  return metric.kind === "slow" && maxRatio !== null && evidence.kind === "sequential";
}
