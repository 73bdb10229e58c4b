import type { ExperimentComparison } from "../control/comparisons.ts";
import type { ComparedSample, ComparedTreatment } from "../core/experiment/comparison.ts";
import type { Interval } from "../core/statistics/interval.ts";
import type { Comparison } from "../wire/comparison-api.ts";

/** Variants beside each other, as the admin API shows them. */
export function describeComparison({
  experiment,
  epoch,
  sinceMs,
  randomised,
  confidence,
  minEffectSize,
  summary,
  sampleRatio,
  metrics,
}: ExperimentComparison): Comparison {
  const { verdict, pValue, expected, users, says } = sampleRatio;
  return {
    experiment,
    epoch,
    since: sinceMs === null ? null : new Date(sinceMs).toISOString(),
    randomised,
    confidence,
    min_effect: minEffectSize,
    summary,
    sample_ratio: { verdict, p_value: pValue, expected, users, says },
    metrics: metrics.map(({ name, unit, direction, isPrimary, control, treatments }) => ({
      metric: name,
      unit,
      direction,
      primary: isPrimary,
      control: describeSample(control),
      treatments: treatments.map(describeTreatment),
    })),
  };
}

function describeSample({ variant, value, users, requests }: ComparedSample) {
  return { variant, value, users, requests };
}

function describeTreatment(
  treatment: ComparedTreatment,
): Comparison["metrics"][number]["treatments"][number] {
  const { change, test, power, verdict, says } = treatment;
  return {
    ...describeSample(treatment),
    change,
    interval: describeInterval(treatment.interval),
    sequential_interval: describeInterval(treatment.sequentialInterval),
    p_value: treatment.pValue,
    sequential_p_value: treatment.sequentialPValue,
    test,
    power,
    users_needed: treatment.usersNeeded,
    verdict,
    says,
  };
}

function describeInterval(interval: Interval | null): [number, number] | null {
  return interval === null ? null : [interval.low, interval.high];
}
