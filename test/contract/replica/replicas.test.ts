import { describe, expect, it } from "vitest";
import { sharedEpochStep } from "../../../src/control/epoch-book.ts";
import { smallText, valid } from "../../core/config/texts.ts";
import { scaleOfTests, simulateScale } from "../../sim/replicas/scale.ts";
import { createSimReplica, pass, type SimReplica } from "../../sim/replicas/world.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { createSharedHub } from "../../support/shared-hub.ts";

const configOf = (hold: string, steps = "5%, 25%, 50%", state = "") =>
  valid(`${smallText}    rollout: { ${state}steps: [ ${steps
    .split(", ")
    .map((share) => `{ share: ${share}, hold: ${hold}, min_requests: 20 }`)
    .join(", ")} ], observe: 5s }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);

/** Three replicas that have found each other, with traffic of the same users to all of them. */
async function open({ hold = "10s", count = 3 } = {}) {
  const time = createFakeTime();
  const hub = createSharedHub(time);
  const config = configOf(hold);
  const join = (instance: string, of = config) =>
    createSimReplica(time, hub.open(instance), instance, of);
  const replicas = Array.from({ length: count }, (_, at) => join(`r${at}`));
  let user = 0;
  const failing = new Map<string, number>();
  /** 100 requests a second to each replica; `failing` says which share of the treatment's is bad where. */
  const traffic = (stepMs: number) => {
    for (const replica of replicas) {
      for (let sent = 0; sent < stepMs / 10; sent += 1) {
        user += 1;
        const nth = user;
        replica.serve(`u${nth % 2000}`, (variant) => {
          const every = failing.get(replica.instance);
          return variant === "new" && every !== undefined && nth % every === 0;
        });
      }
    }
  };
  const run = (ms: number) => pass(time, ms, traffic);
  await run(2000);
  const leader = () => replicas.find(({ instance }) => instance === hub.leader()) as SimReplica;
  const followers = () => replicas.filter((each) => each !== leader());
  const phases = () => replicas.map(({ rollouts }) => rollouts.view()[0]?.state.phase.kind);
  const kinds = () =>
    hub.journal.filter(({ scope }) => scope === "rollout").map(({ kind }) => kind);
  return { time, hub, config, replicas, join, failing, run, leader, followers, phases, kinds };
}

describe("replicas that share a store", () => {
  it("have one leader, and all follow a command that any of them was given", async () => {
    const { replicas, followers, run, phases, hub } = await open();
    expect(replicas.map(({ replica }) => replica.view().authority).toSorted()).toEqual([
      "follow",
      "follow",
      "lead",
    ]);
    expect(followers()[0]?.rollouts.command("e", "start", "ann")).toBeNull();
    await run(100);
    expect(phases()).toEqual(["stepping", "stepping", "stepping"]);
    expect(replicas.map((each) => each.routed().share)).toEqual([0.05, 0.05, 0.05]);
    expect(hub.journal).toMatchObject([{ actor: "ann", kind: "step" }]);
  });

  it("climb as one: each step is written once, and everybody compares the same epoch", async () => {
    const { replicas, run, kinds, phases, leader } = await open({ hold: "3s" });
    leader().rollouts.command("e", "start", "ann");
    await run(30_000);
    expect(phases()).toEqual(["promoted", "promoted", "promoted"]);
    expect(kinds()).toEqual(["step", "step", "step", "observing", "promoted"]);
    const epochs = replicas.map((each) => each.routed().epoch);
    expect(new Set(epochs).size).toBe(1);
    expect((epochs[0] as number) % sharedEpochStep).toBe(0);
  });

  it("measure together: every request counts once at each of them", async () => {
    const { replicas, run, leader } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(10_000);
    const measured = replicas.map((each) => each.measured());
    // Three times 100 a second, less what is still on its way.
    for (const requests of measured) {
      expect(requests).toBeGreaterThan(2500);
      expect(requests).toBeLessThanOrEqual(3000);
    }
  });

  it("send each user to the same variant", async () => {
    const { replicas, run, leader } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(200);
    leader().rollouts.command("e", "promote", "ann");
    await run(200);
    for (let user = 0; user < 500; user += 1) {
      const variants = replicas.map((each) => each.variantOf(`u${user}`));
      expect(new Set(variants).size).toBe(1);
    }
  });

  it("notice together what fails on one of them only", async () => {
    const { followers, run, leader, failing, phases, hub } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(100);
    leader().rollouts.command("e", "promote_all", "ann");
    await run(100);
    leader().rollouts.command("e", "rollback", "ann");
    leader().rollouts.command("e", "retry", "ann");
    await run(100);
    failing.set((followers()[0] as SimReplica).instance, 2);
    await run(20_000);
    expect(phases()).toEqual(["rolled_back", "rolled_back", "rolled_back"]);
    const rolled = hub.journal.filter(({ kind }) => kind === "rolled_back");
    // Once by ann and once by what was seen, however many saw it.
    expect(rolled.map(({ actor }) => actor)).toEqual(["ann", "controller"]);
  });

  it("go on without a leader that was killed, within five seconds, with nothing skipped or done twice", async () => {
    const { replicas, run, leader, kinds, hub } = await open({ hold: "3s" });
    const first = leader();
    first.rollouts.command("e", "start", "ann");
    await run(1000);
    first.kill();
    replicas.splice(replicas.indexOf(first), 1);
    await run(5000);
    expect(hub.leader()).not.toBe(first.instance);
    await run(30_000);
    expect(kinds()).toEqual(["step", "step", "step", "observing", "promoted"]);
  });

  it("refuse a leader that slept past its lease, which follows from then on", async () => {
    const { replicas, run, leader, kinds, phases, hub } = await open({ hold: "3s" });
    const first = leader();
    first.rollouts.command("e", "start", "ann");
    await run(1000);
    first.pause();
    await run(12_000);
    expect(hub.leader()).not.toBe(first.instance);
    // Whatever it would have done in the meantime is due at once.
    first.wake();
    await run(30_000);
    expect(first.replica.view().authority).toBe("follow");
    expect(kinds()).toEqual(["step", "step", "step", "observing", "promoted"]);
    expect(phases()).toEqual(replicas.map(() => "promoted"));
  });

  it("roll back alone when cut off, and take the others along when they are back", async () => {
    const { followers, run, leader, failing, phases, hub, replicas } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(100);
    leader().rollouts.command("e", "promote", "ann");
    await run(1000);
    const lonely = followers()[0] as SimReplica;
    hub.cut(lonely.instance);
    await run(5000);
    expect(lonely.replica.view().authority).toBe("cut_off");
    expect(lonely.rollouts.command("e", "promote", "bob")).toContain("cannot reach the store");
    failing.set(lonely.instance, 1);
    await run(3000);
    expect(lonely.routed().share).toBe(0);
    expect(leader().routed().share).toBe(0.25);
    hub.mend(lonely.instance);
    await run(3000);
    expect(phases()).toEqual(replicas.map(() => "rolled_back"));
    expect(hub.journal.filter(({ kind }) => kind === "rolled_back")).toHaveLength(1);
    expect(leader().measured()).toBeGreaterThan(0);
  });

  it("keep a rollback that one made alone, though others went on and the store fails once more", async () => {
    const { followers, run, leader, failing, phases, hub, replicas } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(100);
    const lonely = followers()[0] as SimReplica;
    hub.cut(lonely.instance);
    await run(5000);
    failing.set(lonely.instance, 1);
    await run(5000);
    expect(lonely.routed().share).toBe(0);
    failing.clear();
    leader().rollouts.command("e", "promote", "ann");
    await run(1000);
    // The first append finds out that the others went on, the second is the rollback again.
    hub.failAppend(lonely.instance, 2);
    hub.mend(lonely.instance);
    await run(5000);
    expect(phases()).toEqual(replicas.map(() => "rolled_back"));
    expect(hub.journal.map(({ kind }) => kind)).toEqual(["step", "step", "rolled_back"]);
  });

  it("count what a cut off replica measured once, when it is back", async () => {
    const { followers, run, leader, hub, replicas } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(2000);
    const lonely = followers()[0] as SimReplica;
    hub.cut(lonely.instance);
    await run(20_000);
    const apart = leader().measured();
    hub.mend(lonely.instance);
    await run(3000);
    // 20 s of it, and three times 3 s of everybody.
    expect(leader().measured() - apart).toBeGreaterThan(2000 + 600);
    expect(leader().measured() - apart).toBeLessThanOrEqual(2000 + 1000);
    expect(replicas.every((each) => each.routed().share === 0.05)).toBe(true);
    expect(lonely.replica.view().exchange).toMatchObject({ dropped: 0, unreadable: 0 });
  });

  it("look into the history for what the others measured while they were away for long", async () => {
    const { followers, run, hub } = await open({ hold: "1h" });
    const lonely = followers()[0] as SimReplica;
    hub.cut(lonely.instance);
    await run(20_000);
    hub.mend(lonely.instance);
    await run(2000);
    expect(lonely.logs).not.toContain("measured again");
    hub.cut(lonely.instance);
    await run(40_000);
    hub.mend(lonely.instance);
    // Not before the others have written down what waited.
    await run(10_000);
    expect(lonely.logs).not.toContain("measured again");
    await run(15_000);
    expect(lonely.logs.filter((message) => message === "measured again")).toHaveLength(1);
  });

  it("that have another plan than the leader give nobody its treatment, and follow once they have the same", async () => {
    const { followers, run, leader, replicas, hub } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(200);
    const next = configOf("1h", "10%, 50%");
    const odd = followers()[0] as SimReplica;
    odd.configure(next);
    await run(1000);
    expect(odd.routed().share).toBe(0);
    expect(odd.routed().epoch % sharedEpochStep).not.toBe(0);
    expect(odd.rollouts.command("e", "start", "bob")).toContain("another configuration");
    expect(leader().routed().share).toBe(0.05);
    for (const each of replicas) if (each !== odd) each.configure(next);
    await run(1000);
    expect(leader().rollouts.command("e", "start", "bob")).toBeNull();
    await run(1000);
    expect(replicas.map((each) => each.routed().share)).toEqual([0.1, 0.1, 0.1]);
    expect(new Set(replicas.map((each) => each.routed().epoch)).size).toBe(1);
    expect(hub.journal.map(({ kind }) => kind)).toEqual(["step", "plan_changed", "step"]);
  });

  it("do not bring a plan back that was given up for another", async () => {
    const { run, leader, replicas, hub } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(500);
    const next = configOf("1h", "10%, 50%");
    const modern = leader();
    modern.configure(next);
    await run(500);
    modern.rollouts.command("e", "start", "ann");
    await run(500);
    modern.rollouts.command("e", "rollback", "ann");
    await run(500);
    // The one with the new file sleeps, and one with the old file leads.
    modern.pause();
    await run(8000);
    expect(hub.leader()).not.toBe(modern.instance);
    modern.wake();
    await run(2000);
    for (const each of replicas) if (each !== modern) each.pause();
    await run(8000);
    expect(hub.leader()).toBe(modern.instance);
    expect(modern.rollouts.view()[0]?.state.phase.kind).toBe("rolled_back");
    expect(hub.journal.map(({ kind }) => kind)).toEqual([
      "step",
      "plan_changed",
      "step",
      "rolled_back",
    ]);
  });

  it("do what a file wants when its replica leads before the others have it", async () => {
    const { followers, run, leader, replicas, hub } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(500);
    const early = followers()[0] as SimReplica;
    early.configure(configOf("1h", "5%, 25%, 50%", "state: promoted, "));
    await run(1000);
    expect(early.rollouts.view()[0]?.state.phase.kind).toBe("stepping");
    for (const each of replicas) if (each !== early) each.kill();
    await run(6000);
    expect(hub.leader()).toBe(early.instance);
    expect(early.rollouts.view()[0]?.state.phase.kind).toBe("promoted");
  });

  it("that join later begin where the others are", async () => {
    const { run, leader, replicas, join } = await open({ hold: "1h" });
    leader().rollouts.command("e", "start", "ann");
    await run(500);
    const late = join("late");
    expect(late.rollouts.view()[0]?.state.phase.kind).toBe("stepping");
    replicas.push(late);
    await run(2000);
    expect(late.routed()).toMatchObject({ share: 0.05, epoch: leader().routed().epoch });
  });

  it("that order at the same time do it one after the other, on what the other made of it", async () => {
    const { replicas, run, kinds } = await open({ hold: "1h" });
    const refused = replicas.map(({ rollouts }) => rollouts.command("e", "start", "ann"));
    expect(refused).toEqual([null, null, null]);
    await run(200);
    expect(kinds()).toEqual(["step"]);
    expect(replicas.map(({ rollouts }) => rollouts.command("e", "rollback", "ann"))).toEqual([
      null,
      null,
      null,
    ]);
    expect(kinds()).toEqual(["step", "rolled_back"]);
  });
});

it("thirty of them follow every step, and a failure on one takes all of them back", async () => {
  const row = await simulateScale({ ...scaleOfTests, replicas: 30 });
  expect(row).toMatchObject({ stragglers: 0, steps: 3 });
  expect(row.newLeaderMs).toBeLessThanOrEqual(5000);
  // Beyond sixteen, the leader alone reads what the others measured.
  expect(row.perSecond.collected).toBeLessThanOrEqual(30);
  expect(row.lastAtControlMs).toBeLessThan(10_000);
});
