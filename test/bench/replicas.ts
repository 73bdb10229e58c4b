import { parseArgs } from "node:util";
import { Agent, request } from "undici";
import { startBalancedLoad } from "../support/balanced-load.ts";
import { startCluster, type Member } from "../support/cluster.ts";
import { hasPostgres, startPostgres } from "../support/postgres.ts";
import { look, post } from "../support/rollout-traffic.ts";
import { systemOf } from "../support/system.ts";
import { startUpstream } from "../support/upstream.ts";

/**
 * `npm run bench:replicas [-- --rounds 40 --minutes 10]`: three `sluice serve` on one PostgreSQL. Prints how long a rollback at
 * one takes to be in force at all of them, how long until there is another leader after kill -9 and after SIGSTOP, and what
 * is lost when all are restarted under load and when the store is gone for so many minutes.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    deaths: { type: "string", default: "5" },
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "1000" },
  },
});
const [rounds, deaths, minutes, rate] = [
  values.rounds,
  values.deaths,
  values.minutes,
  values.rate,
].map(Number) as [number, number, number, number];
if (!hasPostgres()) {
  console.error("needs PostgreSQL (apt-get install postgresql)");
  process.exit(2);
}

const postgres = await startPostgres();
const [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
const cluster = await startCluster(
  postgres,
  3,
  () => `
upstreams: { old: { url: "${old.url}" }, new: { url: "${fresh.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout: { steps: [ { share: 100%, hold: 1h } ] }
`,
  { listen: ", drain_delay: 500ms" },
);
const { members } = cluster;
const agent = new Agent({ connections: 8 });
await cluster.leader();

const sorted = (times: readonly number[]) => times.toSorted((one, other) => one - other);
const at = (times: readonly number[], quantile: number) =>
  Math.round(sorted(times)[Math.min(times.length - 1, Math.floor(quantile * times.length))] ?? 0);
const say = (what: string, times: readonly number[]) =>
  console.log(
    `${what}: median ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms, max ${at(times, 1)} ms (${times.length})`,
  );

/** The variant that a replica's traffic port gives. */
async function variantAt({ process: { url } }: Member): Promise<string> {
  const answer = await request(`${url}/x`, { dispatcher: agent, headers: { "x-user-id": "u" } });
  await answer.body.dump();
  return String(answer.headers["x-sluice-variant"]);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue().catch(() => false))) await new Promise((done) => setTimeout(done, 2));
}

async function rollBack(round: number): Promise<number[]> {
  const starter = members[round % 3] as Member;
  await post(starter.process.adminUrl, round === 0 ? "start" : "retry", "bench");
  await Promise.all(members.map((one) => until(async () => (await variantAt(one)) === "new")));
  const sinceMs = performance.now();
  // The answer to the command is not waited for: the clock runs from when it is sent.
  const told = post((members[(round + 1) % 3] as Member).process.adminUrl, "rollback", "bench");
  const times = await Promise.all(
    members.map(async (one) => {
      await until(async () => (await variantAt(one)) === "old");
      return performance.now() - sinceMs;
    }),
  );
  await told;
  return times;
}

async function loseLeader(isKilled: boolean): Promise<number> {
  const leader = await cluster.leader();
  const left = members.filter((each) => each !== leader);
  const sinceMs = performance.now();
  if (isKilled) await leader.process.kill();
  else leader.process.pause();
  await until(async () => {
    const systems = await Promise.all(left.map(({ process }) => systemOf(process.adminUrl)));
    return systems.some(({ replica }) => replica?.authority === "lead");
  });
  const tookMs = performance.now() - sinceMs;
  if (isKilled) await leader.restart();
  else leader.process.resume();
  await cluster.leader();
  return tookMs;
}

const rollbacks: number[] = [];
for (let round = 0; round < rounds; round += 1) rollbacks.push(...(await rollBack(round)));
say("a rollback at one replica is in force at each of three after", rollbacks);

const kills: number[] = [];
const stops: number[] = [];
for (let death = 0; death < deaths; death += 1) kills.push(await loseLeader(true));
for (let death = 0; death < deaths; death += 1) stops.push(await loseLeader(false));
say("another leader after kill -9", kills);
say("another leader after SIGSTOP", stops);

const rolling = startBalancedLoad(members, 500);
for (const member of members) {
  await member.process.end();
  await member.restart();
  const before = rolling.answered();
  await until(async () => rolling.answered() - before > 1000);
}
await rolling.stop();
console.log(
  `all three restarted under 500 requests/s: ${rolling.answered()} answered, ${rolling.failures.length} failed`,
);

const outage = startBalancedLoad(members, rate);
await until(async () => outage.answered() > rate * 3);
await postgres.kill();
const endMs = performance.now() + minutes * 60_000;
await until(async () => performance.now() > endMs);
const waiting = await Promise.all(members.map(({ process }) => systemOf(process.adminUrl)));
await postgres.restart();
await cluster.leader();
await outage.stop();
const total = rolling.answered() + outage.answered();
console.log(
  `store gone for ${minutes} min at ${rate} requests/s: ${outage.answered()} answered, ${outage.failures.length} failed; ` +
    waiting
      .map(({ store, replica, memory_bytes: bytes }) => {
        const parts = replica?.telemetry.parts_waiting;
        return `${store?.rows_waiting} rows and ${parts} parts waited in ${Math.round(bytes / 1024 / 1024)} MiB`;
      })
      .join(", "),
);
console.log([...new Set([...rolling.failures, ...outage.failures])].slice(0, 10).join("\n"));
const status = await look((members[0] as Member).process.adminUrl);
for (const { process } of members) await process.end();
const reader = members[0] as Member;
await reader.restart();
const { body } = await request(`${reader.process.adminUrl}/v1/experiments/e/breakdown`);
const { variants } = (await body.json()) as { variants: { requests: number }[] };
const kept = variants.reduce((sum, { requests }) => sum + requests, 0);
console.log(
  `history has ${kept} requests of ${total} and those of the rollbacks; phase ${status.phase}`,
);

await cluster.close();
await postgres.stop();
await Promise.all([old.close(), fresh.close(), agent.destroy()]);
