import type { ReportFacts } from "./facts.ts";

/**
 * Facts without a comparison that compares nothing: where a rollout has given everybody one variant, the present split
 * has no second one, and rows of dashes would say no more than that.
 */
export function withoutEmptyComparison(facts: ReportFacts): ReportFacts {
  const { rollout, comparison } = facts;
  if (rollout === null || comparison === null || !isOneSided(facts)) return facts;
  const isEmpty = comparison.metrics.every(({ control, treatments }) =>
    treatments.every(({ requests }) => requests === 0 || control.requests === 0),
  );
  return isEmpty ? { ...facts, comparison: null } : facts;
}

/** Whether a rollout has everybody on one side at present. */
export function isOneSided({ rollout }: ReportFacts): boolean {
  return rollout !== null && (rollout.applied_share === 0 || rollout.applied_share === 1);
}
