import { failureShareOf, type Arms } from "../arms.ts";
import type { Block, Cell, Column, Table } from "../document.ts";
import type { MeasuredVariant, ReportFacts } from "../facts.ts";
import { isDurationMetric } from "../../telemetry/metric-names.ts";
import { capital, nameOf } from "../text/format.ts";
import { latencyCells, latencyColumns, meansTable, type Mean } from "./columns.ts";
import { rowOf } from "./row.ts";

/** What became of requests, by outcome, reason, route, segment and metric. */
export function describeBreakdown({ breakdown }: ReportFacts, arms: Arms): readonly Block[] {
  if (breakdown === null || arms.requests === 0) return [];
  const measured = arms.all.flatMap((variant) => {
    const each = arms.measured(variant);
    return each === null ? [] : [each];
  });
  const tables = [
    outcomesTable(measured),
    failuresTable(measured),
    routesTable(measured),
    segmentsTable(measured),
    metricsTable(measured),
  ];
  return tables.filter((table) => table !== null);
}

function outcomesTable(measured: readonly MeasuredVariant[]): Table {
  const seen = new Set(
    measured.flatMap(({ outcomes }) =>
      Object.entries(outcomes)
        .filter(([, count]) => count > 0)
        .map(([outcome]) => outcome),
    ),
  );
  const names = Object.keys(measured[0]?.outcomes ?? {}).filter((outcome) => seen.has(outcome));
  return {
    kind: "table",
    id: "outcomes",
    caption:
      "What requests turned into. Client errors and requests that the client left are not failures.",
    columns: [
      { name: "Variant", format: "text" },
      { name: "Users", format: "count" },
      { name: "Requests", format: "count" },
      { name: "Failed", format: "share" },
      ...names.map((name) => ({ name: capital(nameOf(name)), format: "count" }) as const),
    ],
    rows: measured.map((each) =>
      rowOf(
        each.variant,
        each.users,
        each.requests,
        failureShareOf(each),
        names.map((name) => each.outcomes[name] ?? 0),
      ),
    ),
  };
}

function failuresTable(measured: readonly MeasuredVariant[]): Table | null {
  const reasons = new Set(measured.flatMap(({ failures }) => Object.keys(failures)));
  if (reasons.size === 0) return null;
  return {
    kind: "table",
    id: "failures",
    caption: "Why answers with a good status counted as bad.",
    columns: [{ name: "Reason", format: "text" }, ...columnsOf(measured, "count")],
    rows: [...reasons].map((reason) =>
      rowOf(
        nameOf(reason),
        measured.map(({ failures }) => failures[reason] ?? 0),
      ),
    ),
  };
}

/** Routes with the most requests; the JSON has all. */
const routesMax = 20;

function routesTable(measured: readonly MeasuredVariant[]): Table | null {
  const totals = new Map<string, number>();
  for (const { routes } of measured) {
    for (const { route, requests } of routes) {
      totals.set(route, (totals.get(route) ?? 0) + requests);
    }
  }
  if (totals.size === 0) return null;
  const routes = [...totals].toSorted(([, one], [, other]) => other - one).map(([route]) => route);
  const isCut = routes.length > routesMax;
  return {
    kind: "table",
    id: "routes",
    caption: `By route${isCut ? `, the ${routesMax} with the most requests of ${routes.length}` : ""}. Not corrected for their number: hints, not tests.`,
    columns: [
      { name: "Route", format: "code" },
      { name: "Variant", format: "text" },
      { name: "Requests", format: "count" },
      { name: "Success", format: "share" },
      ...latencyColumns,
    ],
    rows: routes.slice(0, routesMax).flatMap((route) =>
      measured.flatMap(({ variant, routes }): Cell[][] => {
        const row = routes.find((each) => each.route === route);
        if (row === undefined) return [];
        const { requests, success_rate, latency_ms } = row;
        return [[route, variant, requests, success_rate, ...latencyCells(latency_ms)]];
      }),
    ),
  };
}

const segments: Readonly<Record<string, string>> = {
  latency_first_seen: "Inputs seen for the first time",
  latency_repeated: "Inputs seen before",
};

function segmentsTable(measured: readonly MeasuredVariant[]): Table | null {
  const means = Object.entries(segments).flatMap(([name, what]) =>
    meansOf(measured, name, what, "ms"),
  );
  const caption = "Mean latency by segment: caches make repeated inputs fast.";
  return meansTable("segments", caption, ["Segment", "Requests"], means);
}

function metricsTable(measured: readonly MeasuredVariant[]): Table | null {
  const names = [...new Set(measured.flatMap(({ metrics }) => Object.keys(metrics)))].filter(
    (name) => !Object.hasOwn(segments, name),
  );
  const means = names.flatMap((name) =>
    meansOf(measured, name, capital(nameOf(name)), isDurationMetric(name) ? "ms" : "number"),
  );
  const caption = "What answers said of themselves: means, and over how many answers.";
  return meansTable("metrics", caption, ["Metric", "Answers"], means);
}

/** Of one metric, with each variant that has it. */
function meansOf(
  measured: readonly MeasuredVariant[],
  name: string,
  what: string,
  format: Mean["format"],
): readonly Mean[] {
  return measured.flatMap(({ variant, metrics }) => {
    const found = metrics[name];
    return found === undefined
      ? []
      : [{ what, variant, format, mean: found.mean, count: found.count }];
  });
}

function columnsOf(measured: readonly MeasuredVariant[], format: "count"): Column[] {
  return measured.map(({ variant }) => ({ name: variant, format }));
}
