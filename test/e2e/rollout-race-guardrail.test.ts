import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSqliteStore } from "../../src/control/store/sqlite-store.ts";
import { bucketOf } from "../../src/core/assignment/hash.ts";
import { createRandom } from "../../src/core/statistics/random.ts";
import { replay, type Line } from "../support/rollout-journal.ts";
import {
  look,
  post,
  startTraffic,
  variantsOf,
  type Answer,
  type Traffic,
} from "../support/rollout-traffic.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { valueOf } from "../support/store.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let folder: string;
let old: TestUpstream;
let fresh: TestUpstream;
let sluice: TestSluice;
let traffic: Traffic;

const shares = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const users = 60;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-race-"));
  [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
  fresh.respond((_, outgoing) => {
    outgoing.statusCode = 500;
    outgoing.end();
  });
  const steps = shares.map((share) => `{ share: ${share}, hold: 1h, min_requests: 0 }`);
  sluice = await startTestSluice(`${freePorts({ workers: 2 })}
store: { sqlite: "${join(folder, "s.db")}" }
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}", ejection: { consecutive: 1000 } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout: { steps: [ ${steps.join(", ")} ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);
  traffic = startTraffic(sluice.url, users);
});

afterEach(async () => {
  await traffic.stop();
  await sluice.stop();
  await Promise.all([old.close(), fresh.close()]);
  rmSync(folder, { recursive: true });
});

/** The journal in the file. */
function stored(): Line[] {
  const store = valueOf(openSqliteStore(join(folder, "s.db"), { isReadOnly: true }));
  const entries = valueOf(store.read({ scope: "rollout", subject: "e", limit: 1000 }));
  store.close();
  return entries.map(({ kind, actor, facts }) => {
    return { what: kind, actor, facts: facts as Line["facts"] };
  });
}

/** The users' variants are those of exactly this share, once every worker routes by it. */
async function expectInForce(share: number): Promise<void> {
  const applied = async () => (await look(sluice.adminUrl)).applied_share;
  await expect.poll(applied, { timeout: 10_000 }).toBe(share);
  const expected = Array.from({ length: users }, (_, at) =>
    bucketOf(`user-${at}`, "e", 2) < share ? "new" : "old",
  );
  expect(await variantsOf(sluice.url, users)).toEqual(expected);
}

const commands = ["pause", "resume", "promote", "rollback", "retry"] as const;
type Command = (typeof commands)[number];

/** What a command writes when it changes anything, and the phases in which it finds nothing to do. */
const effects: Readonly<Record<Command, { writes: string[]; idle: string[] }>> = {
  pause: { writes: ["paused"], idle: ["paused"] },
  resume: { writes: ["resumed"], idle: ["stepping", "observing"] },
  promote: { writes: ["step", "observing", "promoted"], idle: ["promoted"] },
  rollback: { writes: ["rolled_back"], idle: ["rolled_back"] },
  retry: { writes: ["step"], idle: [] },
};

type Sent = { readonly command: Command; readonly actor: string; readonly answer: Answer };

const eachRound = 20;

/** Four people who each send one command after the other, all at the same time. */
async function sendAtOnce(round: number): Promise<Sent[]> {
  const clients = [0, 1, 2, 3].map(async (client) => {
    const random = createRandom(10 * round + client);
    const sent: Sent[] = [];
    for (let at = 0; at < eachRound; at += 1) {
      const drawn = random();
      // Mostly what leaves the guardrail something to roll back.
      const command =
        drawn < 0.05
          ? "rollback"
          : (["pause", "resume", "promote", "retry"] as const)[Math.floor(4 * random())];
      if (command === undefined) throw new Error("nothing drawn");
      const actor = `client-${client}-${String(round * eachRound + at).padStart(4, "0")}`;
      sent.push({ command, actor, answer: await post(sluice.adminUrl, command, actor) });
      // Some requests of users come between two commands of one client.
      await traffic.pass(10);
    }
    return sent;
  });
  return (await Promise.all(clients)).flat();
}

it("each answer is in the journal or says why not, the journal is legal, and the users have what it says", async () => {
  await post(sluice.adminUrl, "start", "ann");
  const sent: Sent[] = [];
  const rollbacks = () =>
    stored().filter(({ what, actor }) => what === "rolled_back" && actor === "controller").length;
  // Until it was a race: the guardrail rolled back amid the commands, more than once.
  for (let round = 0; round < 2 || rollbacks() < 2; round += 1) {
    sent.push(...(await sendAtOnce(round)));
  }
  const journal = stored();
  const linesOf = new Map<string, string[]>();
  for (const { actor, what } of journal) {
    linesOf.set(actor, [...(linesOf.get(actor) ?? []), what]);
  }
  for (const { command, actor, answer } of sent) {
    const { writes, idle } = effects[command];
    const [line, ...others] = linesOf.get(actor) ?? [];
    expect(others).toEqual([]);
    if (answer.kind === "refused") {
      expect(line).toBeUndefined();
      expect(answer.reason).toMatch(/: the rollout is |this one is |rolled back/);
    } else if (line === undefined) expect(idle).toContain(answer.status.phase);
    else expect(writes).toContain(line);
  }
  const known = new Set(sent.map(({ actor }) => actor)).add("controller").add("ann");
  expect(journal.filter(({ actor }) => !known.has(actor))).toEqual([]);
  for (const client of [0, 1, 2, 3]) {
    const order = [...linesOf.keys()].filter((actor) => actor.startsWith(`client-${client}-`));
    expect(order).toEqual(order.toSorted());
  }
  expect(sent.filter(({ answer }) => answer.kind === "refused").length).toBeGreaterThan(5);
  // In one turn of the event loop, so that nothing is decided between the two.
  const { phase, step, share } = replay(stored(), shares);
  expect(sluice.sluice.rollouts()[0]).toMatchObject({ phase, step, share });
  // The guardrail has the last word over a treatment that fails all the while, unless somebody promoted it.
  await expect
    .poll(async () => (await look(sluice.adminUrl)).phase, { timeout: 10_000 })
    .toMatch(/rolled_back|promoted/);
  const last = replay(stored(), shares);
  await expectInForce(last.share);
});

it("a rollback wins over promotions that were sent before it and have not taken effect", async () => {
  fresh.respond((_, outgoing) => outgoing.end("well"));
  await post(sluice.adminUrl, "start", "ann");
  const random = createRandom(9);
  for (let round = 0; round < 8; round += 1) {
    // Between no and five promotions go before, the workers being at the first of them when the rollback comes.
    const ahead = Math.floor(6 * random());
    const promote = (_: unknown, at: number) =>
      post(sluice.adminUrl, "promote", `bob-${round}-${at}`);
    const first = Array.from({ length: ahead }, promote);
    const rollback = post(sluice.adminUrl, "rollback", `ann-${round}`);
    const late = Array.from({ length: 5 - ahead }, promote);
    expect(await rollback).toMatchObject({ kind: "done", status: { share: 0 } });
    await Promise.all([...first, ...late]);
    expect(await look(sluice.adminUrl)).toMatchObject({ phase: "rolled_back", share: 0 });
    await expectInForce(0);
    expect(replay(stored(), shares)).toEqual({ phase: "rolled_back", step: null, share: 0 });
    await post(sluice.adminUrl, "retry", `ann-${round}-again`);
  }
  await post(sluice.adminUrl, "promote", "cleo");
  await expectInForce(0.3);
});
