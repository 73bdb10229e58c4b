import type { Tone } from "../document.ts";

/** The words of SVG that charts are made of. Only `path`, `line`, `rect` and `text`, with colours of their own: a PDF knows no CSS. */

/** What a rendering decides about charts. */
export type ChartStyle = {
  /** The font of a text; a PDF needs another one for scripts that its own lacks. */
  readonly fontOf: (text: string) => string;
};

export const chartWidth = 720;

/** Each colour has a class, too, so that a page can give it another in the dark. */
export const inks = {
  ink: "#1f2937",
  muted: "#64748b",
  grid: "#e5e7eb",
  axis: "#94a3b8",
  region: "#f1f5f9",
} as const;

/** The control first. Told apart also without colours: by dash and by name. */
export const seriesColours = [
  "#64748b",
  "#2563eb",
  "#c2410c",
  "#047857",
  "#7c3aed",
  "#be185d",
  "#0e7490",
  "#a16207",
] as const;

const dashes = ["5 3", "", "8 3", "2 3", "8 3 2 3", "12 4", "4 4", "1 3"] as const;

export const toneColours: Readonly<Record<Tone, string>> = {
  good: "#15803d",
  bad: "#b91c1c",
  caution: "#b45309",
  neutral: "#475569",
};

export function colourOf(place: number): {
  readonly at: number;
  readonly value: string;
  readonly dash: string;
} {
  const at = Math.max(0, place) % seriesColours.length;
  return { at, value: seriesColours[at] as string, dash: dashes[at] as string };
}

type Attributes = Readonly<Record<string, string | number | null>>;

export function element(name: string, attributes: Attributes, content = ""): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== null && value !== "")
    .map(
      ([key, value]) =>
        ` ${key}="${typeof value === "number" ? short(value) : escapeXml(value as string)}"`,
    );
  return content === ""
    ? `<${name}${written.join("")}/>`
    : `<${name}${written.join("")}>${content}</${name}>`;
}

export function line(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  {
    stroke,
    kind,
    width = 1,
    dash = null,
  }: {
    readonly stroke: string;
    readonly kind: string;
    readonly width?: number;
    readonly dash?: string | null;
  },
): string {
  return element("line", {
    class: kind,
    x1,
    y1,
    x2,
    y2,
    stroke,
    "stroke-width": width,
    "stroke-dasharray": dash,
  });
}

export function text(
  content: string,
  x: number,
  y: number,
  style: ChartStyle,
  options: {
    readonly anchor?: "start" | "middle" | "end";
    readonly size?: number;
    readonly fill?: string;
    readonly kind?: string;
    readonly isBold?: boolean;
  } = {},
): string {
  const {
    anchor = "start",
    size = 11,
    fill = inks.muted,
    kind = "muted",
    isBold = false,
  } = options;
  return element(
    "text",
    {
      class: kind,
      x,
      y,
      fill,
      "font-family": style.fontOf(content),
      "font-size": size,
      "font-weight": isBold ? 600 : null,
      "text-anchor": anchor === "start" ? null : anchor,
    },
    escapeXml(content) || " ",
  );
}

/** About how wide a text is; fonts differ, so that there must be some room left. */
export function widthOf(content: string, size = 11): number {
  return Array.from(content).length * size * 0.56;
}

/** Cut to a width, the end told by an ellipsis. */
export function fit(content: string, width: number, size = 11): string {
  const letters = Array.from(oneLine(content));
  const most = Math.max(1, Math.floor(width / (size * 0.56)));
  return letters.length <= most
    ? letters.join("")
    : `${letters
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`;
}

export function svg(height: number, content: readonly string[], label: string): string {
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${chartWidth} ${height}`,
      width: chartWidth,
      height,
      role: "img",
      "aria-label": oneLine(label),
    },
    content.join(""),
  );
}

/** A path through points, with a new start after each gap. */
export function pathOf(points: readonly (readonly [x: number, y: number] | null)[]): string {
  let isOpen = false;
  let path = "";
  for (const point of points) {
    if (point === null) {
      isOpen = false;
      continue;
    }
    path += `${isOpen ? "L" : "M"}${short(point[0])} ${short(point[1])}`;
    isOpen = true;
  }
  return path;
}

/** Two decimals are less than anybody sees. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Of a text or an attribute, without what XML cannot hold. */
export function escapeXml(content: string): string {
  return content
    .replaceAll(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      "",
    )
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Also without what turns the direction of the text around it. */
function oneLine(content: string): string {
  return content.replaceAll(/\s+/g, " ").replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "");
}
