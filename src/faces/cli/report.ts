import { err, ok, type Result } from "../../base/result.ts";
import type { ReportDocument } from "../../core/report/document.ts";
import { formatRange } from "../../core/report/text/format.ts";
import {
  csvParts,
  reportFormats,
  reportJsonSchema,
  type CsvPart,
  type ReportFormat,
} from "../../wire/report-api.ts";
import { readReport } from "../../wire/report-reading.ts";
import { csvFilesOf, renderReport, type WholeFacts } from "../report/render.ts";
import { ask, explain, reportMsMax, type AdminCall } from "./admin-call.ts";
import { exitCodes, type CliIo } from "./io.ts";
import { isDirectory, writeFiles } from "./report-files.ts";

/** `sluice report`: asks a running Sluice for the facts, or reads them from a JSON report, and renders them. */

export type ReportArguments = {
  readonly experiment: string | null;
  readonly format: string;
  /** Null: standard output for texts, a name of its own for the rest. */
  readonly output: string | null;
  /** A JSON report; null asks the admin port. */
  readonly from: string | null;
  readonly since: string | null;
  readonly until: string | null;
  readonly part: string | null;
  readonly insights: boolean;
};

/** `sluice report --schema`: the JSON Schema of the JSON report on stdout. */
export function runReportSchema(io: Pick<CliIo, "stdout">): number {
  io.stdout(`${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
  return exitCodes.success;
}

/** Runs the command; the answer is the exit code: 2 when what was asked is wrong, 1 when it could not be done. */
export async function runReport(
  arguments_: ReportArguments,
  call: AdminCall,
  io: CliIo,
): Promise<number> {
  const asked = check(arguments_);
  if (!asked.ok) return complain(io, asked.error, exitCodes.invalid);
  const facts =
    arguments_.from === null
      ? await fetchFacts(arguments_, call, io)
      : readFacts(arguments_.from, arguments_.experiment, io);
  if (typeof facts === "number") return facts;
  const hasRange = arguments_.since !== null || arguments_.until !== null;
  if (hasRange && isEmpty(facts)) {
    const { from, to } = facts.range;
    const message = `nothing was measured of ${facts.experiment} from ${formatRange(from, to)}; nothing was written`;
    return complain(io, message, exitCodes.failure);
  }
  const shown = arguments_.insights ? facts : { ...facts, insights: null };
  return write(shown, asked.value, arguments_.output, io);
}

type Asked = { readonly format: ReportFormat; readonly part: CsvPart | null };

function check({
  experiment,
  format,
  from,
  since,
  until,
  part,
  output,
}: ReportArguments): Result<Asked, string> {
  const known = reportFormats.find((each) => each === format);
  if (known === undefined)
    return err(`--format: expected ${reportFormats.join(", ")}, not ${format}`);
  if (experiment === null && from === null)
    return err("name the experiment, or a JSON report with --from");
  if (from !== null && (since !== null || until !== null)) {
    return err("--since and --until go to a running Sluice; a JSON report has its own range");
  }
  for (const [flag, time] of [
    ["--since", since],
    ["--until", until],
  ] as const) {
    if (time !== null && !isTime(time)) {
      return err(`${flag}: expected a time such as 2026-11-28T14:00:00Z, not ${time}`);
    }
  }
  const named = csvParts.find((each) => each === part);
  if (part !== null && (known !== "csv" || named === undefined)) {
    return err(`--part: expected ${csvParts.join(", ")}, and --format csv`);
  }
  if (
    known === "csv" &&
    named === undefined &&
    output !== null &&
    !/\.zip$/i.test(output) &&
    !isFolder(output)
  ) {
    return err(
      `-o: csv is several files: name a folder (${output}/), a .zip, or one of them with --part`,
    );
  }
  return ok({ format: known, part: named ?? null });
}

function isTime(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}

function isFolder(path: string): boolean {
  return path.endsWith("/") || isDirectory(path);
}

async function fetchFacts(
  { experiment, since, until, format, insights }: ReportArguments,
  call: AdminCall,
  io: CliIo,
): Promise<WholeFacts | number> {
  const query = new URLSearchParams({ format: "json", points: "2000" });
  if (!insights || format === "csv") query.set("insights", "false");
  if (since !== null) query.set("from", new Date(since).toISOString());
  if (until !== null) query.set("to", new Date(until).toISOString());
  const path = `/v1/experiments/${encodeURIComponent(experiment ?? "")}/report?${query.toString()}`;
  const answer = await ask({ ...call, timeoutMs: reportMsMax }, path, null);
  if (answer.kind !== "answered") return explain("report", call, answer, io);
  const read = readReport(answer.body);
  if (read.ok) return read.value;
  return complain(
    io,
    `${call.admin} answered something that is no report: ${read.error}`,
    exitCodes.failure,
  );
}

function readFacts(path: string, experiment: string | null, io: CliIo): WholeFacts | number {
  const text = io.readFile(path);
  if (!text.ok) return complain(io, text.error, exitCodes.invalid);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.value);
  } catch {
    return complain(io, `${path} is no JSON`, exitCodes.invalid);
  }
  const read = readReport(parsed);
  if (!read.ok) {
    return complain(io, `${path} is no report of Sluice: ${read.error}`, exitCodes.invalid);
  }
  const facts = read.value;
  if (experiment !== null && experiment !== facts.experiment) {
    return complain(
      io,
      `${path} is a report of ${facts.experiment}, not of ${experiment}`,
      exitCodes.invalid,
    );
  }
  return facts;
}

function isEmpty({ breakdown, history }: WholeFacts): boolean {
  const requests = breakdown?.variants.reduce((sum, each) => sum + each.requests, 0) ?? 0;
  return requests === 0 && (history?.at_ms.length ?? 0) === 0;
}

async function write(
  facts: WholeFacts,
  { format, part }: Asked,
  output: string | null,
  io: CliIo,
): Promise<number> {
  if (format === "csv" && part === null && output !== null && !/\.zip$/i.test(output)) {
    const files = [...csvFilesOf(facts)].map(([name, body]) => ({
      path: `${output.replace(/\/$/, "")}/${name}`,
      body,
    }));
    return report(writeFiles(files), io);
  }
  const { body, extension, isText, name } = await renderReport(facts, format, part, printPdf);
  if (output === "-" || (output === null && isText)) {
    io.stdout(new TextDecoder().decode(body));
    return exitCodes.success;
  }
  return report(writeFiles([{ path: output ?? `${name}.${extension}`, body }]), io);
}

/** Only a PDF needs what makes it. */
async function printPdf(document: ReportDocument): Promise<Uint8Array<ArrayBuffer>> {
  const { renderPdf } = await import("../report/pdf/pdf.ts");
  return renderPdf(document);
}

function report(written: Result<readonly string[], string>, io: CliIo): number {
  if (!written.ok) return complain(io, written.error, exitCodes.failure);
  io.stderr(`wrote ${written.value.join(", ")}\n`);
  return exitCodes.success;
}

function complain(io: CliIo, message: string, code: number): number {
  io.stderr(`sluice report: ${message}\n`);
  return code;
}
