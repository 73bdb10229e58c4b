import type { Arms } from "../arms.ts";
import type { Block, Figure } from "../document.ts";
import type { MeasuredVariant, Percentiles, ReportFacts } from "../facts.ts";
import { formatMs } from "../text/format.ts";
import { rowOf } from "./row.ts";

/** How long answers took, of the whole range. */
export function describeLatency(_facts: ReportFacts, arms: Arms): readonly Block[] {
  const measured = arms.all.flatMap((variant) => {
    const each = arms.measured(variant);
    return each === null || each.latency_ms === null ? [] : [each];
  });
  if (measured.length === 0) return [];
  const blocks: Block[] = [];
  const figure = distribution(measured, arms);
  if (figure !== null) blocks.push(figure);
  blocks.push(
    percentiles(
      "latency",
      "Duration of requests, to the last byte.",
      measured,
      ({ latency_ms }) => latency_ms,
    ),
  );
  if (measured.some(({ first_byte_ms }) => first_byte_ms !== null)) {
    blocks.push(
      percentiles(
        "first_byte",
        "Time to the first byte.",
        measured,
        ({ first_byte_ms }) => first_byte_ms,
      ),
    );
  }
  return blocks;
}

/** Bars of the chart; neighbouring buckets are added up. */
const bucketsMax = 72;

function distribution(measured: readonly MeasuredVariant[], arms: Arms): Figure | null {
  const used = measured.filter(({ distribution }) =>
    distribution.counts.some((count) => count > 0),
  );
  const bounds = used[0]?.distribution.bounds_ms ?? [];
  if (bounds.length === 0) return null;
  const span = usedSpan(used);
  const width = Math.max(1, Math.ceil((span.end - span.start) / bucketsMax));
  const places: number[] = [];
  for (let at = span.start; at < span.end; at += width) places.push(at);
  return {
    kind: "figure",
    id: "latency_distribution",
    caption:
      "How long requests took; logarithmic axis. Lines mark the median and the 95th percentile.",
    description: used
      .map(({ variant, latency_ms }) =>
        latency_ms === null
          ? variant
          : `${variant}: median ${formatMs(latency_ms.p50)}, 95th percentile ${formatMs(latency_ms.p95)}, 99th ${formatMs(latency_ms.p99)}`,
      )
      .join("; "),
    chart: {
      kind: "distribution",
      format: "ms",
      bounds: places.map((at) => bounds[Math.min(at + width, span.end) - 1] as number),
      series: used.map(({ variant, distribution: { counts }, latency_ms }) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        const added = places.map((at) =>
          counts.slice(at, Math.min(at + width, span.end)).reduce((sum, count) => sum + count, 0),
        );
        return {
          name: variant,
          colour: arms.all.indexOf(variant),
          shares: added.map((count) => count / total),
          marks:
            latency_ms === null
              ? []
              : [
                  { label: "p50", value: latency_ms.p50 },
                  { label: "p95", value: latency_ms.p95 },
                ],
        };
      }),
    },
    table: null,
  };
}

/** Buckets that hold anything, of any variant. */
function usedSpan(used: readonly MeasuredVariant[]): {
  readonly start: number;
  readonly end: number;
} {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const { distribution } of used) {
    start = Math.min(
      start,
      distribution.counts.findIndex((count) => count > 0),
    );
    end = Math.max(end, distribution.counts.findLastIndex((count) => count > 0) + 1);
  }
  return { start, end };
}

function percentiles(
  id: string,
  caption: string,
  measured: readonly MeasuredVariant[],
  of: (variant: MeasuredVariant) => Percentiles,
): Block {
  const names = ["mean", "p50", "p75", "p90", "p95", "p99", "p99_9", "max"] as const;
  return {
    kind: "table",
    id,
    caption,
    columns: [
      { name: "Variant", format: "text" },
      { name: "Requests", format: "count" },
      ...names.map((name) => ({ name: name.replace("_", "."), format: "ms" }) as const),
    ],
    rows: measured.map((each) => {
      const found = of(each);
      return rowOf(
        each.variant,
        each.requests,
        names.map((name) => found?.[name] ?? null),
      );
    }),
  };
}
