import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import { startBalancedLoad, type BalancedLoad } from "../support/balanced-load.ts";
import { startCluster, type Cluster, type Member } from "../support/cluster.ts";
import { hasPostgres, startPostgres, type RealPostgres } from "../support/postgres.ts";
import { look, post, variantsOf } from "../support/rollout-traffic.ts";
import { systemOf } from "../support/system.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const isPossible = hasPostgres();
let postgres: RealPostgres;
let cluster: Cluster;
let old: TestUpstream;
/** The treatment, one for each replica. */
let fresh: TestUpstream[] = [];
let load: BalancedLoad | null = null;

beforeAll(async () => {
  if (isPossible) postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  old = await startUpstream("old");
  fresh = await Promise.all([0, 1, 2].map(() => startUpstream("new")));
});
afterEach(async () => {
  await load?.stop();
  await cluster?.close();
  await Promise.all([old, ...fresh].map((each) => each.close()));
  load = null;
});

const gated = "{ share: 20%, hold: 1h, min_requests: 0 }, { share: 60%, hold: 1s, gate: approval }";

async function open(steps: string, guardrails = ""): Promise<readonly Member[]> {
  cluster = await startCluster(
    postgres,
    3,
    (at) => `
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh[at]?.url}", ejection: { consecutive: 1000 } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout: { steps: [ ${steps} ], observe: 1h }
${guardrails}`,
    { listen: ", drain_delay: 300ms" },
  );
  await cluster.leader();
  return cluster.members;
}

const stand = ({ phase, step, share }: RolloutStatus) => ({ phase, step, share });
const stands = (members: readonly Member[]) =>
  Promise.all(members.map(async ({ process }) => stand(await look(process.adminUrl))));
const order = (member: Member, command: string) => post(member.process.adminUrl, command, "ann");

/** What all replicas wrote into the journal. */
async function journal(): Promise<string[]> {
  const rows = await postgres.query<{ kind: string }>(
    cluster.databaseUrl,
    "SELECT kind FROM sluice.journal WHERE scope = 'rollout' ORDER BY sequence",
  );
  return rows.map(({ kind }) => kind);
}

