import { drawMarks, linear, plotLeft, plotRight, timeAxis, valueAxis, type Plot } from "./axis.ts";
import type { StepsChart } from "./chart.ts";
import { drawLegend, entryOf } from "./legend.ts";
import { colourOf, element, short, svg, text, widthOf, type ChartStyle } from "./svg.ts";

const plotHeight = 120;

/** Shares over time, from 0 to 100 %. */
export function drawSteps(chart: StepsChart, label: string, style: ChartStyle): string {
  const legend = drawLegend(
    chart.series.map(({ name, colour }) => entryOf(name, colour)),
    plotLeft,
    style,
  );
  const top = legend.height + (chart.marks.length > 0 ? 20 : 8);
  const plot: Plot = { left: plotLeft, right: plotRight, top, bottom: top + plotHeight };
  const x = linear([chart.from_ms, chart.to_ms], [plot.left, plot.right]);
  const y = linear([0, 1], [plot.bottom, plot.top]);
  const parts = [...legend.parts, ...valueAxis([0, 0.25, 0.5, 0.75, 1], y, plot, "share", style)];
  for (const { colour, steps } of chart.series) {
    const { at, value } = colourOf(colour);
    const corners = steps.flatMap(([ms, share], place) => {
      const until = steps[place + 1]?.[0] ?? chart.to_ms;
      return [`${short(x(ms))} ${short(y(share))}`, `${short(x(until))} ${short(y(share))}`];
    });
    if (corners.length === 0) continue;
    const [start] = steps[0] as readonly [number, number];
    parts.push(
      element("path", {
        class: `fill s${at}`,
        d: `M${short(x(start))} ${plot.bottom}L${corners.join("L")}L${short(x(chart.to_ms))} ${plot.bottom}Z`,
        fill: value,
        "fill-opacity": 0.14,
      }),
      element("path", {
        class: `line s${at}`,
        d: `M${corners.join("L")}`,
        fill: "none",
        stroke: value,
        "stroke-width": 2,
      }),
    );
    for (const [place, [ms, share]] of steps.entries()) {
      const words = `${Number((share * 100).toPrecision(3))} %`;
      const width = x(steps[place + 1]?.[0] ?? chart.to_ms) - x(ms);
      const isSame = steps[place - 1]?.[1] === share;
      if (share === 0 || isSame || width < widthOf(words, 10) + 8) continue;
      const height = share > 0.85 ? y(share) + 13 : y(share) - 5;
      parts.push(
        text(words, x(ms) + 5, height, style, {
          size: 10,
          fill: value,
          kind: `fill s${at}`,
          isBold: true,
        }),
      );
    }
  }
  parts.push(
    ...timeAxis(chart.from_ms, chart.to_ms, x, plot, style),
    ...drawMarks(chart.marks, x, plot, style),
  );
  return svg(plot.bottom + 24, parts, label);
}
