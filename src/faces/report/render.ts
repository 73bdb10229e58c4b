import { createHash } from "node:crypto";
import { Zip, ZipDeflate } from "fflate";
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
      return textFile(jsonLine(json), "application/json", "json");
    }
    case "md":
      return textFile([renderMarkdown(report)], "text/markdown; charset=utf-8", "md");
    case "html":
      return textFile([renderHtml(report, sha256)], "text/html; charset=utf-8", "html");
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
export function csvFilesOf(facts: ReportFacts): ReadonlyMap<string, Uint8Array> {
  const files = renderCsv(facts, composeReport(facts));
  return new Map(csvParts.map((part) => [`${part}.csv`, encode(files[part])]));
}

function renderCsvAs(facts: ReportFacts, report: ReportDocument, part: CsvPart | null): Rendered {
  const files: CsvFiles = renderCsv(facts, report);
  if (part !== null) {
    return textFile(files[part], "text/csv; charset=utf-8; header=present", "csv");
  }
  const body = zip(files, zipTime(facts.generated_at));
  return { body, contentType: "application/zip", extension: "zip", isText: false };
}

/** Compressed as it is written, so that no file is there as a whole. */
function zip(files: CsvFiles, mtime: string): Uint8Array<ArrayBuffer> {
  const written: Uint8Array[] = [];
  const archive = new Zip((error, piece) => {
    if (error !== null) throw error;
    written.push(piece);
  });
  const encoder = new TextEncoder();
  for (const name of csvParts) {
    const file = new ZipDeflate(`${name}.csv`);
    file.mtime = mtime;
    archive.add(file);
    for (const piece of files[name]) file.push(encoder.encode(piece));
    file.push(new Uint8Array(), true);
  }
  archive.end();
  return join(written);
}

/** A zip knows no time zone: the digits are those of UTC, wherever it is made. */
function zipTime(iso: string): string {
  return iso.slice(0, 19);
}

function textFile(pieces: Iterable<string>, contentType: string, extension: string): Rendered {
  return { body: encode(pieces), contentType, extension, isText: true };
}

/** Down to the columns of the history, each of which is a piece of its own. */
const jsonDepth = 5;

function* jsonLine(value: unknown): Generator<string> {
  yield* jsonPieces(value, jsonDepth);
  yield "\n";
}

/** What JSON.stringify writes, without holding all of it: objects are opened down to `depth`. */
function* jsonPieces(value: unknown, depth: number): Generator<string> {
  if (depth === 0 || typeof value !== "object" || value === null || Array.isArray(value)) {
    yield JSON.stringify(value);
    return;
  }
  let before = "{";
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue;
    yield `${before}${JSON.stringify(name)}:`;
    yield* jsonPieces(each, depth - 1);
    before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

function encode(pieces: Iterable<string>): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return join(Array.from(pieces, (piece) => encoder.encode(piece)));
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
