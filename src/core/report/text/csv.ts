import type { ReportDocument } from "../document.ts";
import type { HistoryColumns, ReportFacts } from "../facts.ts";

/**
 * A report as CSV (RFC 4180): a summary, the time series and the histogram's buckets. Times are ISO 8601 in UTC, numbers
 * are plain digits with a point and their unit in the column's name, nothing is empty but what was not measured.
 */
export type CsvFiles = {
  readonly summary: Pieces;
  readonly time_series: Pieces;
  readonly histogram: Pieces;
};

/** A text, to be written piece by piece; it can be read once. */
type Pieces = Iterable<string>;

type Value = string | number | boolean | null;

export function renderCsv(facts: ReportFacts, report: ReportDocument): CsvFiles {
  return {
    summary: [summaryOf(facts, report)],
    time_series: timeSeriesOf(facts),
    histogram: [histogramOf(facts)],
  };
}

/** One row for each metric and treatment, with the experiment's decision beside it. */
function summaryOf(facts: ReportFacts, { verdict }: ReportDocument): string {
  const names = [
    "experiment",
    "outcome",
    "from",
    "to",
    "metric",
    "unit",
    "primary",
    "control",
    "treatment",
    "control_value",
    "treatment_value",
    "change_absolute",
    "change_relative",
    "interval_low",
    "interval_high",
    "sequential_interval_low",
    "sequential_interval_high",
    "p_value",
    "sequential_p_value",
    "power",
    "control_users",
    "treatment_users",
    "control_requests",
    "treatment_requests",
    "verdict",
    "sample_ratio",
    "sample_ratio_p_value",
  ];
  const { experiment, range, comparison } = facts;
  const base: readonly Value[] = [experiment, verdict.outcome, range.from, range.to];
  const rows = (comparison?.metrics ?? []).flatMap(
    ({ metric, unit, primary, control, treatments }) =>
      treatments.map((each): Value[] => [
        ...base,
        metric,
        unit,
        primary,
        control.variant,
        each.variant,
        control.value,
        each.value,
        each.change?.absolute ?? null,
        each.change?.relative ?? null,
        ...(each.interval ?? [null, null]),
        ...(each.sequential_interval ?? [null, null]),
        each.p_value,
        each.sequential_p_value,
        each.power,
        control.users,
        each.users,
        control.requests,
        each.requests,
        each.verdict,
        comparison?.sample_ratio.verdict ?? null,
        comparison?.sample_ratio.p_value ?? null,
      ]),
  );
  // Without a comparison there is still an outcome.
  if (rows.length === 0) rows.push([...base, ...names.slice(base.length).map(() => null)]);
  return tableOf(names, rows);
}

/** Of a week there are some hundred thousand lines: few are held at a time. */
const linesOfPiece = 2000;

function* timeSeriesOf({ experiment, history }: ReportFacts): Generator<string> {
  const columns = [
    "requests",
    "failures",
    "mean_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "first_byte_p50_ms",
    "first_byte_p95_ms",
    "tokens_in",
    "tokens_out",
  ] as const satisfies readonly (keyof HistoryColumns)[];
  yield lineOf(["experiment", "time", "step_seconds", "variant", ...columns]);
  if (history === null) return;
  for (const [variant, values] of Object.entries(history.variants)) {
    const [start, middle] = [fieldOf(experiment), `${history.step_seconds},${fieldOf(variant)}`];
    const measured = columns.map((name) => values[name]);
    let piece = "";
    for (let at = 0; at < history.at_ms.length; at += 1) {
      piece += `${start},${new Date(history.at_ms[at] as number).toISOString()},${middle}`;
      for (const column of measured) piece += `,${column[at] ?? ""}`;
      piece += "\r\n";
      if ((at + 1) % linesOfPiece !== 0) continue;
      yield piece;
      piece = "";
    }
    yield piece;
  }
}

function histogramOf({ experiment, breakdown }: ReportFacts): string {
  const names = ["experiment", "variant", "from_ms", "to_ms", "requests"];
  const rows = (breakdown?.variants ?? []).flatMap(({ variant, distribution }) =>
    distribution.bounds_ms.map((to, at): Value[] => [
      experiment,
      variant,
      at === 0 ? 0 : (distribution.bounds_ms[at - 1] ?? 0),
      to,
      distribution.counts[at] ?? 0,
    ]),
  );
  return tableOf(names, rows);
}

function tableOf(names: readonly string[], rows: readonly (readonly Value[])[]): string {
  return [lineOf(names), ...rows.map(lineOf)].join("");
}

function lineOf(values: readonly Value[]): string {
  return `${values.map(fieldOf).join(",")}\r\n`;
}

function fieldOf(value: Value): string {
  if (value === null) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (typeof value === "boolean") return String(value);
  const safe = withoutFormula(value);
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Spreadsheets run a text that begins with one of these as a formula; an apostrophe before it makes it a text (OWASP, "CSV
 * Injection"). The full-width forms are read alike by some.
 */
function withoutFormula(text: string): string {
  return /^\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
}
