import { createHash } from "node:crypto";
import { strToU8, zipSync } from "fflate";
import { unreachable } from "../../base/result.ts";
import { composeReport } from "../../core/report/compose.ts";
import type { ReportDocument } from "../../core/report/document.ts";
import type { ReportFacts } from "../../core/report/facts.ts";
import { renderHtml } from "../../core/report/html/html.ts";
import { renderCsv, type CsvFiles } from "../../core/report/text/csv.ts";
import { renderMarkdown } from "../../core/report/text/markdown.ts";
import { csvParts, type CsvPart, type Report, type ReportFormat } from "../../wire/report-api.ts";

/** A report as a file. */
export type RenderedReport = {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** Of a file that has no name yet: letters that every file system takes, and no header misreads. */
  readonly name: string;
  /** Without the dot. */
  readonly extension: string;
  /** Whether a terminal can show it. */
  readonly isText: boolean;
};

/** What came of rendering, before it has a name. */
type Rendered = Omit<RenderedReport, "name">;

/** Facts as the JSON report has them. */
export type WholeFacts = Report["facts"];

/** Makes a PDF of a report; it takes longer than a thread that serves others should stand still. */
export type PrintPdf = (report: ReportDocument) => Promise<Uint8Array<ArrayBuffer>>;

/** Renders a report; of csv one part, or a zip of all where `part` is null. */
export async function renderReport(
  facts: WholeFacts,
  format: ReportFormat,
  part: CsvPart | null,
  printPdf: PrintPdf,
): Promise<RenderedReport> {
  return { ...(await renderAs(facts, format, part, printPdf)), name: nameOf(facts, part) };
}

function nameOf({ experiment, generated_at }: ReportFacts, part: CsvPart | null): string {
  const safe = experiment
    .replaceAll(/[^A-Za-z0-9._-]+/g, "_")
    .replace(/^[._-]+/, "")
    .slice(0, 60);
  const time = generated_at.slice(0, 16).replaceAll(/[-:]/g, "");
  return `sluice-${safe === "" ? "report" : safe}-${time}${part === null ? "" : `-${part}`}`;
}

async function renderAs(
  facts: WholeFacts,
  format: ReportFormat,
  part: CsvPart | null,
  printPdf: PrintPdf,
): Promise<Rendered> {
  const report = composeReport(facts);
  switch (format) {
    case "json": {
      const json: Report = {
        report: "sluice.report.v1",
        facts,
        document: report as Report["document"],
      };
      return textFile(`${JSON.stringify(json)}\n`, "application/json", "json");
    }
    case "md":
      return textFile(renderMarkdown(report), "text/markdown; charset=utf-8", "md");
    case "html":
      return textFile(renderHtml(report, sha256), "text/html; charset=utf-8", "html");
    case "pdf": {
      const body = await printPdf(report);
      return { body, contentType: "application/pdf", extension: "pdf", isText: false };
    }
    case "csv":
      return renderCsvAs(facts, report, part);
    default:
      return unreachable(format);
  }
}

/** The files of a CSV report by their names. */
export function csvFilesOf(facts: ReportFacts): ReadonlyMap<string, string> {
  const files = renderCsv(facts, composeReport(facts));
  return new Map(csvParts.map((part) => [`${part}.csv`, files[part]]));
}

function renderCsvAs(facts: ReportFacts, report: ReportDocument, part: CsvPart | null): Rendered {
  const files: CsvFiles = renderCsv(facts, report);
  if (part !== null) {
    return textFile(files[part], "text/csv; charset=utf-8; header=present", "csv");
  }
  const entries = csvParts.map((name) => [`${name}.csv`, strToU8(files[name])]);
  const body = zipSync(Object.fromEntries(entries), { mtime: zipTime(facts.generated_at) });
  return { body, contentType: "application/zip", extension: "zip", isText: false };
}

/** A zip knows no time zone: the digits are those of UTC, wherever it is made. */
function zipTime(iso: string): string {
  return iso.slice(0, 19);
}

function textFile(text: string, contentType: string, extension: string): Rendered {
  return { body: new TextEncoder().encode(text), contentType, extension, isText: true };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
