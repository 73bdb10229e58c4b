import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import {
  contenders,
  sluice,
  type Contender,
  type Running,
  type UpstreamPorts,
} from "./contenders.ts";
import { cpuClock } from "./cpu-clock.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import { median } from "./median.ts";
import { bodyLabel, parseOptions, usage, type BenchOptions, type Body } from "./options.ts";
import { nextMessage, startNode, stop } from "./processes.ts";
import {
  printReport,
  type FixedRate,
  type Report,
  type Saturation,
  type Scaling,
} from "./report.ts";

/**
 * The benchmark: the same load through Sluice and through others, on one core each, in interleaved
 * rounds. CPU per request is the main figure, because it does not depend on how much of the machine the
 * load takes; requests/s is shown beside how busy the proxy's core was.
 */

const warmUpSeconds = 0.3;
/** Before the first round, so that just-in-time compilers are done. */
const firstWarmUpSeconds = 2;
/** Enough for the kernel to spread connections evenly over two listeners. */
const scalingConnections = 256;

type Started = { readonly contender: Contender; readonly running: Running };

const cores = availableParallelism();
const lastCore = String(cores - 1);
const allCores = `0-${lastCore}`;

async function main(options: BenchOptions): Promise<Report> {
  if (cores < 2) console.error("bench: one core only; the load and the proxy share it");
  const wanted = contenders.filter(({ name }) => options.only?.includes(name) ?? true);
  const described: Record<string, string> = {};
  const missing: string[] = [];
  for (const { name, describe } of wanted) {
    const what = await describe();
    if (what === null) missing.push(name);
    else described[name] = what;
  }
  const upstream = startNode(lastCore, new URL("./upstream.ts", import.meta.url), []);
  const { ports } = await nextMessage<{ ports: UpstreamPorts }>(upstream);
  const started: Started[] = [];
  try {
    for (const contender of wanted) {
      if (missing.includes(contender.name)) continue;
      started.push({ contender, running: await contender.start("0", ports) });
    }
    for (const one of started) {
      for (const body of options.bodies) await saturate(one, body, options, firstWarmUpSeconds);
    }
    const saturation = await saturationRounds(started, options);
    const results = await fixedRateRounds(started, ports[0], options);
    for (const { running } of started.splice(0)) await running.stop();
    const withScaling = options.scaling && described["sluice"] !== undefined;
    return {
      startedAt: new Date().toISOString(),
      machine: {
        model: cpus()[0]?.model.trim() ?? "unknown",
        cores,
        node: process.version,
      },
      cpuClock,
      load:
        `${options.connections} keep-alive connections, 1000 users, every response checked; ` +
        `${options.rounds} rounds of ${options.seconds} s; proxy on core 0, load and upstream on core ${lastCore}`,
      contenders: described,
      missing,
      saturation,
      fixedRate: { requestsPerSecond: options.rate, results },
      scaling: withScaling ? await measureScaling(ports, options) : null,
    };
  } finally {
    for (const { running } of started) await running.stop();
    await stop(upstream);
  }
}

async function saturationRounds(
  started: readonly Started[],
  options: BenchOptions,
): Promise<Saturation[]> {
  const measured = new Map<string, LoadResult[]>();
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const body of options.bodies) {
      progress(`round ${round} of ${options.rounds}, ${bodyLabel(body)} B`);
      for (const one of started) {
        const key = `${one.contender.name} ${bodyLabel(body)}`;
        const result = await saturate(one, body, options, warmUpSeconds);
        measured.set(key, [...(measured.get(key) ?? []), result]);
      }
    }
  }
  return options.bodies.flatMap((body) =>
    started.map(({ contender: { name } }): Saturation => {
      const results = measured.get(`${name} ${bodyLabel(body)}`) ?? [];
      const rounds = results.map(({ cpuUs, requests }) => cpuUs / requests);
      return {
        contender: name,
        body,
        requestsPerSecond: median(results.map(({ requests, seconds }) => requests / seconds)),
        cpuUsPerRequest: median(rounds),
        coreBusy: median(results.map(({ cpuUs, seconds }) => cpuUs / 1e6 / seconds)),
        errors: sumErrors(results),
        rounds,
      };
    }),
  );
}

function saturate(
  { running }: Started,
  body: Body,
  { connections, seconds }: BenchOptions,
  warmUp: number,
): Promise<LoadResult> {
  const pids = running.pids();
  const { port } = running;
  return load(lastCore, {
    port,
    ...body,
    connections,
    rate: null,
    warmUpSeconds: warmUp,
    seconds,
    pids,
  });
}

