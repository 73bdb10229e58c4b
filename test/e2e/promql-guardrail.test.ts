import { afterEach, beforeEach, expect, it } from "vitest";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let upstream: TestUpstream;
let prometheus: TestUpstream;
let sluice: TestSluice;

beforeEach(async () => {
  [upstream, prometheus] = await Promise.all([startUpstream(), startUpstream("prometheus")]);
  answers(1);
  sluice = await startTestSluice(`${freePorts()}
prometheus: { url: "${prometheus.url}" }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 10%, hold: 1s, min_requests: 0 }, { share: 50%, hold: 10m } ] }
    guardrails: [ { metric: promql, name: gpu_queue, query: "max(gpu_queue)", max: 5, every: 1s } ]
`);
});

afterEach(async () => {
  await sluice.stop();
  await Promise.all([upstream.close(), prometheus.close()]);
});

/** What the server says from now on; null for an outage. */
function answers(value: number | null): void {
  prometheus.respond((_, outgoing) => {
    if (value === null) {
      outgoing.statusCode = 503;
      outgoing.end("down");
      return;
    }
    const result = [{ metric: {}, value: [1_700_000_000, String(value)] }];
    outgoing.setHeader("content-type", "application/json");
    outgoing.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
  });
}

const rollout = () => sluice.sluice.rollouts()[0];

it("a query lets a rollout climb, and takes it back when its answer is too high", async () => {
  expect(sluice.sluice.commandRollout("e", "start", "ann")).toBeNull();
  await expect.poll(() => rollout()?.share, { timeout: 10_000 }).toBe(0.5);
  expect(rollout()?.verdicts[0]).toMatchObject({
    guardrail: "gpu_queue",
    unit: "number",
    limit: 5,
  });
  answers(7);
  await expect.poll(() => rollout()?.phase, { timeout: 10_000 }).toBe("rolled_back");
  expect(rollout()?.reason).toContain(
    "gpu_queue: 1 failed look, 0 allowed; the last look: 7, 5 allowed",
  );
  const asked = prometheus.requests.length;
  // Nobody is asked for a rollout that is over.
  await sluice.logged({ msg: "share in force", share: 0 });
  await expect.poll(() => prometheus.requests.length - asked).toBeLessThan(3);
});

it("an outage of the server holds the rollout where it is: never up, never down", async () => {
  answers(null);
  expect(sluice.sluice.commandRollout("e", "start", "ann")).toBeNull();
  await expect.poll(() => rollout()?.verdicts[0]?.reason, { timeout: 10_000 }).toContain("503");
  expect(rollout()).toMatchObject({ share: 0.1, phase: "stepping" });
  answers(1);
  await expect.poll(() => rollout()?.share, { timeout: 15_000 }).toBe(0.5);
});
