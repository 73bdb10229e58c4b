import type { Content, TableCell } from "pdfmake/interfaces.js";
import { inks, toneColours } from "../../../core/report/charts/svg.ts";
import type { Table } from "../../../core/report/document.ts";
import { formatCell, isNumeric, type CellText } from "../../../core/report/text/format.ts";
import { fonts, printable, runsOf } from "./letters.ts";

const gap = 7;
/** A table of so few rows is not torn apart at the end of a page. */
export const rowsTogether = 12;

/** A table whose head comes again on every page, with columns as wide as their words need; a plain one has no caption. */
export function renderTable(
  { caption, columns, rows }: Table,
  width: number,
  isPlain = false,
): Content {
  const shown = rows.map((row) =>
    row.map((cell, at) => formatCell(cell, columns[at]?.format ?? "text")),
  );
  const isNumber = columns.map(({ format }) => isNumeric(format));
  const fontSize = isPlain ? 7 : columns.length > 9 ? 7 : columns.length > 7 ? 7.5 : 8;
  const names = columns.map(({ name }) => name);
  const widths = widthsOf(names, shown, width - gap * (columns.length - 1), fontSize);
  const heads = names.map((name, at): TableCell => ({
    text: runsOf(name),
    bold: true,
    color: inks.muted,
    alignment: isNumber[at] === true ? "right" : "left",
  }));
  const body = shown.map((row) =>
    row.map((cell, at) => cellOf(cell, columns[at]?.format === "code")),
  );
  return {
    stack: [
      ...(isPlain ? [] : [head(caption)]),
      {
        table: {
          headerRows: 1,
          keepWithHeaderRows: 1,
          dontBreakRows: true,
          widths,
          body: [heads, ...body],
        },
        fontSize,
        layout: {
          hLineWidth: (at) => (at === 0 ? 0 : at === 1 ? 0.8 : 0.4),
          vLineWidth: () => 0,
          hLineColor: (at) => (at === 1 ? inks.axis : inks.grid),
          paddingLeft: (at) => (at === 0 ? 0 : gap / 2),
          paddingRight: (at) => (at === columns.length - 1 ? 0 : gap / 2),
          paddingTop: () => 2.5,
          paddingBottom: () => 2.5,
        },
      },
    ],
    unbreakable: rows.length <= rowsTogether,
    margin: [0, 2, 0, 9],
  };
}

function head(caption: string): Content {
  return { text: runsOf(caption), color: inks.muted, fontSize: 8, margin: [0, 4, 0, 3] };
}

function cellOf({ text, tone, isNumber }: CellText, isCode: boolean): TableCell {
  if (isCode) return { text: printable(text), font: fonts.code };
  return {
    text: runsOf(text),
    alignment: isNumber ? "right" : "left",
    ...(isNumber && { noWrap: true }),
    ...(tone !== null && { color: toneColours[tone], bold: true }),
  };
}

/** Every column as wide as its longest word; what is left goes to those whose text would break most. */
function widthsOf(
  names: readonly string[],
  rows: readonly (readonly CellText[])[],
  width: number,
  fontSize: number,
): number[] {
  const letter = fontSize * 0.6;
  const most = width * 0.45;
  const needs = names.map((name, at) => {
    const cells = rows.map((row) => row[at] as CellText);
    const whole = Math.max(...cells.map(({ text }) => lengthOf(text)), lengthOf(name)) * letter;
    const words = cells.map(({ text, isNumber }) =>
      isNumber ? lengthOf(text) : longestWord(text),
    );
    const least = Math.max(...words, longestWord(name) + 1) * letter;
    return { least: Math.min(least, most), whole: Math.max(least, Math.min(whole, width)) };
  });
  const least = needs.reduce((sum, need) => sum + need.least, 0);
  if (least >= width) return needs.map((need) => (need.least / least) * width);
  const wanted = needs.reduce((sum, need) => sum + need.whole - need.least, 0);
  const spare = Math.min(1, (width - least) / (wanted || 1));
  const taken = needs.map((need) => need.least + (need.whole - need.least) * spare);
  // A table as wide as the page is calmer than one of its own width.
  const rest = (width - taken.reduce((sum, each) => sum + each, 0)) / names.length;
  return taken.map((each) => each + Math.max(0, rest));
}

function longestWord(text: string): number {
  return Math.max(0, ...text.split(/[\s-]+/).map(lengthOf));
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
