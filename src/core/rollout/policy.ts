import type { Outcome } from "../traffic/outcome.ts";

/** The rollout slice of an experiment's configuration, after validation. */
export type RolloutPolicy = {
  /** At least one; shares rise. */
  readonly steps: readonly RolloutStep[];
  readonly guardrails: readonly GuardrailPolicy[];
  /** How long the treatment is watched at its last share before it counts as promoted, milliseconds. */
  readonly observeMs: number;
};

export type RolloutStep = {
  /** The treatment's share of users, above 0 up to 1. */
  readonly share: number;
  /** The least time at this share, milliseconds. */
  readonly holdMs: number;
  /** The least number of the treatment's requests at this share. */
  readonly minRequests: number;
  /** `approval`: a person has to promote it. */
  readonly gate: "none" | "approval";
};

/** What a guardrail counts: the share of requests that were bad. */
export type GuardrailMetric =
  | { readonly kind: "outcomes"; readonly bad: readonly Outcome[] }
  /** Requests slower than `limitMs`; `quantile` of them have to be faster. */
  | {
      readonly kind: "latency";
      readonly of: "duration" | "first_byte";
      readonly quantile: number;
      readonly limitMs: number;
    };

export type GuardrailPolicy = {
  /** Unique within the rollout: `error_rate`, `latency_p95`. */
  readonly name: string;
  readonly metric: GuardrailMetric;
  /** Highest share of bad requests, 0…1; null for a relative guardrail alone. */
  readonly max: number | null;
  /** Highest ratio of the treatment's bad share to the control's, above 1; null for an absolute one alone. */
  readonly maxRatio: number | null;
  readonly onBreach: "rollback" | "pause" | "alert";
  /** Chance of ever raising a false alarm in a rollout. */
  readonly falseAlarm: number;
  /** Judged and shown, without consequence. */
  readonly dryRun: boolean;
};
