import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Agent } from "undici";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import type { GateAnswer, GateQuestion } from "../../../src/control/gate-request.ts";
import { createGates, gateLimits } from "../../../src/control/gates.ts";
import type { Gates } from "../../../src/control/gates.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

let upstream: TestUpstream;
let time: FakeTime;
let gates: Gates;
let logs: string[] = [];

beforeEach(async () => {
  upstream = await startUpstream("gate");
  time = createFakeTime();
  logs = [];
  gates = createGates({
    clock: time.clock,
    timers: time.timers,
    log: (level, message, facts) => logs.push(`${level}: ${message} ${JSON.stringify(facts)}`),
  });
});

afterEach(async () => {
  await gates.stop();
  await upstream.close();
  expect(time.pending(), "timers left behind").toBe(0);
});

const facts: JsonValue = { verdicts: [{ guardrail: "error_rate", verdict: "ok" }] };

function gate(changes: Partial<GateQuestion> = {}): GateQuestion {
  const url = `${upstream.url}/hooks/canary`;
  return { experiment: "e", step: 1, share: 0.05, url, headers: {}, timeoutMs: 10_000, ...changes };
}

/** Asks and resolves with the answer. */
function ask(changes: Partial<GateQuestion> = {}): Promise<GateAnswer> {
  return new Promise((resolve) => gates.ask(gate(changes), facts, resolve));
}

/** Asks where no answer may come. */
function askInVain(changes: Partial<GateQuestion> = {}): void {
  gates.ask(gate(changes), facts, ({ detail }) => {
    throw new Error(`answered: ${detail}`);
  });
}

/** Answers nothing; resolves with the answers-to-be of the next `count` requests. */
async function hold(count: number): Promise<ServerResponse[]> {
  const held: ServerResponse[] = [];
  return new Promise((resolve) => {
    upstream.respond((_request, response) => {
      if (held.push(response) === count) resolve(held);
    });
  });
}

const nothingSent: RequestListener = () => {};
const headSent: RequestListener = (_request, response) => response.flushHeaders();
const bodyBegun: RequestListener = (_request, response) => response.write("yes, ");

it.each([
  ["without an answer", nothingSent],
  ["with a head only", headSent],
  ["with a body that does not end", bodyBegun],
])("a gate is closed when its time is over %s", async (_what, respond) => {
  upstream.respond(respond);
  let answered: GateAnswer | null = null;
  gates.ask(gate(), facts, (answer) => (answered = answer));
  await upstream.until(1);
  time.advance(9999);
  expect(gates.state().asking).toEqual([
    { experiment: "e", step: 1, origin: upstream.url, atMs: 0 },
  ]);
  time.advance(1);
  await expect
    .poll(() => answered)
    .toEqual({ kind: "closed", detail: "no whole answer within 10s" });
  expect(gates.state()).toMatchObject({ asking: [], asked: 1, opened: 0, closed: 1 });
});

test("a gate that answers just in time opens", async () => {
  const held = hold(1);
  const answer = ask();
  const [response] = await held;
  time.advance(9999);
  response?.end();
  expect(await answer).toEqual({ kind: "open", detail: "status 200" });
});

test("a second question for the same step is ignored while the first is under way", async () => {
  const held = hold(1);
  const answer = ask();
  const [response] = await held;
  askInVain();
  response?.end();
  expect((await answer).kind).toBe("open");
  expect(upstream.requests).toHaveLength(1);
  // Once it is answered, the same question is asked anew.
  upstream.respond((_request, response) => response.end());
  await ask();
  expect(upstream.requests).toHaveLength(2);
});

test("a question for another step ends the one before", async () => {
  const held = hold(1);
  askInVain({ step: 1 });
  const [first] = await held;
  const isClosed = once(first as ServerResponse, "close");
  upstream.respond((_request, response) => response.end("second"));
  expect((await ask({ step: 2 })).detail).toBe("status 200: second");
  await isClosed;
  expect(gates.state()).toMatchObject({ asked: 2, opened: 1, dropped: 1, asking: [] });
});

test("cancel ends the question of one experiment and drops its answer", async () => {
  const held = hold(2);
  askInVain({ experiment: "cancelled" });
  const kept = ask({ experiment: "kept" });
  const responses = await held;
  gates.cancel("cancelled");
  gates.cancel("never asked");
  for (const response of responses) response.end();
  expect((await kept).kind).toBe("open");
  const { asked, opened, closed, dropped, answers } = gates.state();
  expect({ asked, opened, closed, dropped }).toEqual({
    asked: 2,
    opened: 1,
    closed: 0,
    dropped: 1,
  });
  expect(answers.map(({ experiment }) => experiment)).toEqual(["kept"]);
  gates.cancel("kept");
  expect(gates.state().answers).toEqual([]);
});

test("a gate that hangs delays no other on the same server", async () => {
  const held = hold(1);
  askInVain({ experiment: "slow" });
  await held;
  upstream.respond((_request, response) => response.end());
  expect((await ask({ experiment: "quick" })).kind).toBe("open");
  expect(gates.state().asking.map(({ experiment }) => experiment)).toEqual(["slow"]);
});

