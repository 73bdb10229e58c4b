import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import type { Result } from "../../../src/base/result.ts";
import type { PrometheusValue } from "../../../src/control/prometheus/answer.ts";
import type { PrometheusFault } from "../../../src/control/prometheus/fault.ts";
import { createPrometheusClient } from "../../../src/control/prometheus/query.ts";
import type { PrometheusClientOptions } from "../../../src/control/prometheus/query.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

/** The client against a server that answers as Prometheus does, and as it does not. */

let server: TestUpstream;
let time: FakeTime;

beforeEach(async () => {
  server = await startUpstream("prometheus");
  time = createFakeTime();
});

afterEach(async () => {
  await server.close();
  expect(time.pending(), "timers left behind").toBe(0);
});

function ask(
  changes: Partial<PrometheusClientOptions> = {},
  signal?: AbortSignal,
): Promise<Result<PrometheusValue, PrometheusFault>> {
  const options = { url: server.url, headers: {}, timeoutMs: 5000, ...changes };
  return createPrometheusClient(options, time).query("up", signal);
}

async function faultOf(
  answer: Promise<Result<PrometheusValue, PrometheusFault>>,
): Promise<PrometheusFault> {
  const result = await answer;
  if (result.ok) throw new Error(`expected a fault, got ${result.value.value}`);
  return result.error;
}

function answer(body: unknown, status = 200): void {
  const json = typeof body === "string" ? body : JSON.stringify(body);
  server.respond((_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(json);
  });
}

function data(resultType: string, result: unknown): unknown {
  return { status: "success", data: { resultType, result } };
}

function vector(...values: readonly string[]): unknown {
  return data(
    "vector",
    values.map((value, at) => ({ metric: { at: String(at) }, value: [1_700_000_000.5, value] })),
  );
}

test("a query is a form sent by POST, with the time that Prometheus has for it", async () => {
  let sent = "";
  server.respond((request, response) => {
    void text(request).then((body) => {
      sent = body;
      response.end(JSON.stringify(vector("1")));
    });
  });
  const options = { url: `${server.url}/`, headers: {}, timeoutMs: 2500 };
  const client = createPrometheusClient(options, time);
  expect(await client.query('sum(rate(x{code=~"5.."}[1m])) & 1+1')).toEqual({
    ok: true,
    value: { value: 1 },
  });
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: "POST",
    url: "/api/v1/query",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
      "user-agent": "sluice",
    },
  });
  expect(Object.fromEntries(new URLSearchParams(sent))).toEqual({
    query: 'sum(rate(x{code=~"5.."}[1m])) & 1+1',
    timeout: "2500ms",
  });
});

test("the server's path, its query, its user and configured headers are sent", async () => {
  answer(vector("1"));
  const url = `${server.url.replace("//", "//ci:p%40ss@")}/prom/?partial_response=false`;
  await ask({ url, headers: { "X-Scope-OrgID": "a", "Content-Type": "text/plain" } });
  await ask({ url, headers: { Authorization: "Bearer instead" } });
  const basic = `Basic ${Buffer.from("ci:p@ss").toString("base64")}`;
  expect(server.requests[0]).toMatchObject({
    url: "/prom/api/v1/query?partial_response=false",
    headers: {
      authorization: basic,
      "x-scope-orgid": "a",
      "content-type": "application/x-www-form-urlencoded",
    },
  });
  expect(server.requests[1]?.headers.authorization).toBe("Bearer instead");
});

it.each([
  ["a scalar", data("scalar", [1, "42.5"]), 42.5],
  ["a single series", vector("0.015"), 0.015],
  ["a negative number", vector("-3"), -3],
  ["Go's exponents", vector("1.5e+06"), 1_500_000],
  ["zero, which is a value", vector("0"), 0],
  ["warnings beside it", { ...(vector("7") as object), warnings: ["w"], infos: ["i"] }, 7],
])("%s is a value", async (_what, body, value) => {
  answer(body);
  expect(await ask()).toEqual({ ok: true, value: { value } });
});

