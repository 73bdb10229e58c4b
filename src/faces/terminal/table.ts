import { span, type Line, type Span, type Tone } from "./line.ts";
import { left, right, widthOf } from "./text.ts";

/** Tables whose least important columns go first when there is no room. */

export type Column<Row> = {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly tone?: (row: Row) => Tone;
  readonly align?: "left" | "right";
  /** Columns that it takes at least; as wide as its widest cell unless given. */
  readonly width?: number;
  /** Takes what is left, up to the widest cell. */
  readonly grows?: boolean;
  /** A column with a lower rank goes first; those with the highest stay. */
  readonly rank: number;
};

export type TableOptions = {
  readonly columns: number;
  /** Before each line, such as a mark of the selected one. */
  readonly lead?: readonly Span[];
  readonly gap?: number;
  readonly mark: string;
};

/** The titles' line and one for each row, each as wide as it needs to be and `columns` at most. */
export function drawTable<Row>(
  fields: readonly Column<Row>[],
  rows: readonly Row[],
  { columns, lead = [], gap = 2, mark }: TableOptions,
): { readonly head: Line; readonly lines: Line[] } {
  const indent = Math.max(0, ...lead.map(({ text }) => widthOf(text)));
  const cells = new Map(fields.map((field) => [field, rows.map(field.cell)]));
  const widest = (field: Column<Row>) =>
    Math.max(widthOf(field.title), ...(cells.get(field) ?? []).map(widthOf));
  const least = (field: Column<Row>) =>
    field.grows === true
      ? Math.min(field.width ?? 8, widest(field))
      : (field.width ?? widest(field));
  const room = columns - indent;
  let kept = [...fields];
  const needed = () =>
    kept.reduce((sum, field) => sum + least(field), 0) + gap * Math.max(0, kept.length - 1);
  while (kept.length > 1 && needed() > room) {
    const lowest = Math.min(...kept.map(({ rank }) => rank));
    const at = kept.findLastIndex(({ rank }) => rank === lowest);
    kept = kept.filter((_, index) => index !== at);
  }
  const widths = new Map(kept.map((field) => [field, Math.min(least(field), room)]));
  let spare = room - needed();
  for (const field of kept) {
    if (field.grows !== true || spare <= 0) continue;
    const more = Math.min(spare, widest(field) - least(field));
    widths.set(field, (widths.get(field) ?? 0) + more);
    spare -= more;
  }
  const place = (field: Column<Row>, text: string) => {
    const width = widths.get(field) ?? 0;
    return field.align === "right" ? right(text, width, mark) : left(text, width, mark);
  };
  const between = span(" ".repeat(gap));
  const row = (spans: readonly Span[]) =>
    spans.flatMap((one, at) => (at === 0 ? [one] : [between, one]));
  return {
    head: [
      span(" ".repeat(indent)),
      ...row(kept.map((field) => span(place(field, field.title), "dim"))),
    ],
    lines: rows.map((value, index) => [
      ...(lead[index] === undefined
        ? [span(" ".repeat(indent))]
        : [lead[index], span(" ".repeat(indent - widthOf(lead[index].text)))]),
      ...row(
        kept.map((field) =>
          span(place(field, cells.get(field)?.[index] ?? ""), field.tone?.(value) ?? "plain"),
        ),
      ),
    ]),
  };
}
