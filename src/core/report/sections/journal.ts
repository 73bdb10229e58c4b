import type { Block } from "../document.ts";
import type { ReportFacts } from "../facts.ts";
import { formatNumber } from "../../statistics/decision/words.ts";
import { formatMs, formatValue } from "../text/format.ts";

/** Entries in the document, the newest; the JSON's facts have all. */
const entriesMax = 100;

/** Who did what, when, and on which evidence. */
export function describeJournal({ journal }: ReportFacts): readonly Block[] {
  const { entries } = journal;
  if (entries.length === 0) return [];
  const shown = entries.slice(-entriesMax);
  return [
    {
      kind: "table",
      id: "journal",
      caption: `Who did what, and on which evidence${shown.length < entries.length ? `: the last ${entriesMax} of ${entries.length}` : ""}.`,
      columns: [
        { name: "Time", format: "time" },
        { name: "What", format: "text" },
        { name: "By", format: "text" },
        { name: "Facts", format: "text" },
      ],
      rows: shown.map(({ at, scope, what, actor, facts }) => [
        at,
        `${scope} ${what.replaceAll("_", " ")}`,
        actor,
        wordsOf(facts),
      ]),
    },
  ];
}

function wordsOf(facts: ReportFacts["journal"]["entries"][number]["facts"]): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const isDuration = typeof value === "number" && name.endsWith("_ms");
      const text = typeof value === "number" ? numberOf(name, value) : String(value);
      return `${name.replace(isDuration ? /_ms$/ : "", "").replaceAll("_", " ")}: ${text}`;
    })
    .join("; ");
}

function numberOf(name: string, value: number): string {
  if (name.endsWith("_ms")) return formatMs(value);
  if (name === "share") return formatValue(value, "share");
  return Number.isInteger(value) ? String(value) : formatNumber(value);
}