it.each([
  ["no series", vector(), "no series matches the query"],
  ["NaN", vector("NaN"), "answers with NaN"],
  ["+Inf", vector("+Inf"), "answers with +Inf"],
  ["-Inf", data("scalar", [1, "-Inf"]), "answers with -Inf"],
  ["a number beyond a double", vector("1e+400"), "answers with 1e+400"],
])("%s is no data", async (_what, body, message) => {
  answer(body);
  const fault = await faultOf(ask());
  expect(fault.code).toBe("no_data");
  expect(fault.message).toContain(message);
});

test("several series are told by their number, and what to do about them", async () => {
  answer(vector("1", "2"));
  expect(await faultOf(ask())).toEqual({
    code: "many_series",
    series: 2,
    message:
      "the query answers with 2 series, and one is needed: aggregate them, with sum() for example",
  });
});

it.each([
  ["a matrix", data("matrix", [{ metric: {}, values: [[1, "1"]] }]), "with a matrix"],
  ["a string", data("string", [1, "x"]), "with a string"],
  ["a histogram", data("vector", [{ metric: {}, histogram: [1, {}] }]), "with a histogram"],
])("%s is the query's fault", async (_what, body, message) => {
  answer(body);
  const fault = await faultOf(ask());
  expect(fault.code).toBe("bad_query");
  expect(fault.message).toContain(message);
});

it.each([
  [400, "bad_data", "bad_query", "Prometheus does not take the query: the text"],
  [422, "execution", "bad_query", "Prometheus does not take the query: the text"],
  [422, "422", "bad_query", "Prometheus does not take the query: the text"],
  [503, "timeout", "timeout", "Prometheus gave the query up: the text"],
  [503, "canceled", "timeout", "Prometheus gave the query up: the text"],
  [500, "internal", "unavailable", "Prometheus cannot answer now: status 500, the text"],
  [429, "too_many", "unavailable", "Prometheus cannot answer now: status 429, the text"],
])("status %i with the error type %s: %s", async (status, errorType, code, message) => {
  answer({ status: "error", errorType, error: "the text" }, status);
  expect(await faultOf(ask())).toEqual({ code, message });
});

it.each([
  ["x".repeat(200), "x".repeat(200)],
  ["x".repeat(201), `${"x".repeat(199)}…`],
  [" at char 3:\r\n\u001B[31mbad\u202E ", "at char 3: [31mbad"],
])("of Prometheus' own text %j is told %j", async (error, told) => {
  answer({ status: "error", errorType: "bad_data", error }, 400);
  const { message } = await faultOf(ask());
  expect(message).toBe(`Prometheus does not take the query: ${told}`);
});

it.each([
  [401, "go away", "unauthorised"],
  [403, JSON.stringify(vector("1")), "unauthorised"],
  [200, "<html>Welcome</html>", "not_prometheus"],
  [200, "", "not_prometheus"],
  [200, JSON.stringify({ status: "success" }), "not_prometheus"],
  [200, JSON.stringify(data("vector", [{ metric: {}, value: [1, 1] }])), "not_prometheus"],
  [200, JSON.stringify(data("vector", [{ metric: {}, value: [1, ""] }])), "not_prometheus"],
  [200, JSON.stringify(data("vector", [{ metric: {}, value: [1, "0x10"] }])), "not_prometheus"],
  [200, JSON.stringify(data("tensor", [])), "not_prometheus"],
  [404, "404 page not found", "not_prometheus"],
  [404, JSON.stringify(vector("1")), "not_prometheus"],
  [302, "", "not_prometheus"],
  [429, "slow down", "unavailable"],
  [502, "<html>Bad Gateway</html>", "unavailable"],
  [503, "Service Unavailable", "unavailable"],
])("status %i with %j: %s", async (status, body, code) => {
  answer(body, status);
  const fault = await faultOf(ask());
  expect(fault.code).toBe(code);
  if (status !== 200) expect(fault.message).toContain(`status ${status}`);
  expect(server.requests, "a redirect is not followed").toHaveLength(1);
});

