import type { Content, ContentTable, TableCell } from "pdfmake/interfaces.js";
import { unreachable } from "../../../base/result.ts";
import { drawChart } from "../../../core/report/charts/draw.ts";
import { inks, toneColours } from "../../../core/report/charts/svg.ts";
import type { Advice, Block, Figure, KeyNumber, Tone } from "../../../core/report/document.ts";
import { fontOf, fonts, printable, runsOf } from "./letters.ts";
import { renderTable, rowsTogether } from "./table.ts";

/** A report's blocks as pdfmake sets them. */

/** Of A4, between the margins, points. */
export const contentWidth = 595.28 - 2 * 44;

export const raised = "#f8fafc";

/** A section's title and what follows it; the title never stands alone at the foot of a page. */
export function renderSection(heading: Content, blocks: readonly Block[]): Content[] {
  const [first, ...rest] = blocks.flatMap(renderBlock);
  if (first === undefined) return [heading];
  const [opening] = blocks;
  // Long tables and texts break over pages by themselves, and must be able to.
  const isShort =
    opening?.kind !== "code" &&
    opening?.kind !== "advice" &&
    !(opening?.kind === "table" && opening.rows.length > rowsTogether);
  return isShort
    ? [{ stack: [heading, first], unbreakable: true }, ...rest]
    : [heading, first, ...rest];
}

function renderBlock(block: Block): Content[] {
  switch (block.kind) {
    case "paragraph":
      return [{ text: runsOf(block.text), margin: [0, 3, 0, 5] }];
    case "terms":
      return [
        renderTerms(
          block.items.map(({ term, text }) => [term, text]),
          100,
        ),
      ];
    case "key_numbers":
      return [renderKeyNumbers(block.items)];
    case "note":
      return [
        box(block.tone, [
          { text: runsOf(block.title), bold: true, color: toneColours[block.tone] },
          { text: runsOf(block.text), margin: [0, 1, 0, 0] },
        ]),
      ];
    case "narrative":
      return [renderNarrative(block)];
    case "advice":
      return block.items.map(renderAdvice);
    case "table":
      return [renderTable(block, contentWidth)];
    case "figure":
      return renderFigure(block);
    case "code":
      return [renderCode(block.text)];
    default:
      return unreachable(block);
  }
}

/** A panel with a coloured edge. */
export function box(tone: Tone, content: Content[]): Content {
  return {
    table: {
      widths: [contentWidth - 19],
      body: [[{ stack: content, fillColor: raised }]],
      dontBreakRows: true,
    },
    layout: {
      hLineWidth: () => 0,
      vLineWidth: (at) => (at === 0 ? 3 : 0),
      vLineColor: () => toneColours[tone],
      paddingLeft: () => 9,
      paddingRight: () => 7,
      paddingTop: () => 6,
      paddingBottom: () => 7,
    },
    margin: [0, 5, 0, 7],
  };
}

/** Framed on all sides, which nothing else is. */
function renderNarrative({ title, paragraphs, mark }: Narrative): Content {
  return {
    table: {
      widths: [contentWidth - 20],
      body: [
        [
          {
            stack: [
              { text: runsOf(title), bold: true },
              ...paragraphs.map((text): Content => ({ text: runsOf(text), margin: [0, 3, 0, 0] })),
              { text: runsOf(mark), fontSize: 7.5, color: inks.muted, margin: [0, 5, 0, 0] },
            ],
          },
        ],
      ],
      dontBreakRows: true,
    },
    layout: {
      hLineWidth: () => 0.75,
      vLineWidth: () => 0.75,
      hLineColor: () => inks.axis,
      vLineColor: () => inks.axis,
      hLineStyle: () => ({ dash: { length: 3 } }),
      vLineStyle: () => ({ dash: { length: 3 } }),
      paddingLeft: () => 9,
      paddingRight: () => 9,
      paddingTop: () => 7,
      paddingBottom: () => 7,
    },
    margin: [0, 5, 0, 7],
  };
}

type Narrative = Extract<Block, { kind: "narrative" }>;

function renderTerms(items: readonly (readonly [string, string])[], width: number): Content {
  return {
    table: {
      widths: [width, "*"],
      dontBreakRows: true,
      body: items.map(([term, text]): TableCell[] => [
        { text: runsOf(term), color: inks.muted, bold: true },
        { text: runsOf(text) },
      ]),
    },
    layout: plain(2.5),
    margin: [0, 3, 0, 7],
  };
}

