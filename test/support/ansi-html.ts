/** A terminal's screen with its colours as a page, for a picture of it. */

const palette = [
  "#24292f",
  "#e5534b",
  "#57ab5a",
  "#c69026",
  "#539bf5",
  "#b083f0",
  "#39c5cf",
  "#adbac7",
  "#768390",
  "#ff938a",
  "#6bc46d",
  "#daaa3f",
  "#6cb6ff",
  "#dcbdfb",
  "#56d4dd",
  "#ffffff",
] as const;
const levels = [0, 95, 135, 175, 215, 255] as const;

type Style = {
  readonly colour: string | null;
  readonly background: string | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
};
const plain: Style = { colour: null, background: null, bold: false, dim: false, inverse: false };
const ink = "#cdd9e5";
const paper = "#1c2128";

/** One page that shows `screen`: text with SGR sequences, as `tmux capture-pane -e` gives it. */
export function ansiToHtml(screen: string): string {
  let style = plain;
  const body = screen
    .replace(/\n+$/, "")
    .split(/(\u001b\[[\d;]*m)/)
    .map((part) => {
      const codes = /^\u001b\[([\d;]*)m$/.exec(part);
      if (codes === null)
        return part === "" ? "" : `<span style="${css(style)}">${escape(part)}</span>`;
      style = applyCodes(style, (codes[1] ?? "").split(";").map(Number));
      return "";
    })
    .join("");
  return `<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; background: ${paper} }
    pre { display: inline-block; margin: 0; padding: 14px 16px; background: ${paper}; color: ${ink};
      font: 14px/1.2 "DejaVu Sans Mono", monospace }
  </style><pre>${body}</pre>`;
}

function applyCodes(before: Style, codes: readonly number[]): Style {
  let style = before;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const colour = extendedColour(codes.slice(at + 1));
      style = code === 38 ? withColour(style, colour) : withBackground(style, colour);
      at += codes[at + 1] === 5 ? 2 : 4;
    } else style = applyCode(style, code);
  }
  return style;
}

function withColour(style: Style, colour: string | null): Style {
  return { ...style, colour };
}

function withBackground(style: Style, background: string | null): Style {
  return { ...style, background };
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 7) return { ...style, inverse: true };
  if (code === 27) return { ...style, inverse: false };
  if (code >= 30 && code <= 37) return withColour(style, palette[code - 30] ?? null);
  if (code >= 90 && code <= 97) return withColour(style, palette[code - 82] ?? null);
  if (code >= 40 && code <= 47) return withBackground(style, palette[code - 40] ?? null);
  if (code === 39) return withColour(style, null);
  if (code === 49) return withBackground(style, null);
  return style;
}

/** What follows 38 or 48: `5;N` of 256 colours, or `2;R;G;B`. */
function extendedColour([kind, first = 0, green = 0, blue = 0]: readonly number[]): string {
  if (kind === 2) return `rgb(${first} ${green} ${blue})`;
  if (first < 16) return palette[first] ?? ink;
  if (first >= 232)
    return `rgb(${Array.from({ length: 3 }, () => 8 + (first - 232) * 10).join(" ")})`;
  const cube = first - 16;
  const parts = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return `rgb(${parts.map((part) => levels[part] ?? 0).join(" ")})`;
}

/** A background of its own would cover the lowest pixels of the line above, where underscores are. */
function css({ colour, background, bold, dim, inverse }: Style): string {
  const front = inverse ? (background ?? paper) : (colour ?? ink);
  const behind = inverse ? (colour ?? ink) : background;
  return [
    `color: ${front}`,
    ...(behind === null ? [] : [`background: ${behind}`]),
    ...(bold ? ["font-weight: bold"] : []),
    ...(dim ? ["opacity: 0.65"] : []),
  ].join("; ");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
