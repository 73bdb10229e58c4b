/** The assignment slice of the configuration, after validation: plain data, safe to post to a worker. */

export type UserKeySource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "cookie"; readonly name: string }
  | { readonly kind: "query"; readonly name: string }
  /** A claim of the bearer token's payload, unverified (the upstream verifies it). */
  | { readonly kind: "jwt"; readonly claim: string }
  /** A field of a JSON body, dots between levels. */
  | { readonly kind: "body"; readonly path: readonly string[] }
  /** Hash of `Authorization: Bearer` or `X-API-Key`. */
  | { readonly kind: "api_key" }
  /** The client's address, behind trusted proxies the one they report. */
  | { readonly kind: "ip" };

export type Condition = {
  readonly on:
    | { readonly kind: "header"; readonly name: string }
    | { readonly kind: "cookie"; readonly name: string }
    | { readonly kind: "query"; readonly name: string }
    | { readonly kind: "path" };
  readonly test:
    | { readonly kind: "equals"; readonly value: string }
    | { readonly kind: "in"; readonly values: readonly string[] }
    | { readonly kind: "prefix"; readonly value: string }
    | { readonly kind: "matches"; readonly pattern: string }
    | { readonly kind: "present"; readonly present: boolean };
};

/** When all conditions hold, the request gets `variant`, or is left out of the experiment (null). */
export type TargetingRule = {
  readonly when: readonly Condition[];
  readonly variant: string | null;
};

export type AssignmentPolicy = {
  readonly strategy: "hash" | "random" | "round_robin";
  readonly seed: string;
  readonly hashVersion: 1 | 2;
  readonly user: readonly UserKeySource[];
  /** The first-party cookie issued when no key is found; null is opt-out. */
  readonly cookie: { readonly name: string; readonly maxAgeSeconds: number } | null;
  /** Share of users enrolled, 0…1. */
  readonly coverage: number;
  /** GrowthBook namespace: mutual exclusion by disjoint ranges of one id. */
  readonly namespace: { readonly id: string; readonly range: readonly [number, number] } | null;
  /**
   * Forced variant by header or cookie; `from` is who may by its bare name: anyone, trusted proxies and loopback, or
   * nobody (`signed`). A signed one counts from everybody.
   */
  readonly forced: {
    readonly header: string | null;
    readonly cookie: string | null;
    readonly from: "anyone" | "trusted" | "signed";
  } | null;
  readonly rules: readonly TargetingRule[];
};
