import { chartWidth, colourOf, element, fit, inks, text, widthOf, type ChartStyle } from "./svg.ts";

export type LegendEntry = {
  readonly name: string;
  readonly stroke: string;
  readonly kind: string;
  readonly dash: string;
};

export function entryOf(name: string, colour: number, isDashed = true): LegendEntry {
  const { at, value, dash } = colourOf(colour);
  return { name, stroke: value, kind: `line s${at}`, dash: isDashed ? dash : "" };
}

const rowHeight = 16;

/** Names with their lines, in as many rows as they need, and how high that is. */
export function drawLegend(
  entries: readonly LegendEntry[],
  left: number,
  style: ChartStyle,
): { readonly parts: readonly string[]; readonly height: number } {
  const parts: string[] = [];
  let x = left;
  let y = 12;
  for (const { name, stroke, kind, dash } of entries) {
    const shown = fit(name, 200);
    const width = 26 + widthOf(shown) + 16;
    if (x > left && x + width > chartWidth) [x, y] = [left, y + rowHeight];
    parts.push(
      element("path", {
        class: kind,
        d: `M${x} ${y - 4}H${x + 20}`,
        stroke,
        "stroke-width": 2,
        "stroke-dasharray": dash,
        fill: "none",
      }),
      text(shown, x + 26, y, style, { fill: inks.ink, kind: "ink" }),
    );
    x += width;
  }
  return { parts, height: y + 6 };
}
