import { createGuardrail, startStep, type GuardrailState } from "./guardrail.ts";
import type { RolloutPolicy } from "./policy.ts";
import type { Phase, RolloutCommandName, RolloutState } from "./state.ts";

/**
 * The rollout as another replica has brought it on, with what this one has seen: suspicions stay as they would had the
 * step been made here. A rollout that was started anew begins without any.
 */
export function adoptRollout(
  policy: RolloutPolicy,
  mine: RolloutState,
  stored: RolloutState,
): RolloutState {
  const before = placeOf(mine.phase);
  const after = placeOf(stored.phase);
  if (before === null && after !== null) return stored;
  // What is over has nothing under way, and what it saw is not asked any more.
  if (after === null) return { ...stored, guardrails: mine.guardrails, verdicts: mine.verdicts };
  if (before !== after) return { ...stored, guardrails: mine.guardrails.map(startStep) };
  const isResumed = mine.phase.kind === "paused" && stored.phase.kind !== "paused";
  return {
    ...stored,
    guardrails: isResumed ? withoutBreaches(policy, mine) : mine.guardrails,
    verdicts: mine.verdicts,
    treated: mine.treated,
  };
}

/** Whoever is paused in it is at the same place; null when nothing is under way. */
function placeOf(phase: Phase): string | null {
  if (phase.kind === "paused") return placeOf(phase.before);
  if (phase.kind === "observing") return "observing";
  return phase.kind === "stepping" ? `step ${phase.step}` : null;
}

/** The guardrails when somebody resumes: what caused the pause is dropped. */
export function withoutBreaches(
  policy: RolloutPolicy,
  state: RolloutState,
): readonly GuardrailState[] {
  return state.guardrails.map((guardrail, at) =>
    state.verdicts[at]?.verdict === "breach"
      ? createGuardrail(guardrail.policy, policy.steps.length)
      : guardrail,
  );
}

/** True when `next` gives nobody more of the treatment than `before`, and brings the rollout no further. */
export function lowersRisk(before: RolloutState, next: RolloutState): boolean {
  if (next.share > before.share || next.shadow > before.shadow) return false;
  const { kind } = next.phase;
  if (kind === "rolled_back" || kind === "paused") return true;
  return kind === before.phase.kind && placeOf(next.phase) === placeOf(before.phase);
}

/** True for what a person may always tell a rollout to do: it gives nobody more of the treatment. */
export function isLoweringCommand(name: RolloutCommandName): boolean {
  return name === "pause" || name === "rollback" || name === "abort";
}