/** Three or four in a row, whichever leaves less room empty. */
function columnsFor(count: number): number {
  return (3 - (count % 3)) % 3 < (4 - (count % 4)) % 4 ? 3 : 4;
}

function renderKeyNumbers(items: readonly KeyNumber[]): Content {
  const columns = columnsFor(items.length);
  const cells = items.map(({ label, text, note, tone }): TableCell => ({
    stack: [
      { text: runsOf(label), fontSize: 7.5, color: inks.muted },
      {
        text: runsOf(text),
        fontSize: 15,
        bold: true,
        color: tone === "neutral" ? inks.ink : toneColours[tone],
        margin: [0, 1, 0, 1],
      },
      { text: runsOf(note), fontSize: 7.5, color: inks.muted },
    ],
    fillColor: raised,
  }));
  while (cells.length % columns !== 0) cells.push("");
  const body: TableCell[][] = [];
  for (let at = 0; at < cells.length; at += columns) body.push(cells.slice(at, at + columns));
  return {
    table: { widths: Array.from({ length: columns }, () => "*"), body, dontBreakRows: true },
    layout: {
      hLineWidth: (at) => (at === 0 || at === body.length ? 0 : 6),
      vLineWidth: (at) => (at === 0 || at === columns ? 0 : 6),
      hLineColor: () => "#ffffff",
      vLineColor: () => "#ffffff",
      paddingLeft: () => 8,
      paddingRight: () => 6,
      paddingTop: () => 6,
      paddingBottom: () => 6,
    },
    margin: [0, 6, 0, 10],
  };
}

function renderAdvice({ tone, title, text, evidence }: Advice, at: number): Content {
  return {
    table: {
      widths: [14, "*"],
      dontBreakRows: true,
      body: [
        [
          {
            text: String(at + 1),
            fontSize: 13,
            bold: true,
            color: toneColours[tone],
            alignment: "right",
          },
          {
            stack: [
              { text: runsOf(title), bold: true, fontSize: 10, color: toneColours[tone] },
              { text: runsOf(text), margin: [0, 1, 0, 1] },
              renderTerms(
                evidence.map(({ label, text }) => [label, text]),
                130,
              ),
            ],
          },
        ],
      ],
    },
    layout: plain(3),
    margin: [0, 2, 0, 2],
  };
}

function renderFigure({ caption, description, chart, table }: Figure): Content[] {
  const picture = drawChart(withPrintableNames(chart), printable(description), { fontOf });
  const figure: Content = {
    stack: [
      { text: runsOf(caption), color: inks.muted, fontSize: 8, margin: [0, 6, 0, 3] },
      { svg: picture, width: contentWidth },
    ],
    unbreakable: true,
    margin: [0, 2, 0, 8],
  };
  if (table === null) return [figure];
  const numbers = renderTable(table, contentWidth, true);
  return table.rows.length > rowsTogether
    ? [figure, numbers]
    : [{ stack: [figure, numbers], unbreakable: true }];
}

/** Names in a chart are set in one font each. */
function withPrintableNames(chart: Figure["chart"]): Figure["chart"] {
  return JSON.parse(JSON.stringify(chart), (key, value: unknown) =>
    (key === "name" || key === "label" || key === "detail") && typeof value === "string"
      ? printable(value)
      : value,
  ) as Figure["chart"];
}

function renderCode(text: string): Content {
  const lines = printable(text.replaceAll("\t", "    ").replace(/\s+$/, "")).split("\n");
  return {
    table: {
      widths: [contentWidth - 20],
      body: lines.map((line): TableCell[] => [
        {
          text: line === "" ? " " : line,
          font: fonts.code,
          fontSize: 7,
          preserveLeadingSpaces: true,
          fillColor: raised,
          lineHeight: 1.15,
        },
      ]),
    },
    layout: { ...plain(0.4), paddingLeft: () => 10, paddingRight: () => 10 },
    margin: [0, 4, 0, 8],
  };
}

function plain(padding: number): Exclude<ContentTable["layout"], string | undefined> {
  return {
    hLineWidth: () => 0,
    vLineWidth: () => 0,
    paddingLeft: (at) => (at === 0 ? 0 : 6),
    paddingRight: () => 4,
    paddingTop: () => padding,
    paddingBottom: () => padding,
  };
}
