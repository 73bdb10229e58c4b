import type { SampleRatioTest } from "../statistics/sequential/sample-ratio.ts";

/** What alerts are judged by: measured elsewhere, taken together at one look. */
export type AlertFacts = {
  /** Those with traffic to come: running experiments and rollouts. */
  readonly experiments: readonly ExperimentAlertFacts[];
  readonly upstreams: readonly UpstreamAlertFacts[];
  readonly rollouts: readonly RolloutAlertFacts[];
  /** Why the last reload of the configuration failed; null when it worked. */
  readonly reloadFault: string | null;
  /** Why the store cannot be written or read; null while it works. */
  readonly storeFault: string | null;
  /** Variants that get copies of writes. */
  readonly mirrors: readonly MirrorAlertFacts[];
};

/** How far a variant is behind the writes that another one answered. */
export type MirrorAlertFacts = {
  readonly experiment: string;
  readonly variant: string;
  readonly queued: number;
  /** Of the oldest write that waits, milliseconds; 0 when none does. */
  readonly oldestAgeMs: number;
  /** Why it does not take them; null while it does. */
  readonly failure: string | null;
  /** Writes that came to something else than on the primary, since somebody last acknowledged it. */
  readonly diverged: number;
};

export type ExperimentAlertFacts = {
  readonly experiment: string;
  readonly variants: readonly VariantAlertFacts[];
  /** Since its last request of any variant; null when it never had one. */
  readonly secondsWithoutRequests: number | null;
  /**
   * Its arms in the order of `variants`; null where it cannot be tested. Feed it exact counts of users only:
   * the error of a sketch looks like a wrong ratio.
   */
  readonly sampleRatio: SampleRatioTest | null;
  /** Null without a planned end, or before it is known how much is needed. */
  readonly plan: PlanAlertFacts | null;
};

/** One variant in the last minute. */
export type VariantAlertFacts = {
  readonly variant: string;
  /** The share of users that the configuration gives it now, 0…1. */
  readonly share: number;
  readonly requests: number;
  /** Of `requests`, those that count against the variant. */
  readonly errors: number;
  /** The time within which a share 0…1 of the requests was answered, milliseconds; null without any. */
  readonly latencyMsAt: ((quantile: number) => number) | null;
};

/** How far an experiment is on its way to its planned end. Units are users, or requests: one of them throughout. */
export type PlanAlertFacts = {
  readonly unit: "users" | "requests";
  /** Units in the smallest arm now. */
  readonly collected: number;
  /** Units in the smallest arm that the power asked for needs. */
  readonly required: number;
  /** Units in the smallest arm at which it ends; null when no number ends it. */
  readonly planned: number | null;
  /** Time that it has been running, pauses left out. */
  readonly ranMs: number;
  /** Running time after which it ends; null when no time ends it. */
  readonly plannedMs: number | null;
  /** The error allowed, both sides together, 0…1. */
  readonly alpha: number;
  /** The power asked for, between `alpha` and 1. */
  readonly power: number;
};

export type UpstreamAlertFacts = {
  readonly upstream: string;
  readonly healthyEndpoints: number;
  readonly unhealthyEndpoints: number;
};

export type RolloutAlertFacts = {
  readonly experiment: string;
  /** Why it was rolled back; null when it was not. */
  readonly rolledBack: string | null;
  /** Guardrails that paused it, or whose breach is only told. */
  readonly breaches: readonly {
    readonly guardrail: string;
    readonly consequence: "pause" | "alert";
    readonly reason: string;
    readonly value: number | null;
    readonly limit: number | null;
  }[];
};
