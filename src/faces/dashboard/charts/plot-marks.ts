import type UPlot from "uplot";
import type { ChartColours } from "./chart-colours.ts";
import type { ChartMark } from "./chart-model.ts";

/** Room above the lines for the words of marks, in pixels. */
export const marksHeight = 18;

/** More of them would hide the lines; the newest are drawn, the table has all. */
const marksMax = 60;
const dashes = { split: [], command: [2, 3], verdict: [6, 3], alert: [1, 3] } as const;

/** Draws vertical lines for what happened, with words where there is room for them. */
export function drawMarks(plot: UPlot, marks: readonly ChartMark[], colours: ChartColours): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const { min = 0, max = 0 } = plot.scales["x"] ?? {};
  const shown = marks.filter(({ atMs }) => atMs >= min && atMs <= max).slice(-marksMax);
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "bottom";
  let freeFrom = bbox.left;
  for (const { atMs, kind, label } of shown) {
    const x = Math.round(plot.valToPos(atMs, "x", true));
    ctx.strokeStyle = colours.marks[kind];
    ctx.fillStyle = colours.marks[kind];
    ctx.globalAlpha = 0.7;
    ctx.lineWidth = ratio;
    ctx.setLineDash(dashes[kind].map((length) => length * ratio));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - 3 * ratio);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    const { width } = ctx.measureText(label);
    const left = Math.min(x - width / 2, bbox.left + bbox.width - width);
    if (left < freeFrom) continue;
    ctx.fillText(label, left, bbox.top - 4 * ratio);
    freeFrom = left + width + 8 * ratio;
  }
  ctx.restore();
}
