import { err, unreachable, type Result } from "../../base/result.ts";
import { compareRatios, type ClusteredRatio } from "../statistics/clustered/ratio.ts";
import type { Decision } from "../statistics/decision/facts.ts";
import { formatNumber } from "../statistics/decision/words.ts";
import type { MetricDirection } from "../statistics/direction.ts";
import type { DataFault } from "../statistics/fault.ts";
import type { Interval } from "../statistics/interval.ts";
import { noncentralPower } from "../statistics/power/t-test.ts";
import { meanConfidenceSequence } from "../statistics/sequential/mean-sequence.ts";

import {
  judgeChange,
  measureChange,
  plannedUnitsOf,
  unitsMin,
  type ChangeOptions,
  type MeasuredChange,
} from "./change.ts";
import {
  metricsOf,
  type ComparedArm,
  type ComparedMetric,
  type Units,
} from "./comparison/metrics.ts";
import { sayVerdict, summarise, type Verdict } from "./comparison/words.ts";

export type { ComparedArm } from "./comparison/metrics.ts";

export type ComparisonQuestion = {
  readonly control: string;
  readonly treatments: readonly string[];
  /** What was measured of each since the split began; variants without a request are missing. */
  readonly arms: ReadonlyMap<string, ComparedArm>;
  /** The metric that decides; null without one. */
  readonly primary: string | null;
  readonly confidence: number;
  readonly minEffectSize: number;
  readonly power: number;
  /** Users planned in the smallest arm; null without a plan. */
  readonly plannedUsers: number | null;
  /** Of the split being as configured; null where it cannot be tested. */
  readonly sampleRatioPValue: number | null;
  /** Which way metrics of one's own are better, as far as it was said. */
  readonly directions: ReadonlyMap<string, MetricDirection>;
};

export type ComparedSample = {
  readonly variant: string;
  readonly value: number | null;
  readonly users: number;
  readonly requests: number;
};

export type ComparedTreatment = ComparedSample & {
  readonly change: { readonly absolute: number; readonly relative: number | null } | null;
  /** Of the absolute change, for one look. */
  readonly interval: Interval | null;
  /** Of the absolute change, at every look. */
  readonly sequentialInterval: Interval | null;
  readonly pValue: number | null;
  readonly sequentialPValue: number | null;
  readonly test: string;
  readonly power: number | null;
  readonly usersNeeded: number | null;
  readonly verdict: Verdict;
  readonly says: string;
};

export type MetricComparison = Pick<ComparedMetric, "name" | "unit" | "direction"> & {
  readonly isPrimary: boolean;
  readonly control: ComparedSample;
  readonly treatments: readonly ComparedTreatment[];
};

export type Comparison = {
  readonly summary: string;
  /** The primary one first. */
  readonly metrics: readonly MetricComparison[];
};

/** Larger ones are as good as never. */
const usersNeededMax = 1e12;

/**
 * Every treatment beside the control, metric by metric. One-look tests and intervals are the delta method's over users
 * (clustered/ratio.ts); verdicts come from intervals that hold at every look, by the same rule as an experiment's own
 * decision (change.ts), each treatment with its part of the error allowed.
 */
export function compareArms(question: ComparisonQuestion): Comparison {
  const { control, treatments, arms, primary, directions } = question;
  const known = metricsOf(arms.values(), directions);
  const ordered = known.toSorted(
    (one, other) => Number(other.name === primary) - Number(one.name === primary),
  );
  const metrics = ordered.map((metric): MetricComparison => {
    const { name, unit, direction } = metric;
    return {
      name,
      unit,
      direction,
      isPrimary: name === primary,
      control: sampleOf(control, metric, arms),
      treatments: treatments.map((treatment) => compareArm(question, metric, treatment)),
    };
  });
  return { summary: summaryOf(question, metrics), metrics };
}

function summaryOf(
  { control, treatments, primary, arms, sampleRatioPValue }: ComparisonQuestion,
  metrics: readonly MetricComparison[],
): string {
  if ([...arms.values()].every(({ requests }) => requests === 0)) {
    return "Nothing has been measured since the split began.";
  }
  const broken = sayBrokenSplit(sampleRatioPValue);
  if (broken !== null) return `No comparison is valid: ${broken}.`;
  return summarise(
    control,
    primary,
    treatments.map((variant, at) => ({
      variant,
      metrics: metrics.map(({ name, treatments: compared }) => {
        const { verdict, says } = compared[at] as ComparedTreatment;
        return { metric: name, verdict, says };
      }),
    })),
  );
}

/** Below this the split is broken, as where experiments decide. */
export const sampleRatioAlpha = 0.001;

function sayBrokenSplit(pValue: number | null): string | null {
  if (pValue === null || pValue >= sampleRatioAlpha) return null;
  return `the arms do not have the shares that were configured (p = ${formatNumber(pValue)}), so that who is measured depends on the arm`;
}

function sampleOf(
  variant: string,
  metric: ComparedMetric,
  arms: ComparisonQuestion["arms"],
): ComparedSample {
  const arm = arms.get(variant);
  if (arm === undefined) return { variant, value: null, users: 0, requests: 0 };
  const { users, requests } = arm;
  return { variant, value: metric.value(arm), users, requests };
}

