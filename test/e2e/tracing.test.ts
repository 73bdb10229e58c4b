import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startCollector, type Collector, type ReceivedSpan } from "../support/collector.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let collector: Collector;
let upstream: TestUpstream;
let sluice: TestSluice | null = null;

beforeEach(async () => {
  [collector, upstream] = await Promise.all([startCollector(), startUpstream()]);
});

afterEach(async () => {
  await sluice?.stop();
  sluice = null;
  await Promise.all([collector.close(), upstream.close()]);
});

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const traceparent = (flags: string) => `00-${traceId}-${parentId}-${flags}`;

async function start(tracing: string | null, urls: readonly string[] = [upstream.url]) {
  sluice = await startTestSluice(`${freePorts()}
${tracing === null ? "" : `tracing: { otlp: "${collector.url}", ${tracing} }`}
upstreams:
  one: { urls: [ ${urls.map((url) => `"${url}"`).join(", ")} ], timeouts: { first_byte: 200ms } }
routes:
  - { match: "POST /query/:id", experiment: e }
  - { match: "/pinned/**", upstream: one }
experiments:
  e:
    variants: { old: { upstream: one, control: true, weight: 100 }, new: { upstream: one, weight: 0 } }
    assignment: { user: [ "header:x-user-id" ] }
`);
}

async function send(path: string, headers: Record<string, string> = {}): Promise<number> {
  const { statusCode, body } = await request(`${sluice?.url}${path}`, {
    method: "POST",
    headers: { "x-user-id": "user-secret", ...headers },
  });
  await body.dump();
  return statusCode;
}

/** All spans: what waits is sent when Sluice ends. */
async function spansAtTheEnd(): Promise<readonly ReceivedSpan[]> {
  await sluice?.sluice.drain();
  return collector.spans();
}

/** Of the request that the upstream got at this place. */
function sentOn(at = 0): string {
  return String(upstream.requests[at]?.headers["traceparent"]);
}

