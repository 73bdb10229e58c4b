import { once } from "node:events";
import type { LoadReport } from "../../src/core/load/report.ts";
import { startPinned } from "./processes.ts";

/** Load testers that others know, and ours, behind one call: keep-alive connections that each wait for their answer. */

/** Milliseconds at these percentiles; NaN where a tester does not tell. */
export const percentiles = [50, 75, 90, 99] as const;

export type TesterResult = {
  readonly requestsPerSecond: number;
  readonly timesMs: readonly number[];
};

export type TesterOrder = {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** In `taskset -c` syntax. */
  readonly cores: string;
};

/**
 * wrk corrects for coordinated omission by itself, with the mean time between a connection's answers as the interval;
 * what it tells is comparable with ours when that gets the same correction.
 */
export const correcting = "wrk";

export const testers: Readonly<Record<string, (order: TesterOrder) => Promise<TesterResult>>> = {
  sluice: async (order) => {
    const { url, connections, seconds } = order;
    return ownResult(await runSluice(order, [url, "-u", String(connections), "-d", `${seconds}s`]));
  },
  wrk: async ({ url, connections, seconds, cores }) => {
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url];
    const printed = await run(cores, "wrk", args);
    return {
      requestsPerSecond: Number(/Requests\/sec: +([\d.]+)/.exec(printed)?.[1]),
      timesMs: percentiles.map((percentile) => {
        const match = new RegExp(`^ +${percentile}% +([\\d.]+)(us|ms|s)$`, "m").exec(printed);
        const unit = { us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? ""] ?? Number.NaN;
        return Number(match?.[1]) * unit;
      }),
    };
  },
  hey: async ({ url, connections, seconds, cores }) => {
    const args = ["-c", String(connections), "-z", `${seconds}s`, url];
    const printed = await run(cores, "hey", args);
    return {
      requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]),
      timesMs: percentiles.map((percentile) => {
        const match = new RegExp(`^ +${percentile}% in ([\\d.]+) secs$`, "m").exec(printed);
        return Number(match?.[1]) * 1000;
      }),
    };
  },
};

/** What ours tells when it is corrected as {@link correcting} is; `result` is what it told without. */
export async function correctedSluice(
  order: TesterOrder,
  result: TesterResult,
): Promise<TesterResult> {
  const { url, connections, seconds } = order;
  const intervalMs = Math.max(1, Math.round((1000 * connections) / result.requestsPerSecond));
  const args = [url, "-u", String(connections), "-d", `${seconds}s`];
  return ownResult(await runSluice(order, [...args, "--expected-interval", `${intervalMs}ms`]));
}

function ownResult({ rates, all: { responseTime: times } }: LoadReport): TesterResult {
  return {
    requestsPerSecond: rates.achieved,
    timesMs: [times?.p50Ms, times?.p75Ms, times?.p90Ms, times?.p99Ms].map(
      (time) => time ?? Number.NaN,
    ),
  };
}

/** Runs `sluice load` and reads its JSON; a run that the generator spoiled is read all the same. */
export async function runSluice(
  { cores }: Pick<TesterOrder, "cores">,
  args: readonly string[],
): Promise<LoadReport> {
  const program = new URL("../../src/main/sluice.ts", import.meta.url).pathname;
  const options = ["-q", "--json", "-", "--allow-invalid"];
  const printed = await run(cores, process.execPath, [program, "load", ...args, ...options]);
  return JSON.parse(printed) as LoadReport;
}

async function run(cores: string, command: string, args: readonly string[]): Promise<string> {
  const child = startPinned(cores, command, args, "stdout");
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${printed}`);
  return printed;
}
