import type { RequestHead } from "../traffic/head.ts";
import type { CompiledExperiment } from "./compile.ts";

export type AssignRequest = {
  readonly head: RequestHead;
  readonly user: string | null;
  /** The peer is a trusted proxy or loopback. */
  readonly trusted: boolean;
};

export type AssignmentReason =
  | "disabled"
  | "forced"
  | "rule"
  | "rule_excluded"
  | "namespace"
  | "coverage"
  | "hash"
  | "random"
  | "round_robin"
  | "no_user";

export type Assignment = {
  /** Index in the experiment's variants. */
  readonly variant: number;
  /** Randomised, and therefore analysed. */
  readonly enrolled: boolean;
  readonly reason: AssignmentReason;
  /** The hash bucket, 0…1; null where none was drawn. */
  readonly bucket: number | null;
};

/** Assigns one request. `chance` is a fresh random number in [0, 1), used by the random strategies only. */
export function assign(
  experiment: CompiledExperiment,
  request: AssignRequest,
  chance: number,
): Assignment {
  throw new Error(`stub ${experiment.control} ${request.user} ${chance}`);
}

/** An assignment on a route: which of its experiments (index), and what it says. */
export type RouteAssignment = { readonly experiment: number; readonly assignment: Assignment };

/** Assigns a request on a route with one or more experiments (at least one). */
export function assignRoute(
  experiments: readonly CompiledExperiment[],
  request: AssignRequest,
  chance: number,
): RouteAssignment {
  throw new Error(`stub ${experiments.length} ${request.user} ${chance}`);
}
