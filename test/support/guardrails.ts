import type { CountsTick } from "../../src/core/rollout/guardrail/counts.ts";
import type { GuardrailPolicy, RolloutPolicy, RolloutStep } from "../../src/core/rollout/policy.ts";

/** An error-rate guardrail of 5 %, unless `changed` says otherwise. */
export function guardrailOf(changed: Partial<GuardrailPolicy> = {}): GuardrailPolicy {
  return {
    name: "error_rate",
    metric: { kind: "outcomes", bad: ["upstream_error", "proxy_error", "timeout", "truncated"] },
    max: 0.05,
    min: null,
    minRatio: null,
    maxRatio: null,
    onBreach: "rollback",
    evidence: { kind: "sequential" },
    falseAlarm: 0.001,
    dryRun: false,
    ...changed,
  };
}

const plain = { holdMs: 10_000, minRequests: 100, minUsers: 0, gate: "none" } as const;

/** 5 %, 25 % and 100 % for ten seconds each, unless `step` says otherwise. */
export function rolloutOf(
  guardrails: readonly Partial<GuardrailPolicy>[] = [{}],
  step: Partial<RolloutStep> = {},
): RolloutPolicy {
  return {
    steps: [0.05, 0.25, 1].map((share) => Object.assign({ share, shadow: 0 }, plain, step)),
    guardrails: guardrails.map(guardrailOf),
    observeMs: 5_000,
    desired: "manual",
    warmUpMs: 0,
    restoreWithinMs: 0,
  };
}

/** `count` requests in each arm, `bad` of the treatment's and `badControl` of the control's. */
export function countsTick(
  count: number,
  bad = 0,
  { badControl = 0, share = 0.05 } = {},
): CountsTick {
  return {
    kind: "counts",
    treatment: { bad, count },
    control: { bad: badControl, count },
    firstErrors: null,
    share,
  };
}
