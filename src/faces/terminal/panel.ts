import type { Glyphs } from "./glyphs.ts";
import { cutLine, lineWidth, padLine, span, type Line } from "./line.ts";

/** Areas of a frame: a box where there is room for one, else a rule with a title. */

export type Panel = {
  readonly title: Line;
  /** At the right end of the title's line. */
  readonly note?: Line;
  readonly lines: readonly Line[];
};

/** Lines and columns that the frame of a panel takes. */
export function panelOverhead(isBoxed: boolean): {
  readonly rows: number;
  readonly columns: number;
} {
  return isBoxed ? { rows: 2, columns: 4 } : { rows: 1, columns: 0 };
}

/** Exactly `rows` lines of `columns`; lines for which there is no room are left out. */
export function drawPanel(
  { title, note = [], lines }: Panel,
  columns: number,
  rows: number,
  isBoxed: boolean,
  { box }: Glyphs,
): Line[] {
  if (rows <= 0) return [];
  const rule = (start: string, end: string) =>
    heading(title, note, columns, start, end, box.across);
  const inner = Math.max(0, rows - panelOverhead(isBoxed).rows);
  const content = Array.from({ length: inner }, (_, at) => lines[at] ?? []);
  if (!isBoxed) {
    return [rule("", ""), ...content.map((one) => padLine(one, columns))].slice(0, rows);
  }
  const side = span(box.down, "frame");
  const room = Math.max(0, columns - 4);
  const across = box.across.repeat(Math.max(0, columns - 2));
  return [
    rule(box.topLeft, box.topRight),
    ...content.map((one) => [side, span(" ")].concat(padLine(one, room), span(" "), side)),
    [span(`${box.bottomLeft}${across}${box.bottomRight}`, "frame")],
  ].slice(0, rows);
}

function heading(
  title: Line,
  note: Line,
  columns: number,
  start: string,
  end: string,
  across: string,
): Line {
  const lead = `${start}${across} `;
  const tail = end === "" ? "" : `${across}${end}`;
  const noteWidth = lineWidth(note);
  const room = columns - lead.length - tail.length;
  const withNote = noteWidth > 0 && lineWidth(title) + noteWidth + 6 <= room;
  const shown = cutLine(title, Math.max(0, room - 1 - (withNote ? noteWidth + 3 : 0)));
  const used = lineWidth(shown) + 1 + (withNote ? noteWidth + 2 : 0);
  const fill = across.repeat(Math.max(0, room - used));
  return cutLine(
    [
      span(lead, "frame"),
      ...shown,
      span(" "),
      span(fill, "frame"),
      ...(withNote ? [span(" "), ...note, span(" ")] : []),
      span(tail, "frame"),
    ],
    columns,
  );
}

/** Parts of a panel, the most important first; each gets its least, then what is left goes round in the same order. */
export type Section = {
  readonly lines: readonly Line[];
  /** Lines without which it is left out. */
  readonly least: number;
  /** A line that stands before it where there is room. */
  readonly gap?: boolean;
};

/** The sections in `rows` lines at most, in their order; what was cut says how much is missing. */
export function stackSections(sections: readonly Section[], rows: number, glyphs: Glyphs): Line[] {
  let room = rows;
  const given = sections.map(({ lines, least }) => {
    const wanted = Math.min(lines.length, least);
    if (wanted > room) return 0;
    room -= wanted;
    return wanted;
  });
  for (const [at, { lines }] of sections.entries()) {
    if (given[at] === 0 && lines.length > 0 && room === 0) continue;
    const more = Math.min(room, lines.length - (given[at] ?? 0));
    given[at] = (given[at] ?? 0) + more;
    room -= more;
  }
  const shown = sections.filter((_, at) => (given[at] ?? 0) > 0);
  let gaps = Math.min(room, Math.max(0, shown.length - 1));
  return sections.flatMap(({ lines, gap = true }, at) => {
    const own = given[at] ?? 0;
    if (own === 0) return [];
    const isFirst = sections[at] === shown[0];
    const before = !isFirst && gap && gaps > 0 ? [[]] : [];
    gaps -= before.length;
    return [...before, ...cutLines(lines, own, glyphs)];
  });
}

/** The first lines; the last of them says how many more there are. */
export function cutLines(lines: readonly Line[], rows: number, { more }: Glyphs): Line[] {
  if (lines.length <= rows) return [...lines];
  if (rows <= 1) return lines.slice(0, rows);
  const rest = lines.length - rows + 1;
  return [...lines.slice(0, rows - 1), [span(`  ${more} ${rest} more`, "dim")]];
}

/** Two areas side by side. */
export function beside(
  one: readonly Line[],
  oneColumns: number,
  other: readonly Line[],
  columns: number,
): Line[] {
  const rows = Math.max(one.length, other.length);
  return Array.from({ length: rows }, (_, at) => [
    ...padLine(one[at] ?? [], oneColumns),
    span(" "),
    ...padLine(other[at] ?? [], columns - oneColumns - 1),
  ]);
}
