import { afterEach, describe, expect, it } from "vitest";
import { request } from "undici";
import { createSluiceClient } from "../../src/main/client.ts";
import { watchProcess, type ProcessProbes } from "../../src/main/process-watch.ts";
import { createSystemStatus, describeSystem } from "../../src/main/system-status.ts";
import { createFakeTime } from "../support/fake-time.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let sluice: TestSluice | null = null;
let upstream: TestUpstream | null = null;
afterEach(async () => {
  await sluice?.stop();
  await upstream?.close();
  sluice = null;
  upstream = null;
});

const mebibyte = 1024 * 1024;

describe("the watch over the process", () => {
  const probesOf = (figures: {
    cpuUs: number;
    delayMs: number;
    isClosed: boolean;
  }): ProcessProbes => ({
    cpuUs: () => figures.cpuUs,
    memory: () => ({ residentBytes: 100 * mebibyte, heapBytes: 20 * mebibyte }),
    takeEventLoopDelay: () => ({ p50: 0, p99: figures.delayMs, max: figures.delayMs }),
    close: () => (figures.isClosed = true),
  });

  it("tells the processor time of the second before, and keeps it until the next", () => {
    const time = createFakeTime();
    const figures = { cpuUs: 5_000_000, delayMs: 3, isClosed: false };
    const watch = watchProcess(probesOf(figures), time);
    expect(watch.latest()).toMatchObject({ cpuCores: 0, residentBytes: 100 * mebibyte });
    figures.cpuUs += 1_500_000;
    time.advance(1000);
    const first = watch.latest();
    expect(first).toMatchObject({ cpuCores: 1.5, eventLoopDelayMs: { p50: 0, p99: 3, max: 3 } });
    time.advance(999);
    expect(watch.latest()).toBe(first);
    time.advance(1);
    expect(watch.latest().cpuCores).toBe(0);
    watch.stop();
    expect([figures.isClosed, time.pending()]).toEqual([true, 0]);
    figures.cpuUs += 9_000_000;
    time.advance(5000);
    expect(watch.latest().cpuCores).toBe(0);
  });
});

describe("the description", () => {
  const sample = {
    cpuCores: 0.254_9,
    residentBytes: 100.4 * mebibyte,
    heapBytes: 20.6 * mebibyte,
    eventLoopDelayMs: { p50: 0.2, p99: 1.6, max: 61.9 },
  };
  const facts = {
    host: "here",
    pid: 1,
    version: "1",
    nodeVersion: "26",
    view: {
      counters: { connectionsOpen: 2, exchangesInFlight: 1 },
      routes: new Map([
        ["a", { perSecond: 1.26 }],
        ["b", { perSecond: 2 }],
      ]),
    },
    store: null,
    replica: null,
  } as unknown as Omit<Parameters<typeof describeSystem>[0], "sample">;

  it("is rounded, so that what hardly changes does not", () => {
    expect(describeSystem({ ...facts, sample })).toMatchObject({
      cpu_cores: 0.25,
      memory_bytes: 100 * mebibyte,
      heap_bytes: 21 * mebibyte,
      event_loop_delay_ms: { p50: 0, p99: 2, max: 62 },
      requests_per_second: 3.3,
      store: null,
    });
  });

  it("is made once for each sample, and is of that moment to all who ask", () => {
    let present = sample;
    let connections = 0;
    const status = createSystemStatus(
      () => present,
      () => {
        connections += 1;
        const counters = { ...facts.view.counters, connectionsOpen: connections };
        return { ...facts, view: { ...facts.view, counters } };
      },
    );
    expect([status().connections, status().connections]).toEqual([1, 1]);
    present = { ...sample };
    expect(status().connections).toBe(2);
  });
});

describe("/v1/system", () => {
  it("is of this process, and part of the live document", async () => {
    upstream = await startUpstream();
    sluice = await startTestSluice(`
${freePorts()}
upstreams: { a: { url: "${upstream.url}" } }
routes: [ { match: "/**", upstream: a } ]
`);
    const client = createSluiceClient({ admin: sluice.adminUrl });
    const found = await client.system();
    expect(found).toMatchObject({
      pid: process.pid,
      version: "test",
      node_version: process.versions.node,
      store: null,
    });
    expect(found.memory_bytes).toBeGreaterThan(20 * mebibyte);
    expect(found.heap_bytes).toBeGreaterThan(mebibyte);
    expect(found.heap_bytes).toBeLessThanOrEqual(found.memory_bytes);
    const { url } = sluice;
    await expect
      .poll(
        async () => {
          await (await request(`${url}/x`)).body.dump();
          const { cpu_cores: cores, requests_per_second: rate } = await client.system();
          return cores > 0 && rate > 0;
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    const stop = new AbortController();
    await client.live(
      (update) => {
        const shown = update.kind === "document" ? update.document.system : null;
        expect(shown).toMatchObject({ pid: process.pid, version: "test" });
        stop.abort();
      },
      { signal: stop.signal },
    );
    expect(stop.signal.aborted).toBe(true);
  });
});
