import { createHash } from "node:crypto";
import { unreachable } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentPolicy, VariantPolicy } from "../core/experiment/policy.ts";
import { planOf } from "../core/rollout/saved.ts";
import type { DesiredState } from "../core/rollout/policy.ts";
import type { RolloutCommandName, RolloutState } from "../core/rollout/state.ts";

/** What the configuration says of a rollout, and what becomes of it while the rollout is under way. */

/** The experiment as it is to be routed: with the rollout's share and copies, or nobody in the treatment of another plan. */
export function withShare(
  experiment: ExperimentPolicy,
  one:
    | {
        readonly experiment: ExperimentPolicy;
        readonly state: RoutedState;
      }
    | undefined,
): ExperimentPolicy {
  if (one === undefined) return experiment;
  // Nobody gets a treatment that the rollout under way was not about.
  const { share, shadow, isToAll } = isSamePlan(one.experiment, experiment)
    ? splitOf(one.state)
    : noSplit;
  const treatment = experiment.variants.find(({ control }) => !control);
  return {
    ...experiment,
    ...(isToAll && treatment !== undefined ? { primary: treatment.key } : {}),
    rolloutShare: share,
    rolloutShadow: shadow,
    variants: experiment.variants.map((variant) => ({
      ...variant,
      weight: variant.control ? 1 - share : share,
    })),
  };
}

/** What of a rollout is routed. */
export type Split = {
  readonly share: number;
  readonly shadow: number;
  /** Everybody has the treatment for good: what is not split goes to it, too. */
  readonly isToAll: boolean;
};

export const noSplit: Split = { share: 0, shadow: 0, isToAll: false };

export function splitOf({ phase, share, shadow }: RoutedState): Split {
  return { share, shadow, isToAll: phase.kind === "promoted" && share >= 1 };
}

export function isSameSplit(one: Split, other: Split): boolean {
  return one.share === other.share && one.shadow === other.shadow && one.isToAll === other.isToAll;
}

type RoutedState = Pick<RolloutState, "share" | "shadow" | "phase">;

export function isSamePlan(one: ExperimentPolicy, other: ExperimentPolicy): boolean {
  return planOf(one) === planOf(other);
}

/** What the variants of a rollout are, in a form that tells no secret and changes with everything that makes them. */
export type VariantMarks = { readonly control: string; readonly treatment: string };

export function marksOf(
  experiment: ExperimentPolicy,
  upstreams: Config["upstreams"],
): VariantMarks {
  const markOf = (variant: VariantPolicy | undefined) => {
    const { upstream = "", headers = null, body = null, path = null } = variant ?? {};
    const endpoints = upstreams[upstream]?.endpoints ?? [];
    const made = JSON.stringify({ upstream, endpoints, headers, body, path });
    return createHash("sha256").update(made).digest("base64url");
  };
  return {
    control: markOf(experiment.variants.find(({ control }) => control)),
    treatment: markOf(experiment.variants.find(({ control }) => !control)),
  };
}

/** The command that brings a rollout to what the file wants; null when there is none, or nothing to do. */
export function commandFor(
  desired: DesiredState,
  phase: RolloutState["phase"]["kind"],
): RolloutCommandName | null {
  switch (desired) {
    case "manual":
      return null;
    case "running":
      return phase === "waiting" ? "start" : phase === "paused" ? "resume" : null;
    case "paused":
      return phase === "stepping" || phase === "observing" ? "pause" : null;
    case "promoted":
      return phase === "promoted" ? null : "promote_all";
    case "rolled_back":
      return phase === "waiting" ? null : "rollback";
    default:
      return unreachable(desired);
  }
}
