import { formatBytes } from "../../base/units.ts";
import { generatorLimits } from "../../core/load/generator.ts";
import type { LoadPlan } from "../../core/load/plan.ts";
import type { GroupReport, LoadReport, Times } from "../../core/load/report.ts";
import { loadMetrics, type LoadMetric } from "../../core/load/threshold.ts";

/** The summary of a load test, for people. */
export function describeLoad(report: LoadReport, plan: LoadPlan): string {
  const lines = [
    `Load on ${report.target}: ${modelText(plan)}, seed ${report.seed}`,
    "",
    ...facts(report, plan),
    "",
    ...timesTable(report),
    ...groupTable("endpoint", report.endpoints, Object.keys(report.endpoints).length > 1),
    ...groupTable("variant", report.variants, Object.keys(report.variants).length > 0),
    ...thresholdLines(report),
    ...validity(report),
  ];
  return `${lines.join("\n")}\n`;
}

function modelText({ model }: LoadPlan): string {
  if (model.kind === "open") {
    return `open model, ${model.arrivals === "poisson" ? "Poisson arrivals" : "even arrivals"}`;
  }
  const correction =
    model.expectedIntervalMs === null
      ? "not corrected for coordinated omission"
      : `corrected for one request every ${model.expectedIntervalMs} ms`;
  return `closed model, ${model.users} ${model.users === 1 ? "user" : "users"}, ${correction}`;
}

function facts(report: LoadReport, plan: LoadPlan): string[] {
  const { all, requests, rates, seconds, end, warmUpSeconds } = report;
  const left =
    warmUpSeconds > 0
      ? `; ${count(requests.warmUp)} in the warm-up of ${warmUpSeconds} s not counted`
      : "";
  const perSecond = seconds > 0 ? all.bytes / seconds : 0;
  const rows: (readonly [string, string] | null)[] = [
    end.kind === "finished"
      ? null
      : [
          "ended early",
          end.threshold === null ? "interrupted" : `by the threshold ${end.threshold}`,
        ],
    rates.planned === null ? null : ["planned", `${rates.planned.toFixed(1)} requests/s`],
    [
      "achieved",
      `${rates.achieved.toFixed(1)} requests/s: ${count(all.ended)} in ${seconds.toFixed(1)} s${left}`,
    ],
    ["failed", `${count(all.failed)}${share(all.failed, all.ended)}${listed(all.failures)}`],
    plan.model.kind === "closed"
      ? null
      : [
          "dropped",
          `${count(requests.dropped)}${share(requests.dropped, requests.due)}: at most ${count(plan.model.maxInFlight)} under way`,
        ],
    requests.interrupted === 0
      ? null
      : ["cut off", `${count(requests.interrupted)} under way at the end`],
    ["statuses", Object.keys(all.statuses).length === 0 ? "none" : listed(all.statuses).slice(2)],
    plan.retriesMax === 0 ? null : ["retries", `${count(all.retries)}, not counted as requests`],
    ["received", `${bytes(all.bytes)}, ${bytes(perSecond)}/s`],
  ];
  return table(rows.filter((row) => row !== null));
}

const columns = [
  ["mean", "meanMs"],
  ["p50", "p50Ms"],
  ["p75", "p75Ms"],
  ["p90", "p90Ms"],
  ["p95", "p95Ms"],
  ["p99", "p99Ms"],
  ["p99.9", "p999Ms"],
  ["p99.99", "p9999Ms"],
  ["max", "maxMs"],
] as const satisfies readonly (readonly [string, keyof Times])[];

function timesTable({ all, generator }: LoadReport): string[] {
  const rows: (readonly [string, Times | null])[] = [
    ["response time", all.responseTime],
    ["service time", all.serviceTime],
    ["first byte", all.timeToFirstByte],
    ["first token", all.timeToFirstToken],
    ["late start", generator.startError],
  ];
  const present = rows.filter((row): row is readonly [string, Times] => row[1] !== null);
  if (present.length === 0) return ["  No request has a time.", ""];
  return [
    ...table(
      [
        ["ms", ...columns.map(([name]) => name)],
        ...present.map(([name, times]) => timesRow([name], times, columns)),
      ],
      "right",
    ),
    "",
  ];
}

function timesRow(
  begin: readonly string[],
  times: Times | null,
  shown: readonly (typeof columns)[number][],
): string[] {
  return begin.concat(shown.map(([, key]) => (times === null ? "–" : digits(times[key]))));
}

function groupTable(
  by: string,
  groups: Readonly<Record<string, GroupReport>>,
  isWanted: boolean,
): string[] {
  if (!isWanted) return [];
  const shown = columns.filter(([name]) => ["p50", "p95", "p99", "max"].includes(name));
  return [
    ...table(
      [
        [by, "requests", "requests/s", "failed", ...shown.map(([name]) => name)],
        ...Object.entries(groups).map(([name, group]) => {
          const failed = `${count(group.failed)}${share(group.failed, group.ended)}`;
          const counts = [name, count(group.ended), group.rate.toFixed(1), failed];
          return timesRow(counts, group.responseTime, shown);
        }),
      ],
      "right",
    ),
    "",
  ];
}

function thresholdLines({ thresholds }: LoadReport): string[] {
  if (thresholds.length === 0) return [];
  const rows = thresholds.map(({ text, value, ok }) => [
    `${ok ? "✓" : "✗"} ${text}`,
    value === null ? "nothing was measured" : metricText(text, value),
  ]);
  return [...table(rows), ""];
}

function metricText(text: string, value: number): string {
  const metric = (/^\w+/.exec(text)?.[0] ?? "") as LoadMetric;
  const { kind } = loadMetrics[metric];
  if (kind === "trend") return `${digits(value)} ms`;
  return kind === "rate" ? `${(value * 100).toFixed(2)} %` : String(Number(value.toFixed(2)));
}

function validity({ generator }: LoadReport): string[] {
  if (generator.invalid.length === 0) return [];
  return [
    "NOT VALID: the load generator itself was the bottleneck, so these figures are not the target's.",
    ...generator.invalid.map((reason) => `  ${reason}`),
    `  A lower rate, another machine, or fewer neighbours on this one may help; starts count as missed after ${generatorLimits.missedAfterMs} ms.`,
  ];
}

function listed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([key, number]) => `${key} ${count(number)}`);
  return parts.length === 0 ? "" : `: ${parts.join(", ")}`;
}

function share(part: number, whole: number): string {
  return part === 0 || whole === 0 ? "" : ` (${((part / whole) * 100).toFixed(2)} %)`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

function bytes(number: number): string {
  if (number < 1000) return formatBytes(Math.round(number));
  const [size, unit] = number < 1e6 ? [1e3, "kB"] : number < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(number / size).toFixed(1)} ${unit}`;
}

/** Three digits that count, without an exponent. */
export function digits(ms: number): string {
  if (ms >= 100) return ms.toFixed(0);
  return ms >= 10 ? ms.toFixed(1) : ms.toFixed(ms >= 1 ? 2 : 3);
}

function table(rows: readonly (readonly string[])[], align: "left" | "right" = "left"): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) => {
    const cells = row.map((cell, at) =>
      at > 0 && align === "right" ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
    );
    return `  ${cells.join("  ")}`.trimEnd();
  });
}
