import type { NumberFormat } from "../document.ts";
import { formatValue } from "../text/format.ts";
import type { ChartMark } from "./chart.ts";
import { chartWidth, inks, line, text, toneColours, widthOf, type ChartStyle } from "./svg.ts";

/** Axes with round numbers and round times. */

export type Plot = {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

export type Scale = (value: number) => number;

export function linear(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): Scale {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

/** At most about `most` steps of 1, 2, 2.5 or 5 times a power of ten that cover `low` to `high`. */
export function niceTicks(low: number, high: number, most: number): number[] {
  const span = high - low || 1;
  const raw = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find((each) => each * power >= raw * 0.999) ?? 10);
  const ticks: number[] = [];
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  for (let at = first; at <= last; at += 1) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

/** Horizontal lines with their values. */
export function valueAxis(
  ticks: readonly number[],
  y: Scale,
  plot: Plot,
  format: NumberFormat,
  style: ChartStyle,
): string[] {
  return ticks.flatMap((tick) => [
    line([plot.left, y(tick), plot.right, y(tick)], { stroke: inks.grid, kind: "grid" }),
    text(formatValue(tick, format), plot.left - 6, y(tick) + 3.5, style, {
      anchor: "end",
      size: 10,
    }),
  ]);
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const timeSteps = [
  secondMs,
  5 * secondMs,
  15 * secondMs,
  30 * secondMs,
  minuteMs,
  2 * minuteMs,
  5 * minuteMs,
  10 * minuteMs,
  15 * minuteMs,
  30 * minuteMs,
  hourMs,
  2 * hourMs,
  3 * hourMs,
  6 * hourMs,
  12 * hourMs,
  dayMs,
  2 * dayMs,
  7 * dayMs,
  14 * dayMs,
  28 * dayMs,
  91 * dayMs,
  365 * dayMs,
];

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Round times of UTC, with the date where a day begins. */
export function timeAxis(
  fromMs: number,
  toMs: number,
  x: Scale,
  plot: Plot,
  style: ChartStyle,
): string[] {
  const raw = (toMs - fromMs) / 7;
  const step = timeSteps.find((each) => each >= raw) ?? 365 * dayMs;
  const parts = [
    line([plot.left, plot.bottom, plot.right, plot.bottom], { stroke: inks.axis, kind: "axis" }),
    text("UTC", 6, plot.bottom + 15, style, { size: 9 }),
  ];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) {
    const place = x(at);
    parts.push(
      line([place, plot.bottom, place, plot.bottom + 4], { stroke: inks.axis, kind: "axis" }),
      text(timeLabel(at, step), place, plot.bottom + 15, style, { anchor: "middle", size: 10 }),
    );
  }
  return parts;
}

function timeLabel(ms: number, step: number): string {
  const time = new Date(ms);
  const day = `${time.getUTCDate()} ${months[time.getUTCMonth()] ?? ""}`;
  if (step >= dayMs || ms % dayMs === 0) return day;
  const iso = time.toISOString();
  return step < minuteMs ? iso.slice(11, 19) : iso.slice(11, 16);
}

/** Things that happened, each a line with a word above; a word that would cover another is left out. */
export function drawMarks(
  marks: readonly ChartMark[],
  x: Scale,
  plot: Plot,
  style: ChartStyle,
): string[] {
  // The gravest get their words first where there is no room for all.
  const labelled = new Set<ChartMark>();
  const grave = marks.toSorted((one, other) => weightOf(other) - weightOf(one));
  const taken: [number, number][] = [];
  for (const mark of grave) {
    const width = widthOf(mark.label, 10) + 6;
    const start = Math.min(Math.max(x(mark.at_ms) - width / 2, plot.left), plot.right - width);
    if (taken.some(([from, to]) => start < to && start + width > from)) continue;
    taken.push([start, start + width]);
    labelled.add(mark);
  }
  return marks.flatMap((mark) => {
    const place = x(mark.at_ms);
    const stroke = toneColours[mark.tone];
    const parts = [
      line([place, plot.top - 3, place, plot.bottom], {
        stroke,
        kind: `tone ${mark.tone}`,
        width: mark.tone === "neutral" ? 0.5 : 1.25,
        dash: "2 2",
      }),
    ];
    if (labelled.has(mark)) {
      const width = widthOf(mark.label, 10) + 6;
      const middle = Math.min(Math.max(place, plot.left + width / 2), plot.right - width / 2);
      parts.push(
        text(mark.label, middle, plot.top - 7, style, {
          anchor: "middle",
          size: 10,
          fill: stroke,
          kind: `tone-text ${mark.tone}`,
        }),
      );
    }
    return parts;
  });
}

function weightOf({ tone }: ChartMark): number {
  return { bad: 3, caution: 2, good: 2, neutral: 1 }[tone];
}

export const plotLeft = 64;
export const plotRight = chartWidth - 14;
