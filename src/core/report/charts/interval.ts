import { formatValue } from "../text/format.ts";
import { linear, niceTicks, type Scale } from "./axis.ts";
import type { IntervalChart } from "./chart.ts";
import {
  chartWidth,
  element,
  fit,
  inks,
  line,
  short,
  svg,
  text,
  toneColours,
  type ChartStyle,
} from "./svg.ts";

const rowHeight = 38;
const left = 190;
const right = chartWidth - 84;
const top = 12;

type Row = IntervalChart["rows"][number];

/** A forest plot: thin for every look, thick for one, a diamond for the estimate. */
export function drawIntervals(chart: IntervalChart, label: string, style: ChartStyle): string {
  const [low, high] = extentOf(chart);
  const ticks = niceTicks(low, high, 6);
  const x = linear([ticks[0] ?? -1, ticks.at(-1) ?? 1], [left, right]);
  const bottom = top + chart.rows.length * rowHeight;
  const parts: string[] = [];
  if (chart.region !== null) {
    const [start, end] = [Math.max(left, x(-chart.region)), Math.min(right, x(chart.region))];
    parts.push(
      element("rect", {
        class: "region",
        x: start,
        y: top,
        width: end - start,
        height: bottom - top,
        fill: inks.region,
      }),
    );
  }
  for (const tick of ticks) {
    parts.push(
      line([x(tick), top, x(tick), bottom], { stroke: inks.grid, kind: "grid" }),
      text(formatValue(tick, chart.format), x(tick), bottom + 15, style, {
        anchor: "middle",
        size: 10,
      }),
    );
  }
  parts.push(
    line([x(0), top - 4, x(0), bottom + 3], { stroke: inks.muted, kind: "zero", width: 1.25 }),
  );
  for (const [at, row] of chart.rows.entries()) {
    parts.push(...drawRow(row, top + at * rowHeight + rowHeight / 2, x, chart, style));
  }
  return svg(bottom + 24, parts, label);
}

function drawRow(
  row: Row,
  middle: number,
  x: Scale,
  { format }: IntervalChart,
  style: ChartStyle,
): string[] {
  const stroke = toneColours[row.tone];
  const kind = `tone ${row.tone}`;
  const parts = [
    text(fit(row.label, left - 16, 12), 0, row.detail === "" ? middle + 4 : middle - 1, style, {
      size: 12,
      fill: inks.ink,
      kind: "ink",
      isBold: true,
    }),
    text(fit(row.detail, left - 16, 10), 0, middle + 12, style, { size: 10 }),
  ];
  for (const [pair, width] of [
    [row.sequential, 1.5],
    [row.interval, 6],
  ] as const) {
    if (pair === null) continue;
    const [start, end] = [clamp(x(pair[0])), clamp(x(pair[1]))];
    parts.push(
      element("path", {
        class: kind,
        d: `M${short(start.at)} ${middle}H${short(end.at)}`,
        fill: "none",
        stroke,
        "stroke-width": width,
        "stroke-opacity": width > 2 ? 0.35 : null,
      }),
    );
    // One that lies wholly beyond an edge has both its ends there.
    if (start.at === left && start.isCut) parts.push(arrow(left, middle, -1, row));
    if (end.at === right && end.isCut) parts.push(arrow(right, middle, 1, row));
    if (width < 2) parts.push(...whiskers([start, end], middle, stroke, kind));
  }
  const place = clamp(x(row.estimate));
  if (!place.isCut) {
    const diamond = `M${short(place.at)} ${middle - 6}L${short(place.at + 6)} ${middle}L${short(place.at)} ${middle + 6}L${short(place.at - 6)} ${middle}Z`;
    parts.push(element("path", { class: `tone-fill ${row.tone}`, d: diamond, fill: stroke }));
  }
  parts.push(
    text(formatValue(row.estimate, format), chartWidth, middle + 4, style, {
      anchor: "end",
      size: 12,
      fill: stroke,
      kind: `tone-text ${row.tone}`,
      isBold: true,
    }),
  );
  return parts;
}

type Place = { readonly at: number; readonly isCut: boolean };

function whiskers(ends: readonly Place[], middle: number, stroke: string, kind: string): string[] {
  return ends
    .filter(({ isCut }) => !isCut)
    .map(({ at }) => line([at, middle - 5, at, middle + 5], { stroke, kind, width: 1.5 }));
}

/** It goes on beyond the picture. */
function arrow(at: number, middle: number, way: 1 | -1, { tone }: Row): string {
  return element("path", {
    class: `tone-fill ${tone}`,
    d: `M${at + way * 8} ${middle}L${at} ${middle - 5}L${at} ${middle + 5}Z`,
    fill: toneColours[tone],
  });
}

function clamp(place: number): Place {
  if (place < left) return { at: left, isCut: true };
  return place > right ? { at: right, isCut: true } : { at: place, isCut: false };
}

/** As wide as the first row, which decides, asks for; what reaches beyond a few times that is cut off with an arrow. */
function extentOf({ rows, region }: IntervalChart): readonly [number, number] {
  const [first] = rows;
  const most =
    Math.max(first === undefined ? 0 : reach(first), region ?? 0) * 2 || Number.POSITIVE_INFINITY;
  let [low, high] = [-(region ?? 0), region ?? 0];
  for (const row of rows) {
    for (const end of [row.estimate, ...(row.sequential ?? []), ...(row.interval ?? [])]) {
      if (!Number.isFinite(end)) continue;
      low = Math.min(low, Math.max(end, -most));
      high = Math.max(high, Math.min(end, most));
    }
  }
  return low === high ? [-1, 1] : [low, high];
}

/** How far from 0 a row goes. */
function reach(row: Row): number {
  const ends = [row.estimate, ...(row.sequential ?? []), ...(row.interval ?? [])];
  return Math.max(...ends.filter(Number.isFinite).map(Math.abs), 0);
}
