import { createRequire } from "node:module";
import pdfmake from "pdfmake";
import type { Content, TDocumentDefinitions } from "pdfmake/interfaces.js";
import { inks, toneColours } from "../../../core/report/charts/svg.ts";
import type { ReportDocument } from "../../../core/report/document.ts";
import { formatTime } from "../../../core/report/text/format.ts";
import { box, renderSection } from "./blocks.ts";
import { fonts, printable, runsOf } from "./letters.ts";

/** A report as PDF: A4, real text and tables, an outline, page numbers, fonts embedded. The same report gives the same bytes. */
export async function renderPdf(report: ReportDocument): Promise<Uint8Array<ArrayBuffer>> {
  // Its fonts come from packages, and nothing else from anywhere.
  pdfmake.setUrlAccessPolicy(() => false);
  pdfmake.setLocalAccessPolicy((path) => fontPaths.has(path));
  pdfmake.setFonts(fontFiles);
  return new Uint8Array(await pdfmake.createPdf(definitionOf(report)).getBuffer());
}

const require = createRequire(import.meta.url);
const regular = require.resolve("@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf");
const bold = require.resolve("@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf");
const dejaVu = require.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
const dejaVuBold = require.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf");
const mono = require.resolve("dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf");

const fontPaths: ReadonlySet<string> = new Set([regular, bold, dejaVu, dejaVuBold, mono]);

const fontFiles = {
  [fonts.text]: { normal: regular, bold, italics: regular, bolditalics: bold },
  [fonts.other]: { normal: dejaVu, bold: dejaVuBold, italics: dejaVu, bolditalics: dejaVuBold },
  [fonts.code]: { normal: mono, bold: mono, italics: mono, bolditalics: mono },
};

function definitionOf(report: ReportDocument): TDocumentDefinitions {
  const { title, subtitle, verdict, generated_at, version, sections } = report;
  const made = `Made by Sluice ${version}, ${formatTime(generated_at)}`;
  const content: Content[] = [
    { text: runsOf(title), fontSize: 20, bold: true, margin: [0, 0, 0, 2] },
    { text: runsOf(subtitle), color: inks.muted, margin: [0, 0, 0, 8] },
    box(verdict.tone, [
      {
        text: verdict.label.toUpperCase(),
        fontSize: 7.5,
        bold: true,
        color: toneColours[verdict.tone],
        characterSpacing: 0.5,
      },
      { text: runsOf(verdict.headline), fontSize: 13, bold: true, margin: [0, 2, 0, 0] },
    ]),
  ];
  for (const { title, blocks } of sections) {
    const heading: Content = {
      text: runsOf(title),
      fontSize: 13,
      bold: true,
      margin: [0, 14, 0, 4],
      outline: true,
      outlineText: printable(title),
    };
    content.push(...renderSection(heading, blocks));
  }
  return {
    pageSize: "A4",
    pageMargins: [44, 50, 44, 50],
    info: {
      title: `${printable(title)}: ${verdict.label}`,
      subject: printable(verdict.headline),
      creator: `Sluice ${version}`,
      producer: "Sluice (pdfmake)",
      creationDate: new Date(generated_at),
      modDate: new Date(generated_at),
    },
    language: "en",
    displayTitle: true,
    version: "1.7",
    defaultStyle: { font: fonts.text, fontSize: 9, lineHeight: 1.2, color: inks.ink },
    header: (page) =>
      page === 1
        ? ""
        : {
            columns: [
              { text: runsOf(title), noWrap: true },
              {
                text: verdict.label,
                alignment: "right",
                color: toneColours[verdict.tone],
                width: 110,
              },
            ],
            color: inks.muted,
            fontSize: 7.5,
            margin: [44, 26, 44, 0],
          },
    footer: (page, pages) => ({
      columns: [made, { text: `Page ${page} of ${pages}`, alignment: "right" }],
      color: inks.muted,
      fontSize: 7.5,
      margin: [44, 18, 44, 0],
    }),
    content,
  };
}
