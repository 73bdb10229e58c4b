import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "undici";
import { freePorts, startTestSluice } from "../support/sluice.ts";
import type { TestSluice } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

let good: TestUpstream;
let bad: TestUpstream;
let sluice: TestSluice;

beforeEach(async () => {
  [good, bad] = await Promise.all([startUpstream("good"), startUpstream("bad")]);
  bad.respond((_request, response) => response.writeHead(500).end("bad"));
  sluice = await startTestSluice(configText());
});

afterEach(async () => {
  await sluice.stop();
  await Promise.all([good.close(), bad.close()]);
});

const configText = () => `${freePorts()}
upstreams:
  both:
    urls: [ "${good.url}", "${bad.url}" ]
    health: { path: /health, interval: 200ms, timeout: 200ms, unhealthy_after: 1, healthy_after: 1 }
routes:
  - { match: "/**", upstream: both }
`;

async function statuses(count: number): Promise<Set<number>> {
  const answers = Array.from({ length: count }, async () => {
    const { statusCode, body } = await request(`${sluice.url}/x`);
    await body.dump();
    return statusCode;
  });
  return new Set(await Promise.all(answers));
}

test("an endpoint that fails its checks gets no traffic, from a replaced worker either, until it recovers", async () => {
  await sluice.logged({ msg: "endpoint unhealthy", origin: bad.url });
  // The worker hears of it on a channel of its own; an applied reload behind it shows that it has.
  await sluice.sluice.reload(configText().replace("unhealthy_after: 1", "unhealthy_after: 2"));
  expect(await statuses(40)).toEqual(new Set([200]));
  const endpoints = sluice.sluice
    .status()
    .endpoints.map(({ origin, healthy }) => ({ origin, healthy }));
  expect(endpoints).toEqual([
    { origin: good.url, healthy: true },
    { origin: bad.url, healthy: false },
  ]);
  const replaced = sluice.logged({ msg: "worker replaced" });
  sluice.kill(0);
  await replaced;
  expect(await statuses(40)).toEqual(new Set([200]));
  bad.respond((_request, response) => response.writeHead(201).end());
  await sluice.logged({ msg: "endpoint healthy again", origin: bad.url });
  await expect.poll(async () => (await statuses(10)).has(201)).toBe(true);
});
