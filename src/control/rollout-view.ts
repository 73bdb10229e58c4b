import type { RolloutPolicy } from "../core/rollout/policy.ts";
import type { RolloutState } from "../core/rollout/state.ts";
import { describeWait } from "../core/rollout/wait.ts";
import type { JournalLine } from "./kept.ts";
import type { Running } from "./rollout-record.ts";

/** A rollout for those who ask. */
export type RolloutView = {
  readonly experiment: string;
  readonly policy: RolloutPolicy;
  readonly state: RolloutState;
  /** The share that every worker confirmed; the state's is the one that is wanted. */
  readonly appliedShare: number;
  /** What keeps it from its next step; null when it is not under way. */
  readonly waitsFor: string | null;
  readonly journal: readonly JournalLine[];
};

export function viewRollout(one: Running, nowMs: number): RolloutView {
  const { experiment, policy, state, applied, journal } = one;
  return {
    experiment: experiment.key,
    policy,
    state,
    appliedShare: applied.share,
    waitsFor: describeWait(policy, state, nowMs),
    journal,
  };
}
