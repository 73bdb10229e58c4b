import type { RequestHead } from "../traffic/head.ts";
import type { CompiledExperiment } from "./compile.ts";
import { bucketOf, mix32 } from "./hash.ts";
import { inNamespace, rangeIndex } from "./ranges.ts";
import { cookieText, headerText } from "./request-field.ts";
import { takeTurn } from "./round-robin.ts";
import type { VariantProof } from "./signed-variant.ts";
import { allHold } from "./rule.ts";

export type AssignRequest = {
  readonly head: RequestHead;
  readonly user: string | null;
  /** The peer is a trusted proxy or loopback. */
  readonly trusted: boolean;
  /** Checks signed variants; without it none counts. */
  readonly proof?: VariantProof | null;
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
  /** Randomised, and therefore analysed. Forced, targeted and excluded requests are not. */
  readonly enrolled: boolean;
  readonly reason: AssignmentReason;
  /** The hash bucket, 0…1; null where none was drawn. */
  readonly bucket: number | null;
};

/**
 * Assigns one request. The order of precedence: kill switch → forced variant → targeting rules → namespace
 * and coverage → strategy. Whoever is left out gets the control. A rollout at share 0 still lets forced
 * testers and rules reach the treatment (a smoke test); only the kill switch does not.
 *
 * `chance` is a fresh random number in [0, 1), used by the strategies that randomise requests.
 */
export function assign(
  experiment: CompiledExperiment,
  request: AssignRequest,
  chance: number,
): Assignment {
  if (experiment.policy.disabled) return leftOut(experiment, "disabled", null);
  const forced = forcedVariant(experiment, request);
  if (forced !== -1) return { variant: forced, enrolled: false, reason: "forced", bucket: null };
  for (const rule of experiment.rules) {
    if (!allHold(rule.when, request.head)) continue;
    if (rule.variant === null) return leftOut(experiment, "rule_excluded", null);
    return { variant: rule.variant, enrolled: false, reason: "rule", bucket: null };
  }
  const { namespace, strategy } = experiment.policy.assignment;
  if (request.user === null && (namespace !== null || strategy === "hash")) {
    return leftOut(experiment, "no_user", null);
  }
  if (namespace !== null && !inNamespace(request.user as string, namespace)) {
    return leftOut(experiment, "namespace", null);
  }
  return strategy === "hash"
    ? assignByHash(experiment, request.user as string)
    : assignByRequest(experiment, strategy, chance);
}

/** An assignment on a route: which of its experiments (index), and what it says. */
export type RouteAssignment = { readonly experiment: number; readonly assignment: Assignment };

/**
 * Assigns a request on a route with one or more experiments (at least one): a forced variant of any of them
 * wins; else the first experiment that enrols the request or targets it by a rule; else the control of the
 * first, not enrolled.
 */
export function assignRoute(
  experiments: readonly CompiledExperiment[],
  request: AssignRequest,
  chance: number,
): RouteAssignment {
  if (experiments.length === 1) {
    const only = assign(experiments[0] as CompiledExperiment, request, chance);
    return { experiment: 0, assignment: only };
  }
  const forced = experiments.findIndex(
    (experiment) => !experiment.policy.disabled && forcedVariant(experiment, request) !== -1,
  );
  if (forced !== -1) {
    const assignment = assign(experiments[forced] as CompiledExperiment, request, chance);
    return { experiment: forced, assignment };
  }
  let first: Assignment | undefined;
  for (let at = 0; at < experiments.length; at += 1) {
    const experiment = experiments[at] as CompiledExperiment;
    const assignment = assign(experiment, request, furtherChance(chance, at));
    if (isSettled(assignment)) return { experiment: at, assignment };
    first ??= assignment;
  }
  return { experiment: 0, assignment: first as Assignment };
}

function isSettled(assignment: Assignment): boolean {
  return assignment.enrolled || assignment.reason === "rule";
}

/** A chance of its own for each experiment: a gap in the first one's coverage must not bias the next. */
function furtherChance(chance: number, at: number): number {
  return mix32(Math.floor(chance * 2 ** 32) + Math.imul(at, 0x9e3779b9)) / 2 ** 32;
}

function assignByHash(experiment: CompiledExperiment, user: string): Assignment {
  const { seed, hashVersion } = experiment.policy.assignment;
  const bucket = bucketOf(user, seed, hashVersion);
  const variant = rangeIndex(experiment.ranges, bucket);
  if (variant === -1) return leftOut(experiment, "coverage", bucket);
  return { variant, enrolled: true, reason: "hash", bucket };
}

function assignByRequest(
  experiment: CompiledExperiment,
  strategy: "random" | "round_robin",
  chance: number,
): Assignment {
  if (strategy === "random") {
    const variant = rangeIndex(experiment.ranges, chance);
    if (variant === -1) return leftOut(experiment, "coverage", null);
    return { variant, enrolled: true, reason: "random", bucket: null };
  }
  if (chance >= experiment.policy.assignment.coverage) {
    return leftOut(experiment, "coverage", null);
  }
  const variant = takeTurn(experiment.roundRobin);
  return { variant, enrolled: true, reason: "round_robin", bucket: null };
}

function leftOut(
  experiment: CompiledExperiment,
  reason: AssignmentReason,
  bucket: number | null,
): Assignment {
  return { variant: experiment.control, enrolled: false, reason, bucket };
}

/** Index of the variant that the request asks for and may ask for, or -1; an unknown key asks for nothing. */
function forcedVariant(experiment: CompiledExperiment, request: AssignRequest): number {
  const { forced } = experiment.policy.assignment;
  if (forced === null) return -1;
  const { trusted, proof = null } = request;
  const isPlain = forced.from === "anyone" || (forced.from === "trusted" && trusted);
  if (!isPlain && proof === null) return -1;
  const byHeader =
    forced.header === null ? undefined : headerText(request.head, forced.header.toLowerCase());
  const key =
    byHeader ?? (forced.cookie === null ? undefined : cookieText(request.head, forced.cookie));
  if (key === undefined) return -1;
  const plain = isPlain ? experiment.indexByKey.get(key) : undefined;
  if (plain !== undefined || proof === null) return plain ?? -1;
  const proven = proof(key);
  if (proven === null || proven.experiment !== experiment.policy.key) return -1;
  return experiment.indexByKey.get(proven.variant) ?? -1;
}
