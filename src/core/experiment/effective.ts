import type { ExperimentPolicy } from "./policy.ts";
import type { ExperimentState } from "./state.ts";

/** The experiment as it is to be routed, given where it stands. */
export function effectiveExperiment(
  policy: ExperimentPolicy,
  { phase, assignmentRun }: ExperimentState,
): ExperimentPolicy {
  // A first run has the seed of the file, so that any GrowthBook SDK agrees; each later one draws anew.
  const seeded: ExperimentPolicy =
    assignmentRun > 1
      ? {
          ...policy,
          assignment: { ...policy.assignment, seed: `${policy.assignment.seed}#${assignmentRun}` },
        }
      : policy;
  if (phase.kind === "running") return seeded;
  const winner = phase.kind === "ended" || phase.kind === "archived" ? phase.winner : null;
  if (winner === null || !policy.variants.some(({ key }) => key === winner)) {
    return { ...seeded, disabled: true };
  }
  const { onEnd = "control", autoRollout = null } = policy.lifecycle ?? {};
  const isTreatment = policy.variants.some(({ key, control }) => key === winner && !control);
  if (isTreatment && autoRollout !== null) {
    return { ...seeded, rollout: autoRollout, rolloutShare: 0 };
  }
  if (onEnd !== "winner") return { ...seeded, disabled: true };
  const variants = policy.variants.map((variant) =>
    Object.assign({}, variant, { weight: variant.key === winner ? 1 : 0 }),
  );
  return {
    ...seeded,
    variants,
    primary: winner,
    assignment: { ...seeded.assignment, coverage: 1, namespace: null },
  };
}