describe.skipIf(!isPossible)("three replicas on one PostgreSQL", { timeout: 120_000 }, () => {
  it("go on when the leader is killed in any state, with nothing skipped, repeated or re-bucketed", async () => {
    const members = await open(gated);
    load = startBalancedLoad(members, 150);
    const states: readonly (readonly [string | null, Partial<RolloutStatus>])[] = [
      [null, { phase: "waiting", share: 0 }],
      ["start", { phase: "stepping", step: 1, share: 0.2 }],
      ["promote", { phase: "stepping", step: 2, share: 0.6 }],
      ["pause", { phase: "paused", step: 2, share: 0.6 }],
      ["promote", { phase: "observing", share: 0.6 }],
      ["promote_all", { phase: "promoted", share: 0.6 }],
      ["rollback", { phase: "rolled_back", share: 0 }],
    ];
    for (const [command, expected] of states) {
      const leader = await cluster.leader();
      // Any replica takes orders; the leader dies right behind.
      const other = members.find((each) => each !== leader) as Member;
      if (command !== null) await order(other, command);
      await expect
        .poll(() => stands(members))
        .toEqual(members.map(() => expect.objectContaining(expected)));
      const before = await variantsOf(other.process.url, 60);
      await leader.process.kill();
      const left = members.filter((each) => each !== leader);
      const next = await cluster.leader(left);
      expect(next).not.toBe(leader);
      expect(await stands(left)).toEqual(left.map(() => expect.objectContaining(expected)));
      await leader.restart();
      await expect
        .poll(() => stands(members))
        .toEqual(members.map(() => expect.objectContaining(expected)));
      for (const { process } of members) expect(await variantsOf(process.url, 60)).toEqual(before);
    }
    expect(await journal()).toEqual([
      "step",
      "step",
      "paused",
      "observing",
      "promoted",
      "rolled_back",
    ]);
  });

  it("refuse a leader that stood still past its lease, and take it back as a follower", async () => {
    const members = await open(
      "{ share: 20%, hold: 2s, min_requests: 20 }, { share: 60%, hold: 1h }",
    );
    load = startBalancedLoad(members, 150);
    const leader = await cluster.leader();
    await order(leader, "start");
    leader.process.pause();
    const left = members.filter((each) => each !== leader);
    await cluster.leader(left);
    await expect
      .poll(() => stands(left))
      .toEqual(left.map(() => ({ phase: "stepping", step: 2, share: 0.6 })));
    // What it would have done meanwhile is due at once: the step is made already.
    leader.process.resume();
    await expect
      .poll(async () => (await systemOf(leader.process.adminUrl)).replica?.authority)
      .toBe("follow");
    await expect
      .poll(() => stands(members))
      .toEqual(members.map(() => ({ phase: "stepping", step: 2, share: 0.6 })));
    expect(await journal()).toEqual(["step", "step"]);
  });

  it("that cannot reach the store serve on, roll back alone, and take the others along when they can", async () => {
    const members = await open(gated, "    guardrails: [ { metric: error_rate, max: 20% } ]\n");
    load = startBalancedLoad(members, 150);
    const leader = await cluster.leader();
    await order(leader, "start");
    await expect
      .poll(() => stands(members))
      .toEqual(members.map(() => ({ phase: "stepping", step: 1, share: 0.2 })));
    const lonely = members.find((each) => each !== leader) as Member;
    const at = members.indexOf(lonely);
    lonely.link.cut();
    await expect
      .poll(async () => (await systemOf(lonely.process.adminUrl)).replica?.authority)
      .toBe("cut_off");
    expect(await order(lonely, "promote")).toMatchObject({ kind: "refused" });
    fresh[at]?.respond((_request, response) => response.writeHead(500).end());
    await expect
      .poll(() => stands([lonely]))
      .toEqual([{ phase: "rolled_back", step: null, share: 0 }]);
    expect(await stands([leader])).toEqual([{ phase: "stepping", step: 1, share: 0.2 }]);
    const apart = await systemOf(lonely.process.adminUrl);
    expect(apart.replica?.telemetry.parts_waiting).toBeGreaterThan(0);
    lonely.link.mend();
    await expect
      .poll(() => stands(members))
      .toEqual(members.map(() => ({ phase: "rolled_back", step: null, share: 0 })));
    await expect
      .poll(async () => (await systemOf(lonely.process.adminUrl)).replica?.telemetry)
      .toMatchObject({ parts_dropped: 0 });
    expect(await journal()).toEqual(["step", "rolled_back"]);
  });

  it("go on when PostgreSQL is restarted in the middle of a climb", async () => {
    const members = await open(
      "{ share: 20%, hold: 2s, min_requests: 20 }, { share: 60%, hold: 2s, min_requests: 20 }, { share: 100%, hold: 1h }",
    );
    load = startBalancedLoad(members, 150);
    await order(members[0] as Member, "start");
    await postgres.kill();
    const before = load.answered();
    await expect.poll(() => load?.answered()).toBeGreaterThan(before + 200);
    await postgres.restart();
    await expect
      .poll(() => stands(members), { timeout: 60_000 })
      .toEqual(members.map(() => ({ phase: "stepping", step: 3, share: 1 })));
    expect(await journal()).toEqual(["step", "step", "step"]);
    expect(load.failures).toEqual([]);
  });

  it("see together what goes wrong on one of them: one request in a hundred", async () => {
    const members = await open(
      "{ share: 50%, hold: 1h }",
      "    guardrails: [ { metric: error_rate, max: 0.2%, on_breach: alert } ]\n",
    );
    load = startBalancedLoad(members, 300);
    await order(members[0] as Member, "start");
    let asked = 0;
    // A third of the treatment's requests, and 3 % of those: 1 % of all that the treatment gets.
    fresh[2]?.respond((_request, response) => {
      asked += 1;
      response.writeHead(asked % 33 === 0 ? 500 : 200).end("{}");
    });
    const valueAt = async ({ process }: Member) => {
      const { verdicts } = await look(process.adminUrl);
      return verdicts[0];
    };
    const others = [members[0] as Member, members[1] as Member];
    for (const other of others) {
      await expect
        .poll(async () => (await valueAt(other))?.verdict, { timeout: 60_000 })
        .toBe("breach");
      const seen = await valueAt(other);
      expect(seen?.value).toBeGreaterThan(0.004);
      expect(seen?.value).toBeLessThan(0.02);
    }
    expect((await journal()).filter((kind) => kind === "alert")).toHaveLength(1);
  });

  it("lose no request while all of them are restarted one after the other", async () => {
    const members = await open(gated);
    await order(members[0] as Member, "start");
    load = startBalancedLoad(members, 500);
    for (const member of members) {
      const before = load.answered();
      expect(await member.process.end()).toBe(0);
      await member.restart();
      await expect.poll(() => (load?.answered() ?? 0) - before).toBeGreaterThan(100);
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await stands(members)).toEqual(
      members.map(() => ({ phase: "stepping", step: 1, share: 0.2 })),
    );
  });

  it("write down what they measured while the store was gone, each request once", async () => {
    const members = await open(gated);
    await order(members[0] as Member, "start");
    load = startBalancedLoad(members, 300);
    await expect.poll(() => load?.answered()).toBeGreaterThan(300);
    await postgres.kill();
    // Longer than a stretch of history, so that rows have to wait.
    await expect.poll(() => load?.answered(), { timeout: 60_000 }).toBeGreaterThan(300 * 14);
    const down = await systemOf((members[0] as Member).process.adminUrl);
    expect(down.store?.up).toBe(false);
    await postgres.restart();
    await cluster.leader();
    await load.stop();
    expect(load.failures).toEqual([]);
    for (const { process } of members) expect(await process.end()).toBe(0);
    const reader = members[0] as Member;
    await reader.restart();
    const { body } = await request(`${reader.process.adminUrl}/v1/experiments/e/breakdown`);
    const { variants } = (await body.json()) as { variants: { requests: number }[] };
    expect(variants.reduce((sum, { requests }) => sum + requests, 0)).toBe(load.answered());
  });
});
