import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startLoad } from "../../../src/faces/load/load.ts";
import { realLoadTime } from "../../../src/main/load-time.ts";
import { loadPlan, runLoadTest } from "../../support/load.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

let upstream: TestUpstream;
let target: string;

beforeEach(async () => {
  upstream = await startUpstream();
  target = upstream.url;
});
afterEach(() => upstream.close());

describe("the open model", () => {
  it("sends exactly as many as were due", async () => {
    const { requests, all, rates, generator } = await runLoadTest({
      target,
      rate: 100,
      for: "500ms",
    });
    expect(requests).toMatchObject({ due: 50, warmUp: 0, interrupted: 0 });
    expect(requests.started + requests.dropped + generator.missed).toBe(50);
    expect(all.ended).toBe(requests.started);
    expect(upstream.requests).toHaveLength(requests.started);
    expect(rates.planned).toBeGreaterThan(0);
  });

  it("does not count the warm-up, though it sends it", async () => {
    const { requests, all, series } = await runLoadTest({
      target,
      rate: 100,
      ramp_up: "200ms",
      for: "300ms",
    });
    expect(requests).toMatchObject({ due: 30, warmUp: 10 });
    expect(series.reduce((sum, { due }) => sum + due, 0)).toBe(40);
    expect(series[0]).toMatchObject({ atMs: 0, phase: "warm_up" });
    expect(all.ended).toBe(30);
    expect(upstream.requests).toHaveLength(40);
  });

  it("drops what is due beyond the cap, and counts it", async () => {
    const waiting: (() => void)[] = [];
    upstream.respond((_request, response) => {
      waiting.push(() => response.end());
      // The fourth would be one too many; the three are let go when all the others have been due.
    });
    const run = startLoad(
      loadPlan({ target, rate: 100, requests: 20, max_in_flight: 3 }),
      realLoadTime,
    );
    await upstream.until(3);
    await expect.poll(() => run.progress().dropped).toBe(17);
    for (const answer of waiting) answer();
    const { report } = await run.finished;
    expect(report.requests).toMatchObject({ due: 20, started: 3, dropped: 17 });
    expect(upstream.requests).toHaveLength(3);
  });

  it("reaches a cap exactly: as many under way as allowed drop nothing", async () => {
    upstream.respond((_request, response) => void upstream.until(5).then(() => response.end()));
    const { requests } = await runLoadTest({ target, rate: 100, requests: 5, max_in_flight: 5 });
    expect(requests).toMatchObject({ started: 5, dropped: 0 });
  });
});

describe("the closed model", () => {
  it("has as many under way as users, each after its answer, and tells them apart", async () => {
    let underWay = 0;
    let most = 0;
    upstream.respond((_request, response) => {
      most = Math.max(most, (underWay += 1));
      setImmediate(() => {
        underWay -= 1;
        response.end("ok");
      });
    });
    const { requests, all } = await runLoadTest({
      target,
      users: 4,
      requests: 200,
      headers: { "x-user-id": "{{user}}" },
    });
    expect(requests).toMatchObject({ started: 200, dropped: 0 });
    expect(all.ended).toBe(200);
    expect(most).toBeLessThanOrEqual(4);
    expect(new Set(upstream.requests.map(({ headers }) => headers["x-user-id"]))).toEqual(
      new Set(["user-0001", "user-0002", "user-0003", "user-0004"]),
    );
  });

  it("ends after its time, also while users think", async () => {
    const { end, requests } = await runLoadTest({
      target,
      users: 2,
      for: "200ms",
      think_time: "1h",
    });
    expect(end.kind).toBe("finished");
    expect(requests.started).toBe(2);
  });
});

