import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import { createPrometheusPoller, pollerLimits } from "../../../src/control/prometheus/poller.ts";
import type {
  Measurement,
  PrometheusPoller,
  PrometheusQuery,
} from "../../../src/control/prometheus/poller.ts";
import { createPrometheusClient } from "../../../src/control/prometheus/query.ts";
import type { PrometheusClient } from "../../../src/control/prometheus/query.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

/** Real questions to a real server, at times that pass only when the test says so. */

let server: TestUpstream;
let time: FakeTime;
let client: PrometheusClient;
let poller: PrometheusPoller | null;
/** Monotonic times at which each expression was asked. */
let askedMs: Record<string, number[]> = {};
/** By expression. */
let underWay = new Map<string, Promise<unknown>>();

beforeEach(async () => {
  poller = null;
  server = await startUpstream("prometheus");
  time = createFakeTime();
  askedMs = {};
  underWay = new Map();
  const options = { url: server.url, headers: {}, timeoutMs: 3_600_000 };
  const real = createPrometheusClient(options, time);
  client = {
    query(expression, signal) {
      (askedMs[expression] ??= []).push(time.clock.monotonicMs());
      const answered = real.query(expression, signal);
      underWay.set(expression, answered);
      void answered.finally(() => underWay.delete(expression));
      return answered;
    },
  };
});

afterEach(async () => {
  await poller?.stop();
  expect(time.pending(), "timers left behind").toBe(0);
  expect(underWay.size, "questions left behind").toBe(0);
  await server.close();
});

function poll(...queries: readonly PrometheusQuery[]): void {
  poller = createPrometheusPoller(queries, { clock: time.clock, timers: time.timers, client });
}

function latest(name: string): Measurement | undefined {
  return poller?.latest(name);
}

/** Resolves once every question under way has its answer, and the poller has taken it in. */
async function answers(): Promise<void> {
  await Promise.all(underWay.values());
  await new Promise((resolve) => setImmediate(resolve));
}

/** Lets time pass in steps, with the answers to what is asked in each. */
async function pass(ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    time.advance(stepMs);
    await answers();
  }
}

function value(response: ServerResponse, written: string): void {
  const result = [1_700_000_000, written];
  response.end(JSON.stringify({ status: "success", data: { resultType: "scalar", result } }));
}

function answerWith(written: string): void {
  server.respond((_request, response) => value(response, written));
}

function refuse(): void {
  server.respond((_request, response) => response.writeHead(503).end());
}

/** Requests are held until the test answers them. */
function hold(): ServerResponse[] {
  const held: ServerResponse[] = [];
  server.respond((_request, response) => void held.push(response));
  return held;
}

const up: PrometheusQuery = { name: "availability", expression: "up" };
const refused = "the server cannot answer now: status 503";

test("a query is asked at once and every ten seconds, and its last value is known with its age", async () => {
  answerWith("0.5");
  poll(up);
  expect(latest("availability")).toEqual({ kind: "none" });
  await answers();
  expect(latest("availability")).toEqual({ kind: "value", value: 0.5, ageMs: 0, n: 1, serial: 1 });
  time.advance(9999);
  expect(latest("availability")).toMatchObject({ value: 0.5, ageMs: 9999 });
  answerWith("0.25");
  time.advance(1);
  await answers();
  expect(latest("availability")).toEqual({ kind: "value", value: 0.25, ageMs: 0, n: 2, serial: 2 });
  await pass(20_000, 1000);
  expect(askedMs["up"]).toEqual([0, 10_000, 20_000, 30_000]);
});

test("nothing is known of a query that it does not have", async () => {
  answerWith("1");
  poll(up);
  await answers();
  expect(latest("other")).toEqual({ kind: "none" });
});

test("each query keeps its own interval, value and errors", async () => {
  server.respond((request, response) => {
    void text(request).then((body) => {
      if (new URLSearchParams(body).get("query") === "slow") value(response, "7");
      else response.writeHead(503).end();
    });
  });
  poll(
    { name: "a", expression: "quick", everyMs: 1000 },
    { name: "b", expression: "slow", everyMs: 4000 },
  );
  await answers();
  await pass(8000, 1000);
  expect(askedMs).toEqual({
    quick: [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000],
    slow: [0, 4000, 8000],
  });
  expect(latest("a")).toEqual({ kind: "error", consecutive: 9, reason: refused, serial: 9 });
  expect(latest("b")).toEqual({ kind: "value", value: 7, ageMs: 0, n: 3, serial: 3 });
  expect(poller?.state()).toMatchObject([
    { name: "a", asked: 9, values: 0, errors: 9, skipped: 0, latest: { kind: "error" } },
    { name: "b", asked: 3, values: 3, errors: 0, skipped: 0, latest: { kind: "value" } },
  ]);
});

