import { availableParallelism } from "node:os";
import type { UpstreamPorts } from "./configurations.ts";
import { sluice, type Running } from "./contenders.ts";
import { progress, saturate, type Round, type SaturationOrder } from "./measure.ts";
import { median } from "./median.ts";
import type { BenchOptions } from "./options.ts";
import { nextMessage, startNode, stop } from "./processes.ts";

export type Scaling = {
  /** Cores that neither the load nor the upstream used. Below 2, `ratio` says little about the proxy. */
  readonly coresFree: number;
  /** Each of these for one worker and for two. */
  readonly requestsPerSecond: readonly [number, number];
  /** Of all threads: how much dearer a request gets by the second worker. */
  readonly requestsPerCpuSecond: readonly [number, number];
  /** Share of a core that the busiest thread used; well below 1, the workers were not the bottleneck. */
  readonly busiestThreadBusy: readonly [number, number];
  readonly errors: readonly [number, number];
  readonly ratio: number;
  /** A projection: what the busiest thread's CPU per request allows once every worker has a core to itself. */
  readonly ratioByCpu: number;
};

/** Enough for the kernel to spread connections evenly over two listeners. */
const connections = 256;

/** One worker against two; with four cores or more the workers have two of them to themselves. */
export async function measureScaling(
  options: BenchOptions,
  generator: SaturationOrder["generator"],
): Promise<Scaling> {
  const cores = availableParallelism();
  const coresFree = cores >= 4 ? 2 : 0;
  const workerCores = coresFree === 2 ? "0-1" : `0-${cores - 1}`;
  const loadCores = coresFree === 2 ? `2-${cores - 1}` : workerCores;
  const upstream = startNode(loadCores, new URL("./upstream.ts", import.meta.url), []);
  const started: Running[] = [];
  try {
    const { ports } = await nextMessage<{ ports: UpstreamPorts }>(upstream);
    for (const workers of [1, 2]) {
      started.push(await sluice("scaling", workers).start(workerCores, ports));
    }
    const measured: [Round[], Round[]] = [[], []];
    const body = { bytes: 200, chunked: false };
    const order = { cores: loadCores, generator, body, connections, seconds: options.seconds };
    for (let round = 0; round <= options.rounds; round += 1) {
      progress(round === 0 ? "workers, warm-up" : `workers, round ${round} of ${options.rounds}`);
      for (const [at, running] of started.entries()) {
        const result = await saturate(running, order);
        if (round > 0) measured[at]?.push(result);
      }
    }
    return { coresFree, ...compare(measured) };
  } finally {
    for (const running of started) await running.stop();
    await stop(upstream);
  }
}

function compare(measured: readonly [readonly Round[], readonly Round[]]) {
  const each = (figure: (round: Round) => number): [number, number] => [
    median(measured[0].map(figure)),
    median(measured[1].map(figure)),
  ];
  const requestsPerSecond = each(({ requests, seconds }) => requests / seconds);
  const busiest = each(({ busiestThreadUs, requests }) => busiestThreadUs / requests);
  return {
    requestsPerSecond,
    requestsPerCpuSecond: each(({ requests, cpuUs }) => (requests / cpuUs) * 1e6),
    busiestThreadBusy: each(({ busiestThreadUs, seconds }) => busiestThreadUs / 1e6 / seconds),
    errors: measured.map((rounds) => rounds.reduce((sum, { errors }) => sum + errors, 0)) as [
      number,
      number,
    ],
    ratio: requestsPerSecond[1] / requestsPerSecond[0],
    ratioByCpu: busiest[0] / busiest[1],
  };
}
