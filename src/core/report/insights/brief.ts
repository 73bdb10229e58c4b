import { failureShareOf, primaryOf, type Arms } from "../arms.ts";
import { changeWords, intervalWords } from "../change-text.ts";
import { withoutEmptyComparison } from "../comparable.ts";
import type { Block, ReportDocument } from "../document.ts";
import type { MetricFacts, ReportFacts } from "../facts.ts";
import {
  capital,
  formatCount,
  formatP,
  formatQuantity,
  formatRange,
  formatSeconds,
  formatValue,
  listOf,
  nameOf,
} from "../text/format.ts";

/**
 * What a language model is told of a report: figures that are aggregated over users and requests, and names from the
 * configuration. No user, route, address, person or text that a person wrote is in it.
 */
export type Brief = {
  /** Of experiments, variants, metrics and guardrails. */
  readonly names: readonly string[];
  /** One fact each; every number that the model may use is in here. */
  readonly lines: readonly string[];
};

const linesMax = 200;
const nameCharactersMax = 80;

/** `report`: of the same facts. */
export function briefOf(all: ReportFacts, arms: Arms, report: ReportDocument): Brief {
  const facts = withoutEmptyComparison(all);
  const { verdict, sections } = report;
  const summary = sections.find(({ id }) => id === "summary")?.blocks ?? [];
  const lines = [
    `${kinds[facts.kind]} ${clip(facts.experiment)}; the control is ${clip(arms.control)}, compared with ${listOf(arms.treatments.map(clip))}`,
    `Variants: ${arms.all.length}; treatments: ${arms.treatments.length}`,
    `Decision, made by Sluice: ${verdict.label}. ${verdict.headline}`,
    ...toldTerms(summary),
    ...describeTime(facts),
    ...keyNumbersOf(summary),
    ...(facts.comparison?.metrics ?? []).flatMap((metric) => describeMetric(facts, metric)),
    ...arms.all.flatMap((variant) => describeVariant(variant, arms)),
    ...describeRollout(facts),
    ...titlesOf(sections, "quality", "Limits what may be concluded"),
    ...titlesOf(sections, "next", "Advice"),
  ];
  return { names: namesIn(facts, arms), lines: lines.slice(0, linesMax) };
}

const kinds = { ab: "A/B experiment", rollout: "Rollout", split: "Split" } as const;

/** Answers of the summary that are made of figures; the others may repeat what a person wrote. */
const told: ReadonlySet<string> = new Set(["Compared", "How sure", "What it cost"]);

function toldTerms(summary: readonly Block[]): readonly string[] {
  return summary.flatMap((block) =>
    block.kind === "terms"
      ? block.items.filter(({ term }) => told.has(term)).map(({ term, text }) => `${term}: ${text}`)
      : [],
  );
}

function keyNumbersOf(summary: readonly Block[]): readonly string[] {
  return summary.flatMap((block) =>
    block.kind === "key_numbers"
      ? block.items.map(({ label, text, note }) => `${label}: ${text} (${note})`)
      : [],
  );
}

function describeTime({ range, comparison, lifecycle }: ReportFacts): readonly string[] {
  const seconds = (Date.parse(range.to) - Date.parse(range.from)) / 1000;
  const lines = [`Time: ${formatRange(range.from, range.to)} (${formatSeconds(seconds)})`];
  if (lifecycle !== null && lifecycle.ran_seconds > 0) {
    lines.push(`It ran for ${formatSeconds(lifecycle.ran_seconds)}`);
  }
  if (comparison !== null) {
    lines.push(
      `Confidence: ${formatValue(comparison.confidence, "share")}; smallest change that counts: ${formatValue(comparison.min_effect, "share")}`,
    );
  }
  return lines;
}

