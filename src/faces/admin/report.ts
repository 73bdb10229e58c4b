import { err, ok, type Result } from "../../base/result.ts";
import { reportFormats, reportQuerySchema, type ReportFormat } from "../../wire/report-api.ts";
import { renderReport } from "../report/render.ts";
import { wordsOf } from "./json-body.ts";
import { answerProblem, type AdminContext } from "./problem.ts";
import { gatherFacts } from "./report-facts.ts";
import type { AdminSources } from "./sources.ts";

/** What Accept asks for where the query does not say. */
const formatsByType: Readonly<Record<string, ReportFormat>> = {
  "application/json": "json",
  "application/zip": "csv",
  "text/csv": "csv",
  "text/markdown": "md",
  "text/html": "html",
  "application/pdf": "pdf",
};

/** Answers `GET /v1/experiments/:experiment/report`; at most `reportsMax` are made at a time. */
export function createReportHandler(
  sources: AdminSources,
  reportsMax: number,
): (context: AdminContext) => Promise<Response> {
  let underWay = 0;
  return async (context) => {
    const asked = readQuery(context, sources.report.nowMs());
    if (!asked.ok) return asked.error;
    if (underWay >= reportsMax) {
      const detail = `${reportsMax} reports are being made; ask again in a few seconds.`;
      return answerProblem("busy", 503, "Too many reports at once", detail, { "retry-after": "2" });
    }
    underWay += 1;
    try {
      return await answerReport(context, sources, asked.value);
    } finally {
      underWay -= 1;
    }
  };
}

type Asked = {
  readonly format: ReportFormat;
  readonly part: "summary" | "time_series" | "histogram" | null;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly points: number | null;
  readonly insights: boolean;
};

async function answerReport(
  context: AdminContext,
  sources: AdminSources,
  { format, part, ...range }: Asked,
): Promise<Response> {
  const key = context.req.param("experiment") ?? "";
  const facts = await gatherFacts(sources, key, range);
  if (facts === null) {
    const detail = `No experiment has the key ${JSON.stringify(key.slice(0, 100))}; /v1/status lists all.`;
    return answerProblem("unknown_experiment", 404, "No such experiment", detail);
  }
  const { body, contentType, name, extension } = await renderReport(
    facts,
    format,
    part,
    sources.report.printPdf,
  );
  return new Response(body, {
    status: 200,
    headers: {
      "content-type": contentType,
      // Never shown by the admin port's own page: a report is a file of its own.
      "content-disposition": `attachment; filename="${name}.${extension}"`,
    },
  });
}

function readQuery(context: AdminContext, nowMs: number): Result<Asked, Response> {
  const read = reportQuerySchema.safeParse(context.req.query());
  if (!read.success) {
    return err(refuseQuery(wordsOf(read.error)));
  }
  const { from, to, format, part = null, points = null, insights } = read.data;
  const fromMs = from === undefined ? null : Date.parse(from);
  const toMs = to === undefined ? null : Date.parse(to);
  // Nothing was measured after now.
  if (fromMs !== null && fromMs >= Math.min(toMs ?? nowMs, nowMs)) {
    return err(refuseQuery("from must be before to, and in the past"));
  }
  if (part !== null && format !== "csv") {
    return err(refuseQuery("part goes with format=csv"));
  }
  const chosen = format ?? accepted(context.req.header("accept"));
  if (chosen === null) {
    const detail = `Of ${Object.keys(formatsByType).join(", ")}; or say format=${reportFormats.join("|")}.`;
    return err(answerProblem("not_acceptable", 406, "No such format", detail));
  }
  // No file of csv has room for words.
  const hasInsights = insights !== "false" && chosen !== "csv";
  return ok({ format: chosen, part, fromMs, toMs, points, insights: hasInsights });
}

function refuseQuery(detail: string): Response {
  return answerProblem("bad_query", 400, "Not a query for a report", detail);
}

/** The acceptable format of the highest quality, the first of them; JSON where anything will do. */
function accepted(header: string | undefined): ReportFormat | null {
  if (header === undefined || header.trim() === "") return "json";
  let best: ReportFormat | null = null;
  let bestQuality = 0;
  for (const range of header.split(",").slice(0, acceptRangesMax)) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const format =
      type === "*/*" || type === "application/*"
        ? "json"
        : Object.hasOwn(formatsByType, type)
          ? formatsByType[type]
          : undefined;
    const written = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const quality = written === undefined ? 1 : Number(written);
    if (format === undefined || !(quality > bestQuality)) continue;
    [best, bestQuality] = [format, quality];
  }
  return best;
}

const acceptRangesMax = 32;
