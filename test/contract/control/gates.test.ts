import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
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

test("a question is one POST of the experiment, the step, the share and the facts", async () => {
  let body = "";
  upstream.respond((request, response) => {
    void text(request).then((sent) => {
      body = sent;
      response.end("go");
    });
  });
  const headers = { Authorization: "Bearer of-good-news", "Content-Type": "application/x+json" };
  expect(await ask({ headers })).toEqual({ kind: "open", detail: "status 200: go" });
  expect(upstream.requests).toHaveLength(1);
  expect(upstream.requests[0]).toMatchObject({
    method: "POST",
    url: "/hooks/canary",
    headers: { authorization: "Bearer of-good-news", "content-type": "application/x+json" },
  });
  expect(JSON.parse(body)).toEqual({ experiment: "e", step: 1, share: 0.05, facts });
});

test("a user name and a password in the URL are sent as basic authorization", async () => {
  const url = upstream.url.replace("//", "//ci:p%40ss@");
  await ask({ url });
  await ask({ url: upstream.url.replace("//", "//ci:5%@") });
  await ask({ url, headers: { Authorization: "Bearer instead" } });
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
    `Basic ${Buffer.from("ci:p@ss").toString("base64")}`,
    `Basic ${Buffer.from("ci:5%").toString("base64")}`,
    "Bearer instead",
  ]);
});

it.each([
  [200, "open", "status 200"],
  [201, "open", "status 201"],
  [202, "open", "status 202"],
  [203, "closed", "status 203"],
  [204, "closed", "status 204"],
  [302, "closed", "status 302, redirects are not followed"],
  [403, "closed", "status 403"],
  [500, "closed", "status 500"],
] as const)("status %i: %s", async (status, kind, detail) => {
  upstream.respond((_request, response) => response.writeHead(status, { location: "/yes" }).end());
  expect(await ask()).toEqual({ kind, detail });
  expect(upstream.requests).toHaveLength(1);
  const { asked, opened, closed } = gates.state();
  expect([asked, opened, closed]).toEqual(kind === "open" ? [1, 1, 0] : [1, 0, 1]);
});

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
    .toEqual({
      kind: "closed",
      detail: "no whole answer within 10s",
    });
  expect(gates.state().asking).toEqual([]);
});

test("a gate that answers just in time opens", async () => {
  const held = hold(1);
  const answer = ask();
  const [response] = await held;
  time.advance(9999);
  response?.end();
  expect(await answer).toEqual({ kind: "open", detail: "status 200" });
});

test("nobody listens", async () => {
  const gone = await startUpstream();
  await gone.close();
  const answer = await ask({ url: `${gone.url}/x` });
  expect(answer).toEqual({ kind: "closed", detail: expect.stringContaining("ECONNREFUSED") });
});

test("a name with two addresses where nobody listens says so of both", async () => {
  const gone = await startUpstream();
  await gone.close();
  const dispatcher = new Agent({
    connect: {
      autoSelectFamily: true,
      lookup: (_host, _options, found) =>
        found(null, [
          { address: "127.0.0.1", family: 4 },
          { address: "127.0.0.2", family: 4 },
        ]),
    },
  });
  const two = createGates({ clock: time.clock, timers: time.timers, log: () => {}, dispatcher });
  const url = `http://gate.test:${gone.port}/`;
  const answer = await new Promise<GateAnswer>((resolve) => two.ask(gate({ url }), facts, resolve));
  expect(answer.kind).toBe("closed");
  expect(answer.detail).toContain(`127.0.0.1:${gone.port}`);
  expect(answer.detail).toContain(`127.0.0.2:${gone.port}`);
  await two.stop();
  expect(dispatcher.destroyed, "the caller's dispatcher stays the caller's").toBe(false);
  await dispatcher.destroy();
});

it.each([
  ["a URL that is none", { url: "no URL" }, "Invalid URL"],
  ["a header that cannot be sent", { headers: { "x-key": "a\nb" } }, "invalid x-key header"],
])("%s is a closed gate", async (_what, changes, detail) => {
  expect(await ask(changes)).toEqual({ kind: "closed", detail });
});

test("an answer that breaks off is a closed gate", async () => {
  upstream.respond((_request, response) => {
    response.writeHead(200, { "content-length": 100 }).write("yes", () => response.destroy());
  });
  expect((await ask()).kind).toBe("closed");
});

it.each([
  [64 * 1024, "open", `status 200: ${"y".repeat(199)}…`],
  [64 * 1024 + 1, "closed", "status 200 with a body of more than 64KiB: answer with less"],
])("a body of %i bytes: %s", async (bytes, kind, detail) => {
  upstream.respond((_request, response) => response.end("y".repeat(bytes)));
  expect(await ask()).toEqual({ kind, detail });
});

test("a body without end is cut off at the limit, not at the end of the time", async () => {
  const cutOff = new Promise<void>((resolve) => {
    upstream.respond((_request, response) => {
      response.on("close", resolve);
      const more = (error?: Error | null) => {
        if (!error) response.write("y".repeat(16 * 1024), more);
      };
      more();
    });
  });
  expect((await ask()).detail).toContain("a body of more than 64KiB");
  await cutOff;
});

it.each([
  ["two\r\nlines\t\u001B[31mred\u202E", "status 403: two lines [31mred"],
  ["é".repeat(200), `status 403: ${"é".repeat(200)}`],
  ["😀".repeat(201), `status 403: ${"😀".repeat(199)}…`],
])("a detail is one line of at most 200 characters: %j", async (said, detail) => {
  upstream.respond((_request, response) => response.writeHead(403).end(said));
  expect((await ask()).detail).toBe(detail);
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
