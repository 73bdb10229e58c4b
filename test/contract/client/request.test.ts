import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient, SluiceError } from "../../../src/faces/client/client.ts";
import type { ClientOptions } from "../../../src/faces/client/client.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { startPlane } from "../../support/plane.ts";
import type { TestPlane } from "../../support/plane.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

let full: TestUpstream;
let compact: TestUpstream;
let plane: TestPlane;
beforeEach(async () => {
  full = await startUpstream("full");
  compact = await startUpstream("compact");
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams:
  full: { url: "${full.url}" }
  compact: { url: "${compact.url}" }
routes:
  - { match: "/pinned", upstream: full }
  - { match: "/**", experiment: embeddings }
experiments:
  embeddings:
    variants:
      full: { upstream: full, weight: 50, control: true }
      compact: { upstream: compact, weight: 50 }
    assignment: { user: [ "header:x-user-id", "header:x-account" ] }
`);
});
afterEach(async () => {
  await Promise.all([plane.stop(), full.close(), compact.close()]);
});

const time = createFakeTime();
const client = (options: Partial<ClientOptions> = {}) => {
  let drawn = 0;
  return createClient({
    admin: "http://127.0.0.1:9",
    proxy: `http://127.0.0.1:${plane.port}`,
    clock: time.clock,
    timers: time.timers,
    random: { next: () => 0, hex32: () => String((drawn += 1)).padStart(32, "0") },
    ...options,
  });
};
const received = () => [...full.requests, ...compact.requests];

describe("a request through the proxy", () => {
  it("is that user's: always the same variant, which is the one that answered", async () => {
    const variants = new Set<string | null>();
    for (let user = 0; user < 20; user += 1) {
      const answers = [];
      for (const path of ["/one", "/two"]) {
        answers.push(await client().executeRequest({ path, user: `user-${user}` }));
      }
      const [one, two] = answers;
      expect(one?.variant).toBe(two?.variant);
      expect(await one?.response.json()).toMatchObject({ upstream: one?.variant });
      variants.add(one?.variant ?? null);
    }
    expect(variants).toEqual(new Set(["compact", "full"]));
  });

  it("has no variant where the route has none", async () => {
    const { variant } = await client().executeRequest({ path: "/pinned", user: "ann" });
    expect(variant).toBeNull();
  });

  it("says who and which by header, and keeps the caller's", async () => {
    const there = client({ userHeader: "x-account" });
    const made = await there.executeRequest({ path: "/a?b=c", user: "ann" });
    expect(made.requestId).toBe("1".padStart(32, "0"));
    const headers = { "x-request-id": "mine-1", "x-more": "yes" };
    const given = await there.executeRequest({ path: "/a?b=c", user: "ann", headers });
    expect(given.requestId).toBe("mine-1");
    expect(received()).toMatchObject([
      {
        method: "GET",
        url: "/a?b=c",
        headers: { "x-account": "ann", "x-request-id": made.requestId },
      },
      { url: "/a?b=c", headers: { "x-request-id": "mine-1", "x-more": "yes" } },
    ]);
  });

  it.each([
    ["an object as JSON", { input: ["ä", null] }, 21, "application/json"],
    ["a text", "text", 4, "text/plain;charset=UTF-8"],
    ["bytes", new Uint8Array([1, 2, 3]), 3, undefined],
  ])("sends %s", async (_, body, bytes, type) => {
    const { response } = await client().executeRequest({ path: "/", user: "ann", body });
    expect(await response.json()).toMatchObject({ method: "POST", bytes });
    expect(received()[0]?.headers["content-type"]).toBe(type);
  });

  it.each([204, 304, 302, 404, 429, 500, 503])("takes %i for an answer", async (status) => {
    for (const upstream of [full, compact]) {
      upstream.respond((_, response) => response.writeHead(status, { location: "/x" }).end());
    }
    const answer = await client().executeRequest({ path: "/", user: "ann", method: "DELETE" });
    expect(answer.response.status).toBe(status);
    expect(answer.response.headers.get("location")).toBe("/x");
    expect(answer.variant).not.toBeNull();
    expect(received().map(({ method }) => method)).toEqual(["DELETE"]);
  });

  it("is timed to the first byte and to the last", async () => {
    let finish = () => {};
    for (const upstream of [full, compact]) {
      upstream.respond((_, response) => {
        time.advance(30);
        response.write("first");
        finish = () => response.end(" and last");
      });
    }
    const watching: typeof fetch = async (...given) => {
      const response = await fetch(...given);
      setImmediate(() => {
        time.advance(70);
        finish();
      });
      return response;
    };
    const { response, timings } = await client({ fetch: watching }).executeRequest({
      path: "/",
      user: "ann",
    });
    expect(timings).toEqual({ firstByteMs: 30, totalMs: 100 });
    expect(await response.text()).toBe("first and last");
    expect(time.pending()).toBe(0);
  });

  it.each([["//127.0.0.1:1/"], ["http://127.0.0.1:1/"], ["/\\127.0.0.1:1/"], ["relative"], [""]])(
    "never leaves the proxy: %j",
    async (path) => {
      await expect(client().executeRequest({ path, user: "ann" })).rejects.toMatchObject({
        name: "SluiceError",
        code: "bad_request",
        status: null,
      });
    },
  );

  it.each([
    { user: "line\nbreak" },
    { user: "ann", headers: { "not a name": "x" } },
    { user: "ann", method: "GET", body: "x" },
    { user: "ann", method: "CONNECT" },
  ])("that cannot be sent is not: %j", async (request) => {
    await expect(client().executeRequest({ path: "/", ...request })).rejects.toMatchObject({
      code: "bad_request",
    });
    expect(received()).toEqual([]);
  });

  it("fails when the proxy is not there", async () => {
    const there = client({ proxy: "http://127.0.0.1:9" });
    const failing = there.executeRequest({ path: "/", user: "ann" });
    await expect(failing).rejects.toBeInstanceOf(SluiceError);
  });

  it("ends when the caller gives it up, or when it takes too long", async () => {
    for (const upstream of [full, compact]) upstream.respond(() => undefined);
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const given = client().executeRequest({ path: "/", user: "ann", signal });
    const slow = client({ limits: { proxyTimeoutMs: 5000 } }).executeRequest({
      path: "/",
      user: "ann",
    });
    await Promise.race([full.until(2), compact.until(2)]);
    giveUp.abort();
    await expect(given).rejects.toMatchObject({ code: "aborted" });
    time.advance(5000);
    await expect(slow).rejects.toMatchObject({ code: "timed_out" });
    expect(time.pending()).toBe(0);
  });

  it("fails on an answer that is larger than allowed", async () => {
    for (const upstream of [full, compact]) {
      upstream.respond((_, response) => response.end(Buffer.alloc(1001)));
    }
    const there = client({ limits: { proxyAnswerBytesMax: 1000 } });
    await expect(there.executeRequest({ path: "/", user: "ann" })).rejects.toMatchObject({
      code: "too_large",
      status: 200,
    });
  });
});