test("at most 64 questions are under way; one more is a closed gate until one of them ends", async () => {
  const held = hold(gateLimits.askingMax);
  for (let at = 0; at < gateLimits.askingMax; at += 1) askInVain({ experiment: `e${at}` });
  await held;
  let isReturned = false;
  const full = new Promise<GateAnswer>((resolve) => {
    gates.ask(gate({ experiment: "more" }), facts, (answer) => {
      expect(isReturned, "answered while asking").toBe(true);
      resolve(answer);
    });
    isReturned = true;
  });
  // One dropped before it is told that there was no room hears nothing.
  askInVain({ experiment: "more and cancelled" });
  gates.cancel("more and cancelled");
  expect(await full).toEqual({
    kind: "closed",
    detail: "not asked: 64 other gates have not answered yet; it is asked again later",
  });
  expect(gates.state()).toMatchObject({ asked: 64, refused: 2, closed: 0 });
  expect(gates.state().asking).toHaveLength(64);

  // Another step takes the place of the one before, also when all places are taken.
  upstream.respond((_request, response) => response.end());
  expect((await ask({ experiment: "e0", step: 2 })).kind).toBe("open");
  expect((await ask({ experiment: "more" })).kind).toBe("open");
});

test("the newest 256 answers are kept for the screen", async () => {
  upstream.respond((_request, response) => response.writeHead(403).end("not on a Friday"));
  for (let at = 0; at <= gateLimits.answersMax; at += 1) {
    await ask({ experiment: `e${at}` });
    time.advance(1000);
  }
  const { answers } = gates.state();
  expect(answers).toHaveLength(256);
  expect(answers[0]).toEqual({
    experiment: "e1",
    step: 1,
    origin: upstream.url,
    atMs: 1000,
    kind: "closed",
    detail: "status 403: not on a Friday",
  });
});

test("stop ends every question, at both sides, and none is sent after it", async () => {
  const held = hold(2);
  askInVain({ experiment: "one" });
  askInVain({ experiment: "other" });
  const closing = (await held).map((response) => once(response, "close"));
  await gates.stop();
  await Promise.all(closing);
  expect(time.pending()).toBe(0);
  askInVain({ experiment: "late" });
  expect(gates.state()).toMatchObject({ asked: 2, dropped: 2, asking: [] });
  await gates.stop();
});

it.each([
  ["the end of its time", () => time.advance(10_000), "no whole answer within 10s"],
  ["cancel", () => gates.cancel("e"), null],
  ["stop", () => void gates.stop(), null],
])("%s ends a connection that is still being made", async (_what, end, detail) => {
  // Accepts connections and never answers the greeting of TLS.
  const mute = createServer();
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  mute.on("connection", resolve);
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as AddressInfo;
  let told: string | null = null;
  const url = `https://127.0.0.1:${port}/`;
  gates.ask(gate({ url }), facts, (answer) => (told = answer.detail));
  const socket = await accepted;
  socket.on("error", () => {}).resume();
  const isClosed = once(socket, "close");
  end();
  await isClosed;
  await expect.poll(() => told).toBe(detail);
  mute.close();
});

test("stop waits for the questions that a given dispatcher has", async () => {
  const dispatcher = new Agent();
  const others = createGates({ clock: time.clock, timers: time.timers, log: () => {}, dispatcher });
  const held = hold(1);
  others.ask(gate(), facts, () => {
    throw new Error("answered after stop");
  });
  await held;
  await others.stop();
  expect(time.pending()).toBe(0);
  await dispatcher.destroy();
});

test("neither the log nor a detail holds what is secret of a URL or a header", async () => {
  // Says everything back, as some servers do when they refuse.
  upstream.respond((request, response) => {
    response.writeHead(403).end(`no: ${request.url} ${JSON.stringify(request.headers)}`);
  });
  const gone = await startUpstream();
  await gone.close();
  const path = "/services/T-secret-1?token=secret-2&key=secret%203";
  const headers = { "x-key": "Bearer secret-4", cookie: "session=secret-5; a=b" };
  const refused = await ask({
    url: `${upstream.url.replace("//", "//user:secret-6@")}${path}`,
    headers,
  });
  const failed = await ask({ url: `${gone.url}${path}`, headers, step: 2 });
  const broken = await ask({ url: `broken${path}`, headers, step: 3 });
  const all = [refused.detail, failed.detail, broken.detail, ...logs].join("\n");
  expect(all).not.toMatch(/secret/);
  expect(all).not.toContain(Buffer.from("user:secret-6").toString("base64"));
  expect(refused.detail).toMatch(/^status 403: no: \[redacted\]/);
  expect(logs).toEqual([
    `info: gate closed {"experiment":"e","step":1,"origin":"${upstream.url}","reason":"status 403"}`,
    expect.stringContaining(`"origin":"${gone.url}","reason":"connect ECONNREFUSED`),
    expect.stringContaining(`"origin":"an unreadable URL"`),
  ]);
});

test("a gate that stays closed is logged once, and again when it opens", async () => {
  upstream.respond((_request, response) => response.writeHead(403).end());
  await ask();
  await ask();
  upstream.respond((_request, response) => response.end());
  await ask();
  expect(logs.map((line) => line.split(" {")[0])).toEqual(["info: gate closed", "info: gate open"]);
});
