import type { ClusteredRatio } from "../statistics/clustered/ratio.ts";
import { decide } from "../statistics/decision/decide.ts";
import type { Change, Decision, DecisionFacts } from "../statistics/decision/facts.ts";
import { normalQuantile } from "../statistics/distributions/normal.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { MetricDirection } from "../statistics/direction.ts";
import type { DataFault } from "../statistics/fault.ts";
import { meanConfidenceSequence } from "../statistics/sequential/mean-sequence.ts";

/** A treatment's change against the control, by an interval that holds at every look. */

/** Units planned in both arms together, where the intervals are tightest, when no number is planned. */
const plannedUnitsDefault = 2000;
/** Units in an arm below which a mean is not normal enough to be compared. */
export const unitsMin = 30;

/** What a change is measured with. */
export type ChangeOptions = {
  /** Chance, over the whole run, that the interval ever misses the truth. */
  readonly alpha: number;
  readonly power: number;
  /** Smallest change that counts, as a share of the control's value; 0: any change counts. */
  readonly minEffectSize: number;
  readonly units: {
    readonly kind: "users" | "requests";
    readonly control: number;
    readonly treatment: number;
    /** Planned in the smallest arm; null without a plan. */
    readonly planned: number | null;
  };
};

export type MeasuredChange = {
  /** Relative to the control's value where that is above 0. */
  readonly change: Change;
  /** Always valid. */
  readonly pValue: number;
  /** Of the change's estimate. */
  readonly standardError: number;
  /** Units that the smaller arm needs to find `minEffectSize`; null where that is no share of anything. */
  readonly required: number | null;
};

/** The change from control `c` to treatment `t`; `too_few` below {@link unitsMin} units in an arm. */
export function measureChange(
  metric: { readonly name: string; readonly direction: MetricDirection },
  c: ClusteredRatio,
  t: ClusteredRatio,
  options: ChangeOptions,
): Result<MeasuredChange, DataFault> {
  const { alpha, power, minEffectSize, units } = options;
  const fewest = Math.min(units.control, units.treatment);
  if (fewest < unitsMin) {
    const message = `${fewest} ${units.kind} in the smaller arm, at least ${unitsMin} are compared`;
    return err({ code: "too_few", message });
  }
  const isRelative = c.value > 0;
  const estimate = isRelative ? t.value / c.value - 1 : t.value - c.value;
  // Delta method for a ratio of independent means.
  const variance = isRelative
    ? t.variance / c.value ** 2 + (t.value ** 2 * c.variance) / c.value ** 4
    : t.variance + c.variance;
  const standardError = Math.sqrt(variance);
  const looked = meanConfidenceSequence(
    { estimate, standardError, units: units.control + units.treatment },
    { alpha, plannedUnits: plannedUnitsOf(options), alternative: "two_sided" },
  );
  if (!looked.ok) return looked;
  const { interval, pValue } = looked.value;
  const change: Change = {
    metric: metric.name,
    direction: metric.direction,
    unit: isRelative ? "share" : "absolute",
    estimate,
    interval,
  };
  const required =
    isRelative && minEffectSize > 0
      ? (fewest * variance * (normalQuantile(1 - alpha / 2) + normalQuantile(power)) ** 2) /
        minEffectSize ** 2
      : null;
  return ok({ change, pValue, standardError, required });
}

/** Units of both arms together at which intervals are tightest. */
export function plannedUnitsOf({ units }: Pick<ChangeOptions, "units">): number {
  return units.planned === null ? plannedUnitsDefault : 2 * units.planned;
}

/** What a change says about a treatment, given the sample that it comes from. */
export function judgeChange(
  arms: Pick<DecisionFacts, "control" | "treatment" | "sampleRatio">,
  measured: Result<MeasuredChange, DataFault>,
  { power, minEffectSize, units }: ChangeOptions,
  confidence: number,
): Decision {
  const change = measured.ok ? measured.value.change : measured.error;
  return decide(
    {
      ...arms,
      guardrails: [],
      primary: change,
      valid: "always",
      sample: {
        units: Math.min(units.control, units.treatment),
        unit: units.kind,
        planned: units.planned,
        required: measured.ok ? measured.value.required : null,
      },
    },
    // Of a control at 0 there are no shares: any change counts.
    "code" in change || change.unit === "share"
      ? { minEffectSize, power, confidence }
      : { minEffectSize: 0, power, confidence },
  );
}
