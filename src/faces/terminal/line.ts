import { cut, widthOf } from "./text.ts";

/** Lines of a frame as data: pieces of text, each with a tone. How a tone looks is for {@link paint} to know. */

export type Tone =
  | "plain"
  | "dim"
  | "strong"
  | "title"
  | "frame"
  | "good"
  | "warn"
  | "bad"
  | "calm"
  | "control"
  | "treatment"
  | "third"
  | "brand"
  | "key"
  | "selected";

export type Span = { readonly text: string; readonly tone: Tone };
export type Line = readonly Span[];

export const blank: Line = [];

export function span(text: string, tone: Tone = "plain"): Span {
  return { text, tone };
}

/** A line of one piece. */
export function line(text: string, tone: Tone = "plain"): Line {
  return [span(text, tone)];
}

export function lineWidth(parts: Line): number {
  return parts.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** The line in `width` columns at most. */
export function cutLine(parts: Line, width: number): Line {
  if (lineWidth(parts) <= width) return parts;
  const kept: Span[] = [];
  let room = width;
  for (const [at, { text, tone }] of parts.entries()) {
    const rest = lineWidth(parts.slice(at));
    if (rest <= room) return [...kept, ...parts.slice(at)];
    // The mark of what is missing belongs into the last piece that has room for it.
    const own = widthOf(text);
    if (own < room) {
      kept.push({ text, tone });
      room -= own;
      continue;
    }
    kept.push({ text: own === room ? cut(`${text}…`, room) : cut(text, room), tone });
    break;
  }
  return kept;
}

/** Exactly `width` columns. */
export function padLine(parts: Line, width: number): Line {
  const short = cutLine(parts, width);
  const missing = width - lineWidth(short);
  return missing > 0 ? [...short, span(" ".repeat(missing))] : short;
}

/** One at each end of `width` columns; the left one gives way. */
export function ends(start: Line, end: Line, width: number): Line {
  const wide = lineWidth(end);
  if (wide === 0) return padLine(start, width);
  if (wide + 2 > width) return padLine(start, width);
  return [...padLine(start, width - wide - 1), span(" "), ...end];
}

/** Pieces with `gap` between them. */
export function joined(lines: readonly Line[], gap: Span): Line {
  return lines.flatMap((parts, at) => (at === 0 ? parts : [gap, ...parts]));
}
