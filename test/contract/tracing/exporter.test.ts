import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exporterLimits, SpanExporter } from "../../../src/control/tracing/exporter.ts";
import type { TracingPolicy } from "../../../src/core/tracing/policy.ts";
import type { TracedExchange } from "../../../src/core/tracing/traced-exchange.ts";
import { startCollector, type Collector } from "../../support/collector.ts";
import { createFakeTime, type FakeTime } from "../../support/fake-time.ts";

let collector: Collector;
let time: FakeTime;
let exporter: SpanExporter;
let logs: string[];

beforeEach(async () => {
  collector = await startCollector();
  time = createFakeTime();
  logs = [];
});

afterEach(async () => {
  // What is still under way is cut off at once.
  const ended = exporter.end(0);
  time.advance(0);
  await ended;
  await collector.close();
});

function start(rest: Partial<TracingPolicy> = {}): void {
  exporter = new SpanExporter(policy(rest), {
    ...time,
    random: { next: () => 0, hex32: () => "0".repeat(32) },
    source: { version: "1.2.3", instance: "host:1" },
    log: (level, message, facts) =>
      logs.push(`${level}: ${message}: ${JSON.stringify(facts["reason"] ?? null)}`),
  });
}

function policy(rest: Partial<TracingPolicy> = {}): TracingPolicy {
  return {
    url: `${collector.url}/v1/traces`,
    headers: {},
    sample: 1,
    serviceName: "sluice",
    timeoutMs: 10_000,
    queueMax: 2048,
    ...rest,
  };
}

let made = 0;

/** Each is one span. */
function traced(count = 1): TracedExchange[] {
  return Array.from({ length: count }, () => ({
    traceId: (++made).toString(16).padStart(32, "0"),
    spanId: made.toString(16).padStart(16, "0"),
    parentSpanId: "",
    traceState: "",
    startedAtMs: 1_700_000_000_000,
    durationMs: 5,
    method: "GET",
    path: "/",
    scheme: "http",
    port: 8080,
    version: "1.1",
    status: 404,
    outcome: "proxy_error",
    code: "no_route",
    route: null,
    experiment: null,
    variant: null,
    upstream: null,
    requestId: "",
    firstByteMs: null,
    retries: 0,
    attempts: [],
  }));
}

/** Until the answer to the last post has been dealt with. */
async function settled(expected: Partial<ReturnType<SpanExporter["state"]>>): Promise<void> {
  await expect.poll(() => exporter.state(), { interval: 5 }).toMatchObject(expected);
}

describe("spans", () => {
  it("wait a second for company, and go together", async () => {
    start({ headers: { "X-Key": "k" }, serviceName: "rag" });
    exporter.take(traced(2));
    time.advance(exporterLimits.lingerMs - 1);
    exporter.take(traced(3));
    expect(exporter.state().queued).toBe(5);
    time.advance(1);
    await settled({ queued: 0, exported: 5 });
    expect(collector.spans()).toHaveLength(5);
    expect(collector.headers[0]).toMatchObject({
      ":path": "/v1/traces",
      "content-type": "application/json",
      "x-key": "k",
    });
    expect(collector.bodies[0]).toContain('{"key":"service.name","value":{"stringValue":"rag"}}');
  });

  it("go at once where a batch is full; the rest waits", async () => {
    start();
    exporter.take(traced(exporterLimits.batchSpansMax + 10));
    await settled({ queued: 10, exported: exporterLimits.batchSpansMax });
    time.advance(exporterLimits.lingerMs);
    await settled({ queued: 0, exported: exporterLimits.batchSpansMax + 10 });
    expect(collector.bodies).toHaveLength(2);
  });

  it("beyond the queue are dropped and counted", async () => {
    collector.answer(null);
    start({ queueMax: 100 });
    exporter.take(traced(90));
    time.advance(exporterLimits.lingerMs);
    await collector.until(1);
    exporter.take(traced(150));
    expect(exporter.state()).toEqual({
      queued: 100,
      exported: 0,
      dropped: { ...none, queue_full: 50 },
    });
  });
});

const none = { queue_full: 0, refused: 0, rejected: 0, unreachable: 0, ended: 0 };