function compareArm(
  question: ComparisonQuestion,
  metric: ComparedMetric,
  treatment: string,
): ComparedTreatment {
  const { control, arms, confidence } = question;
  const [ofControl, ofTreatment] = [control, treatment].map((each) => sampleOf(each, metric, arms));
  if (ofControl === undefined || ofTreatment === undefined) throw new Error("two arms");
  const isBare = [ofControl, ofTreatment].every(({ users }) => users === 0);
  // Requests that nobody is known to send; without any, users are what is waited for.
  const hasRequests = ofControl.requests > 0 || ofTreatment.requests > 0;
  const units: Units = isBare && hasRequests ? "requests" : "users";
  const [c, t] = [
    estimateOf(metric, arms.get(control), units),
    estimateOf(metric, arms.get(treatment), units),
  ];
  const options = optionsOf(question, units, ofControl, ofTreatment, c, t);
  const measured = c.ok
    ? t.ok
      ? measureChange(directed(metric), c.value, t.value, options)
      : t
    : c;
  const { sampleRatioPValue } = question;
  const decision = judgeChange(
    {
      control,
      treatment,
      sampleRatio: sampleRatioPValue === null ? null : { pValue: sampleRatioPValue },
    },
    measured,
    options,
    confidence,
  );
  const verdict = verdictOf(decision, metric, measured);
  const looks =
    measured.ok && c.ok && t.ok
      ? looksOf(c.value, t.value, measured.value, options, confidence)
      : noLooks;
  const change =
    ofControl.value === null || ofTreatment.value === null
      ? null
      : {
          absolute: ofTreatment.value - ofControl.value,
          relative: ofControl.value > 0 ? ofTreatment.value / ofControl.value - 1 : null,
        };
  const required = measured.ok && units === "users" ? measured.value.required : null;
  return {
    ...ofTreatment,
    change,
    ...looks,
    test: metric.test(units),
    usersNeeded: required === null || required > usersNeededMax ? null : Math.ceil(required),
    verdict,
    says: sayOf(question, metric, treatment, measured, verdict, options),
  };
}

function estimateOf(
  metric: ComparedMetric,
  arm: ComparedArm | undefined,
  units: Units,
): Result<ClusteredRatio, DataFault> {
  if (arm !== undefined) return metric.estimate(arm, units);
  return err({
    code: "too_few",
    message: `0 ${units} in the smaller arm, at least ${unitsMin} are compared`,
  });
}

function optionsOf(
  { confidence, treatments, power, minEffectSize, plannedUsers }: ComparisonQuestion,
  kind: Units,
  control: ComparedSample,
  treatment: ComparedSample,
  c: Result<ClusteredRatio, DataFault>,
  t: Result<ClusteredRatio, DataFault>,
): ChangeOptions {
  // How many units are behind a metric's values is not known: no more than there are, and than there are values.
  const unitsOf = (sample: ComparedSample, estimate: Result<ClusteredRatio, DataFault>) =>
    Math.min(
      kind === "users" ? sample.users : sample.requests,
      estimate.ok ? estimate.value.n : Infinity,
    );
  return {
    alpha: (1 - confidence) / Math.max(1, treatments.length),
    power,
    minEffectSize,
    units: {
      kind,
      control: unitsOf(control, c),
      treatment: unitsOf(treatment, t),
      planned: kind === "users" ? plannedUsers : null,
    },
  };
}

type Looks = Pick<
  ComparedTreatment,
  "interval" | "sequentialInterval" | "pValue" | "sequentialPValue" | "power"
>;

const noLooks: Looks = {
  interval: null,
  sequentialInterval: null,
  pValue: null,
  sequentialPValue: null,
  power: null,
};

function looksOf(
  c: ClusteredRatio,
  t: ClusteredRatio,
  { change, pValue, standardError }: MeasuredChange,
  options: ChangeOptions,
  confidence: number,
): Looks {
  const once = compareRatios(t, c, { confidence });
  if (!once.ok) return noLooks;
  const { alpha, minEffectSize, units } = options;
  const always = meanConfidenceSequence(
    {
      estimate: t.value - c.value,
      standardError: once.value.standardError,
      units: units.control + units.treatment,
    },
    { alpha, plannedUnits: plannedUnitsOf(options), alternative: "two_sided" },
  );
  const canFind = change.unit === "share" && minEffectSize > 0;
  return {
    interval: once.value.interval,
    sequentialInterval: always.ok ? always.value.interval : null,
    pValue: once.value.pValue,
    sequentialPValue: pValue,
    power: canFind
      ? noncentralPower(minEffectSize / standardError, once.value.df, alpha, "two_sided")
      : null,
  };
}

/** For reckoning alone: where nobody said which way is better, no verdict is drawn from it. */
function directed({ name, direction }: ComparedMetric) {
  return { name, direction: direction ?? ("lower" as const) };
}

function verdictOf(
  { outcome }: Decision,
  { direction }: ComparedMetric,
  measured: Result<MeasuredChange, DataFault>,
): Verdict {
  if (!measured.ok) return measured.error.code === "zero_variance" ? "undecided" : "too_few";
  switch (outcome) {
    case "treatment_wins":
      return direction === null ? "undecided" : "better";
    case "control_wins":
      return direction === null ? "undecided" : "worse";
    case "no_difference":
      return "no_difference";
    case "keep_running":
    case "invalid":
      return "undecided";
    default:
      return unreachable(outcome);
  }
}

function sayOf(
  { confidence, minEffectSize, power, sampleRatioPValue }: ComparisonQuestion,
  metric: ComparedMetric,
  treatment: string,
  measured: Result<MeasuredChange, DataFault>,
  verdict: Verdict,
  { units }: ChangeOptions,
): string {
  const broken = sayBrokenSplit(sampleRatioPValue);
  if (broken !== null) return broken;
  if (!measured.ok) return measured.error.message;
  return sayVerdict(
    {
      metric,
      treatment,
      measured: measured.value,
      confidence,
      minEffectSize,
      power,
      units: Math.min(units.control, units.treatment),
      unitKind: units.kind,
    },
    verdict,
  );
}
