import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Agent, request } from "undici";
import { openSqliteStore } from "../../src/control/store/sqlite-store.ts";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let folder: string;
let old: TestUpstream;
let fresh: TestUpstream;
let sluice: TestSluice;
let agent: Agent;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-race-"));
  [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
  agent = new Agent({ connections: 32 });
  sluice = await startTestSluice(`${freePorts({ workers: 2 })}
store: { sqlite: "${join(folder, "s.db")}" }
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}", ejection: { consecutive: 1000 } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout: { steps: [ { share: 20%, hold: 1h }, { share: 50%, hold: 1h }, { share: 80%, hold: 1h } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);
});

afterEach(async () => {
  await agent.destroy();
  await sluice.stop();
  await Promise.all([old.close(), fresh.close()]);
  rmSync(folder, { recursive: true });
});

async function post(
  command: string,
  actor: string,
): Promise<{ status: number; body: RolloutStatus }> {
  const { statusCode, body } = await request(`${sluice.adminUrl}/v1/rollouts/e`, {
    dispatcher: agent,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ command, actor }),
  });
  return { status: statusCode, body: (await body.json()) as RolloutStatus };
}

async function variantOf(user: number): Promise<string> {
  const { headers, body } = await request(`${sluice.url}/x`, {
    dispatcher: agent,
    headers: { "x-user-id": `user-${user}` },
  });
  await body.dump();
  return String(headers["x-sluice-variant"]);
}

const users = Array.from({ length: 60 }, (_, user) => user);
const treated = async () =>
  (await Promise.all(users.map(variantOf))).filter((variant) => variant === "new").length;

it("operators and the controller at once: every answer is true, and the last word is what users get", async () => {
  await post("start", "ann");
  await expect.poll(treated).toBeGreaterThan(3);
  fresh.respond((_, outgoing) => {
    outgoing.statusCode = 500;
    outgoing.end();
  });
  const operators = ["promote", "pause", "resume", "promote", "skip"].map(async (command, at) => {
    const seen: number[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      const { status } = await post(command, `operator-${at}`);
      seen.push(status);
      await treated();
    }
    return seen;
  });
  const statuses = (await Promise.all(operators)).flat();
  expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
  // Nobody but an explicit retry starts it again, however often they promote.
  const phase = () => sluice.sluice.rollouts()[0]?.phase;
  await expect
    .poll(async () => {
      await treated();
      return phase();
    })
    .toMatch(/rolled_back|promoted/);
  expect((await post("rollback", "ann")).body).toMatchObject({ phase: "rolled_back", share: 0 });
  await expect.poll(treated).toBe(0);
  expect((await post("promote_all", "bob")).status).toBe(409);
  expect(await treated()).toBe(0);
});

it("a rollback that was answered holds against promotions on their way, until somebody retries", async () => {
  await post("start", "ann");
  await expect.poll(treated).toBeGreaterThan(3);
  for (let round = 0; round < 10; round += 1) {
    const racing = [
      post("promote", "bob"),
      post("rollback", "ann"),
      post("promote_all", "bob"),
      post("resume", "bob"),
    ];
    await Promise.all(racing);
    expect(sluice.sluice.rollouts()[0]).toMatchObject({ phase: "rolled_back", share: 0 });
    await expect.poll(() => sluice.sluice.rollouts()[0]?.applied_share).toBe(0);
    expect(await treated()).toBe(0);
    expect((await post("retry", "ann")).status).toBe(200);
    await expect.poll(() => sluice.sluice.rollouts()[0]?.applied_share).toBe(0.2);
  }
});

it("the store's journal has each acknowledged change once, in the order in which they took effect", async () => {
  await post("start", "ann");
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, at) =>
      post(
        (["pause", "resume", "rollback", "retry"] as const)[at % 4] ?? "pause",
        `operator-${at}`,
      ),
    ),
  );
  expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
  const shown = sluice.sluice.rollouts()[0]?.journal.map(({ what, actor }) => `${what} ${actor}`);
  const store = openSqliteStore(join(folder, "s.db"), { isReadOnly: true });
  if (!store.ok) throw new Error(store.error.message);
  const kept = store.value.read({ scope: "rollout", limit: 1000 });
  store.value.close();
  expect(kept.ok && kept.value.map(({ kind, actor }) => `${kind} ${actor}`)).toEqual(shown);
  // A legal sequence: nothing is resumed that was not paused, nothing retried that was not rolled back.
  let paused = false;
  let back = false;
  for (const line of shown ?? []) {
    const [what] = line.split(" ");
    if (what === "resumed") expect(paused).toBe(true);
    if (what === "paused") expect(paused || back).toBe(false);
    paused = what === "paused";
    back = what === "rolled_back";
  }
});
