import {
  drawMarks,
  linear,
  niceTicks,
  plotLeft,
  plotRight,
  timeAxis,
  valueAxis,
  type Plot,
  type Scale,
} from "./axis.ts";
import type { ChartPoint, TimeSeriesChart } from "./chart.ts";
import { drawLegend, entryOf } from "./legend.ts";
import { colourOf, element, pathOf, short, svg, toneColours, type ChartStyle } from "./svg.ts";

const plotHeight = 150;
/** Through more points than these a dashed line is a cloud of dots. */
const dashedMax = 100;

/** Lines over time, with a limit, an interval, what happened, and when it was broken. */
export function drawTimeSeries(chart: TimeSeriesChart, label: string, style: ChartStyle): string {
  const { series, limit, area } = chart;
  const legend = drawLegend(
    [
      ...series.map(({ name, colour, points }) =>
        entryOf(name, colour, points.length <= dashedMax),
      ),
      ...(limit === null
        ? []
        : [{ name: limit.name, stroke: toneColours.bad, kind: "tone bad", dash: "6 3" }]),
    ],
    plotLeft,
    style,
  );
  const top = legend.height + (chart.marks.length > 0 ? 20 : 8);
  const plot: Plot = { left: plotLeft, right: plotRight, top, bottom: top + plotHeight };
  const ticks = niceTicks(0, highestOf(chart) || 1, 4);
  const x = linear([chart.from_ms, chart.to_ms], [plot.left, plot.right]);
  const y = linear([0, ticks.at(-1) ?? 1], [plot.bottom, plot.top]);
  const parts = [...legend.parts, ...valueAxis(ticks, y, plot, chart.format, style)];
  for (const { from_ms, to_ms, tone } of chart.bands) {
    const [start, end] = [Math.max(plot.left, x(from_ms)), Math.min(plot.right, x(to_ms))];
    parts.push(
      element("rect", {
        class: `band ${tone}`,
        x: start,
        y: plot.top,
        width: Math.max(1, end - start),
        height: plotHeight,
        fill: toneColours[tone],
        "fill-opacity": 0.12,
      }),
    );
  }
  if (area !== null) parts.push(...drawArea(area, x, y));
  if (limit !== null) {
    parts.push(
      drawLine(limit.points, x, y, {
        stroke: toneColours.bad,
        kind: "tone bad",
        dash: "6 3",
        width: 1.25,
      }),
    );
  }
  for (const { colour, points } of series) {
    const { at, value, dash } = colourOf(colour);
    parts.push(
      drawLine(points, x, y, {
        stroke: value,
        kind: `line s${at}`,
        dash: points.length > dashedMax ? "" : dash,
        width: colour === 0 ? 1.25 : 1.6,
      }),
    );
  }
  parts.push(
    ...timeAxis(chart.from_ms, chart.to_ms, x, plot, style),
    ...drawMarks(chart.marks, x, plot, style),
  );
  return svg(plot.bottom + 24, parts, label);
}

function drawLine(
  points: readonly ChartPoint[],
  x: Scale,
  y: Scale,
  {
    stroke,
    kind,
    dash,
    width,
  }: {
    readonly stroke: string;
    readonly kind: string;
    readonly dash: string;
    readonly width: number;
  },
): string {
  const placed = points.map(([at, value]) =>
    value === null ? null : ([x(at), y(value)] as const),
  );
  // A value between two gaps has no line; a short one shows it.
  const shown = placed.flatMap((point, at) => {
    const isAlone =
      point !== null && (placed[at - 1] ?? null) === null && (placed[at + 1] ?? null) === null;
    return isAlone
      ? [[point[0] - 1, point[1]] as const, [point[0] + 1, point[1]] as const]
      : [point];
  });
  return element("path", {
    class: kind,
    d: pathOf(shown),
    fill: "none",
    stroke,
    "stroke-width": width,
    "stroke-dasharray": dash,
    "stroke-linejoin": "round",
  });
}

function drawArea(
  { colour, points }: NonNullable<TimeSeriesChart["area"]>,
  x: Scale,
  y: Scale,
): string[] {
  const { at, value } = colourOf(colour);
  const runs: (readonly [number, number, number])[][] = [[]];
  for (const [ms, low, high] of points) {
    if (low === null || high === null) runs.push([]);
    else runs.at(-1)?.push([ms, low, high]);
  }
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const upper = run.map(([ms, , high]) => `${short(x(ms))} ${short(y(high))}`);
      const lower = run.toReversed().map(([ms, low]) => `${short(x(ms))} ${short(y(low))}`);
      return element("path", {
        class: `fill s${at}`,
        d: `M${upper.join("L")}L${lower.join("L")}Z`,
        fill: value,
        "fill-opacity": 0.14,
      });
    });
}

function highestOf({ series, limit, area }: TimeSeriesChart): number {
  let highest = 0;
  for (const { points } of series) {
    for (const [, value] of points) if (value !== null && value > highest) highest = value;
  }
  for (const [, value] of limit?.points ?? [])
    if (value !== null && value > highest) highest = value;
  // An interval may reach far beyond what was seen; it may then leave the picture.
  const ceiling = highest * 1.6;
  for (const [, , high] of area?.points ?? []) {
    if (high !== null && high > highest) highest = Math.min(high, ceiling);
  }
  return highest;
}
