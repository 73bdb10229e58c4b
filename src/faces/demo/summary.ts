import type { ExperimentStatus } from "../../wire/admin-api.ts";

/** The two variants as text. */

type VariantStatus = ExperimentStatus["variants"][number];

type Column = {
  readonly title: string;
  readonly cell: (variant: VariantStatus, elapsedMs: number | null) => string;
};

const columns: readonly Column[] = [
  { title: "variant", cell: ({ key }) => key },
  { title: "configured", cell: (variant) => formatPercent(variant.configured_share) },
  { title: "observed", cell: (variant) => formatPercent(variant.observed_share) },
  { title: "users", cell: ({ users }) => (users === null ? "–" : String(users)) },
  { title: "requests", cell: ({ requests }) => String(requests) },
  { title: "req/s", cell: (variant, elapsedMs) => formatRate(variant, elapsedMs) },
  { title: "p50 ms", cell: ({ latency_ms: latency }) => formatMs(latency?.p50) },
  { title: "p95 ms", cell: ({ latency_ms: latency }) => formatMs(latency?.p95) },
  { title: "p99 ms", cell: ({ latency_ms: latency }) => formatMs(latency?.p99) },
  { title: "errors", cell: (variant) => formatErrors(variant) },
  { title: "in flight", cell: (variant) => String(variant.in_flight) },
];

/**
 * One line per variant under a line of titles. With `elapsedMs` the rate is that of the whole run, otherwise that of
 * the last seconds.
 */
export function formatTable(
  variants: readonly VariantStatus[],
  elapsedMs: number | null = null,
): string[] {
  const rows = [
    columns.map(({ title }) => title),
    ...variants.map((variant) => columns.map(({ cell }) => cell(variant, elapsedMs))),
  ];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  return rows.map((row) =>
    row
      // Names stand left, numbers right.
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  "),
  );
}

/** Finished requests that were no success. */
function countErrors({ requests, outcomes }: VariantStatus): number {
  return requests - outcomes.success;
}

/** `compact: 12 upstream_error, 3 timeout` for each variant that has any. */
export function describeErrors(variants: readonly VariantStatus[]): string[] {
  return variants
    .filter((variant) => countErrors(variant) > 0)
    .map(({ key, outcomes }) => {
      const parts = Object.entries(outcomes)
        .filter(([outcome, count]) => outcome !== "success" && count > 0)
        .map(([outcome, count]) => `${count} ${outcome.replaceAll("_", " ")}`);
      return `${key}: ${parts.join(", ")}`;
    });
}

function formatPercent(share: number | null): string {
  return share === null ? "–" : `${(share * 100).toFixed(1)}%`;
}

function formatMs(ms: number | undefined): string {
  return ms === undefined ? "–" : ms.toFixed(1);
}

function formatRate(variant: VariantStatus, elapsedMs: number | null): string {
  if (elapsedMs === null) return variant.requests_per_second.toFixed(1);
  return ((variant.requests * 1000) / elapsedMs).toFixed(1);
}

function formatErrors(variant: VariantStatus): string {
  const errors = countErrors(variant);
  if (errors === 0) return "0";
  return `${errors} (${((errors / variant.requests) * 100).toFixed(1)}%)`;
}
