import { formatDurationMs } from "../../base/units.ts";
import type { RolloutPolicy } from "./policy.ts";
import type { RolloutState } from "./state.ts";

/** What keeps a rollout from its next step, in words, the gravest first; null when it is not under way. */
export function describeWait(
  policy: RolloutPolicy,
  state: RolloutState,
  nowMs: number,
): string | null {
  const { phase } = state;
  if (phase.kind !== "stepping" && phase.kind !== "observing") return null;
  const unmet = state.verdicts.find(
    ({ verdict }, at) =>
      verdict !== "ok" &&
      policy.guardrails[at]?.dryRun === false &&
      policy.guardrails[at].onBreach !== "alert",
  );
  if (unmet !== undefined) return `${unmet.guardrail}: ${unmet.reason}`;
  const step = phase.kind === "stepping" ? policy.steps[phase.step] : undefined;
  const leftMs = phase.sinceMs + (step?.holdMs ?? policy.observeMs) - nowMs;
  if (leftMs > 0) return `${formatDurationMs(Math.ceil(leftMs / 1000) * 1000)} left`;
  if (step === undefined || phase.kind === "observing") return null;
  const { users, requests } = state.treated;
  if (requests < step.minRequests) return `${requests} of at least ${step.minRequests} requests`;
  if (users < step.minUsers) return `${users} of at least ${step.minUsers} users`;
  if (step.gate === "none" || phase.approved) return null;
  if (step.gate === "approval") return "somebody has to promote it";
  return phase.asked?.answer ?? "its webhook is being asked";
}
