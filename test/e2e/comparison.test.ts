import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import type { Client } from "../../src/faces/client/client.ts";
import { createSluiceClient } from "../../src/main/client.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let full: TestUpstream;
let compact: TestUpstream;
let sluice: TestSluice;
let client: Client;

beforeEach(async () => {
  full = await startUpstream("full");
  compact = await startUpstream("compact");
});
afterEach(async () => {
  await sluice.stop();
  await Promise.all([full.close(), compact.close()]);
});

async function start(experiments: string): Promise<void> {
  sluice = await startTestSluice(`
${freePorts()}
upstreams: { full: { url: "${full.url}" }, compact: { url: "${compact.url}" } }
routes: [ { match: "GET /drawn", experiment: drawn }, { match: "/**", experiment: e } ]
experiments:
  drawn:
    variants: { full: { upstream: full, control: true }, compact: { upstream: compact } }
    assignment: { strategy: random }
${experiments}`);
  client = createSluiceClient({ admin: sluice.adminUrl });
}

const variants = `
  e:
    variants: { full: { upstream: full, control: true }, compact: { upstream: compact } }
`;

/** Sends one request of each user; the answer is who got what. */
async function send(users: number, path = "/x"): Promise<Map<string, string>> {
  const got = new Map<string, string>();
  for (let user = 0; user < users; user += 1) {
    const { headers, body } = await request(`${sluice.url}${path}`, {
      headers: { "x-user-id": `user-${user}` },
    });
    await body.dump();
    got.set(`user-${user}`, String(headers["x-sluice-variant"]));
  }
  return got;
}

/** What the assignment of each user is said to be. */
async function said(users: Iterable<string>): Promise<Map<string, string | null>> {
  const found = new Map<string, string | null>();
  for (const user of users) found.set(user, (await client.assignment("e", user)).variant);
  return found;
}

describe("the comparison of an A/B experiment", () => {
  it("counts every user and failure, and says what that proves", async () => {
    compact.respond((_, response) => response.writeHead(500).end());
    await start(`${variants}
    analysis: { primary: error_rate }
    assignment: { user: [ "header:x-user-id" ] }
`);
    const got = await send(200);
    const inCompact = [...got.values()].filter((variant) => variant === "compact").length;
    await expect
      .poll(async () => {
        const { sample_ratio: ratio } = await client.comparison("e");
        return [ratio.verdict, ratio.users];
      })
      .toEqual(["ok", { full: 200 - inCompact, compact: inCompact }]);
    const found = await client.comparison("e");
    expect(found).toMatchObject({
      experiment: "e",
      epoch: 1,
      randomised: "users",
      confidence: 0.95,
      min_effect: 0.05,
    });
    expect(Date.parse(found.since ?? "")).toBeLessThanOrEqual(Date.now());
    expect(found.sample_ratio.expected).toEqual({ full: 0.5, compact: 0.5 });
    const [errors] = found.metrics;
    expect(errors).toMatchObject({
      metric: "error_rate",
      unit: "share",
      direction: "lower",
      primary: true,
      control: { variant: "full", value: 0, users: 200 - inCompact, requests: 200 - inCompact },
      treatments: [
        { variant: "compact", value: 1, change: { absolute: 1, relative: null }, verdict: "worse" },
      ],
    });
    expect(errors?.treatments[0]?.says).toContain("and this holds at every look");
    expect(found.summary).toContain("compact against full, by error_rate: ");
    expect(found.metrics.map(({ metric }) => metric)).toEqual([
      "error_rate",
      "latency_mean",
      "latency_p95",
      "first_byte_mean",
    ]);
    // The experiment's own decision is by the same numbers.
    await expect
      .poll(async () => (await client.experiments())[1]?.decision?.outcome)
      .toBe("control_wins");
  });

  it("of one that randomises requests tests no split", async () => {
    await start(variants);
    await send(40, "/drawn");
    await expect
      .poll(async () => (await client.comparison("drawn")).metrics[0]?.control.requests)
      .toBeGreaterThan(0);
    const found = await client.comparison("drawn");
    expect(found).toMatchObject({
      randomised: "requests",
      sample_ratio: { verdict: "unknown", p_value: null },
    });
    expect(await client.assignment("drawn", "ada")).toMatchObject({
      variant: null,
      reason: "random",
    });
  });

  it("of one that does not exist is 404, and so is its assignment", async () => {
    await start(variants);
    for (const path of ["none/comparison", "none/assignment?user=a", "__proto__/comparison"]) {
      const { statusCode, body } = await request(`${sluice.adminUrl}/v1/experiments/${path}`);
      expect([path, statusCode]).toEqual([path, 404]);
      expect(await body.json()).toMatchObject({ code: "unknown_experiment" });
    }
    for (const query of ["", "?user=", "?user=a&x=1", `?user=${"x".repeat(2049)}`]) {
      const url = `${sluice.adminUrl}/v1/experiments/e/assignment${query}`;
      const { statusCode, body } = await request(url);
      expect(statusCode).toBe(400);
      expect(await body.json()).toMatchObject({ code: "bad_query" });
    }
  });
});

