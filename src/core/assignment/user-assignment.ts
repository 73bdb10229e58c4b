import type { ExperimentPolicy } from "../experiment/policy.ts";
import { assign, type AssignmentReason } from "./assign.ts";
import { compileExperiment } from "./compile.ts";
import { explainAssignment } from "./explain.ts";

/** What an experiment gives a user whose requests carry nothing but the key. */
export type UserAssignment = {
  /** Null where each request is drawn by itself. */
  readonly variant: string | null;
  readonly enrolled: boolean;
  readonly reason: AssignmentReason;
  /** The hash bucket; null where none was drawn. */
  readonly bucket: number | null;
  /** The same in plain words, one fact a line. */
  readonly says: readonly string[];
};

/** Of a request that carries nothing but the user's key: no forced variant, no rule holds by a header. */
export function assignUser(policy: ExperimentPolicy, user: string): UserAssignment {
  const compiled = compileExperiment(policy);
  const { strategy, rules, coverage } = policy.assignment;
  const head = { method: "GET", target: "/", headers: [] };
  const assignment = assign(compiled, { head, user, trusted: false }, 0);
  const { reason, enrolled, bucket, variant } = assignment;
  // Whoever is left out by name is so with every request.
  const isDrawn = strategy !== "hash" && reason !== "disabled" && reason !== "namespace";
  if (isDrawn) {
    return {
      variant: null,
      enrolled: coverage > 0,
      reason: strategy,
      bucket: null,
      says: [`${policy.key}: strategy ${strategy} decides per request, not per user`],
    };
  }
  const caveat = "a targeting rule may decide otherwise, by a request's headers, cookies or path";
  return {
    variant: policy.variants[variant]?.key ?? null,
    enrolled,
    reason,
    bucket,
    says: [...explainAssignment(compiled, user, assignment), ...(rules.length > 0 ? [caveat] : [])],
  };
}
