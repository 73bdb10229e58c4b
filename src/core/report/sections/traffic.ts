import type { Arms } from "../arms.ts";
import { reduceColumn } from "../charts/reduce.ts";
import type { ChartSeries } from "../charts/chart.ts";
import type { Block, Figure, NumberFormat } from "../document.ts";
import type { HistoryColumns, HistoryFacts, ReportFacts } from "../facts.ts";
import { formatQuantity, formatSeconds } from "../text/format.ts";
import { marksOf } from "./marks.ts";

type Drawn = {
  readonly id: string;
  readonly name: string;
  readonly format: NumberFormat;
  readonly values: (columns: HistoryColumns, stepSeconds: number) => readonly (number | null)[];
};

const drawn: readonly Drawn[] = [
  {
    id: "requests_over_time",
    name: "Requests per second",
    format: "number",
    values: ({ requests }, stepSeconds) => requests.map((count) => count / stepSeconds),
  },
  {
    id: "failures_over_time",
    name: "Failed requests",
    format: "share",
    values: ({ requests, failures }) =>
      requests.map((count, at) => (count === 0 ? null : (failures[at] ?? 0) / count)),
  },
  {
    id: "latency_p50_over_time",
    name: "Median latency",
    format: "ms",
    values: ({ p50_ms }) => p50_ms,
  },
  {
    id: "latency_p95_over_time",
    name: "95th percentile of latency",
    format: "ms",
    values: ({ p95_ms }) => p95_ms,
  },
];

/** Of the axis; each keeps its first, lowest, highest and last value. */
const stretchesMax = 160;

/** Traffic, failures and latency of every variant over the range. */
export function describeTraffic(facts: ReportFacts, arms: Arms): readonly Block[] {
  const { history } = facts;
  if (history === null || history.at_ms.length === 0) return [];
  return drawn.flatMap((each) => figure(facts, history, each, arms));
}

function figure(
  facts: ReportFacts,
  history: HistoryFacts,
  { id, name, format, values }: Drawn,
  arms: Arms,
): Figure[] {
  const stepMs = history.step_seconds * 1000;
  const all = arms.all.flatMap((variant, colour) => {
    const columns = history.variants[variant];
    if (columns === undefined) return [];
    return [{ variant, colour, values: values(columns, history.step_seconds) }];
  });
  const measured = all.filter((each) => each.values.some((value) => value !== null));
  if (measured.length === 0) return [];
  const series = measured.map(({ variant, colour, values }): ChartSeries => ({
    name: variant,
    colour,
    points: reduceColumn({ atMs: history.at_ms, values, stepMs }, stretchesMax),
  }));
  const ranges = measured.map(({ variant, values }) => Object.assign({ variant }, spanOf(values)));
  return [
    {
      kind: "figure",
      id,
      caption: `${name}, in stretches of ${formatSeconds(history.step_seconds)}.`,
      description: ranges
        .map(
          ({ variant, low, middle, high }) =>
            `${variant}: ${formatQuantity(low, format)} at the least, ${formatQuantity(middle, format)} usually, ${formatQuantity(high, format)} at the most`,
        )
        .join("; "),
      chart: {
        kind: "time_series",
        format,
        from_ms: Date.parse(facts.range.from),
        to_ms: Date.parse(facts.range.to),
        series,
        limit: null,
        area: null,
        bands: [],
        marks: marksOf(facts),
      },
      table: {
        kind: "table",
        id: `${id}_table`,
        caption: `${name}: lowest, median, highest and last stretch.`,
        columns: [
          { name: "Variant", format: "text" },
          { name: "Lowest", format },
          { name: "Median", format },
          { name: "Highest", format },
          { name: "Last", format },
          { name: "Last measured", format: "time" },
        ],
        rows: ranges.map(({ variant, low, middle, high, last }) => [
          variant,
          low,
          middle,
          high,
          last?.value ?? null,
          last === null ? null : formatTimeOf(history.at_ms[last.at] ?? 0),
        ]),
      },
    },
  ];
}

function formatTimeOf(ms: number): string {
  return new Date(ms).toISOString();
}

type Span = {
  readonly low: number | null;
  readonly middle: number | null;
  readonly high: number | null;
  readonly last: { readonly at: number; readonly value: number } | null;
};

function spanOf(values: readonly (number | null)[]): Span {
  // Sorted as bare numbers: of a week, a sorted list would hold an object each.
  const known = Float64Array.from(values.filter((value) => value !== null)).toSorted();
  const at = values.findLastIndex((value) => value !== null);
  return {
    low: known[0] ?? null,
    middle: known[Math.floor(known.length / 2)] ?? null,
    high: known.at(-1) ?? null,
    last: at < 0 ? null : { at, value: values[at] as number },
  };
}
