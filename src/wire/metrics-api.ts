import { z } from "zod";
import { metricNamePattern } from "../core/telemetry/metric-names.ts";

/** `POST /v1/metrics`: what somebody measured of requests after they were answered. */

/** Metrics of one call. */
export const reportedMetricsMax = 1_000;

const reportedMetricSchema = z.strictObject({
  request_id: z
    .string()
    .min(1)
    .max(128)
    .describe("x-request-id of the answer; each worker knows the last 20,000"),
  name: z.string().regex(metricNamePattern).describe("As the experiment declares it, from: api"),
  value: z.number(),
});

export const metricsReportSchema = z.strictObject({
  metrics: z.array(reportedMetricSchema).min(1).max(reportedMetricsMax),
});

export const metricsTakenSchema = z.object({
  accepted: z.int().min(0),
  unknown: z
    .array(z.int().min(0))
    .describe("By place: no analysed request with this id, or none that takes such a metric"),
});

export type MetricsTaken = z.output<typeof metricsTakenSchema>;
