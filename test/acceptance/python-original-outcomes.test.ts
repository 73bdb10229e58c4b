import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import { createDataPlane } from "../../src/data/plane.ts";
import type { Outcome } from "../../src/core/traffic/outcome.ts";
import { createFakeTime } from "../support/fake-time.ts";
import { configOf, pinnedTo, startPlane, type TestPlane } from "../support/plane.ts";
import { exchangeRaw } from "../support/raw.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

// Defects of the Python original's ExperimentEngine and load test: what counts as a success, and what is counted at all.

let upstream: TestUpstream;
let plane: TestPlane | null = null;

beforeEach(async () => {
  upstream = await startUpstream();
});

afterEach(async () => {
  await plane?.stop();
  plane = null;
  await upstream.close();
});

const get = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** What one request turned into, and what its client got. */
async function outcomeOf(extra = ""): Promise<{ outcomes: Outcome[]; answer: string }> {
  plane = await startPlane(pinnedTo(upstream.port, "", extra));
  const answer = await exchangeRaw(plane.port, get);
  await expect.poll(() => plane?.plane.held().exchanges).toBe(0);
  const counted = Object.entries(plane.outcomes()) as [Outcome, number][];
  const outcomes = counted.flatMap(([name, count]) => Array.from({ length: count }, () => name));
  return { outcomes, answer };
}

describe("what counts as a success", () => {
  it.each<[number, Outcome]>([
    [200, "success"],
    [201, "success"],
    [202, "success"],
    [204, "success"],
    [206, "success"],
    [302, "success"],
    [304, "success"],
    [400, "client_error"],
    [404, "client_error"],
    [422, "client_error"],
    [429, "client_error"],
    [500, "upstream_error"],
    [502, "upstream_error"],
    [503, "upstream_error"],
  ])("success is not only 200: %i is %s", async (status, expected) => {
    upstream.respond((_incoming, outgoing) => outgoing.writeHead(status).end());
    const { outcomes, answer } = await outcomeOf();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(outcomes).toEqual([expected]);
  });

  it("a 200 whose body breaks off is no success", async () => {
    upstream.respond((_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": 100 });
      outgoing.write("half of it", () => outgoing.socket?.destroy());
    });
    const { outcomes, answer } = await outcomeOf();
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*half of it$/);
    expect(outcomes).toEqual(["truncated"]);
  });

  it("a client that leaves is no failure of the variant", async () => {
    upstream.respond(() => {});
    plane = await startPlane(pinnedTo(upstream.port));
    const leave = new AbortController();
    const asked = request(`http://127.0.0.1:${plane.port}/x`, { signal: leave.signal });
    await upstream.until(1);
    leave.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await expect.poll(() => plane?.outcomes().aborted).toBe(1);
    expect(plane.outcomes()).toMatchObject({ upstream_error: 0, proxy_error: 0, timeout: 0 });
  });
});

describe("what is counted", () => {
  it("an upstream that cannot be reached counts as an error: exceptions are not dropped", async () => {
    await upstream.close();
    const { outcomes, answer } = await outcomeOf();
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(outcomes).toEqual(["proxy_error"]);
  });

  it("an upstream that resets the connection counts as an error", async () => {
    upstream.respond((incoming) => incoming.socket.destroy());
    const { outcomes, answer } = await outcomeOf(", retries: { attempts: 0 }");
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    expect(outcomes).toEqual(["proxy_error"]);
  });

  it("an upstream that says nothing counts as a time-out", async () => {
    upstream.respond(() => {});
    const { outcomes, answer } = await outcomeOf(", timeouts: { first_byte: 100ms }");
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
    expect(outcomes).toEqual(["timeout"]);
  });
});

describe("a slow answer", () => {
  it.each([
    [
      "by default an answer after 240 s (a LightRAG model's own limit) is not cut off",
      "",
      240,
      200,
    ],
    ["the limit is the operator's: 30 s, where 30 s are asked for", "first_byte: 30s", 31, 504],
  ])("%s", async (_name, timeouts, seconds, expected) => {
    const time = createFakeTime();
    const config = configOf(pinnedTo(upstream.port, "", `, timeouts: { ${timeouts} }`));
    const slow = createDataPlane(
      { index: 0, table: { version: 1, config, epochs: {} }, port: 0, health: [], handles: [] },
      {
        ...time,
        random: { next: () => 0.5, hex32: () => "0".repeat(32) },
        log: () => {},
        onHandle: () => {},
        onWrite: () => {},
        onUrgent: () => {},
      },
    );
    const port = await slow.listen();
    try {
      let answer = () => {};
      upstream.respond((_incoming, outgoing) => {
        answer = () => void outgoing.end("late");
      });
      const asked = request(`http://127.0.0.1:${port}/query`);
      await upstream.until(1);
      for (let second = 0; second < seconds; second += 1) time.advance(1000);
      answer();
      const { statusCode, body } = await asked;
      await body.dump();
      expect(statusCode).toBe(expected);
    } finally {
      const stopped = slow.stop();
      // What waits for the end of connections waits on the fake clock.
      time.advance(120_000);
      await stopped;
    }
  });
});