function describeMetric(facts: ReportFacts, metric: MetricFacts): readonly string[] {
  const { unit, control, treatments, direction } = metric;
  const format = unit === "number" ? "number" : unit;
  const decides = metric === primaryOf(facts) ? ", which decides" : "";
  const better = direction === null ? "" : `; ${direction} is better`;
  return treatments.map((each) => {
    const p = each.sequential_p_value ?? each.p_value;
    return [
      `${capital(nameOf(metric.metric))}${decides}${better}: ${formatQuantity(control.value, format)} with ${control.variant}, ${formatQuantity(each.value, format)} with ${each.variant}`,
      `change ${changeWords(metric, each)}`,
      `interval ${intervalWords(metric, each) ?? "none"}`,
      `p-value ${p === null ? "none" : formatP(p)}`,
      `verdict ${each.verdict.replaceAll("_", " ")}`,
      `${formatCount(control.users)} and ${formatCount(each.users)} users`,
    ].join("; ");
  });
}

function describeVariant(variant: string, arms: Arms): readonly string[] {
  const measured = arms.measured(variant);
  if (measured === null) return [];
  const { requests, users, success_rate, latency_ms, first_byte_ms } = measured;
  const parts = [
    `${formatCount(requests)} requests`,
    ...(users === null ? [] : [`${formatCount(users)} users`]),
    `failed ${formatQuantity(failureShareOf(measured), "share")}`,
    `succeeded ${formatQuantity(success_rate, "share")}`,
  ];
  for (const [name, latency] of [
    ["latency", latency_ms],
    ["time to the first byte", first_byte_ms],
  ] as const) {
    if (latency === null) continue;
    parts.push(
      `${name} mean ${formatValue(latency.mean, "ms")}, median ${formatValue(latency.p50, "ms")}, p95 ${formatValue(latency.p95, "ms")}, p99 ${formatValue(latency.p99, "ms")}`,
    );
  }
  for (const name of ["tokens_in", "tokens_out"]) {
    const mean = measured.metrics[name]?.mean;
    if (mean !== undefined) parts.push(`${nameOf(name)} ${formatValue(mean, "number")} an answer`);
  }
  return [`${clip(variant)}: ${parts.join("; ")}`];
}

function describeRollout({ rollout }: ReportFacts): readonly string[] {
  if (rollout === null) return [];
  const steps = rollout.steps.map(({ share }) => formatValue(share, "share"));
  const at = rollout.step === null ? "" : `, step ${rollout.step} of ${steps.length}`;
  return [
    `Rollout: ${rollout.phase.replace("_", " ")}${at}; the treatment has ${formatValue(rollout.applied_share, "share")} of users; steps ${listOf(steps)}`,
    ...rollout.verdicts.map(
      ({ guardrail, verdict, value, limit, control, unit, requests }) =>
        `Guardrail ${clip(nameOf(guardrail))}: ${verdict}; value ${formatQuantity(value, unit)}, limit ${formatQuantity(limit, unit)}, control ${formatQuantity(control, unit)}, ${formatCount(requests)} requests`,
    ),
  ];
}

function titlesOf(
  sections: ReportDocument["sections"],
  section: string,
  what: string,
): readonly string[] {
  const blocks = sections.find(({ id }) => id === section)?.blocks ?? [];
  const titles = blocks.flatMap((block) =>
    block.kind === "note"
      ? [block.title]
      : block.kind === "advice"
        ? block.items.map(({ title }) => title)
        : [],
  );
  return titles.map((title) => `${what}: ${title}`);
}

function namesIn({ experiment, comparison, rollout }: ReportFacts, arms: Arms): readonly string[] {
  const metrics = comparison?.metrics.map(({ metric }) => metric) ?? [];
  const guardrails = rollout?.verdicts.map(({ guardrail }) => guardrail) ?? [];
  const measured = [...metrics, ...guardrails];
  return [experiment, ...arms.all, ...measured, ...measured.map(nameOf)];
}

function clip(name: string): string {
  return name.slice(0, nameCharactersMax);
}