async function fixedRateRounds(
  started: readonly Started[],
  directPort: number,
  { rate, rounds, seconds }: BenchOptions,
): Promise<FixedRate[]> {
  const direct = { name: "direct", port: directPort, pids: (): readonly number[] => [] };
  const all = [
    direct,
    ...started.map(({ contender: { name }, running: { port, pids } }) => ({ name, port, pids })),
  ];
  const measured = new Map<string, LoadResult[]>(all.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    progress(`round ${round} of ${rounds}, ${rate} requests/s`);
    for (const { name, port, pids } of all) {
      const order = {
        port,
        bytes: 200,
        chunked: false,
        connections: 8,
        rate,
        warmUpSeconds,
        seconds,
      };
      measured.get(name)?.push(await load(lastCore, { ...order, pids: pids() }));
    }
  }
  const latency = (name: string, which: "p50Ms" | "p99Ms"): number =>
    median((measured.get(name) ?? []).map((result) => result[which]));
  return all.map(({ name }) => {
    const results = measured.get(name) ?? [];
    const p50Ms = latency(name, "p50Ms");
    const p99Ms = latency(name, "p99Ms");
    return {
      contender: name,
      p50Ms,
      p99Ms,
      addedP50Ms: p50Ms - latency("direct", "p50Ms"),
      addedP99Ms: p99Ms - latency("direct", "p99Ms"),
      cpuUsPerRequest: median(results.map(({ cpuUs, requests }) => cpuUs / requests)),
      errors: sumErrors(results),
    };
  });
}

/** One worker against two; with four cores or more the workers have two of them to themselves. */
async function measureScaling(ports: UpstreamPorts, options: BenchOptions): Promise<Scaling> {
  const coresFree = cores >= 4 ? 2 : 0;
  const workerCores = coresFree === 2 ? "0-1" : allCores;
  const loadCores = coresFree === 2 ? `2-${lastCore}` : allCores;
  const upstream = startNode(loadCores, new URL("./upstream.ts", import.meta.url), []);
  const own = (await nextMessage<{ ports: UpstreamPorts }>(upstream)).ports;
  const started: Running[] = [];
  try {
    for (const workers of [1, 2]) {
      started.push(await sluice("scaling", workers).start(workerCores, own));
    }
    const measured: LoadResult[][] = [[], []];
    for (let round = 0; round <= options.rounds; round += 1) {
      progress(round === 0 ? "workers, warm-up" : `workers, round ${round} of ${options.rounds}`);
      for (const [at, { port, pids }] of started.entries()) {
        const shape = { bytes: 200, chunked: false, connections: scalingConnections, rate: null };
        const order = { port, ...shape, warmUpSeconds, seconds: options.seconds, pids: pids() };
        const result = await load(loadCores, order);
        if (round > 0) measured[at]?.push(result);
      }
    }
    const perSecond = measured.map((results) =>
      median(results.map(({ requests, seconds }) => requests / seconds)),
    ) as [number, number];
    const busiest = measured.map((results) =>
      median(results.map(({ busiestThreadUs, requests }) => busiestThreadUs / requests)),
    ) as [number, number];
    return {
      coresFree,
      oneWorkerPerSecond: perSecond[0],
      twoWorkersPerSecond: perSecond[1],
      ratio: perSecond[1] / perSecond[0],
      ratioByCpu: busiest[0] / busiest[1],
    };
  } finally {
    for (const running of started) await running.stop();
    await stop(upstream);
  }
}

async function load(onCores: string, order: LoadOrder): Promise<LoadResult> {
  const generator = startNode(onCores, new URL("./load.ts", import.meta.url), []);
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

function sumErrors(results: readonly LoadResult[]): number {
  return results.reduce((sum, { errors }) => sum + errors, 0);
}

function progress(what: string): void {
  console.error(`bench: ${what}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

let options: BenchOptions;
try {
  options = parseOptions(
    process.argv.slice(2),
    contenders.map(({ name }) => name),
  );
} catch (error) {
  console.error(`bench: ${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
const report = await main(options);
const json = `${JSON.stringify(report, null, 2)}\n`;
if (options.jsonFile === "-") process.stdout.write(json);
else printReport(report, (line) => console.log(line));
if (options.jsonFile !== null && options.jsonFile !== "-") writeFileSync(options.jsonFile, json);
const failures = [...report.saturation, ...report.fixedRate.results].filter(
  ({ errors }) => errors > 0,
);
if (failures.length > 0) {
  const names = [...new Set(failures.map(({ contender }) => contender))];
  console.error(`bench: wrong or lost responses: ${names.join(", ")}; their figures do not count`);
  process.exitCode = 1;
}
