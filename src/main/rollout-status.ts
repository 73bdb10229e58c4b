import type { RolloutView } from "../control/rollout-view.ts";
import type { Preparation } from "../core/rollout/preparation.ts";
import { unitOf } from "../core/rollout/guardrail/gravity.ts";
import type { RolloutStatus } from "../wire/admin-api.ts";

/** A rollout as the admin API shows it. */
export function describeRollout(
  { experiment, policy, state, appliedShare, waitsFor, journal }: RolloutView,
  preparation: Preparation | null,
): RolloutStatus {
  const { phase, share, verdicts } = state;
  const at = phase.kind === "paused" ? phase.before : phase;
  return {
    experiment,
    phase: phase.kind,
    step: at.kind === "stepping" ? at.step + 1 : null,
    steps: policy.steps.map((step) => ({
      share: step.share,
      shadow: step.shadow,
      hold_seconds: step.holdMs / 1000,
      min_requests: step.minRequests,
      min_users: step.minUsers,
      gate: typeof step.gate === "string" ? step.gate : "webhook",
    })),
    share,
    shadow: state.shadow,
    applied_share: appliedShare,
    preparation:
      preparation === null
        ? null
        : {
            findings: [...preparation.findings],
            expected_seconds:
              preparation.expectedMs === null ? null : preparation.expectedMs / 1000,
          },
    waits_for: waitsFor,
    users: state.treated.users,
    requests: state.treated.requests,
    reason: phase.kind === "paused" || phase.kind === "rolled_back" ? phase.reason : null,
    verdicts: verdicts.map((verdict, index) => ({
      guardrail: verdict.guardrail,
      verdict: verdict.verdict,
      value: verdict.value,
      control: verdict.control,
      limit: verdict.limit,
      unit: unitOf(policy.guardrails[index]),
      requests: verdict.n,
      interval: verdict.interval === null ? null : [verdict.interval.low, verdict.interval.high],
      p_value: verdict.pValue,
      on_breach: policy.guardrails[index]?.onBreach ?? "rollback",
      dry_run: policy.guardrails[index]?.dryRun ?? false,
      reason: verdict.reason,
    })),
    journal: journal.map(({ atMs, what, actor, facts }) => ({
      at: new Date(atMs).toISOString(),
      what,
      actor,
      facts,
    })),
  };
}