describe("a collector", () => {
  it.each([429, 503])(
    "that answers %i is asked again, not before it wants that",
    async (status) => {
      collector.answer(status, "later", { "retry-after": "7" });
      start();
      exporter.take(traced());
      time.advance(exporterLimits.lingerMs);
      await collector.until(1);
      // One timer: the pause; the time-out of the request is gone.
      await expect.poll(() => time.pending(), { interval: 5 }).toBe(1);
      await expect
        .poll(() => logs)
        .toEqual([expect.stringContaining(`it answered ${status}: later`)]);
      collector.answer(200);
      time.advance(6999);
      expect(collector.bodies).toHaveLength(1);
      time.advance(1);
      await settled({ exported: 1, dropped: none });
      expect(collector.bodies[1]).toBe(collector.bodies[0]);
      expect(logs.at(-1)).toContain("takes spans again");
    },
  );

  it("that stalls is left after the time-out, and asked five times in all", async () => {
    collector.answer(null);
    start({ timeoutMs: 2000 });
    exporter.take(traced(3));
    time.advance(exporterLimits.lingerMs);
    for (let asked = 1; asked <= 5; asked += 1) {
      await collector.until(asked);
      time.advance(2000);
      // Either the pause before the next request waits, or it was the last.
      await expect
        .poll(() => exporter.state().dropped.unreachable + time.pending(), { interval: 5 })
        .toBe(asked < 5 ? 1 : 3);
      time.advance(30_000);
    }
    await settled({ queued: 0, exported: 0, dropped: { ...none, unreachable: 3 } });
    expect(collector.bodies).toHaveLength(5);
    expect(logs).toEqual([
      expect.stringContaining("no answer within 2s"),
      // A minute later it is told again.
      expect.stringContaining("no answer within 2s"),
      expect.stringContaining("no answer within 2s"),
    ]);
  });

  it.each([400, 500])("that answers %i has its word, without another try", async (status) => {
    collector.answer(status, "broken");
    start();
    exporter.take(traced(4));
    time.advance(exporterLimits.lingerMs);
    await settled({ queued: 0, exported: 0, dropped: { ...none, refused: 4 } });
    expect(collector.bodies).toHaveLength(1);
    expect(logs).toEqual([expect.stringContaining(`it answered ${status}: broken`)]);
  });

  it("that rejects some spans of a request has only the others", async () => {
    collector.answer(200, '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}');
    start();
    exporter.take(traced(10));
    time.advance(exporterLimits.lingerMs);
    await settled({ exported: 7, dropped: { ...none, rejected: 3 } });
    expect(logs).toEqual([expect.stringContaining("too old")]);
  });

  it("that is another one after a reload gets what waits", async () => {
    const other = await startCollector();
    collector.answer(503, "", { "retry-after": "60" });
    start();
    exporter.take(traced());
    time.advance(exporterLimits.lingerMs);
    await expect.poll(() => logs, { interval: 5 }).toHaveLength(1);
    exporter.configure(policy({ url: `${other.url}/v1/traces` }));
    await settled({ exported: 1 });
    expect(other.spans()).toHaveLength(1);
    exporter.configure(null);
    exporter.take(traced(2));
    expect(exporter.state()).toMatchObject({ queued: 0, dropped: { ...none, ended: 2 } });
    await other.close();
  });
});

describe("the end", () => {
  it("sends all that waits, however little it is", async () => {
    start();
    exporter.take(traced(exporterLimits.batchSpansMax + 1));
    exporter.take(traced(1));
    await exporter.end(1000);
    expect(exporter.state()).toMatchObject({
      queued: 0,
      exported: exporterLimits.batchSpansMax + 2,
    });
  });

  it("waits for a collector that stalls no longer than it may", async () => {
    collector.answer(null);
    start();
    exporter.take(traced(2));
    const ended = exporter.end(1000);
    await collector.until(1);
    time.advance(1000);
    await ended;
    expect(exporter.state()).toMatchObject({
      queued: 0,
      exported: 0,
      dropped: { ...none, ended: 2 },
    });
    expect(time.pending()).toBe(0);
  });
});
