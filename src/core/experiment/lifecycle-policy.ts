import type { RolloutPolicy } from "../rollout/policy.ts";

/** What an A/B experiment is to find out, and when it is over. */
export type LifecyclePolicy = {
  /** `draft`: nobody gets a treatment until somebody starts it. */
  readonly initial: "running" | "draft";
  readonly analysis: AnalysisPolicy | null;
  readonly ends: EndPolicy;
  /** Who everybody gets once it has ended with a winner; without one it is always the control. */
  readonly onEnd: "control" | "winner";
  /** Steps that a winning treatment climbs by itself when the experiment ends; null leaves that to people. */
  readonly autoRollout: RolloutPolicy | null;
};

export const primaryMetrics = ["latency_mean", "error_rate"] as const;
export type PrimaryMetric = (typeof primaryMetrics)[number];

export type AnalysisPolicy = {
  /** Lower is better for all of them. */
  readonly primary: PrimaryMetric;
  /** Of the interval, which holds at every look: 0.5…0.999. */
  readonly confidence: number;
  /** Smallest change that counts, as a share of the control's value; 0: any change counts. */
  readonly minEffectSize: number;
  readonly power: number;
};

/** What ends an experiment, whichever comes first. Times spent paused do not count. */
export type EndPolicy = {
  readonly afterMs: number | null;
  /** Users in the smallest arm. */
  readonly users: number | null;
  /** Analysed requests in the smallest arm. */
  readonly requests: number | null;
  /** As soon as the analysis has decided. */
  readonly onDecision: boolean;
};
