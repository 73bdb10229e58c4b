import { linear, niceTicks, plotLeft, plotRight, valueAxis, type Plot } from "./axis.ts";
import type { DistributionChart } from "./chart.ts";
import { drawLegend, entryOf } from "./legend.ts";
import { formatValue } from "../text/format.ts";
import {
  colourOf,
  element,
  inks,
  line,
  short,
  svg,
  text,
  widthOf,
  type ChartStyle,
} from "./svg.ts";

const plotHeight = 150;
/** More would hide each other. */
const filledMax = 2;
const markedMax = 3;

/** Outlines of histograms over a logarithmic axis. */
export function drawDistribution(
  chart: DistributionChart,
  label: string,
  style: ChartStyle,
): string {
  const { bounds, series } = chart;
  const legend = drawLegend(
    series.map(({ name, colour }) => entryOf(name, colour)),
    plotLeft,
    style,
  );
  const marked = series.length <= markedMax ? series : [];
  const top = legend.height + 8 + marked.length * 12;
  const plot: Plot = { left: plotLeft, right: plotRight, top, bottom: top + plotHeight };
  const [first = 1] = bounds;
  const ratio = bounds.length > 1 ? (bounds[1] as number) / first : 2;
  const low = first / ratio;
  const x = linear([Math.log(low), Math.log(bounds.at(-1) ?? 1)], [plot.left, plot.right]);
  const highest = series.reduce(
    (most, { shares }) => shares.reduce((one, other) => Math.max(one, other), most),
    0,
  );
  const ticks = niceTicks(0, highest || 1, 4);
  const y = linear([0, ticks.at(-1) ?? 1], [plot.bottom, plot.top]);
  const parts = [...legend.parts, ...valueAxis(ticks, y, plot, "share", style)];
  for (const { colour, shares } of series) {
    const { at, value, dash } = colourOf(colour);
    const corners = shares.flatMap((share, place) => {
      const start = place === 0 ? low : (bounds[place - 1] as number);
      const height = short(y(share));
      return [
        `${short(x(Math.log(start)))} ${height}`,
        `${short(x(Math.log(bounds[place] as number)))} ${height}`,
      ];
    });
    const outline = `M${plot.left} ${plot.bottom}L${corners.join("L")}L${plot.right} ${plot.bottom}`;
    if (series.length <= filledMax) {
      parts.push(
        element("path", {
          class: `fill s${at}`,
          d: `${outline}Z`,
          fill: value,
          "fill-opacity": 0.16,
        }),
      );
    }
    parts.push(
      element("path", {
        class: `line s${at}`,
        d: outline,
        fill: "none",
        stroke: value,
        "stroke-width": 1.5,
        "stroke-dasharray": dash,
      }),
    );
  }
  const above: number[] = [];
  for (const [row, { colour, marks }] of marked.entries()) {
    const { at, value } = colourOf(colour);
    for (const mark of marks) {
      const place = x(Math.log(mark.value));
      if (!(place >= plot.left && place <= plot.right)) continue;
      const words = `${mark.label} ${formatValue(mark.value, chart.format)}`;
      const width = widthOf(words, 10) + 6;
      // Lines of the rows above pass through this one.
      const isStruck = (from: number, to: number) => above.some((each) => each > from && each < to);
      const isLeft =
        place + width > plot.right ||
        (isStruck(place, place + width) && !isStruck(place - width, place));
      const height = plot.top - 4 - (marked.length - 1 - row) * 12;
      parts.push(
        line([place, height - 8, place, plot.bottom], {
          stroke: value,
          kind: `line s${at}`,
          dash: mark.label === "p50" ? null : "2 2",
        }),
        text(words, isLeft ? place - 4 : place + 4, height, style, {
          anchor: isLeft ? "end" : "start",
          size: 10,
          fill: value,
          kind: `fill s${at}`,
        }),
      );
    }
    above.push(...marks.map((mark) => x(Math.log(mark.value))));
  }
  parts.push(...logAxis(low, bounds.at(-1) ?? 1, x, plot, chart, style));
  return svg(plot.bottom + 24, parts, label);
}

function logAxis(
  low: number,
  high: number,
  x: (value: number) => number,
  plot: Plot,
  { format }: DistributionChart,
  style: ChartStyle,
): string[] {
  const parts = [
    line([plot.left, plot.bottom, plot.right, plot.bottom], { stroke: inks.axis, kind: "axis" }),
  ];
  let free = plot.left - 20;
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (value < low || value > high) continue;
      const place = x(Math.log(value));
      const words = formatValue(value, format);
      const width = widthOf(words, 10);
      parts.push(
        line([place, plot.bottom, place, plot.bottom + 4], { stroke: inks.axis, kind: "axis" }),
      );
      if (place - width / 2 < free || place + width / 2 > plot.right + 10) continue;
      free = place + width / 2 + 8;
      parts.push(text(words, place, plot.bottom + 15, style, { anchor: "middle", size: 10 }));
    }
  }
  return parts;
}
