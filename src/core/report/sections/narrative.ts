import type { Block } from "../document.ts";
import type { ReportFacts } from "../facts.ts";

/** What a language model made of the report, marked as that; or that there is nothing of it, and why. */
export function describeInsights({ insights }: ReportFacts): readonly Block[] {
  if (insights === null) return [];
  const { model } = insights;
  if (insights.kind === "written") {
    return [
      {
        kind: "narrative",
        title: "In the words of a language model",
        model,
        paragraphs: insights.paragraphs,
        mark: `Written by ${model}, from this report's figures alone. Every number in it was found among them; its words were not checked, and decide nothing.`,
      },
    ];
  }
  return [
    {
      kind: "note",
      tone: "neutral",
      title: "No words of a language model",
      text: `What ${model} was asked to write was left out: ${insights.reason}. Nothing else here depends on it.`,
    },
  ];
}
