import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import type { UpstreamPorts } from "./configurations.ts";
import { contenders, type Contender, type Running } from "./contenders.ts";
import { cpuClock } from "./cpu-clock.ts";
import type { FixedRate, Saturation } from "./figures.ts";
import type { LoadResult } from "./load.ts";
import {
  load,
  progress,
  saturate,
  verify,
  warmUpSeconds,
  type Round,
  type SaturationOrder,
} from "./measure.ts";
import { median } from "./median.ts";
import { bodyLabel, parseOptions, usage, type BenchOptions } from "./options.ts";
import { nextMessage, startNode, stop } from "./processes.ts";
import { printReport, type Report } from "./report.ts";
import { measureScaling } from "./scaling.ts";
import { judgeTargets } from "./targets.ts";
import { wrkVersion } from "./wrk.ts";

/**
 * The benchmark: the same load through Sluice and through others, on one core each, in interleaved
 * rounds. CPU per request is the main figure, because it does not depend on how much of the machine the
 * load takes; requests/s is shown beside how busy the proxy's core was.
 */

/** Before the first round, so that just-in-time compilers are done. */
const firstWarmUpSeconds = 2;

type Started = { readonly contender: Contender; readonly running: Running };

const cores = availableParallelism();
const proxyCore = "0";
const loadCore = String(cores - 1);

async function main(options: BenchOptions): Promise<Report> {
  if (cores < 2) progress("one core only; the load and the proxy share it");
  const [loadAverage = Number.NaN] = loadavg();
  const wanted = contenders.filter(({ name }) => options.only?.includes(name) ?? true);
  const described: Record<string, { what: string; without: string | null }> = {};
  const missing: string[] = [];
  for (const { name, describe, without } of wanted) {
    const what = await describe();
    if (what === null) missing.push(name);
    else described[name] = { what, without };
  }
  const wrk = Number.isInteger(options.seconds) ? await wrkVersion() : null;
  const generator = wrk === null ? "own" : "wrk";
  const upstream = startNode(loadCore, new URL("./upstream.ts", import.meta.url), []);
  const started: Started[] = [];
  try {
    const { ports } = await nextMessage<{ ports: UpstreamPorts }>(upstream);
    for (const contender of wanted) {
      if (missing.includes(contender.name)) continue;
      const running = await contender.start(proxyCore, ports);
      started.push({ contender, running });
      if (options.verbose) progress(`${contender.name}: ${running.configuration}`);
    }
    const saturation = await saturationRounds(started, options, generator);
    const results = await fixedRateRounds(started, ports[0], options);
    for (const { running } of started.splice(0)) await running.stop();
    const withScaling = options.scaling && described["sluice"] !== undefined;
    const scaling = withScaling ? await measureScaling(options, generator) : null;
    return {
      startedAt: new Date().toISOString(),
      machine: {
        model: cpus()[0]?.model.trim() ?? "unknown",
        cores,
        node: process.version,
        loadAverage,
      },
      cpuClock,
      load: describeLoad(wrk, options),
      contenders: described,
      missing,
      saturation,
      fixedRate: { requestsPerSecond: options.rate, results },
      scaling,
      targets: judgeTargets(saturation, scaling),
    };
  } finally {
    for (const { running } of started) await running.stop();
    await stop(upstream);
  }
}

function describeLoad(wrk: string | null, { connections, rounds, seconds }: BenchOptions): string {
  return (
    `${wrk ?? "own generator, every response checked"}; ${connections} keep-alive connections, 1000 users; ` +
    `${rounds} interleaved rounds of ${seconds} s, each after ${warmUpSeconds} s of warm-up ` +
    `with every status and length checked; proxy on core ${proxyCore}, load and upstream on core ${loadCore}`
  );
}

async function saturationRounds(
  started: readonly Started[],
  { bodies, connections, rounds, seconds }: BenchOptions,
  generator: SaturationOrder["generator"],
): Promise<Saturation[]> {
  const cases = bodies.flatMap((body) =>
    started.map((one) => ({ ...one, body, results: [] as Round[], warmUpErrors: 0 })),
  );
  for (const one of cases) {
    progress(`warm-up, ${bodyLabel(one.body)} B, ${one.contender.name}`);
    const order = { cores: loadCore, body: one.body, connections, seconds: firstWarmUpSeconds };
    one.warmUpErrors = (await verify(one.running, order)).errors;
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const { running, contender, body, results } of cases) {
      progress(`round ${round} of ${rounds}, ${bodyLabel(body)} B, ${contender.name}`);
      const order = { cores: loadCore, generator, body, connections, seconds };
      results.push(await saturate(running, order));
    }
  }
  return cases.map(({ contender: { name }, body, results, warmUpErrors }): Saturation => {
    const each = results.map(({ cpuUs, requests }) => cpuUs / requests);
    return {
      contender: name,
      body,
      requestsPerSecond: median(results.map(({ requests, seconds: took }) => requests / took)),
      cpuUsPerRequest: median(each),
      requestsPerCpuSecond: 1e6 / median(each),
      coreBusy: median(results.map(({ cpuUs, seconds: took }) => cpuUs / 1e6 / took)),
      errors: warmUpErrors + sumErrors(results),
      rounds: each,
    };
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
  const shape = { bytes: 200, chunked: false, connections: 8, rate, warmUpSeconds, seconds };
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, port, pids } of all) {
      progress(`round ${round} of ${rounds}, ${rate} requests/s, ${name}`);
      measured.get(name)?.push(await load(loadCore, { ...shape, port, pids: pids() }));
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

function sumErrors(results: readonly Pick<LoadResult, "errors">[]): number {
  return results.reduce((sum, { errors }) => sum + errors, 0);
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
const failed = [...report.saturation, ...report.fixedRate.results].filter(
  ({ errors }) => errors > 0,
);
const names = new Set(failed.map(({ contender }) => contender));
if (report.scaling?.errors.some((errors) => errors > 0) === true) names.add("scaling");
if (names.size > 0) {
  console.error(
    `bench: wrong or lost responses: ${[...names].join(", ")}; their figures do not count`,
  );
  process.exitCode = 1;
}
