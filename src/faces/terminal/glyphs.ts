/** The signs that frames and charts are drawn with. */
export type Glyphs = {
  readonly isAscii: boolean;
  /** Eighths of a bar from the left, the last one full. */
  readonly bar: readonly string[];
  readonly track: string;
  /** Levels of a sparkline, lowest first. */
  readonly levels: readonly string[];
  readonly box: {
    readonly topLeft: string;
    readonly topRight: string;
    readonly bottomLeft: string;
    readonly bottomRight: string;
    readonly across: string;
    readonly down: string;
  };
  readonly cursor: string;
  readonly live: string;
  readonly stale: string;
  readonly done: string;
  readonly now: string;
  readonly next: string;
  readonly failed: string;
  readonly ok: string;
  readonly wait: string;
  readonly breach: string;
  readonly error: string;
  readonly walked: string;
  readonly ahead: string;
  readonly none: string;
  readonly more: string;
  readonly dot: string;
  readonly up: string;
  readonly down: string;
};

export const unicodeGlyphs: Glyphs = {
  isAscii: false,
  bar: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
  track: "░",
  levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
  box: {
    topLeft: "╭",
    topRight: "╮",
    bottomLeft: "╰",
    bottomRight: "╯",
    across: "─",
    down: "│",
  },
  cursor: "▌",
  live: "●",
  stale: "○",
  done: "●",
  now: "◉",
  next: "○",
  failed: "✗",
  ok: "✓",
  wait: "…",
  breach: "✗",
  error: "!",
  walked: "━",
  ahead: "─",
  none: "–",
  more: "…",
  dot: "·",
  up: "↑",
  down: "↓",
};

export const asciiGlyphs: Glyphs = {
  isAscii: true,
  bar: ["#"],
  track: ".",
  levels: ["_", ".", "-", "=", "+", "*", "%", "#"],
  box: {
    topLeft: "+",
    topRight: "+",
    bottomLeft: "+",
    bottomRight: "+",
    across: "-",
    down: "|",
  },
  cursor: ">",
  live: "*",
  stale: "o",
  done: "x",
  now: "@",
  next: "o",
  failed: "X",
  ok: "+",
  wait: "~",
  breach: "X",
  error: "!",
  walked: "=",
  ahead: "-",
  none: "-",
  more: "~",
  dot: "|",
  up: "^",
  down: "v",
};
