import { ratioOf, sumsOfTelemetry, type ClusteredRatio } from "../statistics/clustered/ratio.ts";
import { decide } from "../statistics/decision/decide.ts";
import type { Change, Decision } from "../statistics/decision/facts.ts";
import { normalQuantile } from "../statistics/distributions/normal.ts";
import type { DataFault } from "../statistics/fault.ts";
import { meanConfidenceSequence } from "../statistics/sequential/mean-sequence.ts";
import type { ClusterSums } from "../telemetry/clusters.ts";
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

/** Users in both arms where the intervals are tightest, when no number is planned. */
const plannedUsersDefault = 2000;
/** Users in an arm below which a mean is not normal enough to be compared. */
const usersMin = 30;

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
  const alpha = (1 - policy.confidence) / arms;
  const compared = compare(control, treatment, policy, alpha, plannedUsers);
  const change = "fault" in compared ? compared.fault : compared.change;
  const decision = decide(
    {
      control: control.variant,
      treatment: treatment.variant,
      sampleRatio: sampleRatioPValue === null ? null : { pValue: sampleRatioPValue },
      guardrails: [],
      primary: change,
      valid: "always",
      sample: {
        units: Math.min(control.users, treatment.users),
        unit: "users",
        planned: plannedUsers,
        required: "fault" in compared ? null : compared.required,
      },
    },
    // Of a control without failures there are no shares: any change counts.
    "code" in change || change.unit === "share" ? policy : { ...policy, minEffectSize: 0 },
  );
  const pValue = "fault" in compared ? null : compared.pValue;
  return { variant: treatment.variant, change, pValue, decision };
}

type Comparison =
  | { readonly fault: DataFault }
  | { readonly change: Change; readonly pValue: number; readonly required: number | null };

function compare(
  control: ArmMeasure,
  treatment: ArmMeasure,
  { primary, minEffectSize, power }: AnalysisPolicy,
  alpha: number,
  plannedUsers: number | null,
): Comparison {
  const field = primary === "latency_mean" ? "duration" : "failures";
  const ofControl = ratioOf(sumsOfTelemetry(control.clusters, field));
  if (!ofControl.ok) return { fault: ofControl.error };
  const ofTreatment = ratioOf(sumsOfTelemetry(treatment.clusters, field));
  if (!ofTreatment.ok) return { fault: ofTreatment.error };
  const fewest = Math.min(control.users, treatment.users);
  if (fewest < usersMin) {
    const message = `${fewest} users in the smaller arm, at least ${usersMin} are compared`;
    return { fault: { code: "too_few", message } };
  }
  const [c, t] = [
    withLeastVariance(ofControl.value, primary, control.users),
    withLeastVariance(ofTreatment.value, primary, treatment.users),
  ];
  const isRelative = c.value > 0;
  const estimate = isRelative ? t.value / c.value - 1 : t.value;
  // Delta method for a ratio of independent means.
  const variance = isRelative
    ? t.variance / c.value ** 2 + (t.value ** 2 * c.variance) / c.value ** 4
    : t.variance + c.variance;
  const looked = meanConfidenceSequence(
    { estimate, standardError: Math.sqrt(variance), units: control.users + treatment.users },
    {
      alpha,
      plannedUnits: plannedUsers === null ? plannedUsersDefault : 2 * plannedUsers,
      alternative: "two_sided",
    },
  );
  if (!looked.ok) return { fault: looked.error };
  const change: Change = {
    metric: primary,
    direction: "lower",
    unit: isRelative ? "share" : "absolute",
    estimate,
    interval: looked.value.interval,
  };
  const required =
    isRelative && minEffectSize > 0
      ? (fewest * variance * (normalQuantile(1 - alpha / 2) + normalQuantile(power)) ** 2) /
        minEffectSize ** 2
      : null;
  return { change, pValue: looked.value.pValue, required };
}

/** Without a failure the variance is not 0 but unknown: as though one user had failed. */
function withLeastVariance(
  ratio: ClusteredRatio,
  primary: PrimaryMetric,
  users: number,
): ClusteredRatio {
  if (primary !== "error_rate") return ratio;
  return { ...ratio, variance: Math.max(ratio.variance, 1 / users ** 2) };
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
