import { text } from "node:stream/consumers";
import { Agent } from "undici";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import { askGate } from "../../../src/control/gate-request.ts";
import type { GateQuestion, GateReply } from "../../../src/control/gate-request.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

let upstream: TestUpstream;
let time: FakeTime;

beforeEach(async () => {
  upstream = await startUpstream("gate");
  time = createFakeTime();
});

afterEach(async () => {
  await upstream.close();
  expect(time.pending(), "timers left behind").toBe(0);
});

const facts: JsonValue = { verdicts: [{ guardrail: "error_rate", verdict: "ok" }] };

function ask(changes: Partial<GateQuestion> = {}, dispatcher?: Agent): Promise<GateReply> {
  const url = `${upstream.url}/hooks/canary`;
  const gate = { experiment: "e", step: 1, share: 0.05, url, headers: {}, timeoutMs: 10_000 };
  const abort = new AbortController();
  return askGate({ ...gate, ...changes }, facts, { timers: time.timers, abort, dispatcher });
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
  expect(await ask({ headers })).toEqual({
    kind: "open",
    detail: "status 200: go",
    reason: "status 200",
  });
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
  expect(await ask()).toEqual({ kind, detail, reason: detail });
  expect(upstream.requests).toHaveLength(1);
});

test("nobody listens", async () => {
  const gone = await startUpstream();
  await gone.close();
  const { kind, detail } = await ask({ url: `${gone.url}/x` });
  expect(kind).toBe("closed");
  expect(detail).toBe(`connect ECONNREFUSED 127.0.0.1:${gone.port}`);
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
  const { kind, detail } = await ask({ url: `http://gate.test:${gone.port}/` }, dispatcher);
  expect(kind).toBe("closed");
  expect(detail).toContain(`127.0.0.1:${gone.port}`);
  expect(detail).toContain(`127.0.0.2:${gone.port}`);
  expect(dispatcher.destroyed, "a given dispatcher stays the giver's").toBe(false);
  await dispatcher.destroy();
});

it.each([
  ["a URL that is none", { url: "no URL" }, "Invalid URL"],
  ["a header that cannot be sent", { headers: { "x-key": "a\nb" } }, "invalid x-key header"],
])("%s is a closed gate", async (_what, changes, detail) => {
  expect(await ask(changes)).toMatchObject({ kind: "closed", detail });
});

test("an answer that breaks off is a closed gate, whatever its status", async () => {
  upstream.respond((_request, response) => response.write("yes", () => response.destroy()));
  const { kind, detail } = await ask();
  expect(kind).toBe("closed");
  expect(detail).not.toContain("status 200");
});

it.each([
  [64 * 1024, "open", `status 200: ${"y".repeat(199)}…`],
  [64 * 1024 + 1, "closed", "status 200 with a body of more than 64KiB: answer with less"],
])("a body of %i bytes: %s", async (bytes, kind, detail) => {
  upstream.respond((_request, response) => response.end("y".repeat(bytes)));
  expect(await ask()).toMatchObject({ kind, detail });
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

test("a head that is too long is a closed gate", async () => {
  upstream.respond((_request, response) => {
    response.writeHead(200, { "x-long": "y".repeat(16 * 1024) }).end();
  });
  expect(await ask()).toMatchObject({ kind: "closed", detail: "Headers Overflow Error" });
});
