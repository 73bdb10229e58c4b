import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { encodeTraces } from "../../../src/core/tracing/otlp.ts";
import type { TracedExchange } from "../../../src/core/tracing/traced-exchange.ts";
import { readTraces } from "../../support/collector.ts";

const source = { serviceName: "rag", version: "1.2.3", instance: "host:1" };

const exchange: TracedExchange = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentSpanId: "",
  traceState: "",
  startedAtMs: 1_700_000_000_000.25,
  durationMs: 12.5,
  method: "GET",
  path: "/x",
  scheme: "https",
  port: 8443,
  version: "1.0",
  status: 200,
  outcome: "success",
  code: null,
  route: "/**",
  experiment: null,
  variant: null,
  upstream: "one",
  requestId: "r",
  firstByteMs: 3.5,
  retries: 0,
  attempts: [
    {
      spanId: "1111111111111111",
      startedMs: 1,
      durationMs: 10,
      origin: "https://[::1]",
      path: "/x",
      status: 200,
      failure: null,
    },
  ],
};

function spansOf(...exchanges: TracedExchange[]) {
  return readTraces(JSON.stringify(encodeTraces(exchanges, source))).spans;
}

function serverSpan(rest: Partial<TracedExchange>) {
  return spansOf({ ...exchange, ...rest })[0];
}

test("who made the spans is told once", () => {
  const { resource } = readTraces(JSON.stringify(encodeTraces([exchange, exchange], source)));
  expect(resource).toEqual({
    "service.name": "rag",
    "service.version": "1.2.3",
    "service.instance.id": "host:1",
  });
});

describe("times", () => {
  it("are nanoseconds since 1970", () => {
    expect(spansOf(exchange)).toMatchObject([
      { startTimeUnixNano: "1700000000000250000", endTimeUnixNano: "1700000000012750000" },
      { startTimeUnixNano: "1700000000001250000", endTimeUnixNano: "1700000000011250000" },
    ]);
  });

  it("are right to the microsecond, and never end before they begin", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 }),
        fc.integer({ min: 0, max: 999 }),
        fc.integer({ min: -5, max: 600_000_000 }),
        (ms, us, durationUs) => {
          const span = serverSpan({ startedAtMs: ms + us / 1000, durationMs: durationUs / 1000 });
          const start = BigInt(span?.startTimeUnixNano ?? 0);
          expect(start).toBe(BigInt(ms) * 1_000_000n + BigInt(us) * 1000n);
          const length = BigInt(span?.endTimeUnixNano ?? 0) - start;
          expect(Math.abs(Number(length) - Math.max(0, durationUs) * 1000)).toBeLessThan(2000);
        },
      ),
    );
  });
});

test.each<readonly [string, Partial<TracedExchange>, number | undefined, string | undefined]>([
  ["success", {}, undefined, undefined],
  ["client_error", { outcome: "client_error", status: 404 }, undefined, undefined],
  ["aborted", { outcome: "aborted", status: null }, undefined, undefined],
  ["upstream_error", { outcome: "upstream_error", status: 503 }, 2, "503"],
  ["refused", { outcome: "proxy_error", status: 503, code: "overloaded" }, 2, "overloaded"],
  ["truncated", { outcome: "truncated", code: "upstream_reset" }, 2, "upstream_reset"],
  ["bad_answer", { outcome: "bad_answer" }, 2, "200"],
])("the status of %s", (_, rest, code, errorType) => {
  const span = serverSpan(rest);
  expect(span?.status.code).toBe(code);
  expect(span?.attributes["error.type"]).toBe(errorType);
});

test("a method that is none of HTTP's is told as one, and makes no name", () => {
  const [server, client] = spansOf({ ...exchange, method: "BREW", route: null });
  expect([server?.name, client?.name]).toEqual(["HTTP", "HTTP"]);
  expect(server?.attributes).toMatchObject({
    "http.request.method": "_OTHER",
    "http.request.method_original": "BREW",
  });
  expect(server?.attributes).not.toHaveProperty("http.route");
});

test("the endpoint is named as its address says", () => {
  expect(spansOf(exchange)[1]?.attributes).toMatchObject({
    "server.address": "::1",
    "server.port": 443,
    "url.full": "https://[::1]/x",
  });
});
