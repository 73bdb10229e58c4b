import type { ExperimentPolicy } from "../../core/experiment/policy.ts";
import type { HeaderEdits } from "../../core/traffic/forward.ts";
import type { Arm } from "../routing.ts";

/** A variant that gets a write which another one answers. */
export type MirrorArm = { readonly arm: Arm; readonly edits: HeaderEdits };

/** Which variants get the writes that an arm answers. */
export type MirrorPlan = { readonly experiment: string; readonly targets: readonly MirrorArm[] };

/** Tells upstreams a mirrored write from one that somebody waits for. */
const mirrorField = "x-sluice-mirror";

/** By variant, in the experiment's order. */
export function planMirror(policy: ExperimentPolicy, arms: readonly Arm[]): readonly MirrorPlan[] {
  return arms.map((own) => ({
    experiment: policy.key,
    targets: arms
      .filter((arm) => arm !== own)
      .map((arm) => {
        const set = [...(arm.edits?.set ?? []), mirrorField, "true"];
        return { arm, edits: { drop: arm.edits?.drop ?? new Set<string>(), set } };
      }),
  }));
}