describe("the comparison of a rollout", () => {
  it("is of the present share alone", async () => {
    await start(`${variants}
    rollout:
      steps: [ { share: 20%, hold: 1h }, { share: 100% } ]
`);
    await send(40);
    const waiting = await client.comparison("e");
    expect(waiting.sample_ratio).toMatchObject({ verdict: "unknown", p_value: null });
    expect(waiting.sample_ratio.says).toContain("one arm is to get nobody");
    await client.commandRollout("e", "start");
    await expect.poll(async () => (await client.rollout("e")).applied_share).toBe(0.2);
    const got = await send(200);
    const treated = [...got.values()].filter((variant) => variant === "compact").length;
    expect(treated).toBeGreaterThan(15);
    await expect
      .poll(async () => (await client.comparison("e")).sample_ratio.users)
      .toEqual({ full: 200 - treated, compact: treated });
    const found = await client.comparison("e");
    expect(found.epoch).toBeGreaterThan(waiting.epoch);
    expect(found.sample_ratio).toMatchObject({
      verdict: "ok",
      expected: { full: 0.8, compact: 0.2 },
    });
    expect(found.metrics.every(({ primary }) => !primary)).toBe(true);
    expect(found.metrics[0]?.treatments[0]).toMatchObject({ variant: "compact", users: treated });
  });
});

describe("a user's assignment", () => {
  it("is what the user gets, in each run and at each share", async () => {
    await start(variants);
    const first = await send(60);
    expect(await said(first.keys())).toEqual(first);
    await client.endExperiment("e");
    await expect
      .poll(() => send(60).then((got) => new Set(got.values())))
      .toEqual(new Set(["full"]));
    const ended = await client.assignment("e", "user-1");
    expect(ended).toMatchObject({ variant: "full", enrolled: false, reason: "disabled" });
    expect(ended.says).toContain("the experiment's phase: ended");
    await client.startExperiment("e");
    await expect.poll(() => send(60).then((got) => new Set(got.values()).size)).toBe(2);
    const second = await send(60);
    expect(second).not.toEqual(first);
    expect(await said(second.keys())).toEqual(second);
    const [user = "", variant] = [...second][0] ?? [];
    const told = await client.assignment("e", user);
    expect(told).toMatchObject({ experiment: "e", variant, enrolled: true, reason: "hash" });
    expect(told.says.join("\n")).toContain('seed "e#2"');
  });

  it("of a rollout follows its share", async () => {
    await start(`${variants}
    rollout: { steps: [ { share: 30%, hold: 1h }, { share: 100% } ] }
`);
    const before = await send(60);
    expect(new Set(before.values())).toEqual(new Set(["full"]));
    expect(await said(before.keys())).toEqual(before);
    await client.commandRollout("e", "start");
    await expect.poll(async () => (await client.rollout("e")).applied_share).toBe(0.3);
    const after = await send(60);
    expect(new Set(after.values()).size).toBe(2);
    expect(await said(after.keys())).toEqual(after);
  });
});
