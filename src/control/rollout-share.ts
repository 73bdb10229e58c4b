import type { Clock } from "../base/clock.ts";
import type { Complain } from "./complaints.ts";
import { isSameSplit, splitOf } from "./rollout-plan.ts";
import type { Running } from "./rollout-record.ts";
import type { RolloutsDependencies } from "./rollouts.ts";

export type ShareDependencies = {
  readonly clock: Clock;
  readonly apply: RolloutsDependencies["apply"];
  readonly log: RolloutsDependencies["log"];
  readonly complain: Complain;
  /** False for a rollout that another plan has taken the place of. */
  readonly isRunning: (one: Running) => boolean;
};

/**
 * Puts the wanted share of a rollout in force; what a worker refuses is tried again with the next tick. `isSure` false: what
 * the workers route now is not known.
 */
export function createShareBringer({ clock, apply, log, complain, isRunning }: ShareDependencies) {
  return async function bringShare(one: Running, isSure = true): Promise<void> {
    const split = splitOf(one.state);
    if (one.isApplying || (isSure && isSameSplit(split, one.applied))) return;
    one.isApplying = true;
    const { share } = split;
    const { splits } = one;
    const experiment = one.experiment.key;
    // Requests of the split that ends are told by their epoch; what is still in flight is not held against the next.
    const sinceMs = clock.monotonicMs();
    const applied = await apply(experiment);
    one.isApplying = false;
    if (!isRunning(one)) return;
    if (!applied.ok) {
      complain("share not applied", { experiment, share, reason: applied.error });
      return;
    }
    one.applied = split;
    const tookMs = Math.round(10 * (clock.monotonicMs() - sinceMs)) / 10;
    log("info", "share in force", { experiment, share, tookMs });
    // A rollback that came meanwhile does not wait for the next tick, and what was wanted in between may be what is routed.
    if (one.splits !== splits) await bringShare(one, false);
  };
}
