import type { Measurements, SecondRow } from "../../core/load/measurements.ts";
import type { LoadReport } from "../../core/load/report.ts";

/** The files of a load test, as text. */

const csvColumns = [
  ["elapsed_s", ({ atMs }: SecondRow) => atMs / 1000],
  ["phase", ({ phase }: SecondRow) => phase],
  ["due", ({ due }: SecondRow) => due],
  ["started", ({ started }: SecondRow) => started],
  ["ended", ({ ended }: SecondRow) => ended],
  ["failed", ({ failed }: SecondRow) => failed],
  ["dropped", ({ dropped }: SecondRow) => dropped],
  ["missed", ({ missed }: SecondRow) => missed],
  ["retries", ({ retries }: SecondRow) => retries],
  ["in_flight", ({ inFlight }: SecondRow) => inFlight],
  ["bytes", ({ bytes }: SecondRow) => bytes],
  ["p50_ms", ({ p50Ms }: SecondRow) => p50Ms],
  ["p95_ms", ({ p95Ms }: SecondRow) => p95Ms],
  ["p99_ms", ({ p99Ms }: SecondRow) => p99Ms],
  ["max_ms", ({ maxMs }: SecondRow) => maxMs],
] as const;

/** One row a second, with its beginning in ISO 8601; empty where a second has no value. */
export function seriesCsv({ startedAt, series }: LoadReport): string {
  const beginMs = Date.parse(startedAt);
  const lines = series.map((row) =>
    [
      new Date(beginMs + row.atMs).toISOString(),
      ...csvColumns.map(([, read]) => read(row) ?? ""),
    ].join(","),
  );
  return `${[["time", ...csvColumns.map(([name]) => name)].join(","), ...lines].join("\n")}\n`;
}

/** The distribution of response times in milliseconds, as HdrHistogram's tools plot it. */
export function responseHgrm({ all }: Measurements): string {
  return all.responseTime.outputPercentileDistribution(5, 1000);
}
