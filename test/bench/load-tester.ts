import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import {
  correctedSluice,
  correcting,
  percentiles,
  runSluice,
  testers,
  type TesterResult,
} from "./load-testers.ts";
import { median } from "./median.ts";
import { nextMessage, startNode, stop, versionOf } from "./processes.ts";

/**
 * `npm run bench:load`: the load tester beside wrk and hey, where they are installed, on the same server in turns; then
 * what it can do alone, and what each tells of a server that stands still for one second in every ten.
 */

const usage =
  "usage: npm run bench:load -- [--seconds 5] [--rounds 3] [--no-stall] [--json FILE|-]";
const { values } = parseArgs({
  options: {
    "no-stall": { type: "boolean", default: false },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
  },
});
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
if (!(Number.isInteger(seconds) && seconds >= 1 && Number.isInteger(rounds) && rounds >= 1)) {
  console.error(usage);
  process.exit(2);
}

/** How far two testers may differ where they measure the same. */
const agreementMax = 0.05;

type Check = {
  readonly name: string;
  readonly measured: number;
  readonly limit: string;
  readonly isMet: boolean;
};
const checks: Check[] = [];
const tables: Record<string, Record<string, TesterResult>> = {};

const [targetCores, cores] =
  availableParallelism() > 1 ? (["0", "1"] as const) : (["0", "0"] as const);
const target = startNode(targetCores, new URL("./load-target.ts", import.meta.url), []);
const { port } = await nextMessage<{ port: number }>(target);
const url = (path: string) => `http://127.0.0.1:${port}${path}`;
const peers = ["wrk", "hey"];
const found = await Promise.all(peers.map((name) => versionOf(name, name === "wrk" ? "-v" : "-h")));
const present = ["sluice", ...peers.filter((_, at) => found[at] !== null)];
for (const name of peers) if (!present.includes(name)) say(`${name} is not installed`);

function say(text: string): void {
  console.error(text);
}

const ownCorrected = "sluice, corrected";

/** Testers take turns, so that whatever else the machine does meets all of them. */
async function compare(
  path: string,
  connections: number,
  isCorrected: boolean,
): Promise<Record<string, TesterResult>> {
  const results: Record<string, TesterResult[]> = {};
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of present) {
      say(`${path}, ${connections} connections, round ${round} of ${rounds}: ${name}`);
      const tester = testers[name] as (typeof testers)[string];
      const order = { url: url(path), connections, seconds, cores };
      const result = await tester(order);
      (results[name] ??= []).push(result);
      if (name !== "sluice" || !isCorrected) continue;
      (results[ownCorrected] ??= []).push(await correctedSluice(order, result));
    }
  }
  return Object.fromEntries(
    Object.entries(results).map(([name, each]) => [
      name,
      {
        requestsPerSecond: median(each.map(({ requestsPerSecond }) => requestsPerSecond)),
        timesMs: percentiles.map((_, at) =>
          median(each.map(({ timesMs }) => timesMs[at] as number)),
        ),
      },
    ]),
  );
}

function checkAgreement(results: Record<string, TesterResult>): void {
  for (const [name, peer] of Object.entries(results)) {
    if (name.startsWith("sluice")) continue;
    const own = results[name === correcting ? ownCorrected : "sluice"] as TesterResult;
    const pairs = [
      ["requests/s", own.requestsPerSecond, peer.requestsPerSecond],
      ...percentiles.map((percentile, at) => [`p${percentile}`, own.timesMs[at], peer.timesMs[at]]),
    ] as [string, number, number][];
    for (const [what, mine, theirs] of pairs) {
      const measured = mine / theirs - 1;
      checks.push({
        name: `${what} against ${name}, share of difference`,
        measured,
        limit: `within ±${agreementMax}`,
        isMet: Math.abs(measured) <= agreementMax,
      });
    }
  }
}

