import { median } from "./median.ts";
import { bodyLabel, type Body } from "./options.ts";

/** The figures of one run, as written to JSON, and as tables for people. */

export type Saturation = {
  readonly contender: string;
  readonly body: Body;
  /** Medians over the rounds. */
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  /** Share of its one core that the proxy used; well below 1, the load was the bottleneck and not the proxy. */
  readonly coreBusy: number;
  readonly errors: number;
  /** CPU µs per request of each round, for the spread. */
  readonly rounds: readonly number[];
};

export type FixedRate = {
  /** `direct` is without a proxy. */
  readonly contender: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Above `direct`, in the same run. */
  readonly addedP50Ms: number;
  readonly addedP99Ms: number;
  readonly cpuUsPerRequest: number;
  readonly errors: number;
};

export type Scaling = {
  /** Cores that neither the load nor the upstream used. Below 2, `ratio` says little about the proxy. */
  readonly coresFree: number;
  readonly oneWorkerPerSecond: number;
  readonly twoWorkersPerSecond: number;
  readonly ratio: number;
  /** What the CPU time of the busiest thread per request allows once every worker has a core to itself. */
  readonly ratioByCpu: number;
};

export type Report = {
  readonly startedAt: string;
  readonly machine: { readonly model: string; readonly cores: number; readonly node: string };
  readonly cpuClock: string;
  readonly load: string;
  readonly contenders: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
  readonly saturation: readonly Saturation[];
  readonly fixedRate: {
    readonly requestsPerSecond: number;
    readonly results: readonly FixedRate[];
  };
  readonly scaling: Scaling | null;
};

export function printReport(report: Report, write: (line: string) => void): void {
  const { machine, saturation, fixedRate, scaling } = report;
  write(`${machine.model}, ${machine.cores} cores, Node ${machine.node}`);
  write(`CPU: ${report.cpuClock}`);
  write(`Load: ${report.load}`);
  for (const [name, what] of Object.entries(report.contenders)) {
    write(`  ${name.padEnd(16)} ${what}`);
  }
  if (report.missing.length > 0) write(`  not installed here: ${report.missing.join(", ")}`);
  for (const label of new Set(saturation.map(({ body }) => bodyLabel(body)))) {
    const rows = saturation.filter(({ body }) => bodyLabel(body) === label);
    const yardstick = rows.find(({ contender }) => contender === "haproxy");
    write("");
    write(`At saturation, POST with 120 B of JSON, response ${label} B (median of rounds)`);
    table(write, [
      ["", "CPU µs/request", "× haproxy", "requests/s", "core busy", "errors", "each round"],
      ...rows.map((row) => [
        row.contender,
        row.cpuUsPerRequest.toFixed(1),
        yardstick === undefined ? "-" : pairedRatio(row, yardstick).toFixed(2),
        row.requestsPerSecond.toFixed(0),
        `${(row.coreBusy * 100).toFixed(0)}%`,
        String(row.errors),
        row.rounds.map((us) => us.toFixed(1)).join(" "),
      ]),
    ]);
  }
  write("");
  write(`At ${fixedRate.requestsPerSecond} requests/s, response 200 B (median of rounds)`);
  table(write, [
    ["", "p50 ms", "p99 ms", "added p50", "added p99", "CPU µs/request", "errors"],
    ...fixedRate.results.map((row) => [
      row.contender,
      row.p50Ms.toFixed(3),
      row.p99Ms.toFixed(3),
      row.addedP50Ms.toFixed(3),
      row.addedP99Ms.toFixed(3),
      row.contender === "direct" ? "-" : row.cpuUsPerRequest.toFixed(1),
      String(row.errors),
    ]),
  ]);
  if (scaling !== null) printScaling(scaling, write);
}

function printScaling(scaling: Scaling, write: (line: string) => void): void {
  write("");
  write(
    `Two workers against one: ${scaling.twoWorkersPerSecond.toFixed(0)} / ` +
      `${scaling.oneWorkerPerSecond.toFixed(0)} requests/s = ${scaling.ratio.toFixed(2)}×; ` +
      `by the busiest thread's CPU per request ${scaling.ratioByCpu.toFixed(2)}×`,
  );
  if (scaling.coresFree < 2) {
    write(
      `  Only ${scaling.coresFree} cores were free for the workers: load and upstream shared theirs, so the ` +
        "first figure is bounded by the machine. The second is what the workers could do with a core each.",
    );
  }
}

/** The median of the rounds' ratios: neighbours in time share whatever disturbed the machine. */
function pairedRatio(row: Saturation, yardstick: Saturation): number {
  return median(row.rounds.map((us, round) => us / (yardstick.rounds[round] ?? Number.NaN)));
}

function table(write: (line: string) => void, rows: readonly (readonly string[])[]): void {
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
