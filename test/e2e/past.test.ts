import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, request } from "undici";
import { createSluiceClient, type Client } from "../../src/main/client.ts";
import { outcomes } from "../../src/core/traffic/outcome.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let upstream: TestUpstream;
let bad: TestUpstream;
let agent: Agent;
let folder: string;
let sluice: TestSluice | null = null;
let client: Client;

beforeEach(async () => {
  [upstream, bad] = await Promise.all([startUpstream(), startUpstream("bad")]);
  bad.respond((_request, response) => {
    response.statusCode = 500;
    response.end("broken");
  });
  upstream.respond((incoming, response) => {
    response.statusCode = incoming.url?.includes("broken") === true ? 500 : 200;
    response.end("answer");
  });
  agent = new Agent({ connections: 8 });
  folder = mkdtempSync(join(tmpdir(), "sluice-past-"));
});

afterEach(async () => {
  await agent.destroy();
  await sluice?.stop();
  await Promise.all([upstream.close(), bad.close()]);
  rmSync(folder, { recursive: true });
});

async function start(isKept: boolean): Promise<void> {
  const store = isKept ? `store: { sqlite: "${join(folder, "s.db")}" }` : "";
  sluice = await startTestSluice(`${freePorts({ workers: 2 })}
${store}
upstreams:
  only: { url: "${upstream.url}" }
  bad: { url: "${bad.url}" }
routes:
  - { match: "/ab/**", experiment: ab }
  - { match: "/shadowed/**", experiment: climb }
experiments:
  ab:
    variants:
      old: { upstream: only, control: true, weight: 50 }
      new: { upstream: only, weight: 50 }
  climb:
    variants:
      old: { upstream: only, control: true }
      new: { upstream: bad }
    rollout:
      steps: [ { shadow: 100%, hold: 1h, min_requests: 5 }, { share: 100% } ]
    guardrails: [ { metric: error_rate, max: 20%, on_breach: alert } ]
`);
  client = createSluiceClient({ admin: sluice.adminUrl });
}

async function send(path: string, count: number): Promise<void> {
  for (let user = 0; user < count; user += 1) {
    const { body } = await request(`${sluice?.url}${path}`, {
      dispatcher: agent,
      headers: { "x-user-id": `user-${user}` },
    });
    await body.dump();
  }
}

/** Requests of an experiment's present epoch, by variant. */
async function requestsOf(experiment: string): Promise<Record<string, number>> {
  const { experiments } = await client.status();
  const found = experiments.find(({ key }) => key === experiment);
  return Object.fromEntries((found?.variants ?? []).map(({ key, requests }) => [key, requests]));
}

function sumOf(counts: readonly number[] | undefined): number {
  return (counts ?? []).reduce((sum, count) => sum + count, 0);
}

async function historyOf(experiment: string): Promise<Record<string, number>> {
  const { variants } = await client.history(experiment);
  return Object.fromEntries(
    Object.entries(variants).map(([key, { requests }]) => [key, sumOf(requests)]),
  );
}

async function sendSome(): Promise<Record<string, number>> {
  await send("/ab/x", 40);
  await send("/ab/broken", 8);
  await expect.poll(async () => sumOf(Object.values(await requestsOf("ab")))).toBe(48);
  return requestsOf("ab");
}

/** What all views say of the experiment, and whether it is the same. */
async function expectAgreement(counted: Record<string, number>): Promise<void> {
  expect(await historyOf("ab")).toEqual(counted);
  const { variants } = await client.breakdown("ab");
  const { experiments } = await client.status();
  const shown = experiments.find(({ key }) => key === "ab")?.variants ?? [];
  expect(variants).toHaveLength(shown.length);
  for (const [at, variant] of variants.entries()) {
    const status = shown[at];
    expect(variant.variant).toBe(status?.key);
    expect(variant.requests).toBe(status?.requests);
    expect(variant.outcomes).toEqual(status?.outcomes);
    expect(variant.users).toBe(status?.users);
    expect(variant.latency_ms).toMatchObject(status?.latency_ms ?? {});
    expect(sumOf(variant.distribution.counts)).toBe(variant.requests);
    expect(sumOf(variant.routes.map(({ requests }) => requests))).toBe(variant.requests);
    expect(sumOf(outcomes.map((outcome) => variant.outcomes[outcome]))).toBe(variant.requests);
  }
}

async function metricsCount(experiment: string): Promise<number> {
  const { body } = await request(`${sluice?.adminUrl}/metrics`);
  const lines = (await body.text())
    .split("\n")
    .filter(
      (line) =>
        line.startsWith("http_server_request_duration_seconds_count{") &&
        line.includes(`experiment="${experiment}"`),
    );
  return sumOf(lines.map((line) => Number(line.split(" ").at(-1))));
}

describe("the past of a running Sluice", () => {
  it("sums of history and breakdown are those of the status and of the metrics", async () => {
    await start(true);
    const counted = await sendSome();
    await expectAgreement(counted);
    expect(await metricsCount("ab")).toBe(48);
    const { source, step_seconds, variants } = await client.history("ab");
    expect([source, step_seconds]).toEqual(["memory", 1]);
    expect(sumOf(Object.values(variants).map(({ failures }) => sumOf(failures)))).toBe(8);
  });

  it("is told without a store as well", async () => {
    await start(false);
    await expectAgreement(await sendSome());
    expect((await client.breakdown("ab")).source).toBe("memory");
  });

  it("outlives a restart, and goes on from there", async () => {
    await start(true);
    const before = await sendSome();
    await sluice?.stop();
    await start(true);
    expect(await historyOf("ab")).toEqual(before);
    expect((await client.history("ab")).source).toBe("store");
    await send("/ab/x", 10);
    await expect.poll(async () => sumOf(Object.values(await requestsOf("ab")))).toBe(58);
    await expectAgreement(await requestsOf("ab"));
  });

  it("leaves copies out, and shows what guardrails said, also after a restart", async () => {
    await start(true);
    await client.commandRollout("climb", "start", { actor: "ann" });
    await expect
      .poll(async () => {
        await send("/shadowed/x", 10);
        return (await client.rollout("climb")).verdicts[0]?.verdict;
      })
      .toBe("breach");
    const history = await client.history("climb");
    expect(sumOf(history.variants["new"]?.requests)).toBe(0);
    expect(sumOf(history.variants["old"]?.requests)).toBeGreaterThan(0);
    expect(history.marks.map(({ what, actor, scope }) => [what, actor, scope])).toContainEqual([
      "step",
      "ann",
      "rollout",
    ]);
    const now = await client.verdicts("climb");
    expect([now.source, now.step_seconds]).toEqual(["memory", 1]);
    const [guardrail] = now.guardrails;
    expect(guardrail).toMatchObject({ guardrail: "error_rate", unit: "share", dry_run: false });
    expect(guardrail?.verdict).toContain("breach");
    await sluice?.stop();
    await start(true);
    const later = await client.verdicts("climb");
    expect([later.source, later.step_seconds]).toEqual(["store", 10]);
    // What the next process judges in the same ten seconds does not hide it.
    const at = later.guardrails[0]?.verdict.indexOf("breach") ?? -1;
    expect(later.guardrails[0]?.value[at]).toBe(1);
    expect(later.guardrails[0]?.limit[at]).toBe(0.2);
    const { entries } = await client.journal({ experiment: "climb" });
    expect(entries.map(({ what, subject }) => [what, subject])).toContainEqual(["step", "climb"]);
  });
});
