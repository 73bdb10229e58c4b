import type { Result } from "../../base/result.ts";
import type { MetricAnalysis } from "../../core/statistics/analysis/metric.ts";
import { formatNumber, formatPercent } from "../../core/statistics/decision/words.ts";
import { interpretEffectSize } from "../../core/statistics/effect-size/interpretation.ts";
import type { EffectSize } from "../../core/statistics/effect-size/standardised.ts";
import type { DataFault } from "../../core/statistics/fault.ts";
import type { Interval } from "../../core/statistics/interval.ts";
import type { ShownAnalysis } from "./analysis-json.ts";

/** The analysis for people: what leads comes first, what takes rows for independent is marked. */
export function describeAnalysis(shown: ShownAnalysis): string {
  const { question, analysis, crossedUsers } = shown;
  const { decision } = analysis;
  const lines = [...describeArms(shown)];
  if (crossedUsers > 0) {
    lines.push(`! ${count(crossedUsers)} users have rows in several arms: they saw both sides`);
  }
  for (const metric of analysis.metrics) lines.push("", ...describeMetric(metric, question));
  lines.push("", `Decision: ${decision.outcome}`);
  lines.push(...table(decision.gates.map(({ name, verdict, reason }) => [verdict, name, reason])));
  return `${lines.join("\n")}\n`;
}

function describeArms({ question, analysis }: ShownAnalysis): string[] {
  const { arms, control, treatment } = question;
  const { test, planned, unit } = analysis.sampleRatio;
  const role = (name: string) =>
    name === control ? "control" : name === treatment ? "treatment" : "not compared";
  const rows = arms.map(({ name, n, userCount }) => [
    name,
    role(name),
    `${count(n)} rows`,
    userCount === null ? "" : `${count(userCount)} users`,
  ]);
  const against = planned ? "the planned split" : "equal shares (none were told: --split)";
  const split = test.ok
    ? `split of ${unit} against ${against}: p = ${p(test.value.pValue)}`
    : `split: ${test.error.message}`;
  return [...table(rows), split];
}

function describeMetric(
  metric: MetricAnalysis,
  { treatment, control, confidence }: ShownAnalysis["question"],
): string[] {
  const level = formatPercent(confidence);
  const naive = metric.leading === "clustered" ? "naive: takes rows for independent" : "";
  const rows: string[][] = [];
  if (metric.clustered !== null) {
    rows.push(
      row("over users", metric.clustered, (test) => [
        change(test.difference, test.interval, test.lift),
        `p = ${p(test.pValue)}`,
        "leads",
      ]),
    );
  }
  const lift = metric.lift.ok ? metric.lift.value : null;
  rows.push(
    row("Welch's t", metric.welchT, (test) => [
      change(test.difference, test.interval, lift),
      `p = ${p(test.pValue)}`,
      metric.leading === "welch_t" ? "leads" : naive,
    ]),
    row(metric.kind === "rate" ? "z of rates" : "z of means", metric.z, (test) => [
      change(test.difference, test.interval, null),
      `p = ${p(test.pValue)}`,
      naive,
    ]),
    row("bootstrap", metric.bootstrap, (test) => [
      change(test.estimate, test.bca, null),
      `p = ${p(test.pValue)}`,
      naive,
    ]),
    row("Mann-Whitney", metric.mannWhitney, (test) => [
      `U = ${formatNumber(test.statistic)}`,
      `p = ${p(test.pValue)}`,
      naive,
    ]),
    row("Brunner-Munzel", metric.brunnerMunzel, (test) => [
      `P(${treatment} > ${control}) = ${formatNumber(test.theta)} ${range(test.thetaInterval)}`,
      `p = ${p(test.pValue)}`,
      naive,
    ]),
    row("Cohen's d", metric.cohensD, (d) => size(d, interpretEffectSize("cohens_d", d.estimate))),
    row("Hedges' g", metric.hedgesG, (g) => size(g, interpretEffectSize("hedges_g", g.estimate))),
    row("Cliff's delta", metric.brunnerMunzel, ({ delta, deltaInterval }) =>
      size(
        { estimate: delta, interval: deltaInterval },
        interpretEffectSize("cliffs_delta", delta),
      ),
    ),
  );
  if (metric.riskRatio !== null)
    rows.push(row("rate ratio", metric.riskRatio, (found) => size(found, "")));
  const unit = metric.kind === "rate" ? "rate" : "mean";
  return [
    `${metric.name} (${metric.direction} is better; differences are ${treatment} minus ${control}, intervals ${level})`,
    `  ${unit} ${formatNumber(metric.control.mean)} with ${control}, ${formatNumber(metric.treatment.mean)} with ${treatment}`,
    ...table(rows),
    ...metric.warnings.map((warning) => `  ! ${warning}`),
  ];
}

function row<Value>(
  name: string,
  result: Result<Value, DataFault>,
  cells: (value: Value) => readonly string[],
): string[] {
  return [name, ...(result.ok ? cells(result.value) : [`not possible: ${result.error.message}`])];
}

function change(difference: number, interval: Interval, lift: EffectSize | null): string {
  const absolute = `${signed(difference)} ${range(interval)}`;
  if (lift === null) return absolute;
  const low = formatPercent(lift.interval.low);
  const high = formatPercent(lift.interval.high);
  return `${absolute} = ${lift.estimate > 0 ? "+" : ""}${formatPercent(lift.estimate)} [${low}, ${high}]`;
}

function size({ estimate, interval }: EffectSize, word: string): string[] {
  return [`${formatNumber(estimate)} ${range(interval)}`, word];
}

function range({ low, high }: Interval): string {
  return `[${formatNumber(low)}, ${formatNumber(high)}]`;
}

function signed(value: number): string {
  return value > 0 ? `+${formatNumber(value)}` : formatNumber(value);
}

function p(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Columns as wide as their widest cell; the last is left as it is. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [at, cell] of cells.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((cells) =>
    `  ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd(),
  );
}