describe("what is sent", () => {
  it("endpoints by their weights, with their methods, bodies and headers", async () => {
    const bodies: string[] = [];
    upstream.respond((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        if (request.method === "POST") bodies.push(text);
        response.end();
      });
    });
    const { endpoints } = await runLoadTest({
      target: `${target}/base`,
      users: 3,
      requests: 400,
      endpoints: {
        ask: { request: "POST /ask", weight: 3, body: { q: "{{request}}", n: "{{random 1 6}}" } },
        look: { request: "/look/{{user}}" },
      },
    });
    const [asked, looked] = [endpoints["ask"]?.ended ?? 0, endpoints["look"]?.ended ?? 0];
    expect(asked + looked).toBe(400);
    // Three standard deviations of a binomial with 400 draws.
    expect(Math.abs(asked - 300)).toBeLessThan(27);
    expect(bodies).toHaveLength(asked);
    for (const body of bodies) {
      expect(JSON.parse(body)).toEqual({
        q: expect.stringMatching(/^\d+$/) as string,
        n: expect.stringMatching(/^[1-6]$/) as string,
      });
    }
    for (const { method, url, headers } of upstream.requests) {
      if (method === "POST")
        expect([url, headers["content-type"]]).toEqual(["/base/ask", "application/json"]);
      else expect(url).toMatch(/^\/base\/look\/user-000[123]$/);
    }
  });

  it("the same seed sends the same requests", async () => {
    const urls = async (seed: number) => {
      const before = upstream.requests.length;
      const path = "/{{user}}/{{uuid}}/{{random}}";
      await runLoadTest({
        target,
        users: 1,
        requests: 20,
        seed,
        endpoints: { a: { request: path } },
      });
      return upstream.requests.slice(before).map(({ url }) => url);
    };
    const first = await urls(5);
    expect(await urls(5)).toEqual(first);
    expect(await urls(6)).not.toEqual(first);
  });

  it.each([
    [true, 1],
    [false, 10],
  ])(
    "with keep-alive %s one user needs %i connections for 10 requests",
    async (keepAlive, expected) => {
      const ports = new Set<number | undefined>();
      upstream.respond((request, response) => {
        ports.add(request.socket.remotePort);
        response.end("ok");
      });
      await runLoadTest({ target, users: 1, requests: 10, keep_alive: keepAlive });
      expect(ports.size).toBe(expected);
    },
  );
});

describe("retries", () => {
  it("are made after 503, counted apart, and the last answer counts", async () => {
    let asked = 0;
    upstream.respond((_request, response) => {
      asked += 1;
      response.statusCode = asked % 3 === 0 ? 200 : 503;
      response.end();
    });
    const { all } = await runLoadTest({ target, users: 1, requests: 4, retries: 2 });
    expect(all).toMatchObject({ ended: 4, failed: 0, retries: 8, statuses: { "200": 4 } });
    expect(asked).toBe(12);
    // Two waits of 50 and 100 ms are part of the response time: the user did wait.
    expect(all.responseTime?.minMs).toBeGreaterThan(140);
  });

  it("end at their limit, and are not made after a 500", async () => {
    upstream.respond((_request, response) => void response.writeHead(503).end());
    const refused = await runLoadTest({ target, users: 1, requests: 2, retries: 1 });
    expect(refused.all).toMatchObject({ failed: 2, retries: 2, statuses: { "503": 2 } });
    upstream.respond((_request, response) => void response.writeHead(500).end());
    const failed = await runLoadTest({ target, users: 1, requests: 2, retries: 1 });
    expect(failed.all).toMatchObject({ failed: 2, retries: 0 });
  });
});

describe("streamed answers", () => {
  it.each([
    ["text/event-stream", ": hello\n\ndata:", " token\n\n"],
    ["application/x-ndjson", '{"response":', '"token"}\n'],
  ])("of %s have a first token, after the first byte", async (type, early, late) => {
    upstream.respond((_request, response) => {
      response.writeHead(200, { "content-type": type });
      response.write(early);
      setImmediate(() => response.end(late));
    });
    const { all } = await runLoadTest({ target, users: 1, requests: 3 });
    expect(all.timeToFirstToken?.count).toBe(3);
    expect(all.timeToFirstToken?.minMs).toBeGreaterThanOrEqual(all.timeToFirstByte?.minMs ?? 0);
  });

  it("other answers have none", async () => {
    const { all } = await runLoadTest({ target, users: 1, requests: 3 });
    expect(all.timeToFirstToken).toBeNull();
    expect(all.timeToFirstByte?.count).toBe(3);
  });
});

