import { seriesLooks } from "../parts/variant-mark.tsx";

/** The colours of the theme in force, for canvases, which know no custom properties. */
export type ChartColours = {
  readonly series: readonly string[];
  readonly text: string;
  readonly grid: string;
  readonly surface: string;
  readonly limit: string;
  readonly marks: Readonly<Record<"split" | "command" | "verdict" | "alert", string>>;
};

export function readColours(element: Element): ChartColours {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    series: Array.from({ length: seriesLooks }, (_, at) => read(`series-${at}`)),
    text: read("text-muted"),
    grid: read("grid"),
    surface: read("surface"),
    limit: read("bad"),
    marks: {
      split: read("info"),
      command: read("text-muted"),
      verdict: read("bad"),
      alert: read("warn"),
    },
  };
}