test("nobody listens", async () => {
  await server.close();
  expect(await faultOf(ask())).toEqual({
    code: "unreachable",
    message: `${server.url} gives no answer: connect ECONNREFUSED 127.0.0.1:${server.port}`,
  });
  server = await startUpstream();
});

test("an answer that breaks off is no value, however good it was so far", async () => {
  const whole = JSON.stringify(vector("1"));
  server.respond((_request, response) => {
    response.writeHead(200, { "content-length": whole.length + 1 });
    response.write(whole, () => response.destroy());
  });
  expect((await faultOf(ask())).code).toBe("unreachable");
});

test("a header that cannot be sent is told without its value", async () => {
  const { code, message } = await faultOf(ask({ headers: { "x-key": "top\nsecret" } }));
  expect(code).toBe("unreachable");
  expect(message).toContain("x-key");
  expect(message).not.toContain("secret");
});

test("a user and a password are in no message", async () => {
  server.respond((_request, response) => response.destroy());
  const url = server.url.replace("//", "//operator:hunter2@");
  const { message } = await faultOf(ask({ url }));
  expect(message).toContain(server.url);
  expect(message).not.toMatch(/operator|hunter2/);
});

const limit = 1024 * 1024;

it.each([
  [limit, { ok: true, value: { value: 1 } }],
  [limit + 1, { ok: false, error: expect.objectContaining({ code: "too_long" }) as unknown }],
])("an answer of %i bytes", async (bytes, expected) => {
  answer(JSON.stringify(vector("1")).padEnd(bytes, " "));
  expect(await ask()).toEqual(expected);
});

test("an answer without end is cut off at the limit, not at the end of the time", async () => {
  const cutOff = new Promise<void>((resolve) => {
    server.respond((_request, response) => {
      response.on("close", resolve);
      const more = (error?: Error | null) => {
        if (!error) response.write(" ".repeat(64 * 1024), more);
      };
      more();
    });
  });
  expect(await faultOf(ask())).toEqual({
    code: "too_long",
    message: `${server.url} answers with more than 1MiB: aggregate the query`,
  });
  await cutOff;
});

/** A server that is asked and says `start`, then nothing; `closed` resolves when it was hung up on. */
function hang(start: string): { readonly started: Promise<void>; readonly closed: Promise<void> } {
  const started = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  server.respond((_request, response) => {
    response.on("close", () => closed.resolve());
    if (start === "") started.resolve();
    else response.write(start, () => started.resolve());
  });
  return { started: started.promise, closed: closed.promise };
}

it.each([
  ["says nothing", ""],
  ["stops in the middle of its answer", '{"status":"success",'],
])("a server that %s is given up on, and hung up on", async (_what, start) => {
  const { started, closed } = hang(start);
  const fault = faultOf(ask({ timeoutMs: 2500 }));
  await started;
  time.advance(2499);
  expect(time.pending(), "still waiting").toBe(1);
  time.advance(1);
  expect(await fault).toEqual({
    code: "timeout",
    message: `no whole answer of ${server.url} in 2500ms`,
  });
  await closed;
});

test("a server that never gets through the TLS handshake is given up on too", async () => {
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const silent = createServer((socket) => {
    socket.on("data", () => asked.resolve());
    socket.on("error", () => {});
    socket.on("close", () => closed.resolve());
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const fault = faultOf(ask({ url: `https://127.0.0.1:${port}` }));
  await asked.promise;
  time.advance(5000);
  expect((await fault).code).toBe("timeout");
  await closed.promise;
  await new Promise((resolve) => silent.close(resolve));
});

test("a question that nobody waits for any more is ended, and its connection with it", async () => {
  const { started, closed } = hang("");
  const abort = new AbortController();
  const fault = faultOf(ask({}, abort.signal));
  await started;
  abort.abort();
  expect((await fault).code).toBe("aborted");
  await closed;
  expect((await faultOf(ask({}, abort.signal))).code).toBe("aborted");
  expect(server.requests, "one ended before it was sent").toHaveLength(1);
});