test("an answer that takes its time does not shift the due times, and its age counts from the question", async () => {
  const held = hold();
  poll({ ...up, everyMs: 5000 });
  await server.until(1);
  time.advance(3500);
  value(held[0] as ServerResponse, "1");
  await answers();
  expect(latest("availability")).toMatchObject({ kind: "value", ageMs: 3500 });
  time.advance(1500);
  await server.until(2);
  expect(askedMs["up"]).toEqual([0, 5000]);
});

test("a question that is still under way when its query is due again is not asked twice", async () => {
  const held = hold();
  poll({ ...up, everyMs: 1000 });
  await server.until(1);
  time.advance(2500);
  expect(askedMs["up"]).toEqual([0]);
  expect(poller?.state()).toMatchObject([{ asked: 1, skipped: 2, latest: { kind: "none" } }]);
  value(held[0] as ServerResponse, "1");
  await answers();
  time.advance(500);
  expect(askedMs["up"]).toEqual([0, 3000]);
});

test("timers that fire a little early ask no more often", async () => {
  answerWith("1");
  const after = (ms: number, run: () => void) => time.timers.after(ms - 0.25, run);
  const timers = { ...time.timers, after };
  poller = createPrometheusPoller([up], { clock: time.clock, timers, client });
  await answers();
  await pass(30_000, 1000);
  expect(askedMs["up"]).toEqual([0, 9999.75, 19_999.75, 29_999.75]);
});

test("after a pause of the process one question makes up for those missed, and the due times stay", async () => {
  answerWith("1");
  let pausedMs = 0;
  const clock = { ...time.clock, monotonicMs: () => time.clock.monotonicMs() + pausedMs };
  poller = createPrometheusPoller([up], { clock, timers: time.timers, client });
  await answers();
  pausedMs = 47_000;
  await pass(10_000, 1000);
  expect(askedMs["up"], "at 57 s of its own clock").toEqual([0, 10_000]);
  await pass(13_000, 1000);
  expect(askedMs["up"], "at 60 and 70 s of its own clock").toEqual([0, 10_000, 13_000, 23_000]);
});

test("errors are counted until a value comes: the fifth in a row is told from the fourth", async () => {
  refuse();
  poll({ ...up, everyMs: 5000 });
  await answers();
  await pass(15_000, 5000);
  expect(latest("availability")).toEqual({
    kind: "error",
    consecutive: 4,
    reason: refused,
    serial: 4,
  });
  await pass(5000, 5000);
  expect(latest("availability")).toMatchObject({ kind: "error", consecutive: 5, serial: 5 });
  expect(askedMs["up"], "no retries beside").toEqual([0, 5000, 10_000, 15_000, 20_000]);
  answerWith("1");
  await pass(5000, 5000);
  expect(latest("availability")).toEqual({ kind: "value", value: 1, ageMs: 0, n: 1, serial: 6 });
  refuse();
  await pass(5000, 5000);
  expect(latest("availability")).toMatchObject({ kind: "error", consecutive: 1, serial: 7 });
});

test("an answer without data counts as an error, whatever was measured before", async () => {
  answerWith("1");
  poll(up);
  await answers();
  answerWith("NaN");
  await pass(10_000, 10_000);
  expect(latest("availability")).toMatchObject({
    kind: "error",
    reason: expect.stringContaining("answers with NaN") as unknown,
  });
});

test("after an error a query with a long interval is asked again ten seconds later, then when it is due", async () => {
  refuse();
  poll({ ...up, everyMs: 300_000 });
  await answers();
  await pass(29_000, 1000);
  expect(askedMs["up"]).toEqual([0, 10_000, 20_000]);
  expect(latest("availability")).toMatchObject({ kind: "error", consecutive: 3 });
  answerWith("1");
  await pass(571_000, 1000);
  expect(latest("availability")).toMatchObject({ kind: "value", n: 3 });
  expect(askedMs["up"]).toEqual([0, 10_000, 20_000, 30_000, 300_000, 600_000]);
});

it.each([
  [289_000, [0, 299_000, 300_000]],
  [290_000, [0, 300_000]],
  [299_999, [0, 300_000]],
])("asked every five minutes, refused after %i ms: asked at %j", async (lateMs, expected) => {
  const held = hold();
  poll({ ...up, everyMs: 300_000 });
  await server.until(1);
  time.advance(lateMs);
  held[0]?.writeHead(503).end();
  await answers();
  refuse();
  await pass(309_000 - lateMs, 1000);
  expect(askedMs["up"]).toEqual(expected);
});

