import { unreachable } from "../../../base/result.ts";
import type { Chart } from "./chart.ts";
import { drawDistribution } from "./distribution.ts";
import { drawIntervals } from "./interval.ts";
import { drawSteps } from "./steps.ts";
import type { ChartStyle } from "./svg.ts";
import { drawTimeSeries } from "./time-series.ts";

/** A chart as SVG; `label` says in words what there is to be seen. */
export function drawChart(chart: Chart, label: string, style: ChartStyle): string {
  switch (chart.kind) {
    case "time_series":
      return drawTimeSeries(chart, label, style);
    case "distribution":
      return drawDistribution(chart, label, style);
    case "interval":
      return drawIntervals(chart, label, style);
    case "steps":
      return drawSteps(chart, label, style);
    default:
      return unreachable(chart);
  }
}
