import type { ChartMark } from "../charts/chart.ts";
import type { Tone } from "../document.ts";
import type { ReportFacts } from "../facts.ts";
import { formatValue } from "../text/format.ts";

/** Entries of the journal that belong on a chart; the rest is in the journal. */
const marked: Readonly<Record<string, { readonly label: string; readonly tone: Tone }>> = {
  started: { label: "started", tone: "neutral" },
  step: { label: "step", tone: "neutral" },
  observing: { label: "observing", tone: "neutral" },
  restored: { label: "restored", tone: "neutral" },
  paused: { label: "paused", tone: "caution" },
  resumed: { label: "resumed", tone: "neutral" },
  promoted: { label: "promoted", tone: "good" },
  rolled_back: { label: "rolled back", tone: "bad" },
  ended: { label: "ended", tone: "neutral" },
  plan_changed: { label: "plan changed", tone: "neutral" },
};

/** More would hide the lines; the last ones stay. */
const marksMax = 24;

export function marksOf({ journal, experiment, range }: ReportFacts): readonly ChartMark[] {
  const [from, to] = [Date.parse(range.from), Date.parse(range.to)];
  return journal.entries
    .flatMap(({ at, what, scope, subject, facts }): ChartMark[] => {
      const mark = Object.hasOwn(marked, what) ? marked[what] : undefined;
      const atMs = Date.parse(at);
      const isOurs = scope !== "alert" && subject === experiment;
      if (mark === undefined || !isOurs || atMs < from || atMs > to) return [];
      const share = facts["share"];
      const label =
        what === "step" && typeof share === "number" ? formatValue(share, "share") : mark.label;
      return [{ at_ms: atMs, label, tone: mark.tone }];
    })
    .slice(-marksMax);
}
