import type { Outcome } from "../traffic/outcome.ts";

/** The rollout slice of an experiment's configuration, after validation. */
export type RolloutPolicy = {
  /** At least one; shares rise. */
  readonly steps: readonly RolloutStep[];
  readonly guardrails: readonly GuardrailPolicy[];
  /** How long the treatment is watched at its last share before it counts as promoted, milliseconds. */
  readonly observeMs: number;
  /** What the file wants; a change of it acts as a command does. `manual` leaves it to people. */
  readonly desired: DesiredState;
  /**
   * For so long after the first step began, times are not compared with the control's, because the treatment's caches are
   * cold; limits of its own count from the start. 0 is off.
   */
  readonly warmUpMs: number;
  /** A treatment that everybody had within this time skips the steps; 0 is off. */
  readonly restoreWithinMs: number;
};

export const desiredStates = ["manual", "running", "paused", "promoted", "rolled_back"] as const;
export type DesiredState = (typeof desiredStates)[number];

export type RolloutStep = {
  /** The treatment's share of users, above 0 up to 1; 0 in a shadow step. */
  readonly share: number;
  /** The share of split requests that the treatment gets copies of, whose answers nobody sees; 0 but in a shadow step. */
  readonly shadow: number;
  /** The least time at this share, milliseconds. */
  readonly holdMs: number;
  /** The least number of the treatment's requests at this share. */
  readonly minRequests: number;
  /** The least number of users who had the treatment at this share, or whose requests were copied to it. */
  readonly minUsers: number;
  readonly gate: GatePolicy;
};

/** The share of split requests that the treatment sees in a step, whether it answers or not. */
export function exposureOf({ share, shadow }: Pick<RolloutStep, "share" | "shadow">): number {
  return share > 0 ? share : shadow;
}

/** What a step waits for besides its evidence: nothing, a person who promotes it, or a webhook that says yes. */
export type GatePolicy = "none" | "approval" | WebhookGate;

export type WebhookGate = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

/** What a guardrail measures. */
export type GuardrailMetric =
  /** The share of requests with one of these outcomes. */
  | { readonly kind: "outcomes"; readonly bad: readonly Outcome[] }
  /** The share of requests slower than `limitMs`, those in flight for longer included. */
  | { readonly kind: "slow"; readonly of: "duration" | "first_byte"; readonly limitMs: number }
  /** The mean duration of requests in milliseconds, or the mean of a metric by name. */
  | { readonly kind: "mean"; readonly of: string | null }
  /** A quantile of the times of requests, held against the control's. */
  | {
      readonly kind: "quantile";
      readonly of: "duration" | "first_byte";
      readonly quantile: number;
    }
  /** What a Prometheus server answers to a query. */
  | { readonly kind: "promql"; readonly query: string; readonly everyMs: number };

/** How a guardrail makes up its mind. */
export type EvidencePolicy =
  /** By tests that stay valid however often they are looked at. */
  | { readonly kind: "sequential" }
  /** By the plain value over a sliding window, looked at every so often. */
  | WindowPolicy;

export type WindowPolicy = {
  readonly kind: "window";
  readonly windowMs: number;
  readonly everyMs: number;
  /** Fewer requests of the treatment than these in the window make a look inconclusive. */
  readonly minRequests: number;
  /** Failed looks that are put up with; one more is a breach. */
  readonly failureLimit: number;
  /** Failed looks in a row that are a breach, whatever `failureLimit` says; null for no such rule. */
  readonly consecutive: number | null;
  /** Inconclusive looks that are put up with; one more pauses. Null waits for ever. */
  readonly inconclusiveLimit: number | null;
};

export type GuardrailPolicy = {
  /** Unique within the rollout: `error_rate`, `latency_p95`. */
  readonly name: string;
  readonly metric: GuardrailMetric;
  /** Highest value: a share 0…1, milliseconds for means, any number for metrics and queries; null without. */
  readonly max: number | null;
  /** Lowest value of a query or a metric; null for all else. */
  readonly min: number | null;
  /** Highest ratio of the treatment's value to the control's, above 1; null for an absolute one alone. */
  readonly maxRatio: number | null;
  /** Lowest ratio of a metric to the control's, 0…1; null for all else. */
  readonly minRatio: number | null;
  readonly onBreach: "rollback" | "pause" | "alert";
  readonly evidence: EvidencePolicy;
  /** Chance of ever raising a false alarm in a rollout; sequential evidence only. */
  readonly falseAlarm: number;
  /** Judged and shown, without consequence. */
  readonly dryRun: boolean;
};
