import type { DataFault } from "../fault.ts";
import type { Interval } from "../interval.ts";
import type { MetricDirection } from "../direction.ts";

/** A change of the treatment against the control: relative where the control has a value to relate to. */
export type Change = {
  readonly metric: string;
  readonly direction: MetricDirection;
  /** `share`: of the control's value (0.05 is 5 % more). `absolute`: in the metric's own unit. */
  readonly unit: "share" | "absolute";
  readonly estimate: number;
  readonly interval: Interval;
};

export type GuardrailFacts = {
  /** How much worse the treatment may be, in the change's unit; 0 or more. */
  readonly margin: number;
  readonly change: Change | DataFault;
};

export type DecisionFacts = {
  readonly control: string;
  readonly treatment: string;
  /** p-value of the split that was planned; null when no split was told. */
  readonly sampleRatio: { readonly pValue: number } | null;
  readonly guardrails: readonly GuardrailFacts[];
  readonly primary: Change | DataFault;
  /** `fixed`: the interval is valid at one look, the planned one; `always`: at every look. */
  readonly valid: "fixed" | "always";
  readonly sample: {
    /** Units (users, or requests) in the smaller arm. */
    readonly units: number;
    readonly unit: "users" | "requests";
    /** Units the smaller arm was planned to have; null without a plan. */
    readonly planned: number | null;
    /** Units it needs to find `minEffectSize` with the power asked for; null without a smallest effect. */
    readonly required: number | null;
  };
};

export type DecisionPolicy = {
  /** Smallest change that counts, in the primary change's unit; 0: any change counts. */
  readonly minEffectSize: number;
  /** Of the intervals, for the words. */
  readonly confidence: number;
  /** Power of `sample.required`, for the words. */
  readonly power: number;
  /** Below this the split is broken; default 0.001, as at Eppo and GrowthBook. */
  readonly sampleRatioAlpha?: number;
};

export type Gate = {
  readonly name: "sample_ratio" | "guardrails" | "primary" | "power";
  /** `fail` decides against the treatment or the data, `wait` needs more evidence. */
  readonly verdict: "pass" | "fail" | "wait";
  readonly reason: string;
  readonly saw: Readonly<Record<string, number | string | null>>;
};

export type Outcome =
  | "treatment_wins"
  | "control_wins"
  | "no_difference"
  | "keep_running"
  | "invalid";

export type Decision = {
  readonly outcome: Outcome;
  /** In the order in which they are asked. */
  readonly gates: readonly Gate[];
  /** The first gate that did not pass; null when all did. */
  readonly blockedBy: Gate["name"] | null;
};
