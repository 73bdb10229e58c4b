import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, request } from "undici";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let old: TestUpstream;
let fresh: TestUpstream;
let sluice: TestSluice | null = null;
let agent: Agent;

beforeEach(async () => {
  [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
  agent = new Agent({ connections: 16 });
});

afterEach(async () => {
  await agent.destroy();
  await sluice?.stop();
  sluice = null;
  await Promise.all([old.close(), fresh.close()]);
});

const text = (
  guardrails: string,
  steps = "{ share: 20% }, { share: 100% }",
) => `${freePorts({ workers: 2 })}
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}" }
routes:
  - { match: "/**", experiment: e }
experiments:
  e:
    variants:
      old: { upstream: old, control: true }
      new: { upstream: new }
    rollout:
      steps: [ ${steps.replaceAll(" }", ", hold: 1s, min_requests: 40 }")} ]
      observe: 1s
    guardrails: [ ${guardrails} ]
`;

const errorRate = "{ metric: error_rate, max: 20% }";

async function rollout(): Promise<RolloutStatus> {
  const { body } = await request(`${sluice?.adminUrl}/v1/rollouts/e`);
  return (await body.json()) as RolloutStatus;
}

async function command(name: string): Promise<number> {
  const { statusCode, body } = await request(`${sluice?.adminUrl}/v1/rollouts/e`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ command: name, actor: "ann" }),
  });
  await body.dump();
  return statusCode;
}

let user = 0;

/** One request of the next of a thousand users; the variant that answered. */
async function send(): Promise<string> {
  user = (user + 1) % 1000;
  const { headers, body } = await request(`${sluice?.url}/x`, {
    dispatcher: agent,
    headers: { "x-user-id": `user-${user}` },
  });
  await body.dump();
  return String(headers["x-sluice-variant"]);
}

/** Sends, eight at a time, until the rollout is in `phase`. */
async function sendUntil(phase: RolloutStatus["phase"]): Promise<RolloutStatus> {
  for (;;) {
    await Promise.all(Array.from({ length: 8 }, send));
    const now = await rollout();
    if (now.phase === phase) return now;
  }
}

describe("a rollout over real threads", () => {
  it("waits, climbs while the treatment is well, and is promoted", async () => {
    sluice = await startTestSluice(text(errorRate));
    expect(await rollout()).toMatchObject({ phase: "waiting", share: 0, applied_share: 0 });
    expect(await Promise.all(Array.from({ length: 30 }, send))).not.toContain("new");
    expect(await command("start")).toBe(200);
    const done = await sendUntil("promoted");
    expect(done).toMatchObject({ share: 1, applied_share: 1, step: null });
    expect(done.journal.map(({ what, actor }) => [what, actor])).toEqual([
      ["step", "ann"],
      ["step", "controller"],
      ["observing", "controller"],
      ["promoted", "controller"],
    ]);
    expect(new Set(await Promise.all(Array.from({ length: 30 }, send)))).toEqual(new Set(["new"]));
  });

  it("takes the treatment back when it fails, and tells why", async () => {
    sluice = await startTestSluice(text(errorRate));
    fresh.respond((_request, response) => {
      response.statusCode = 500;
      response.end("broken");
    });
    await command("start");
    const done = await sendUntil("rolled_back");
    expect(done).toMatchObject({
      share: 0,
      reason: expect.stringMatching(
        /^error_rate: \d+ of \d+ requests in this step(?:, \d+ of the last \d+)?, surely more than the 20 % allowed$/,
      ),
    });
    await expect.poll(async () => (await rollout()).applied_share).toBe(0);
    const harmed = fresh.requests.length;
    expect(await Promise.all(Array.from({ length: 60 }, send))).not.toContain("new");
    expect(fresh.requests.length).toBe(harmed);
    expect(await command("promote")).toBe(409);
    fresh.respond((_request, response) => response.end("well again"));
    expect(await command("retry")).toBe(200);
    expect((await sendUntil("promoted")).share).toBe(1);
  });

  it("sees a hang before it ends", async () => {
    sluice = await startTestSluice(text("{ metric: latency_p95, max: 1s }", "{ share: 50% }"));
    fresh.respond(() => {});
    await command("start");
    await expect.poll(async () => (await rollout()).applied_share).toBe(0.5);
    const hanging = Array.from({ length: 60 }, () => send().catch(() => "gone"));
    await expect.poll(async () => (await rollout()).phase, { timeout: 20_000 }).toBe("rolled_back");
    expect((await rollout()).reason).toContain("latency_p95");
    await agent.destroy();
    await Promise.all(hanging);
  });

  it("a person can stop it at any time, and go on", async () => {
    sluice = await startTestSluice(text(errorRate));
    expect(await command("retry")).toBe(409);
    await command("start");
    expect(await command("pause")).toBe(200);
    expect(await rollout()).toMatchObject({ phase: "paused", step: 1, reason: "pause by ann" });
    expect(await command("promote")).toBe(200);
    expect(await rollout()).toMatchObject({ phase: "stepping", step: 2, share: 1 });
    expect(await command("rollback")).toBe(200);
    await expect.poll(async () => (await rollout()).applied_share).toBe(0);
    expect(await command("sing")).toBe(400);
  });

  it("a reload with the same plan keeps the share, one with another starts anew", async () => {
    sluice = await startTestSluice(text(errorRate));
    await command("start");
    await expect.poll(async () => (await rollout()).applied_share).toBe(0.2);
    await sluice.sluice.reload(
      text(errorRate).replace("- { match", "- { match: /other, upstream: old }\n  - { match"),
    );
    expect(await rollout()).toMatchObject({ phase: "stepping", share: 0.2, applied_share: 0.2 });
    await sluice.sluice.reload(text(errorRate, "{ share: 30% }, { share: 100% }"));
    await expect.poll(rollout).toMatchObject({ phase: "waiting", share: 0, applied_share: 0 });
  });

  it("stands after a restart where it stood, and stays rolled back", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-rollout-"));
    try {
      const kept = `store: { sqlite: "${join(folder, "s.db")}" }\n${text(errorRate)}`;
      const restart = async () => {
        await sluice?.stop();
        sluice = await startTestSluice(kept);
      };
      await restart();
      await command("start");
      await expect.poll(async () => (await rollout()).applied_share).toBe(0.2);
      await restart();
      // From the first request on: the table that the workers start with has the share.
      const answers = await Promise.all(Array.from({ length: 200 }, send));
      expect(answers.filter((variant) => variant === "new").length).toBeGreaterThan(15);
      expect(await rollout()).toMatchObject({ phase: "stepping", step: 1, share: 0.2 });
      await command("rollback");
      await restart();
      expect(await rollout()).toMatchObject({
        phase: "rolled_back",
        reason: "rollback by ann",
        share: 0,
      });
      expect(await command("start")).toBe(409);
      expect(await Promise.all(Array.from({ length: 30 }, send))).not.toContain("new");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
