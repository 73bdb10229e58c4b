import type { NumberFormat } from "./document.ts";
import type { GuardrailUnit, MetricFacts, Pair, ReportFacts, TreatmentFacts } from "./facts.ts";
import { formatQuantity, formatValue, nameOf } from "./text/format.ts";

/** How a metric's values and changes are shown, and said. */

/** Of a change in the metric's own unit. */
export function changeFormatOf(unit: GuardrailUnit): NumberFormat {
  if (unit === "share") return "points";
  return unit === "ms" ? "ms_change" : "number_change";
}

/** A change and an interval as a share of the control's value; null where that is not above 0. */
export function relativeOf(
  { control }: MetricFacts,
  { change, interval, sequential_interval }: TreatmentFacts,
): {
  readonly estimate: number;
  readonly interval: Pair | null;
  readonly sequential: Pair | null;
} | null {
  const base = control.value;
  if (change === null || change.relative === null || base === null || base <= 0) return null;
  const scale = (pair: Pair | null): Pair | null =>
    pair === null ? null : [pair[0] / base, pair[1] / base];
  return {
    estimate: change.relative,
    interval: scale(interval),
    sequential: scale(sequential_interval),
  };
}

/** `8.2 % lower`, or in the metric's unit where there is nothing to relate to. */
export function changeWords(metric: MetricFacts, treatment: TreatmentFacts): string {
  const { change } = treatment;
  if (change === null) return "not measured";
  const relative = relativeOf(metric, treatment);
  const value = relative?.estimate ?? change.absolute;
  if (value === 0) return "the same";
  const size =
    relative === null
      ? formatValue(change.absolute, changeFormatOf(metric.unit)).replace(/^[+−±]/, "")
      : formatValue(Math.abs(value), "share");
  return `${size} ${value < 0 ? "lower" : "higher"}`;
}

/** The interval that the decision rests on, as people read it: always valid where there is one. */
export function intervalWords(metric: MetricFacts, treatment: TreatmentFacts): string | null {
  const relative = relativeOf(metric, treatment);
  const pair =
    relative === null
      ? (treatment.sequential_interval ?? treatment.interval)
      : (relative.sequential ?? relative.interval);
  if (pair === null) return null;
  return formatQuantity(pair, relative === null ? changeFormatOf(metric.unit) : "change");
}

/** A sentence from elsewhere with metrics called by their names in words. */
export function inWords({ comparison, rollout }: ReportFacts, text: string): string {
  const metrics = [
    ...(comparison?.metrics.map(({ metric }) => metric) ?? []),
    ...(rollout?.verdicts.map(({ guardrail }) => guardrail) ?? []),
  ];
  return metrics.reduce(
    (said, metric) =>
      said.replaceAll(
        new RegExp(`\\b${metric.replaceAll(/[^\w]/g, "\\$&")}\\b`, "g"),
        nameOf(metric),
      ),
    text,
  );
}
