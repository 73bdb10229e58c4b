import type { AssignRequest } from "../../../src/core/assignment/assign.ts";
import type { AssignmentPolicy } from "../../../src/core/assignment/policy.ts";
import type { ExperimentPolicy, VariantPolicy } from "../../../src/core/experiment/policy.ts";

export function variantPolicy(key: string, weight: number, control = false): VariantPolicy {
  const headers = { set: {}, remove: [] };
  return { key, upstream: key, weight, control, headers, body: null, path: null };
}

/** An experiment with variants `v0` (the control), `v1`, … of the given weights. */
export function experimentPolicy(
  weights: readonly number[],
  assignment: Partial<AssignmentPolicy> = {},
  rest: Partial<ExperimentPolicy> = {},
): ExperimentPolicy {
  return {
    key: "exp",
    variants: weights.map((weight, at) => variantPolicy(`v${at}`, weight, at === 0)),
    assignment: {
      strategy: "hash",
      seed: "exp",
      hashVersion: 2,
      user: [],
      cookie: null,
      coverage: 1,
      namespace: null,
      forced: null,
      rules: [],
      ...assignment,
    },
    rolloutShare: null,
    rollout: null,
    lifecycle: null,
    disabled: false,
    onUnavailable: "fail",
    primary: "control",
    rolloutShadow: 0,
    measure: {
      shadow: null,
      metrics: [],
      prices: {},
      writes: "control",
      allowMixedEmbeddings: false,
      firstSeen: false,
    },
    ...rest,
  };
}

export function requestOf(
  user: string | null,
  headers: readonly string[] = [],
  rest: { readonly target?: string; readonly trusted?: boolean } = {},
): AssignRequest {
  const head = { method: "POST", target: rest.target ?? "/embeddings", headers };
  return { head, user, trusted: rest.trusted ?? false };
}

const alphabets = ["user-", "usér_", "用户", "пользователь:", "😀", "👩‍👩‍👧", "\ud83d", "a b\t"];

/** Ids of many shapes: ASCII, accents, CJK, emoji of surrogate pairs, lone surrogates, spaces. */
export function userIds(count: number): string[] {
  return Array.from(
    { length: count },
    (_, at) => `${alphabets[at % alphabets.length]}${at * 7919}`,
  );
}

/** Upper 99.9 % bound of |observed − expected| for a binomial count (normal approximation, z = 3.29). */
export function binomialBound(trials: number, share: number): number {
  return 3.2905 * Math.sqrt(trials * share * (1 - share));
}
