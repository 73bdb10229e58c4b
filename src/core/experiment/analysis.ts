import type { Result } from "../../base/result.ts";
import { ratioOf, sumsOfTelemetry, type ClusteredRatio } from "../statistics/clustered/ratio.ts";
import type { Change, Decision } from "../statistics/decision/facts.ts";
import type { DataFault } from "../statistics/fault.ts";
import type { ClusterSums } from "../telemetry/clusters.ts";
import { judgeChange, measureChange, type ChangeOptions, type MeasuredChange } from "./change.ts";
import type { AnalysisPolicy, PrimaryMetric } from "./lifecycle-policy.ts";

/** What was measured of one arm since the experiment's split began. */
export type ArmMeasure = {
  readonly variant: string;
  readonly clusters: ClusterSums;
  /** Distinct enrolled users. */
  readonly users: number;
  /** False when there are so many that their number is a sketch's. */
  readonly isExact: boolean;
  readonly requests: number;
};

export type ArmAnalysis = {
  readonly variant: string;
  readonly change: Change | DataFault;
  /** Always valid; null without a comparison. */
  readonly pValue: number | null;
  readonly decision: Decision;
};

/**
 * Compares a treatment with the control by intervals that hold at every look (mean-sequence.ts) and variances over users.
 * The change is relative to the control's value where that is above 0. `arms` is how many treatments there are: each
 * gets its part of the error allowed (Bonferroni).
 */
export function analyseArm(
  control: ArmMeasure,
  treatment: ArmMeasure,
  policy: AnalysisPolicy,
  {
    sampleRatioPValue,
    plannedUsers,
    arms,
  }: {
    readonly sampleRatioPValue: number | null;
    /** Users planned in the smallest arm; null without a plan. */
    readonly plannedUsers: number | null;
    readonly arms: number;
  },
): ArmAnalysis {
  const { confidence, power, minEffectSize, primary } = policy;
  const options: ChangeOptions = {
    alpha: (1 - confidence) / arms,
    power,
    minEffectSize,
    units: {
      kind: "users",
      control: control.users,
      treatment: treatment.users,
      planned: plannedUsers,
    },
  };
  const compared = compare(control, treatment, primary, options);
  const decision = judgeChange(
    {
      control: control.variant,
      treatment: treatment.variant,
      sampleRatio: sampleRatioPValue === null ? null : { pValue: sampleRatioPValue },
    },
    compared,
    options,
    confidence,
  );
  return {
    variant: treatment.variant,
    change: compared.ok ? compared.value.change : compared.error,
    pValue: compared.ok ? compared.value.pValue : null,
    decision,
  };
}

function compare(
  control: ArmMeasure,
  treatment: ArmMeasure,
  primary: PrimaryMetric,
  options: ChangeOptions,
): Result<MeasuredChange, DataFault> {
  const field = primary === "latency_mean" ? "duration" : "failures";
  const c = ratioOf(sumsOfTelemetry(control.clusters, field));
  if (!c.ok) return c;
  const t = ratioOf(sumsOfTelemetry(treatment.clusters, field));
  if (!t.ok) return t;
  const isRate = primary === "error_rate";
  return measureChange(
    { name: primary, direction: "lower" },
    isRate ? withLeastVariance(c.value, control.users) : c.value,
    isRate ? withLeastVariance(t.value, treatment.users) : t.value,
    options,
  );
}

/** Of a rate: without a failure the variance is not 0 but unknown, as though one unit had failed. */
export function withLeastVariance(ratio: ClusteredRatio, units: number): ClusteredRatio {
  return { ...ratio, variance: Math.max(ratio.variance, 1 / units ** 2) };
}

/** Of several treatments: the best of those that won, else what is said of all of them. */
export function decideAll(
  control: string,
  analyses: readonly ArmAnalysis[],
): {
  readonly outcome: Decision["outcome"];
  readonly winner: string | null;
  readonly reason: string;
} {
  const outcomes = analyses.map(({ decision }) => decision.outcome);
  const reasonOf = (outcome: Decision["outcome"]) =>
    reasonFor(analyses.find(({ decision }) => decision.outcome === outcome));
  if (outcomes.includes("invalid")) {
    return { outcome: "invalid", winner: null, reason: reasonOf("invalid") };
  }
  const won = analyses
    .filter(({ decision }) => decision.outcome === "treatment_wins")
    .toSorted((one, other) => estimateOf(one) - estimateOf(other));
  const [best] = won;
  if (best !== undefined) {
    return { outcome: "treatment_wins", winner: best.variant, reason: reasonFor(best) };
  }
  if (outcomes.length === 0 || outcomes.includes("keep_running")) {
    return { outcome: "keep_running", winner: null, reason: reasonOf("keep_running") };
  }
  if (outcomes.every((outcome) => outcome === "control_wins")) {
    return { outcome: "control_wins", winner: control, reason: reasonOf("control_wins") };
  }
  return { outcome: "no_difference", winner: null, reason: reasonOf("no_difference") };
}

function estimateOf({ change }: ArmAnalysis): number {
  return "code" in change ? Infinity : change.estimate;
}

function reasonFor(analysis: ArmAnalysis | undefined): string {
  if (analysis === undefined) return "no treatment has been measured";
  const { gates, blockedBy } = analysis.decision;
  const telling = gates.find(({ name }) => name === (blockedBy ?? "primary"));
  return telling?.reason ?? "";
}
