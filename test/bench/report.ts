import type { FixedRate, Saturation } from "./figures.ts";
import { median } from "./median.ts";
import { bodyLabel } from "./options.ts";
import type { Scaling } from "./scaling.ts";
import { ratiosTo, type Target } from "./targets.ts";

/** The figures of one run, as written to JSON, and as tables for people. */

export type Report = {
  readonly startedAt: string;
  readonly machine: {
    readonly model: string;
    readonly cores: number;
    readonly node: string;
    /** Of the last minute before the run: what else the machine was doing. */
    readonly loadAverage: number;
  };
  readonly cpuClock: string;
  readonly load: string;
  readonly contenders: Readonly<
    Record<string, { readonly what: string; readonly without: string | null }>
  >;
  readonly missing: readonly string[];
  readonly saturation: readonly Saturation[];
  readonly fixedRate: {
    readonly requestsPerSecond: number;
    readonly results: readonly FixedRate[];
  };
  readonly scaling: Scaling | null;
  readonly targets: readonly Target[];
};

type Write = (line: string) => void;

export function printReport(report: Report, write: Write): void {
  const { machine, saturation, fixedRate, scaling, targets } = report;
  write(
    `${machine.model}, ${machine.cores} cores, Node ${machine.node}, ` +
      `load average before: ${machine.loadAverage.toFixed(2)}`,
  );
  write(`CPU: ${report.cpuClock}`);
  write(`Load: ${report.load}`);
  for (const [name, { what, without }] of Object.entries(report.contenders)) {
    write(`  ${name.padEnd(16)} ${what}`);
    if (without !== null) write(`  ${"".padEnd(16)}   does not do: ${without}`);
  }
  if (report.missing.length > 0) write(`  not installed here: ${report.missing.join(", ")}`);
  for (const label of new Set(saturation.map(({ body }) => bodyLabel(body)))) {
    printSaturation(label, saturation, write);
  }
  printFixedRate(fixedRate, write);
  if (scaling !== null) printScaling(scaling, write);
  if (targets.length > 0) printTargets(targets, write);
}

function printSaturation(label: string, saturation: readonly Saturation[], write: Write): void {
  const rows = saturation.filter(({ body }) => bodyLabel(body) === label);
  const peers = ["haproxy", "http-proxy-3-ka", "http-proxy-3"].filter((peer) =>
    rows.some(({ contender }) => contender === peer),
  );
  write("");
  write(`At saturation, POST with 120 B of JSON, response ${label} B (median of rounds)`);
  table(write, [
    [
      "",
      "CPU µs/request",
      ...peers.map((peer) => `× ${peer}`),
      "requests/s",
      "requests/CPU-s",
      "core busy",
      "errors",
      "CPU µs of each round",
    ],
    ...rows.map((row) =>
      [row.contender, row.cpuUsPerRequest.toFixed(1)].concat(
        peers.map((peer) => median(ratiosTo(peer, row, saturation) ?? []).toFixed(2)),
        row.requestsPerSecond.toFixed(0),
        row.requestsPerCpuSecond.toFixed(0),
        percent(row.coreBusy),
        String(row.errors),
        row.rounds.map((us) => us.toFixed(1)).join(" "),
      ),
    ),
  ]);
}

function printFixedRate({ requestsPerSecond, results }: Report["fixedRate"], write: Write): void {
  write("");
  write(`At ${requestsPerSecond} requests/s, open loop, response 200 B (median of rounds)`);
  table(write, [
    ["", "p50 ms", "p99 ms", "added p50", "added p99", "CPU µs/request", "errors"],
    ...results.map((row) => [
      row.contender,
      row.p50Ms.toFixed(3),
      row.p99Ms.toFixed(3),
      row.addedP50Ms.toFixed(3),
      row.addedP99Ms.toFixed(3),
      row.contender === "direct" ? "-" : row.cpuUsPerRequest.toFixed(1),
      String(row.errors),
    ]),
  ]);
}

function printScaling(scaling: Scaling, write: Write): void {
  const { coresFree, requestsPerSecond, requestsPerCpuSecond, busiestThreadBusy } = scaling;
  write("");
  write(`Two workers against one, response 200 B (median of rounds); cores free: ${coresFree}`);
  table(write, [
    ["", "requests/s", "requests/CPU-s", "busiest thread", "errors"],
    ...(["1 worker", "2 workers"] as const).map((name, at) => [
      name,
      requestsPerSecond[at]?.toFixed(0) ?? "",
      requestsPerCpuSecond[at]?.toFixed(0) ?? "",
      percent(busiestThreadBusy[at] ?? Number.NaN),
      String(scaling.errors[at]),
    ]),
  ]);
  write(
    `  requests/s: ${scaling.ratio.toFixed(2)}×; projected from the busiest thread's CPU per ` +
      `request, had each worker a core to itself: ${scaling.ratioByCpu.toFixed(2)}×`,
  );
  if (coresFree < 2) {
    write(
      "  Load and upstream shared the workers' cores, so requests/s is bounded by the machine.",
    );
  }
}

function printTargets(targets: readonly Target[], write: Write): void {
  write("");
  write("Targets");
  table(write, [
    ["", "measured", "rounds", "target", "verdict"],
    ...targets.map(({ name, measured, each, limit, bound, verdict, reason }) => [
      name,
      measured.toFixed(2),
      each.length === 0
        ? "-"
        : `${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`,
      `${bound} ${limit.toFixed(2)}`,
      reason === null ? verdict : `${verdict} (${reason})`,
    ]),
  ]);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`;
}

function table(write: Write, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths?.[column] ?? 0) : cell.padStart(widths?.[column] ?? 0),
    );
    write(`  ${cells.join("  ")}`.trimEnd());
  }
}
