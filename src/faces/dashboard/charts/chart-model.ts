import { formatValue, unknown } from "../words/numbers.ts";
import type { Unit } from "../words/numbers.ts";
import { formatMoment, formatSpan } from "../words/time.ts";

/** What a chart over time shows, free of how it is drawn. */

export type Values = readonly (number | null)[];

export type ChartLine = {
  readonly key: string;
  readonly label: string;
  /** Which colour, dash and shape: the variant's place in its experiment. `limit` is a line that must not be crossed. */
  readonly look: number | "limit" | "quiet";
  /** As many as there are times; null is a gap. */
  readonly values: Values;
};

/** A range around a line, such as its confidence interval. */
export type ChartBand = {
  readonly label: string;
  readonly look: number;
  readonly low: Values;
  readonly high: Values;
};

/** Something that happened: a vertical line with a word. */
export type ChartMark = {
  readonly atMs: number;
  readonly kind: "split" | "command" | "verdict" | "alert";
  /** One or two words, drawn at the line. */
  readonly label: string;
  /** The whole story, in the table and for screen readers. */
  readonly says: string;
};

export type TimeRange = { readonly fromMs: number; readonly toMs: number };

export type ChartData = {
  readonly atMs: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly band?: ChartBand | null;
  readonly marks?: readonly ChartMark[];
  readonly range: TimeRange;
};

/** Each line on top of those before it; where none has a value there is a gap. */
export function stackLines(lines: readonly ChartLine[]): (number | null)[][] {
  const isGap = lines[0]?.values.map((_, at) => lines.every(({ values }) => values[at] === null));
  const stacked: (number | null)[][] = [];
  for (const { values } of lines) {
    const below = stacked.at(-1);
    stacked.push(
      values.map((value, at) => (isGap?.[at] === true ? null : (value ?? 0) + (below?.[at] ?? 0))),
    );
  }
  return stacked;
}

/** The last value of a line that is known. */
export function lastKnown(values: Values): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** What a chart says in words: each line's last value and its extremes. */
export function summarise({ atMs, lines, range }: ChartData, unit: Unit): string {
  const span = formatSpan(range.toMs - range.fromMs);
  if (atMs.length === 0) return `Nothing was measured in these ${span}.`;
  const parts = lines.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${label}: ${unknown}`;
    const [least, most] = extremes(known);
    const last = formatValue(lastKnown(values), unit);
    return `${label}: ${last} at the end, between ${formatValue(least, unit)} and ${formatValue(most, unit)}`;
  });
  return `${span} up to ${formatMoment(range.toMs)}. ${parts.join("; ")}.`;
}

/** What was at one time, as it is read out. */
export function describeAt({ atMs, lines, marks = [] }: ChartData, at: number, unit: Unit): string {
  const moment = atMs[at];
  if (moment === undefined) return "";
  const values = lines.map(({ label, values }) => `${label} ${formatValue(values[at], unit)}`);
  const stepMs = Math.max(1000, (atMs[at + 1] ?? moment) - moment);
  const near = marks.filter((mark) => Math.abs(mark.atMs - moment) <= stepMs);
  const words = near.map(({ says }) => `. ${says}`).join("");
  return `${formatMoment(moment)}: ${values.join(", ")}${words}`;
}

/** At most `rowsMax` indices, evenly spread, the last included: what a table can show of a long series. */
export function pickRows(length: number, rowsMax: number): number[] {
  if (length <= rowsMax) return Array.from({ length }, (_, at) => at);
  const step = (length - 1) / (rowsMax - 1);
  return Array.from({ length: rowsMax }, (_, at) => Math.round(at * step));
}

function extremes(values: readonly number[]): [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
