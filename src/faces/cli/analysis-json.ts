import type { Result } from "../../base/result.ts";
import type { Analysis, AnalysisQuestion } from "../../core/statistics/analysis/analyse.ts";
import type { MetricAnalysis } from "../../core/statistics/analysis/metric.ts";
import type { EffectSize } from "../../core/statistics/effect-size/standardised.ts";
import type { DataFault } from "../../core/statistics/fault.ts";
import type { Interval } from "../../core/statistics/interval.ts";

export type ShownAnalysis = {
  readonly question: AnalysisQuestion;
  readonly analysis: Analysis;
  readonly crossedUsers: number;
};

/**
 * The analysis for programs. Differences, effects and intervals are treatment minus control; intervals are
 * `[low, high]`. What could not be computed is `{ error: { code, message } }`.
 */
export function analysisDocument({ question, analysis, crossedUsers }: ShownAnalysis) {
  const { arms, control, treatment, confidence, metrics } = question;
  const { sampleRatio, decision } = analysis;
  const { test } = sampleRatio;
  return {
    control,
    treatment,
    confidence,
    arms: Object.fromEntries(arms.map(({ name, n, userCount }) => [name, { n, users: userCount }])),
    users_in_several_arms: crossedUsers,
    srm: {
      p_value: test.ok ? test.value.pValue : null,
      statistic: test.ok ? finite(test.value.statistic) : null,
      planned: sampleRatio.planned,
      unit: sampleRatio.unit,
    },
    metrics: Object.fromEntries(
      metrics.map(({ name }, at) => [name, metricDocument(analysis.metrics[at] as MetricAnalysis)]),
    ),
    decision: {
      outcome: decision.outcome,
      blocked_by: decision.blockedBy,
      gates: decision.gates.map(({ name, verdict, reason, saw }) => ({
        name,
        verdict,
        reason,
        saw,
      })),
    },
  };
}

function metricDocument(metric: MetricAnalysis) {
  const { direction, kind, leading, warnings } = metric;
  return {
    direction,
    kind,
    leading,
    control: momentsDocument(metric.control),
    treatment: momentsDocument(metric.treatment),
    lift: found(metric.lift, effectDocument),
    welch_t: found(metric.welchT, tDocument),
    pooled_t: found(metric.pooledT, tDocument),
    z: found(metric.z, ({ statistic, pValue, difference, interval }) => ({
      statistic,
      p_value: pValue,
      difference,
      interval: pair(interval),
    })),
    mann_whitney: found(metric.mannWhitney, ({ statistic, pValue, method }) => ({
      statistic,
      p_value: pValue,
      method,
    })),
    brunner_munzel: found(metric.brunnerMunzel, (test) => ({
      statistic: finite(test.statistic),
      df: test.df,
      p_value: test.pValue,
      theta: test.theta,
      interval: pair(test.thetaInterval),
    })),
    bootstrap: found(metric.bootstrap, ({ estimate, bca, percentile, pValue, resamples }) => ({
      estimate,
      interval: pair(bca),
      percentile: pair(percentile),
      p_value: pValue,
      resamples,
    })),
    cohens_d: found(metric.cohensD, effectDocument),
    hedges_g: found(metric.hedgesG, effectDocument),
    cliffs_delta: found(metric.brunnerMunzel, ({ delta, deltaInterval }) => ({
      estimate: delta,
      interval: pair(deltaInterval),
    })),
    ...(metric.riskDifference === null
      ? {}
      : { risk_difference: found(metric.riskDifference, effectDocument) }),
    ...(metric.riskRatio === null ? {} : { risk_ratio: found(metric.riskRatio, effectDocument) }),
    clustered:
      metric.clustered === null
        ? null
        : found(metric.clustered, (test) => ({
            estimate: test.difference,
            standard_error: test.standardError,
            statistic: test.statistic,
            df: test.df,
            p_value: test.pValue,
            interval: pair(test.interval),
            lift: test.lift === null ? null : effectDocument(test.lift),
          })),
    warnings,
  };
}

function momentsDocument({ n, mean, variance }: MetricAnalysis["control"]) {
  return { n, mean, standard_deviation: Math.sqrt(variance) };
}

function tDocument(test: {
  statistic: number;
  df: number;
  pValue: number;
  difference: number;
  interval: Interval;
}) {
  const { statistic, df, pValue, difference, interval } = test;
  return { statistic, df, p_value: pValue, difference, interval: pair(interval) };
}

function effectDocument({ estimate, interval }: EffectSize) {
  return { estimate, interval: pair(interval) };
}

function found<Value, Document>(
  result: Result<Value, DataFault>,
  document: (value: Value) => Document,
): Document | { error: DataFault } {
  return result.ok ? document(result.value) : { error: result.error };
}

function pair({ low, high }: Interval): [number | null, number | null] {
  return [finite(low), finite(high)];
}

/** JSON has no infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