describe("an exchange", () => {
  it("is a server span, and a client span below it that the upstream knows", async () => {
    await start("sample: 100%, service_name: rag, headers: { x-key: k }");
    expect(await send("/query/7?q=query-secret", { authorization: "Bearer token-secret" })).toBe(
      200,
    );
    const [server, client, ...more] = await spansAtTheEnd();
    expect(more).toEqual([]);
    expect(server).toMatchObject({
      name: "POST /query/:id",
      kind: 2,
      flags: 0x101,
      status: {},
      attributes: {
        "http.request.method": "POST",
        "http.route": "/query/:id",
        "http.response.status_code": 200,
        "url.path": "/query/7",
        "url.scheme": "http",
        "server.port": Number(new URL(sluice?.url ?? "").port),
        "sluice.outcome": "success",
        "sluice.route": "POST /query/:id",
        "sluice.experiment": "e",
        "sluice.variant": "old",
        "sluice.upstream": "one",
        "sluice.retries": 0,
        // A trace that begins here has the request's id.
        "sluice.request_id": server?.traceId,
      },
    });
    expect(server).not.toHaveProperty("parentSpanId");
    expect(client).toMatchObject({
      traceId: server?.traceId,
      parentSpanId: server?.spanId,
      name: "POST",
      kind: 3,
      flags: 0x101,
      status: {},
      attributes: {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": upstream.port,
        "url.full": `${upstream.url}/query/7`,
        "sluice.variant": "old",
      },
    });
    expect(sentOn()).toBe(`00-${server?.traceId}-${client?.spanId}-01`);
    const nanoseconds = [
      server?.startTimeUnixNano,
      client?.startTimeUnixNano,
      client?.endTimeUnixNano,
      server?.endTimeUnixNano,
    ].map((text) => BigInt(text ?? 0));
    expect(nanoseconds).toEqual(nanoseconds.toSorted((a, b) => (a < b ? -1 : 1)));
    const [body = ""] = collector.bodies;
    expect(body).toContain('{"key":"service.name","value":{"stringValue":"rag"}}');
    expect(collector.headers[0]).toMatchObject({ "x-key": "k", ":path": "/v1/traces" });
    expect(body).not.toContain("secret");
  });

  it("belongs to the caller's trace where there is one, and is kept as the caller says", async () => {
    await start("sample: 0%");
    await send("/query/1", { traceparent: traceparent("01"), tracestate: "vendor=1" });
    await send("/query/2", { traceparent: traceparent("00"), tracestate: "vendor=2" });
    await send("/query/3", { tracestate: "lost=1" });
    const [server, client, ...more] = await spansAtTheEnd();
    expect(more).toEqual([]);
    const trace = { traceId, traceState: "vendor=1" };
    expect(server).toMatchObject({ ...trace, parentSpanId: parentId, flags: 0x301 });
    expect(client).toMatchObject({ ...trace, parentSpanId: server?.spanId, flags: 0x101 });
    expect([sentOn(0), upstream.requests[0]?.headers["tracestate"]]).toEqual([
      `00-${traceId}-${client?.spanId}-01`,
      "vendor=1",
    ]);
    expect([sentOn(1), upstream.requests[1]?.headers["tracestate"]]).toEqual([
      traceparent("00"),
      "vendor=2",
    ]);
    // Nobody else keeps a trace that Sluice does not.
    expect(sentOn(2)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(sentOn(2).slice(3, 35)).toBe(upstream.requests[2]?.headers["x-request-id"]);
    expect(upstream.requests[2]?.headers).not.toHaveProperty("tracestate");
  });

  it("that is sent again has a span each time", async () => {
    const gone = await closedPort();
    await start("sample: 100%", [gone, upstream.url]);
    // Whichever endpoint is first, one of two requests meets the closed one.
    expect([await send("/pinned/a"), await send("/pinned/b")]).toEqual([200, 200]);
    const spans = await spansAtTheEnd();
    const again = spans.find(({ attributes }) => attributes["sluice.retries"] === 1);
    const [first, second, ...more] = spans.filter(
      ({ parentSpanId }) => parentSpanId === again?.spanId,
    );
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      status: { code: 2, message: "upstream_connect_failed" },
      attributes: {
        "server.port": Number(new URL(gone).port),
        "error.type": "upstream_connect_failed",
      },
    });
    expect(first?.attributes).not.toHaveProperty("http.response.status_code");
    expect(second).toMatchObject({
      status: {},
      attributes: { "server.port": upstream.port, "http.request.resend_count": 1 },
    });
    expect([sentOn(0), sentOn(1)]).toContain(`00-${again?.traceId}-${second?.spanId}-01`);
  });

  it("says what became of it", async () => {
    await start("sample: 100%");
    upstream.respond((incoming, response) => {
      if (incoming.url === "/query/slow") return;
      response.writeHead(incoming.url === "/query/broken" ? 500 : 404).end();
    });
    expect(await send("/query/broken")).toBe(500);
    expect(await send("/query/slow")).toBe(504);
    expect(await send("/query/missing")).toBe(404);
    expect(await send("/unknown")).toBe(404);
    const spans = await spansAtTheEnd();
    const told = spans.map(({ kind, status, attributes }) => [
      kind,
      attributes["url.path"] ?? String(attributes["url.full"]).slice(upstream.url.length),
      attributes["http.response.status_code"],
      attributes["error.type"],
      status.code ?? 0,
    ]);
    const timeout = "upstream_timeout_first_byte";
    expect(told).toEqual([
      [2, "/query/broken", 500, "500", 2],
      [3, "/query/broken", 500, "500", 2],
      [2, "/query/slow", 504, timeout, 2],
      [3, "/query/slow", undefined, timeout, 2],
      [2, "/query/missing", 404, undefined, 0],
      [3, "/query/missing", 404, "404", 2],
      [2, "/unknown", 404, "no_route", 2],
    ]);
  });
});

it("where nothing is traced, nothing is sent, counted or changed", async () => {
  await start(null);
  await send("/query/1");
  await send("/query/2", { traceparent: traceparent("01") });
  expect(sentOn(0)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(sentOn(1)).toBe(traceparent("01"));
  const { body } = await request(`${sluice?.adminUrl}/metrics`);
  const spans = (await body.text()).split("\n").filter((line) => line.startsWith("sluice_spans_"));
  expect(spans).toContain("sluice_spans_exported_total 0");
  expect(spans.filter((line) => !line.endsWith(" 0"))).toEqual([]);
  expect(await spansAtTheEnd()).toEqual([]);
});

it("a reload turns it on, and metrics count", async () => {
  await start(null);
  const text = (await (await request(`${sluice?.adminUrl}/v1/config`)).body.text()).replace(
    "upstreams:",
    `tracing: { otlp: "${collector.url}/v1/traces/", sample: 100%, headers: { x-key: topsecret } }\nupstreams:`,
  );
  expect(await sluice?.sluice.reload(text)).toMatchObject({ kind: "applied" });
  await send("/query/1");
  await collector.until(1);
  const metrics = async () => await (await request(`${sluice?.adminUrl}/metrics`)).body.text();
  await expect.poll(metrics).toContain("sluice_spans_exported_total 2");
  const shown = await (await request(`${sluice?.adminUrl}/v1/config`)).body.text();
  expect(shown).toContain("tracing:");
  expect(shown).not.toContain("topsecret");
});

async function closedPort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