async function checkRate(rate: number): Promise<void> {
  say(`/fast, ${rate} requests/s`);
  const args = [url("/fast"), "-r", String(rate), "--warm-up", "2s", "-d", `${seconds * 2}s`];
  const { rates, requests, generator, all } = await runSluice({ cores }, args);
  const startP99 = generator.startError?.p99Ms ?? Number.NaN;
  if (rate >= 8000) {
    const measured = rates.achieved;
    checks.push({
      name: `requests/s of ${rate} asked`,
      measured,
      limit: `at least ${rate * 0.99}`,
      isMet: measured >= rate * 0.99,
    });
    const left = requests.dropped + generator.missed + all.failed;
    checks.push({
      name: "dropped, missed or failed among them",
      measured: left,
      limit: "0",
      isMet: left === 0,
    });
  }
  checks.push({
    name: `start-time error at ${rate}/s, p99 in ms`,
    measured: startP99,
    limit: rate === 1000 ? "below 1" : "no limit",
    isMet: rate !== 1000 || startP99 < 1,
  });
}

/** One second of ten is a tenth of the requests of an open model, and one request of each connection of a closed one. */
async function checkStall(): Promise<void> {
  say("/stall, 20 s each");
  const open = await runSluice({ cores }, [url("/stall"), "-r", "200", "-d", "20s"]);
  const measured = open.all.responseTime?.p99Ms ?? Number.NaN;
  checks.push({
    name: "stall: p99 of the open model in ms",
    measured,
    limit: "at least 800",
    isMet: measured >= 800,
  });
  const user = [url("/stall"), "-u", "1", "-d", "20s", "--think-time", "5ms"];
  const closed = await runSluice({ cores }, user);
  const hidden = closed.all.responseTime?.p99Ms ?? Number.NaN;
  checks.push({
    name: "stall: p99 of the closed model in ms",
    measured: hidden,
    limit: "it hides it",
    isMet: true,
  });
  const corrected =
    (await runSluice({ cores }, [...user, "--expected-interval", "5ms"])).all.responseTime?.p99Ms ??
    Number.NaN;
  checks.push({
    name: "stall: p99 of the closed model, corrected, in ms",
    measured: corrected,
    limit: "at least 400",
    isMet: corrected >= 400,
  });
  for (const name of present.slice(1)) {
    const tester = testers[name] as (typeof testers)[string];
    const { timesMs } = await tester({ url: url("/stall"), connections: 1, seconds: 20, cores });
    checks.push({
      name: `stall: p99 of ${name} in ms`,
      measured: timesMs[3] as number,
      limit: name === correcting ? "corrects by itself" : "it hides it",
      isMet: true,
    });
  }
}

function print(): void {
  for (const [title, results] of Object.entries(tables)) {
    console.log(`\n${title}`);
    console.table(
      Object.fromEntries(
        Object.entries(results).map(([name, { requestsPerSecond, timesMs }]) => [
          name,
          Object.fromEntries([
            ["requests/s", Number(requestsPerSecond.toFixed(1))],
            ...percentiles.map((percentile, at) => [
              `p${percentile} ms`,
              Number(timesMs[at]?.toFixed(3)),
            ]),
          ]) as Record<string, number>,
        ]),
      ),
    );
  }
  console.log();
  for (const { name, measured, limit, isMet } of checks) {
    console.log(`${isMet ? "✓" : "✗"} ${name}: ${Number(measured.toFixed(3))} (${limit})`);
  }
}

try {
  await runSluice({ cores }, [url("/fast"), "-u", "8", "-d", "1s"]);
  tables["answers after 5…150 ms, 32 connections"] = await compare("/spread", 32, true);
  checkAgreement(tables["answers after 5…150 ms, 32 connections"]);
  tables["answers at once, 32 connections (the tester's own speed)"] = await compare(
    "/fast",
    32,
    false,
  );
  await checkRate(1000);
  await checkRate(8000);
  if (!values["no-stall"]) await checkStall();
} finally {
  await stop(target);
}
if (values.json === "-") console.log(JSON.stringify({ tables, checks }, null, 2));
else print();
if (values.json !== undefined && values.json !== "-") {
  writeFileSync(values.json, `${JSON.stringify({ tables, checks }, null, 2)}\n`);
}
process.exitCode = checks.every(({ isMet }) => isMet) ? 0 : 1;
