import type { Running } from "./contenders.ts";
import { cpuBetween, threadsCpuUs } from "./cpu-clock.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import type { Body } from "./options.ts";
import { nextMessage, startNode, stop } from "./processes.ts";
import { runWrk } from "./wrk.ts";

/** One measurement of one proxy, by a generator process of its own. */

export type Round = Pick<
  LoadResult,
  "requests" | "seconds" | "errors" | "cpuUs" | "busiestThreadUs"
>;

export type SaturationOrder = {
  readonly cores: string;
  readonly generator: "wrk" | "own";
  readonly body: Body;
  readonly connections: number;
  readonly seconds: number;
};

/** Before each measurement: the processor's caches and the connections are this proxy's again. */
export const warmUpSeconds = 0.3;

/** As much as the proxy can take. With wrk, our own generator goes first and checks the responses' lengths. */
export async function saturate(running: Running, order: SaturationOrder): Promise<Round> {
  const { cores, generator, body, connections, seconds } = order;
  const { port } = running;
  if (generator === "own") {
    const pids = running.pids();
    const shape = { port, ...body, connections, rate: null };
    return load(cores, { ...shape, warmUpSeconds, seconds, pids });
  }
  const checked = await verify(running, { ...order, seconds: warmUpSeconds });
  const before = threadsCpuUs(running.pids());
  const measured = await runWrk(cores, { port, body, connections, seconds });
  const { totalUs, busiestThreadUs } = cpuBetween(before, threadsCpuUs(running.pids()));
  if (measured.requests === 0) throw new Error(`port ${port} answered nothing`);
  return {
    ...measured,
    errors: checked.errors + measured.errors,
    cpuUs: totalUs,
    busiestThreadUs,
  };
}

/** Sends for so long, and checks every response's status and length. */
export function verify(
  { port }: Running,
  { cores, body, connections, seconds }: Omit<SaturationOrder, "generator">,
): Promise<LoadResult> {
  const shape = { port, ...body, connections, rate: null };
  return load(cores, { ...shape, warmUpSeconds: 0, seconds, pids: [] });
}

/** One run of our own generator; throws when nothing is answered in time. */
export async function load(cores: string, order: LoadOrder): Promise<LoadResult> {
  const generator = startNode(cores, new URL("./load.ts", import.meta.url), []);
  try {
    generator.send(order);
    const deadlineMs = (order.warmUpSeconds + order.seconds) * 1000 + 15_000;
    const result = await nextMessage<LoadResult>(generator, deadlineMs);
    if (result.requests === 0) throw new Error(`port ${order.port} answered nothing`);
    return result;
  } finally {
    await stop(generator);
  }
}

/** What is happening, for who waits. */
export function progress(what: string): void {
  console.error(`bench: ${what}`);
}
