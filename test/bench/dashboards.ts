import { availableParallelism } from "node:os";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startSluiceProcess } from "../support/sluice-process.ts";
import type { UpstreamPorts } from "./configurations.ts";
import type { LoadOrder } from "./load.ts";
import { load, progress, warmUpSeconds } from "./measure.ts";
import { median } from "./median.ts";
import type { ListenersHeard, ListenersOrder } from "./listeners.ts";
import { nextMessage, openFolder, startNode, stop } from "./processes.ts";

/**
 * `npm run bench:dashboards`: what dashboards cost the traffic. Rounds without and with listeners of the live feed take
 * turns on the same Sluice; the difference of each pair is held against how much rounds without any differ by themselves.
 */

const { values } = parseArgs({
  options: {
    listeners: { type: "string", default: "10" },
    rounds: { type: "string", default: "15" },
    seconds: { type: "string", default: "4" },
    rate: { type: "string", default: "500" },
  },
});
const [listeners, rounds, seconds, rate] = [
  Number(values.listeners),
  Number(values.rounds),
  Number(values.seconds),
  Number(values.rate),
];
if (!(listeners >= 1 && rounds >= 3 && seconds > 0 && rate > 0)) {
  console.error(
    "usage: npm run bench:dashboards -- [--listeners 10] [--rounds 15] [--seconds 4] [--rate 500]",
  );
  process.exit(2);
}

const cores = `0-${availableParallelism() - 1}`;
const folder = openFolder();
const upstream = startNode(cores, new URL("./upstream.ts", import.meta.url), []);
const { ports } = await nextMessage<{ ports: UpstreamPorts }>(upstream);
const file = join(folder.path, "sluice.yaml");
writeFileSync(
  file,
  `
listen: { host: 127.0.0.1, port: 0, workers: 1 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: info }
store: { sqlite: "${join(folder.path, "sluice.db")}" }
upstreams:
  first: { url: "http://127.0.0.1:${ports[0]}" }
  second: { url: "http://127.0.0.1:${ports[1]}" }
routes: [ { match: "POST /embeddings", experiment: bench } ]
experiments:
  bench: { variants: { first: { upstream: first, control: true }, second: { upstream: second } } }
`,
);
const sluice = await startSluiceProcess(file);
const dashboards = startNode(cores, new URL("./listeners.ts", import.meta.url), [sluice.adminUrl]);
const order: LoadOrder = {
  port: Number(new URL(sluice.url).port),
  bytes: 200,
  chunked: false,
  connections: 32,
  rate,
  warmUpSeconds,
  seconds,
  pids: [],
};

async function listen(count: number): Promise<ListenersHeard> {
  const wanted: ListenersOrder = { count };
  dashboards.send(wanted);
  return nextMessage<ListenersHeard>(dashboards);
}

const without: number[] = [];
const differences: number[] = [];
let heard = 0;
let errors = 0;
try {
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "dashboards, warm-up" : `dashboards, round ${round} of ${rounds}`);
    const alone = await load(cores, order);
    await listen(listeners);
    const watched = await load(cores, order);
    const { updates } = await listen(0);
    if (round === 0) continue;
    without.push(alone.p99Ms);
    differences.push(watched.p99Ms - alone.p99Ms);
    heard += updates;
    errors += alone.errors + watched.errors;
  }
} finally {
  await Promise.all([stop(dashboards), sluice.kill(), stop(upstream)]);
  folder.remove();
}

// Neighbouring rounds without listeners differ by chance alone.
const byChance = without.slice(1).map((p99, at) => Math.abs(p99 - (without[at] as number)));
const [change, noise] = [median(differences), median(byChance)];
const ms = (value: number) => `${value.toFixed(3)} ms`;
console.log(
  `${rate} requests/s, p99: ${ms(median(without))} without dashboards, ${ms(change)} more with ${listeners} (median of ${rounds} pairs)
two rounds without any differ by ${ms(noise)}; ${Math.round(heard / rounds / seconds)} updates/s reached them; ${errors} errors
${Math.abs(change) < noise ? "less than the noise" : "MORE than the noise"}`,
);
process.exitCode = errors === 0 && Math.abs(change) < noise ? 0 : 1;
