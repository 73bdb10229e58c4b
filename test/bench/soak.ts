import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { startPlane } from "../support/plane.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import { nextMessage, startNode, stop } from "./processes.ts";

/**
 * `npm run soak -- --seconds 60`: a data plane at saturation, with the split and telemetry on and snapshots
 * taken as in production; the heap after warm-up must grow by less than 10 %. Upstream and load are
 * processes of their own, so the heap is Sluice's alone. Prints one line of JSON; exit 1 when it failed.
 */

const growthMax = 0.1;
const snapshotPeriodMs = 250;
const connections = 32;

const { values } = parseArgs({ options: { seconds: { type: "string" } } });
const seconds = Number(values.seconds ?? 60);
const { gc } = globalThis;
if (gc === undefined || !(seconds > 0)) {
  console.error("usage: node --expose-gc test/bench/soak.ts [--seconds N]");
  process.exit(2);
}

const cores = `0-${availableParallelism() - 1}`;
const upstream = startNode(cores, new URL("./upstream.ts", import.meta.url), []);
const generator = startNode(cores, new URL("./load.ts", import.meta.url), []);
const { ports } = await nextMessage<{ ports: [number, number] }>(upstream);
const plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { a: { url: "http://127.0.0.1:${ports[0]}" }, b: { url: "http://127.0.0.1:${ports[1]}" } }
routes: [ { match: "/**", experiment: soak } ]
experiments:
  soak: { variants: { a: { upstream: a, control: true }, b: { upstream: b } } }
`);
const snapshots = setInterval(() => plane.counters(), snapshotPeriodMs);

async function saturate(duration: number): Promise<LoadResult> {
  const order: LoadOrder = {
    port: plane.port,
    bytes: 2000,
    chunked: false,
    connections,
    rate: null,
    warmUpSeconds: 0,
    seconds: duration,
    pids: [process.pid],
  };
  generator.send(order);
  return nextMessage<LoadResult>(generator, (duration + 30) * 1000);
}

/** The live heap: what is left after collecting twice. */
function heapBytes(): number {
  gc?.();
  gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

await saturate(Math.max(1, seconds / 5));
const before = heapBytes();
const { requests, errors } = await saturate(seconds);
const after = heapBytes();
clearInterval(snapshots);
const outcomes = plane.outcomes();
await plane.stop();
await Promise.all([stop(generator), stop(upstream)]);
const growth = after / before - 1;
console.log(
  JSON.stringify({
    seconds,
    requests,
    errors,
    outcomes,
    heapBefore: before,
    heapAfter: after,
    growth,
  }),
);
process.exitCode = errors === 0 && growth < growthMax ? 0 : 1;
