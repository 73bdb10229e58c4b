import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Agent, request } from "undici";
import { connectRaw } from "../support/raw.ts";
import { freePorts, startTestSluice } from "../support/sluice.ts";
import type { TestSluice } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

let one: TestUpstream;
let other: TestUpstream;
let running: TestSluice[] = [];

beforeEach(async () => {
  [one, other] = await Promise.all([startUpstream("one"), startUpstream("other")]);
});

afterEach(async () => {
  await Promise.all(running.map((sluice) => sluice.stop()));
  running = [];
  await Promise.all([one.close(), other.close()]);
});

const splitText = (workers: number, listen = "") => `${freePorts({ workers, listen })}
upstreams:
  one: { url: "${one.url}" }
  other: { url: "${other.url}" }
routes:
  - { match: "/**", experiment: split }
experiments:
  split:
    variants:
      one: { upstream: one, control: true }
      other: { upstream: other }
`;

async function start(workers: number, listen = ""): Promise<TestSluice> {
  const sluice = await startTestSluice(splitText(workers, listen));
  running.push(sluice);
  return sluice;
}

/** A new connection each time, so that the system deals requests out to all workers. */
const fresh = () => new Agent({ pipelining: 0 });

async function variantOf(sluice: TestSluice, user: string, dispatcher: Agent): Promise<string> {
  const { statusCode, headers, body } = await request(`${sluice.url}/x`, {
    dispatcher,
    headers: { "x-user-id": user },
  });
  await body.dump();
  expect(statusCode).toBe(200);
  return String(headers["x-sluice-variant"]);
}

/** Sends one after the other until `end` resolves. */
async function sendUntil(end: Promise<unknown>, send: () => Promise<void>): Promise<void> {
  const state = { isOver: false };
  void end.then(() => (state.isOver = true));
  while (!state.isOver) await send();
}

/** Both upstreams wait with their answer until the returned function lets the latest go. */
function holdAnswers(): () => void {
  const held: ServerResponse[] = [];
  for (const upstream of [one, other]) {
    upstream.respond((_request, response) => void held.push(response));
  }
  return () => void held.at(-1)?.end("whole");
}

test("a user keeps the variant across workers, a replaced worker and a restart", async () => {
  const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
  const dispatcher = fresh();
  const variants = (sluice: TestSluice) =>
    Promise.all(users.map((user) => variantOf(sluice, user, dispatcher)));
  const first = await start(2);
  const before = await variants(first);
  expect(new Set(before).size).toBe(2);
  expect(await variants(first)).toEqual(before);
  first.kill(0);
  await first.logged({ msg: "worker lost", worker: 0 });
  expect(await variants(first)).toEqual(before);
  await first.stop();
  expect(await variants(await start(1))).toEqual(before);
  await dispatcher.destroy();
});

test("a worker that crashes is replaced and counted, and the other one keeps serving", async () => {
  const sluice = await start(2);
  const replaced = sluice.logged({ msg: "worker replaced", worker: 0 });
  const dispatcher = fresh();
  let sent = 0;
  let lost = 0;
  await sendUntil(replaced, async () => {
    sent += 1;
    await variantOf(sluice, `user-${sent}`, dispatcher).catch(() => (lost += 1));
    if (sent === 20) sluice.kill(0);
  });
  // Connections that the dead thread had taken are lost with it; one at a time, that is at most one.
  expect(lost).toBeLessThanOrEqual(1);
  expect(sent).toBeGreaterThan(20);
  const status = sluice.sluice.status();
  expect(status.ready).toBe(true);
  expect(status.workers.map(({ restarts }) => restarts)).toEqual([1, 0]);
  await dispatcher.destroy();
});

test("a bug in a worker lets its requests in flight finish", async () => {
  const sluice = await start(1);
  const finish = holdAnswers();
  const answer = request(`${sluice.url}/x`, { headers: { "x-user-id": "u" } });
  await Promise.race([one.until(1), other.until(1)]);
  sluice.break(0);
  await sluice.logged({ msg: "worker lost", worker: 0 });
  finish();
  const { statusCode, body } = await answer;
  expect(statusCode).toBe(200);
  expect(await body.text()).toBe("whole");
});

test("draining finishes what is in flight, refuses what is new and leaves nothing", async () => {
  const sluice = await start(2);
  const finish = holdAnswers();
  const answer = request(`${sluice.url}/x`);
  await Promise.race([one.until(1), other.until(1)]);
  const drained = sluice.sluice.drain();
  const { statusCode: ready } = await request(`${sluice.adminUrl}/readyz`);
  expect(ready).toBe(503);
  finish();
  expect(await (await answer).body.text()).toBe("whole");
  expect(await drained).toBe(0);
  await expect(connectRaw(sluice.sluice.dataPort)).rejects.toThrow("ECONNREFUSED");
});

test("draining cuts what outlasts the deadline and says how much", async () => {
  const sluice = await start(1, ", drain_deadline: 100ms");
  holdAnswers();
  const client = await connectRaw(sluice.sluice.dataPort);
  client.write("GET /x HTTP/1.1\r\nhost: x\r\n\r\n");
  await Promise.race([one.until(1), other.until(1)]);
  expect(await sluice.sluice.drain()).toBe(1);
  await client.closed();
});

test("a port in use is refused with its address, also when another Sluice has it", async () => {
  const sluice = await start(1);
  const { dataPort } = sluice.sluice;
  const text = splitText(1).replace("port: 0", `port: ${dataPort}`);
  await expect(startTestSluice(text)).rejects.toThrow(
    `127.0.0.1:${dataPort} is in use: stop what listens there, or choose another listen.port`,
  );
});

test("a pattern that backtracks without end holds no worker up", async () => {
  const rules = 'rules: [ { when: [ { header: x-plan, matches: "^(a+)+$" } ], variant: other } ]';
  const text = splitText(1).replace("    variants:", `    assignment: { ${rules} }\n    variants:`);
  const sluice = await startTestSluice(text);
  running.push(sluice);
  const plan = async (value: string) => {
    const { headers, body } = await request(sluice.url, { headers: { "x-plan": value } });
    await body.dump();
    return headers["x-sluice-variant"];
  };
  expect(await plan("a".repeat(64))).toBe("other");
  // Hours, when it backtracks.
  expect(await plan(`${"a".repeat(64)}!`)).toMatch(/^(one|other)$/);
});