test("a value older than three intervals is stale", async () => {
  answerWith("1");
  poll({ ...up, everyMs: 2000 });
  await answers();
  hold();
  time.advance(2000);
  await server.until(2);
  time.advance(4000);
  expect(latest("availability")).toMatchObject({ kind: "value", ageMs: 6000, serial: 1 });
  time.advance(1);
  const reason = "stale: the last value is 6001ms old, and the query is asked every 2s";
  expect(latest("availability")).toEqual({ kind: "error", consecutive: 1, reason, serial: 1 });
  expect(poller?.state()).toMatchObject([{ errors: 0 }]);
});

test("while a question hangs, each due time with a stale value is one more error", async () => {
  answerWith("1");
  poll({ ...up, everyMs: 2000 });
  await answers();
  const held = hold();
  time.advance(2000);
  await server.until(2);
  time.advance(14_000);
  expect(latest("availability")).toMatchObject({ kind: "error", consecutive: 5, serial: 6 });
  expect(poller?.state()).toMatchObject([{ asked: 2, values: 1, errors: 5, skipped: 7 }]);
  value(held[0] as ServerResponse, "3");
  await answers();
  const reason = "stale: the last value is 14s old, and the query is asked every 2s";
  expect(latest("availability"), "an answer that comes too late is no value").toEqual({
    kind: "error",
    consecutive: 6,
    reason,
    serial: 7,
  });
  answerWith("4");
  time.advance(2000);
  await answers();
  expect(latest("availability")).toEqual({ kind: "value", value: 4, ageMs: 0, n: 2, serial: 8 });
});

test("a first question that hangs is an error after three intervals", async () => {
  hold();
  poll(up);
  await server.until(1);
  time.advance(30_000);
  expect(latest("availability")).toEqual({ kind: "none" });
  time.advance(10_000);
  const reason = "stale: no value in 40s, and the query is asked every 10s";
  expect(latest("availability")).toEqual({ kind: "error", consecutive: 1, reason, serial: 1 });
});

test("stopping ends the questions of every query, whatever the others came to, and asks no more", async () => {
  const closed: Promise<void>[] = [];
  server.respond((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      if (new URLSearchParams(body).get("query") === "failing") response.writeHead(503).end();
    });
    closed.push(new Promise((resolve) => void response.on("close", () => resolve())));
  });
  poll(
    { name: "a", expression: "failing", everyMs: 1000 },
    { name: "b", expression: "hangs" },
    { name: "c", expression: "hangs too" },
  );
  await server.until(3);
  await underWay.get("failing");
  await new Promise((resolve) => setImmediate(resolve));
  expect(latest("a")).toMatchObject({ kind: "error", reason: refused });
  expect([...underWay.keys()]).toEqual(["hangs", "hangs too"]);
  await poller?.stop();
  expect(underWay.size).toBe(0);
  expect(time.pending()).toBe(0);
  await Promise.all(closed);
  expect(latest("b"), "ended by us is no error").toEqual({ kind: "none" });
  expect(poller?.state()[1]).toMatchObject({ asked: 1, errors: 0 });
  time.advance(20_000);
  expect(server.requests).toHaveLength(3);
});

test("what was known when it was stopped goes stale", async () => {
  answerWith("1");
  poll(up);
  await answers();
  await poller?.stop();
  time.advance(30_000);
  expect(latest("availability")).toMatchObject({ kind: "value", ageMs: 30_000 });
  time.advance(1);
  expect(latest("availability")).toMatchObject({ kind: "error", consecutive: 1 });
});

test.each([1000, 86_400_000])("a query may be asked every %i ms", async (everyMs) => {
  answerWith("1");
  poll({ ...up, everyMs });
  await answers();
  time.advance(everyMs);
  await answers();
  expect(askedMs["up"]).toEqual([0, everyMs]);
});

test("fifty queries are asked, each by itself", async () => {
  answerWith("1");
  const queries = Array.from({ length: pollerLimits.queriesMax }, (_, at) => {
    return { name: `q${at}`, expression: `q${at}` };
  });
  poll(...queries);
  await answers();
  expect(poller?.state().map(({ name, values }) => [name, values])).toEqual(
    queries.map(({ name }) => [name, 1]),
  );
  const more = [...queries, up];
  expect(() => poll(...more)).toThrow("51 queries: one poller asks at most 50");
});

it.each([
  [[up, { ...up, expression: "down" }], "two queries are named availability"],
  [[{ ...up, everyMs: 999 }], "availability is to be asked every 999 ms: at least 1000"],
  [[{ ...up, everyMs: 86_400_001 }], "at most 86400000"],
  [[{ ...up, everyMs: Number.NaN }], "every NaN ms"],
])("%j is a mistake", (queries, message) => {
  expect(() => poll(...queries)).toThrow(message);
  expect(askedMs).toEqual({});
});
