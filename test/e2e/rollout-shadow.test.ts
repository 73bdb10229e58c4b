import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import { createClient, type Client } from "../../src/faces/client/client.ts";
import { realClock, realRandom, realTimers } from "../../src/main/system.ts";
import { startTraffic, type Traffic } from "../support/rollout-traffic.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let old: TestUpstream;
let fresh: TestUpstream;
let sluice: TestSluice;
let client: Client;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
  ends.push(
    () => old.close(),
    () => fresh.close(),
  );
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A plan that mirrors first; two worker threads. */
async function start(guardrails: string, more = ""): Promise<Traffic> {
  sluice = await startTestSluice(`${freePorts({ workers: 2 })}
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}" }
routes:
  - { match: "/**", experiment: e, ${more} }
experiments:
  e:
    variants:
      old: { upstream: old, control: true }
      new: { upstream: new }
    assignment: { user: [ "header:x-user-id" ] }
    rollout:
      steps:
        - { shadow: 100%, hold: 1s, min_requests: 100 }
        - { share: 10%, hold: 1h }
    guardrails: [ ${guardrails} ]
`);
  ends.push(() => sluice.stop());
  client = createClient({
    admin: sluice.adminUrl,
    clock: realClock,
    timers: realTimers,
    random: realRandom,
  });
  const traffic = startTraffic(sluice.url, 500);
  ends.push(() => traffic.stop());
  await traffic.pass(50);
  await client.commandRollout("e", "start", { actor: "ann", force: true });
  return traffic;
}

function isCopy({ headers }: TestUpstream["requests"][number]): boolean {
  return headers["x-sluice-shadow"] === "true";
}

describe("acceptance 5, end to end: a plan that mirrors first", () => {
  it("has nobody answered by the treatment while its copies are judged, then a tenth, unmirrored", async () => {
    const traffic = await start(
      "{ metric: error_rate, max: 20% }, { metric: latency_p95, max: 5s }",
    );
    await expect
      .poll(async () => (await client.rollout("e")).applied_share, { timeout: 15_000 })
      .toBe(0.1);
    const mirrored = fresh.requests.findIndex((one) => !isCopy(one));
    const copies = (mirrored === -1 ? fresh.requests : fresh.requests.slice(0, mirrored)).length;
    expect(copies).toBeGreaterThan(100);
    await traffic.pass(600);
    const answered = fresh.requests.filter((one) => !isCopy(one)).length;
    expect(answered).toBeGreaterThan(10);
    // What was under way at the switch apart, nothing is copied any more.
    const before = fresh.requests.filter(isCopy).length;
    await traffic.pass(200);
    expect(fresh.requests.filter(isCopy)).toHaveLength(before);
    expect(traffic.failed()).toBe(0);
    expect([...traffic.statuses.keys()]).toEqual([200]);
  });

  it("is rolled back by what its copies turn into, and no user was harmed", async () => {
    fresh.respond((_, response) => response.writeHead(500).end());
    const traffic = await start("{ metric: error_rate, max: 20% }");
    await expect
      .poll(async () => (await client.rollout("e")).phase, { timeout: 15_000 })
      .toBe("rolled_back");
    expect(await client.rollout("e")).toMatchObject({ share: 0, shadow: 0 });
    expect([...traffic.statuses.keys()]).toEqual([200]);
    expect(fresh.requests.every(isCopy)).toBe(true);
  });

  it("is rolled back by answers that are bad in spite of their status", async () => {
    fresh.respond((_, response) =>
      response.setHeader("content-type", "application/json").end(`{"response":"[no-context]"}`),
    );
    await start("{ metric: bad_answer_rate, max: 10% }", "classify: lightrag_query");
    await expect
      .poll(async () => (await client.rollout("e")).phase, { timeout: 15_000 })
      .toBe("rolled_back");
    expect((await client.rollout("e")).reason).toContain("bad_answer_rate");
  });

  it("is rolled back when its answers are not like the control's", async () => {
    const answering = (embedding: readonly number[]) => {
      const data = JSON.stringify({ model: "m", data: [{ index: 0, embedding }] });
      return (
        _: unknown,
        response: { end(text: string): void; setHeader(n: string, v: string): unknown },
      ) => {
        response.setHeader("content-type", "application/json");
        response.end(data);
      };
    };
    old.respond(answering([1, 0, 0]));
    fresh.respond(answering([0.6, 0.8, 0]));
    await start("{ metric: semantic_similarity, min: 0.9 }", "classify: openai_embeddings");
    await expect
      .poll(async () => (await client.rollout("e")).phase, { timeout: 15_000 })
      .toBe("rolled_back");
    const { reason, verdicts } = await client.rollout("e");
    expect(reason).toContain("semantic_similarity");
    expect(verdicts[0]?.value).toBeCloseTo(0.6, 10);
    const { body } = await request(`${sluice.adminUrl}/metrics`);
    expect(await body.text()).toMatch(/sluice_copies_total\{[^}]*variant="new"[^}]*\} \d{2,}/);
  });
});
