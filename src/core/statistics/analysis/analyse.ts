import { err, ok, type Result } from "../../../base/result.ts";
import { goodnessOfFit, type ChiSquareTest } from "../chi-square-test.ts";
import { decide } from "../decision/decide.ts";
import type { Change, Decision, GuardrailFacts } from "../decision/facts.ts";
import { normalUpperQuantile } from "../distributions/normal.ts";
import type { EffectSize } from "../effect-size/standardised.ts";
import type { DataFault } from "../fault.ts";
import { analyseMetric, type MetricAnalysis, type MetricDefinition } from "./metric.ts";
import type { ArmSample } from "./sample.ts";

/** A size of an effect: a share of the control's value, or in the metric's unit. */
export type EffectBound = { readonly value: number; readonly isShare: boolean };

export type AnalysisQuestion = {
  /** All arms of the data: the split is checked over all of them. */
  readonly arms: readonly ArmSample[];
  readonly control: string;
  readonly treatment: string;
  /** The first is the primary one. */
  readonly metrics: readonly MetricDefinition[];
  /** How much worse a metric may become; by name, metrics of `metrics`. */
  readonly guardrails: ReadonlyMap<string, EffectBound>;
  /** Planned shares in the order of `arms`; null when they were not told. */
  readonly shares: readonly number[] | null;
  readonly minEffect: EffectBound;
  readonly confidence: number;
  readonly power: number;
  /** Of the bootstrap: the same data give the same answer. */
  readonly seed: number;
};

export type Analysis = {
  readonly sampleRatio: {
    readonly test: Result<ChiSquareTest, DataFault>;
    /** The shares were told, not assumed to be equal. */
    readonly planned: boolean;
    readonly unit: "users" | "requests";
  };
  readonly metrics: readonly MetricAnalysis[];
  readonly decision: Decision;
};

/** Analyses data that are complete: looked at once. The error names the metric and the arm that cannot be used. */
export function analyse(question: AnalysisQuestion): Result<Analysis, DataFault> {
  const { arms, control, treatment, metrics, confidence, seed } = question;
  const x = armOf(arms, treatment);
  const y = armOf(arms, control);
  const analysed: MetricAnalysis[] = [];
  for (const metric of metrics) {
    const found = analyseMetric(metric, x, y, { confidence, seed });
    if (!found.ok) {
      return err({ ...found.error, message: `${metric.name}: ${found.error.message}` });
    }
    analysed.push(found.value);
  }
  const sampleRatio = checkSampleRatio(question);
  return ok({
    sampleRatio,
    metrics: analysed,
    decision: decideOn(question, analysed, sampleRatio),
  });
}

function checkSampleRatio({ arms, shares }: AnalysisQuestion): Analysis["sampleRatio"] {
  const unit = arms.every(({ userCount }) => userCount !== null) ? "users" : "requests";
  const observed = arms.map(({ n, userCount }) => (unit === "users" ? (userCount ?? n) : n));
  const test = goodnessOfFit(observed, shares ?? arms.map(() => 1));
  return { test, planned: shares !== null, unit };
}

function decideOn(
  question: AnalysisQuestion,
  metrics: readonly MetricAnalysis[],
  { test, planned, unit }: Analysis["sampleRatio"],
): Decision {
  const { arms, control, treatment, guardrails, minEffect, confidence, power } = question;
  const primary = metrics[0] as MetricAnalysis;
  const change = changeOf(primary, minEffect);
  const unitsOf = (name: string) => {
    const arm = armOf(arms, name);
    return unit === "users" ? (arm.userCount ?? arm.n) : arm.n;
  };
  const units = Math.min(unitsOf(control), unitsOf(treatment));
  const required = requiredUnits(units, change, minEffect.value, confidence, power);
  return decide(
    {
      control,
      treatment,
      sampleRatio: planned && test.ok ? { pValue: test.value.pValue } : null,
      guardrails: [...guardrails].map(([name, margin]): GuardrailFacts => {
        const metric = metrics.find((candidate) => candidate.name === name) as MetricAnalysis;
        return { margin: margin.value, change: changeOf(metric, margin) };
      }),
      primary: change,
      valid: "fixed",
      sample: { units, unit, planned: null, required },
    },
    { minEffectSize: minEffect.value, confidence, power },
  );
}

/** The change by the leading test, in the unit of what it is held against. */
export function changeOf(metric: MetricAnalysis, bound: EffectBound): Change | DataFault {
  const { name, direction, control } = metric;
  const difference = differenceOf(metric);
  if (!difference.ok) return difference.error;
  const base = { metric: name, direction };
  const absolute: Change = { ...base, unit: "absolute", ...difference.value };
  if (!bound.isShare) return absolute;
  const relative = relativeOf(metric);
  if (relative !== null) return { ...base, unit: "share", ...relative };
  if (bound.value === 0) return absolute;
  if (control.mean === 0) {
    const message = `${name}: the control's value is 0, of which there are no shares; give the bound in the metric's unit`;
    return { code: "out_of_range", message };
  }
  const scale = 1 / Math.abs(control.mean);
  const { estimate, interval } = difference.value;
  const scaled = { low: interval.low * scale, high: interval.high * scale };
  return { ...base, unit: "share", estimate: estimate * scale, interval: scaled };
}

function differenceOf(metric: MetricAnalysis): Result<EffectSize, DataFault> {
  const { leading, clustered, welchT, riskDifference } = metric;
  const test = leading === "clustered" && clustered !== null ? clustered : welchT;
  if (test.ok) return ok({ estimate: test.value.difference, interval: test.value.interval });
  // Every request succeeded in both arms: that is evidence too.
  if (test.error.code === "zero_variance" && riskDifference !== null) return riskDifference;
  return test;
}

function relativeOf({ leading, clustered, lift, welchT }: MetricAnalysis): EffectSize | null {
  if (leading === "clustered")
    return clustered?.ok === true ? effectOf(clustered.value.lift) : null;
  return welchT.ok && lift.ok ? effectOf(lift.value) : null;
}

function effectOf(effect: EffectSize | null): EffectSize | null {
  return effect === null ? null : { estimate: effect.estimate, interval: effect.interval };
}

/** Units at which the interval would be narrow enough: its width shrinks with the square root of the sample. */
function requiredUnits(
  units: number,
  change: Change | DataFault,
  minEffect: number,
  confidence: number,
  power: number,
): number | null {
  if ("code" in change || minEffect === 0) return null;
  const critical = normalUpperQuantile((1 - confidence) / 2);
  const standardError = (change.interval.high - change.interval.low) / (2 * critical);
  const reach = (critical + normalUpperQuantile(1 - power)) * standardError;
  return Math.max(2, Math.ceil(units * (reach / minEffect) ** 2));
}

function armOf(arms: readonly ArmSample[], name: string): ArmSample {
  const arm = arms.find((candidate) => candidate.name === name);
  if (arm === undefined) throw new RangeError(`no arm is named ${name}`);
  return arm;
}