describe("variants", () => {
  it("are told apart by what Sluice says", async () => {
    let asked = 0;
    upstream.respond((_request, response) => {
      asked += 1;
      response.setHeader("x-sluice-variant", asked % 4 === 0 ? "new" : "old");
      response.end();
    });
    const { variants } = await runLoadTest({ target, users: 1, requests: 40 });
    expect([variants["new"]?.ended, variants["old"]?.ended]).toEqual([10, 30]);
  });
});

describe("ending early", () => {
  it("waits for what is under way", async () => {
    const waiting: (() => void)[] = [];
    upstream.respond((_request, response) => void waiting.push(() => response.end()));
    const run = startLoad(loadPlan({ target, users: 3, for: "1h" }), realLoadTime);
    await upstream.until(3);
    run.stop();
    for (const answer of waiting) answer();
    const { report } = await run.finished;
    expect(report.end).toEqual({ kind: "interrupted", threshold: null });
    expect(report.requests).toMatchObject({ started: 3, interrupted: 0 });
    expect(report.all.ended).toBe(3);
  });

  it("cuts off what does not end, and says how many", async () => {
    upstream.respond(() => {});
    const run = startLoad(loadPlan({ target, users: 3, for: "1h" }), realLoadTime);
    await upstream.until(3);
    run.stop();
    run.cut();
    const { report } = await run.finished;
    expect(report.requests).toMatchObject({ started: 3, interrupted: 3 });
    expect(report.all.ended).toBe(0);
  });

  it("happens at the breach of a threshold that says so", async () => {
    upstream.respond((_request, response) => void response.writeHead(500).end());
    const { end, thresholds } = await runLoadTest({
      target,
      rate: 50,
      for: "1h",
      thresholds: { http_req_failed: { threshold: "rate<10%", abortOnFail: true } },
    });
    expect(end).toEqual({ kind: "aborted", threshold: "http_req_failed: rate<10%" });
    expect(thresholds).toEqual([{ text: "http_req_failed: rate<10%", value: 1, ok: false }]);
  });

  it("leaves no connection open", async () => {
    const sockets = new Set<object>();
    upstream.respond((request, response) => {
      if (!sockets.has(request.socket)) {
        request.socket.on("close", () => sockets.delete(request.socket));
      }
      sockets.add(request.socket);
      response.end();
    });
    await runLoadTest({ target, users: 5, requests: 50 });
    await expect.poll(() => sockets.size).toBe(0);
  });
});

/**
 * A server that stands still now and then: it answers at once until a number of requests have come, and then keeps
 * everything waiting for a while, once.
 */
describe("a server that stalls for 300 ms in about 3 s", () => {
  const stallMs = 300;

  function stallAt(request: number): void {
    let asked = 0;
    let stall: Promise<void> | null = null;
    upstream.respond((_request, response) => {
      asked += 1;
      if (asked === request) {
        stall = new Promise((resolve) => {
          setTimeout(() => {
            stall = null;
            resolve();
          }, stallMs);
        });
      }
      if (stall === null) response.end("ok");
      else void stall.then(() => response.end("ok"));
    });
  }

  it("the open model shows it in p99: a tenth of the requests were due while it stood still", async () => {
    stallAt(100);
    const { all, requests } = await runLoadTest({ target, rate: 200, requests: 600 });
    expect(requests.due).toBe(600);
    expect(all.responseTime?.p99Ms).toBeGreaterThan(stallMs * 0.8);
  });

  it("the closed model hides it: of 600 requests, one was slow", async () => {
    stallAt(100);
    const { all } = await runLoadTest({ target, users: 1, requests: 600 });
    expect(all.responseTime?.maxMs).toBeGreaterThan(stallMs * 0.95);
    expect(all.responseTime?.p99Ms).toBeLessThan(stallMs * 0.5);
  });

  it("the closed model with the correction shows it", async () => {
    stallAt(100);
    const { all } = await runLoadTest({
      target,
      users: 1,
      requests: 600,
      expected_interval: "5ms",
    });
    expect(all.responseTime?.p99Ms).toBeGreaterThan(stallMs * 0.8);
    // The times as measured are still there.
    expect(all.serviceTime?.count).toBe(600);
    expect(all.serviceTime?.p99Ms).toBeLessThan(stallMs * 0.5);
  });
});
