import { advise } from "./advice/advise.ts";
import { armsOf, type Arms } from "./arms.ts";
import { withoutEmptyComparison } from "./comparable.ts";
import { concludeReport } from "./conclusion.ts";
import type { Block, ReportDocument, Section } from "./document.ts";
import type { ReportFacts } from "./facts.ts";
import { judgeQuality } from "./quality.ts";
import { describeBreakdown } from "./sections/breakdown.ts";
import { describeConfiguration } from "./sections/configuration.ts";
import { describeEffect } from "./sections/effect.ts";
import { describeJournal } from "./sections/journal.ts";
import { describeLatency } from "./sections/latency.ts";
import { describeMethod } from "./sections/method.ts";
import { describeInsights } from "./sections/narrative.ts";
import { describeRollout } from "./sections/rollout.ts";
import { describeShadow } from "./sections/shadow.ts";
import { describeSummary } from "./sections/summary.ts";
import { describeTraffic } from "./sections/traffic.ts";
import { formatRange, listOf } from "./text/format.ts";

/** A report's document: the same facts give the same document. */
export function composeReport(all: ReportFacts): ReportDocument {
  const facts = withoutEmptyComparison(all);
  const arms = armsOf(facts);
  const verdict = concludeReport(facts, arms);
  const advice = advise({ facts, arms, outcome: verdict.outcome });
  const findings = judgeQuality(facts, arms);
  const notes = findings.map(({ tone, title, text }): Block => ({
    kind: "note",
    tone,
    title,
    text,
  }));
  const sections: readonly Section[] = [
    section("summary", "Summary", [
      ...describeSummary(facts, arms, { verdict, advice, findings }),
      ...describeInsights(facts),
    ]),
    section(
      "next",
      "What to do next",
      advice.length === 0 ? [] : [{ kind: "advice", items: advice }],
    ),
    section("effect", "Effect", describeEffect(facts, arms)),
    section("rollout", "Rollout", describeRollout(facts, arms)),
    section("time", "Over time", describeTraffic(facts, arms)),
    section("latency", "Latency", describeLatency(facts, arms)),
    section("outcomes", "Outcomes, routes and segments", describeBreakdown(facts, arms)),
    section("shadow", "Shadow comparison", describeShadow(facts, arms)),
    section(
      "quality",
      "Data quality",
      notes.length > 0 ? notes : [{ kind: "paragraph", text: faultless }],
    ),
    section("method", "Method", describeMethod(facts, arms)),
    section("journal", "Journal", describeJournal(facts)),
    section("configuration", "Configuration and versions", describeConfiguration(facts)),
  ];
  return {
    title: facts.experiment,
    subtitle: subtitleOf(facts, arms),
    generated_at: facts.generated_at,
    version: facts.version,
    verdict,
    sections: sections.filter(({ blocks }) => blocks.length > 0),
  };
}

const faultless = "Nothing was found that limits what may be concluded.";

const kinds = { ab: "A/B experiment", rollout: "Rollout", split: "Split" } as const;

function subtitleOf({ kind, range }: ReportFacts, { control, treatments }: Arms): string {
  const against = treatments.length === 0 ? control : `${listOf(treatments)} against ${control}`;
  return `${kinds[kind]}: ${against}. ${formatRange(range.from, range.to)}`;
}

function section(id: string, title: string, blocks: readonly Block[]): Section {
  return { id, title, blocks };
}
