import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { startSluiceProcess } from "../support/sluice-process.ts";
import { systemOf } from "../support/system.ts";
import type { UpstreamPorts } from "./configurations.ts";
import type { CrowdHeld } from "./crowd-clients.ts";
import { nextMessage, openFolder, startNode, stop } from "./processes.ts";

/**
 * `npm run bench:crowd [-- --idle 10000 --slow 2000]`: healthy traffic of 500 requests a second alone, and again while so
 * many connections do nothing or almost nothing. Prints latencies and memory of both; exit 1 when a healthy request failed.
 */
const { values } = parseArgs({
  options: {
    idle: { type: "string", default: "10000" },
    slow: { type: "string", default: "2000" },
    rate: { type: "string", default: "500" },
    seconds: { type: "string", default: "15" },
  },
});
const [idle, slow, rate, seconds] = [values.idle, values.slow, values.rate, values.seconds].map(
  Number,
) as [number, number, number, number];

const folder = openFolder();
const upstream = startNode("0-1", new URL("./upstream.ts", import.meta.url), []);
const { ports } = await nextMessage<{ ports: UpstreamPorts }>(upstream);
const file = join(folder.path, "sluice.yaml");
writeFileSync(
  file,
  `
listen: { host: 127.0.0.1, port: 0, workers: 1, limits: { connections: ${idle + slow + 1000} } }
admin: { host: 127.0.0.1, port: 0 }
store: { sqlite: "${join(folder.path, "sluice.db")}" }
upstreams:
  first: { url: "http://127.0.0.1:${ports[0]}", limits: { connections: ${slow + 200} } }
  second: { url: "http://127.0.0.1:${ports[1]}", limits: { connections: ${slow + 200} } }
routes: [ { match: "POST /embeddings", experiment: bench } ]
experiments:
  bench: { variants: { first: { upstream: first, control: true }, second: { upstream: second } } }
`,
);
const sluice = await startSluiceProcess(file);
const url = `${sluice.url}/embeddings?bytes=200`;

type Measured = { readonly failed: number; readonly p50: number; readonly p99: number };

async function measure(): Promise<Measured> {
  const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;
  const json = join(folder.path, "load.json");
  const user = "x-user-id: {{user}}";
  const amount = ["-r", String(rate), "-d", `${seconds}s`, "--warm-up", "3s"];
  const sent = ["-X", "POST", "-b", '{"text":"x"}', "-H", user];
  await promisify(execFile)(process.execPath, [
    script,
    "load",
    url,
    ...amount,
    ...sent,
    "--json",
    json,
    "--quiet",
  ]).catch(() => {});
  const { all } = JSON.parse(readFileSync(json, "utf8")) as {
    all: { failed: number; responseTime: { p50Ms: number; p99Ms: number } };
  };
  return { failed: all.failed, p50: all.responseTime.p50Ms, p99: all.responseTime.p99Ms };
}

async function memory(): Promise<string> {
  const { memory_bytes: bytes, connections } = await systemOf(sluice.adminUrl);
  return `${Math.round(bytes / 1024 / 1024)} MiB with ${connections} connections`;
}

const say = (what: string, { failed, p50, p99 }: Measured, held: string) =>
  console.log(`${what}: p50 ${p50} ms, p99 ${p99} ms, ${failed} failed, ${held}`);

const alone = await measure();
say("alone", alone, await memory());
const crowd = startNode("0-1", new URL("./crowd-clients.ts", import.meta.url), [
  String(Number(new URL(sluice.url).port)),
  String(idle),
  String(slow),
]);
await nextMessage<CrowdHeld>(crowd, 120_000);
const crowded = await measure();
crowd.send("?");
const held = await nextMessage<CrowdHeld>(crowd);
say(`with ${held.open} in the crowd (${held.closed} closed)`, crowded, await memory());
await stop(crowd);
await new Promise((resolve) => setTimeout(resolve, 3000));
console.log(`afterwards: ${await memory()}`);
await sluice.end();
await stop(upstream);
process.exitCode = alone.failed + crowded.failed === 0 ? 0 : 1;
