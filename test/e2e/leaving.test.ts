import { afterEach, beforeEach, expect, test } from "vitest";
import { Agent, request } from "undici";
import { connectRaw } from "../support/raw.ts";
import { freePorts, startTestSluice } from "../support/sluice.ts";
import type { TestSluice } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

let upstream: TestUpstream;
let running: TestSluice[] = [];

beforeEach(async () => {
  upstream = await startUpstream();
});

afterEach(async () => {
  await Promise.all(running.map((sluice) => sluice.stop()));
  running = [];
  await upstream.close();
});

async function start(drainDelay: string, workers = 1): Promise<TestSluice> {
  const sluice = await startTestSluice(`
${freePorts({ workers, listen: `, drain_delay: ${drainDelay}` })}
upstreams:
  only: { url: "${upstream.url}" }
routes:
  - { match: "/**", upstream: only }
`);
  running.push(sluice);
  return sluice;
}

const readiness = async ({ adminUrl }: TestSluice): Promise<number> => {
  const { statusCode, body } = await request(`${adminUrl}/readyz`);
  await body.dump();
  return statusCode;
};

test("during the delay it is not ready, yet answers old and new connections, and closes each", async () => {
  const { sluice, adminUrl } = await start("10m");
  const old = await connectRaw(sluice.dataPort);
  old.write("GET /before HTTP/1.1\r\nhost: x\r\n\r\n");
  expect((await old.until(/\}/)).toLowerCase()).not.toContain("connection: close");
  const drained = sluice.drain();
  const { statusCode, body } = await request(`${adminUrl}/readyz`);
  expect([statusCode, await body.json()]).toMatchObject([503, { reasons: ["Sluice is draining"] }]);
  const fresh = await connectRaw(sluice.dataPort);
  for (const [at, connection] of [old, fresh].entries()) {
    connection.write(`GET /during${at} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const answer = await connection.closed();
    expect(answer).toContain(`/during${at}`);
    expect(answer.toLowerCase()).toContain("connection: close");
  }
  // A worker that is replaced meanwhile asks its clients to leave, too.
  running[0]?.kill(0);
  await running[0]?.logged({ msg: "worker replaced" });
  const late = await connectRaw(sluice.dataPort);
  late.write("GET /late HTTP/1.1\r\nhost: x\r\n\r\n");
  expect((await late.closed()).toLowerCase()).toContain("connection: close");
  expect(sluice.hurry()).toBe(true);
  expect(sluice.hurry()).toBe(false);
  expect(await drained).toBe(0);
  await expect(connectRaw(sluice.dataPort)).rejects.toThrow("ECONNREFUSED");
});

test("a stop during the delay does not wait for it", async () => {
  const { sluice } = await start("10m");
  const drained = sluice.drain();
  await sluice.stop();
  expect(await drained).toBe(0);
});

test("no request fails when one of two goes, though the balancer notices late", async () => {
  const pods = await Promise.all([start("600ms", 2), start("600ms", 2)]);
  const [going, staying] = pods;
  let ready: readonly TestSluice[] = pods;
  // As an endpoints controller does: it looks now and then, and what it saw reaches clients later still.
  const look = setInterval(() => {
    void Promise.all(pods.map((pod) => readiness(pod).catch(() => 0))).then((codes) => {
      setTimeout(() => (ready = pods.filter((_pod, at) => codes[at] === 200)), 150);
    });
  }, 50);
  const dispatcher = new Agent({ connections: 4 });
  const failures: unknown[] = [];
  const served = new Map<TestSluice, number>();
  const state = { sent: 0, isOver: false };
  const send = async () => {
    while (!state.isOver) {
      const pod = ready[(state.sent += 1) % ready.length] ?? staying;
      try {
        const { statusCode, body } = await request(`${pod.url}/x`, {
          dispatcher,
          method: "POST",
          body: "x".repeat(1000),
        });
        const { bytes } = (await body.json()) as { bytes: number };
        if (statusCode !== 200 || bytes !== 1000) failures.push(statusCode);
        served.set(pod, (served.get(pod) ?? 0) + 1);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const lanes = [0, 1, 2, 3].map(send);
  await expect.poll(() => served.size).toBe(2);
  const before = served.get(going) ?? 0;
  const aborted = await going.sluice.drain();
  const during = (served.get(going) ?? 0) - before;
  const after = state.sent;
  await expect.poll(() => state.sent).toBeGreaterThan(after + 50);
  state.isOver = true;
  await Promise.all(lanes);
  clearInterval(look);
  await dispatcher.close();
  expect(failures).toEqual([]);
  expect(aborted).toBe(0);
  expect(during).toBeGreaterThan(0);
});
