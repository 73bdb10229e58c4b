import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "undici";
import { outcomes } from "../../src/core/traffic/outcome.ts";
import { statusSchema } from "../../src/wire/admin-api.ts";
import type { Status } from "../../src/wire/admin-api.ts";
import { freePorts, startTestSluice } from "../support/sluice.ts";
import type { TestSluice } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

let upstream: TestUpstream;
let sluice: TestSluice;

const text = (weight: number) => `${freePorts({ workers: 2 })}
upstreams:
  only: { url: "${upstream.url}" }
routes:
  - { match: "/**", experiment: split }
experiments:
  split:
    variants:
      old: { upstream: only, control: true, weight: ${weight} }
      new: { upstream: only, weight: 25 }
    assignment: { coverage: 80% }
`;

beforeEach(async () => {
  upstream = await startUpstream();
  sluice = await startTestSluice(text(75));
});

afterEach(async () => {
  await sluice.stop();
  await upstream.close();
});

async function fetchStatus(): Promise<Status> {
  const { body } = await request(`${sluice.adminUrl}/v1/status`);
  return statusSchema.parse(await body.json());
}

function experimentOf({ experiments }: Status): Status["experiments"][number] {
  const [experiment] = experiments;
  if (experiment === undefined) throw new Error("the experiment is not shown");
  return experiment;
}

function requestsOf(status: Status): number {
  return experimentOf(status).variants.reduce((sum, { requests }) => sum + requests, 0);
}

async function send(count: number): Promise<void> {
  for (let user = 0; user < count; user += 1) {
    const { body } = await request(`${sluice.url}/x`, {
      headers: { "x-user-id": `user-${user}` },
      reset: true,
    });
    await body.dump();
  }
}

test("the status adds up over both workers, and a new epoch starts from nothing", async () => {
  await send(60);
  await expect.poll(async () => requestsOf(await fetchStatus())).toBe(60);
  const status = await fetchStatus();
  expect(status.workers.map(({ state }) => state)).toEqual(["running", "running"]);
  expect(status.endpoints).toMatchObject([
    { upstream: "only", origin: upstream.url, healthy: true, ejected: false, in_flight: 0 },
  ]);
  const experiment = experimentOf(status);
  expect(experiment).toMatchObject({ key: "split", epoch: 1, coverage: 0.8, disabled: false });
  expect(experiment.variants.map(({ key, configured_share }) => [key, configured_share])).toEqual([
    ["old", 0.75],
    ["new", 0.25],
  ]);
  for (const variant of experiment.variants) {
    const counted = outcomes.reduce((sum, outcome) => sum + variant.outcomes[outcome], 0);
    expect(counted).toBe(variant.requests);
    expect(variant.latency_ms?.p50).toBeGreaterThan(0);
  }
  expect((await sluice.sluice.reload(text(25))).kind).toBe("applied");
  const next = await fetchStatus();
  expect(experimentOf(next)).toMatchObject({ epoch: 2 });
  expect(requestsOf(next)).toBe(0);
  expect(experimentOf(next).variants[0]).toMatchObject({ configured_share: 0.5, latency_ms: null });
  await send(10);
  await expect.poll(async () => requestsOf(await fetchStatus())).toBe(10);
});

test("the status tells the last reload and what was wrong with it", async () => {
  expect((await fetchStatus()).config).toMatchObject({ generation: 1, last_reload: null });
  await sluice.sluice.reload("routes: 1");
  const { config } = await fetchStatus();
  expect(config.generation).toBe(1);
  expect(config.last_reload).toMatchObject({ result: "invalid", reason: "API: this process" });
  expect(config.last_reload?.issues.length).toBeGreaterThan(0);
});

test("the metrics tell the same as the status", async () => {
  await send(20);
  await expect.poll(async () => requestsOf(await fetchStatus())).toBe(20);
  const { statusCode, body } = await request(`${sluice.adminUrl}/metrics`);
  expect(statusCode).toBe(200);
  const lines = (await body.text()).split("\n");
  const counted = lines
    .filter((line) => line.startsWith("http_server_request_duration_seconds_count{"))
    .map((line) => Number(line.split(" ").at(-1)));
  expect(counted.reduce((sum, count) => sum + count, 0)).toBe(20);
});
