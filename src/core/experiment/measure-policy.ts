/** What an experiment measures besides outcomes and times, and what it sends to variants that do not answer. */

/** Copies of split requests to the other variant, for comparing answers. */
export type ShadowPolicy = {
  /** Of the split requests, 0…1. */
  readonly share: number;
  /** `after` the user has the answer, or `at_once` when the request is whole. */
  readonly when: "after" | "at_once";
  /** Whether vectors of the variants can be compared by cosine; null: where dimension and named model agree. */
  readonly sameModel: boolean | null;
};

/** A metric of one's own. */
export type MetricPolicy = {
  readonly name: string;
  readonly from:
    /** The response header `x-sluice-metric-NAME`, which the client does not get. */
    | { readonly kind: "header" }
    /** A number in a JSON answer, by JSON pointer. */
    | { readonly kind: "answer"; readonly pointer: string }
    /** `POST /v1/metrics` with the request's id. */
    | { readonly kind: "api" };
};

/** Who gets the writes of an experiment's routes: they are answered by the primary variant in any case. */
export type WritesPolicy = "control" | "mirror";

/** In any currency, the same for all variants. */
export type PricePolicy = {
  readonly inputPerMillion: number;
  readonly outputPerMillion: number;
  readonly perRequest: number;
};

/** What is put together of an experiment's measuring. */
export type MeasurePolicy = {
  readonly shadow: ShadowPolicy | null;
  readonly metrics: readonly MetricPolicy[];
  /** By variant; variants without prices are not in it. */
  readonly prices: Readonly<Record<string, PricePolicy>>;
  readonly writes: WritesPolicy;
  /** Whoever says so keeps a store for each variant: splitting embeddings of different models is then no harm. */
  readonly allowMixedEmbeddings: boolean;
  /** Tell times of inputs that a variant sees for the first time from those of repeated ones. */
  readonly firstSeen: boolean;
};

export const measureLimits = { metricsMax: 16, pointerLengthMax: 256 } as const;
