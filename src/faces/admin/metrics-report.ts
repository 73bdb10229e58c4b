import { metricsReportSchema, type MetricsTaken } from "../../wire/metrics-api.ts";
import { readJson } from "./json-body.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `POST /v1/metrics`: how many were counted, and which were not. */
export async function takeMetrics(
  context: AdminContext,
  { reportMetrics }: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const read = await readJson(context, metricsReportSchema, bodyBytesMax, {
    code: "bad_metrics",
    title: "Not a report of metrics",
  });
  if (!read.ok) return read.error;
  const metrics = read.value.metrics.map(({ request_id: requestId, name, value }) => {
    return { requestId, name, value };
  });
  const taken = await reportMetrics(metrics);
  const places = metrics.map((_, at) => at);
  const answer: MetricsTaken = {
    accepted: taken.size,
    unknown: places.filter((at) => !taken.has(at)),
  };
  return context.json(answer);
}
