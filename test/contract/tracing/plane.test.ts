import { Agent, request } from "undici";
import { afterEach, beforeEach, expect, it } from "vitest";
import { spansPerSnapshotMax } from "../../../src/data/tracing/record-trace.ts";
import { startPlane, type TestPlane } from "../../support/plane.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

let upstream: TestUpstream;
let plane: TestPlane;
let agent: Agent;

beforeEach(async () => {
  upstream = await startUpstream();
  agent = new Agent({ connections: 4 });
});

afterEach(async () => {
  await agent.destroy();
  await plane.stop();
  await upstream.close();
});

it("keeps so many spans for a snapshot, counts the others, and begins anew", async () => {
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
tracing: { otlp: "http://127.0.0.1:1", sample: 100% }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", upstream: one } ]
`);
  const exchanges = spansPerSnapshotMax / 2 + 3;
  const send = async () => {
    const { body } = await request(`http://127.0.0.1:${plane.port}/x`, { dispatcher: agent });
    await body.dump();
  };
  for (let sent = 0; sent < exchanges; sent += 1) await send();
  const full = plane.plane.snapshot();
  expect(full.traces).toHaveLength(spansPerSnapshotMax / 2);
  expect(full.counters.spansDropped).toBe(3 * 2);
  await send();
  const next = plane.plane.snapshot();
  expect(next.traces).toHaveLength(1);
  expect(next.counters.spansDropped).toBe(3 * 2);
});
