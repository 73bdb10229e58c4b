import type { ExperimentPolicy } from "../experiment/policy.ts";
import type { TargetingRule } from "./policy.ts";
import { rolloutRanges, weightedRanges, type BucketRange } from "./ranges.ts";
import { startRoundRobin, type RoundRobin } from "./round-robin.ts";
import { compileCondition, type CompiledCondition } from "./rule.ts";

/** A targeting rule ready for the request path. */
export type CompiledRule = {
  readonly when: readonly CompiledCondition[];
  /** Index of the variant; null leaves the request out. */
  readonly variant: number | null;
};

/** An experiment ready for the request path; the round-robin state inside is the only thing that changes. */
export type CompiledExperiment = {
  readonly policy: ExperimentPolicy;
  /** Index of the control in `policy.variants`. */
  readonly control: number;
  readonly indexByKey: ReadonlyMap<string, number>;
  /** One range per variant, in the order of `policy.variants`. */
  readonly ranges: readonly BucketRange[];
  readonly rules: readonly CompiledRule[];
  readonly roundRobin: RoundRobin;
};

/**
 * Compiles a validated policy. Throws where the policy breaks what the configuration checks: no control,
 * a rollout of other than two variants, weights that are all zero, a rule for an unknown variant.
 */
export function compileExperiment(policy: ExperimentPolicy): CompiledExperiment {
  const control = policy.variants.findIndex((variant) => variant.control);
  if (control === -1) throw new Error(`experiment ${policy.key} has no control`);
  const indexByKey = new Map(policy.variants.map((variant, at) => [variant.key, at]));
  return {
    policy,
    control,
    indexByKey,
    ranges: rangesOf(policy, control),
    rules: policy.assignment.rules.map((rule) => compileRule(rule, indexByKey)),
    roundRobin: startRoundRobin(weightsOf(policy)),
  };
}

function rangesOf(policy: ExperimentPolicy, control: number): BucketRange[] {
  const { coverage } = policy.assignment;
  if (policy.rolloutShare === null) return weightedRanges(weightsOf(policy), coverage);
  const [treatment, rest] = rolloutRanges(policy.rolloutShare, coverage);
  return control === 0 ? [rest, treatment] : [treatment, rest];
}

function weightsOf(policy: ExperimentPolicy): number[] {
  const { key, variants, rolloutShare } = policy;
  if (rolloutShare !== null) {
    if (variants.length !== 2) throw new Error(`rollout ${key} needs two variants`);
    return variants.map((variant) => (variant.control ? 1 - rolloutShare : rolloutShare));
  }
  const weights = variants.map((variant) => variant.weight);
  if (weights.every((weight) => weight === 0)) throw new Error(`experiment ${key} has no weight`);
  return weights;
}

function compileRule(rule: TargetingRule, indexByKey: ReadonlyMap<string, number>): CompiledRule {
  const variant = rule.variant === null ? null : indexByKey.get(rule.variant);
  if (variant === undefined) throw new Error(`a rule names the unknown variant ${rule.variant}`);
  return { when: rule.when.map(compileCondition), variant };
}
