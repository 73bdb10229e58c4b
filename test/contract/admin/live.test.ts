import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { diffDocuments, isEmptyPatch } from "../../../src/core/telemetry/document-patch.ts";
import type { JsonObject } from "../../../src/core/telemetry/document-patch.ts";
import { liveDocumentSchema } from "../../../src/wire/live.ts";
import { ask, status } from "./admin-port.ts";
import { listen as listenOn, openLive } from "./live-port.ts";
import type { Listener, LivePort } from "./live-port.ts";

let admin: LivePort | null = null;
const listeners: Listener[] = [];
const open = async (options: Parameters<typeof openLive>[0] = {}) =>
  (admin = await openLive(options));
const listen = async (...[port, options]: Parameters<typeof listenOn>) => {
  const listener = await listenOn(port, options);
  listeners.push(listener);
  return listener;
};
afterEach(async () => {
  for (const { socket } of listeners.splice(0)) socket.terminate();
  await admin?.close();
  admin = null;
});

/** Resolves once the server knows of it too. */
const leave = async (port: LivePort, { socket, closed }: Listener) => {
  const before = port.live().listeners;
  socket.close();
  await closed;
  while (port.live().listeners === before) await new Promise(setImmediate);
};

describe("the frames", () => {
  it("begin with the whole document, which lists as maps and is true to its schema", async () => {
    const { port } = await open();
    const listener = await listen(port);
    await listener.until(1);
    const [first] = listener.frames;
    expect(first).toMatchObject({ type: "snapshot", sequence: 0, at: "1970-01-01T00:00:00.000Z" });
    expect(liveDocumentSchema.safeParse(listener.document()).error).toBeUndefined();
    expect(listener.document()).toMatchObject({
      status: { version: "1.2.3", config: status.config },
      workers: { "0": { restarts: 2 } },
      endpoints: { "full http://127.0.0.1:9001": { healthy: true } },
      traffic: { embeddings: { epoch: 1, variants: { full: { users: null } } } },
      experiments: {},
      rollouts: {},
      alerts: { alerts: {}, without_room: 0 },
    });
  });

  it("say nothing while nothing changes, but that, within five seconds", async () => {
    const { port, time, live } = await open();
    const listener = await listen(port);
    time.advance(4750);
    expect(live().deltasSent).toBe(0);
    time.advance(250);
    expect(live().deltasSent).toBe(1);
    await listener.until(2);
    expect(listener.frames[1]).toEqual({
      type: "delta",
      sequence: 1,
      at: "1970-01-01T00:00:05.000Z",
      patch: {},
    });
    time.advance(5000);
    await listener.until(3);
    expect(listener.sequence()).toBe(2);
  });

  it("say only what has changed", async () => {
    const { port, tick, show, live } = await open();
    const listener = await listen(port);
    show({ a: { x: 1, y: null }, b: [1, 2] });
    tick();
    show({ a: { x: null }, b: [1, 2] });
    tick();
    await listener.reached(2);
    expect(listener.frames[2]).toMatchObject({
      patch: {
        within: {
          alerts: { within: { facts: { within: { a: { set: { x: null }, remove: ["y"] } } } } },
        },
      },
    });
    show({ b: [1, 2], a: { x: null } });
    tick();
    expect(live().deltasSent).toBe(2);
  });

  it("make the server's document, whatever it becomes, with several changes a tick and none", async () => {
    const { port, tick, show } = await open();
    const listener = await listen(port);
    await listener.until(1);
    const facts = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }));
    let shown: JsonObject = {};
    await fc.assert(
      fc.asyncProperty(fc.array(facts, { minLength: 1, maxLength: 6 }), async (steps) => {
        for (const step of steps) {
          const next = JSON.parse(JSON.stringify(step)) as JsonObject;
          const before = listener.sequence();
          show(step);
          tick();
          const isChange = !isEmptyPatch(diffDocuments(shown, next));
          shown = next;
          if (isChange) await listener.reached(before + 1);
        }
        expect(listener.facts()).toEqual(shown);
      }),
      { numRuns: 60 },
    );
    const numbers = listener.frames.map(({ sequence }) => sequence);
    expect(numbers).toEqual(numbers.map((_, at) => at));
    expect(listener.frames.filter(({ type }) => type === "snapshot")).toHaveLength(1);
  });

  it("are not touched by what a source does to its objects afterwards", async () => {
    const { port, tick, show } = await open();
    const facts = { count: 1 };
    show(facts);
    const listener = await listen(port);
    facts.count = 2;
    tick();
    await listener.reached(1);
    expect(listener.facts()).toEqual({ count: 2 });
  });
});

describe("the work", () => {
  it("is done once a tick for all listeners, and not at all without", async () => {
    const { port, tick, time, looks, ...rest } = await open();
    time.advance(10_000);
    expect([looks(), time.pending()]).toEqual([0, 0]);
    const three = [await listen(port), await listen(port), await listen(port)];
    expect(looks()).toBe(1);
    tick();
    expect(looks()).toBe(2);
    const all = { ...rest, port, tick, time, looks };
    for (const listener of three) await leave(all, listener);
    time.advance(10_000);
    expect([looks(), time.pending()]).toEqual([2, 0]);
  });
});

describe("coming back", () => {
  /** A listener with two changes behind it, which has gone. */
  const goneListener = async (port: LivePort) => {
    const listener = await listen(port.port);
    for (const count of [1, 2]) {
      port.show({ count });
      port.tick();
    }
    await listener.reached(2);
    await leave(port, listener);
    return listener;
  };
  const backAt = ({ stream }: Listener, after: number) => `?stream=${stream()}&after=${after}`;

  it("goes on with the deltas since, without a snapshot", async () => {
    const port = await open();
    const stays = await listen(port.port);
    const gone = await goneListener(port);
    for (const count of [3, 4, 5]) {
      port.show({ count });
      port.tick();
    }
    await stays.reached(5);
    const back = await listen(port.port, { query: backAt(gone, 2), document: gone.document() });
    await back.until(3);
    expect(back.frames.map(({ type, sequence }) => [type, sequence])).toEqual([
      ["delta", 3],
      ["delta", 4],
      ["delta", 5],
    ]);
    expect(back.document()).toEqual(stays.document());
    port.show({ count: 6 });
    port.tick();
    await back.reached(6);
    expect(back.facts()).toEqual({ count: 6 });
  });

  it("is told what changed while nobody listened", async () => {
    const port = await open();
    const gone = await goneListener(port);
    port.show({ count: 9, more: null });
    port.time.advance(60_000);
    const back = await listen(port.port, { query: backAt(gone, 2), document: gone.document() });
    await back.until(1);
    expect(back.frames[0]).toMatchObject({ type: "delta", sequence: 3 });
    expect(back.facts()).toEqual({ count: 9, more: null });
  });

  it("is told at once when it has missed nothing, and so are the others", async () => {
    const port = await open();
    const gone = await goneListener(port);
    const stays = await listen(port.port);
    const back = await listen(port.port, { query: backAt(gone, 2), document: gone.document() });
    await back.until(1);
    expect(back.frames[0]).toMatchObject({ type: "delta", sequence: 3, patch: {} });
    await stays.until(2);
    expect(stays.frames[1]).toEqual(back.frames[0]);
  });

  it.each([
    ["as many missed as are kept", 3, "delta"],
    ["one more than that", 4, "snapshot"],
  ])("%s → %s", async (_, missed, expected) => {
    const port = await open({ limits: { liveDeltasMax: 3 } });
    const stays = await listen(port.port);
    const gone = await goneListener(port);
    for (let count = 0; count < missed; count += 1) {
      port.show({ other: count });
      port.tick();
    }
    await stays.reached(2 + missed);
    const back = await listen(port.port, { query: backAt(gone, 2), document: gone.document() });
    await back.reached(2 + missed);
    expect(back.frames[0]?.type).toBe(expected);
    expect(back.document()).toEqual(stays.document());
  });

  it("gets a snapshot when the deltas since were too many bytes to keep, or to send", async () => {
    for (const limits of [{ liveDeltasBytesMax: 2000 }, { liveBufferedBytesMax: 2000 }]) {
      const port = await open({ limits });
      const gone = await goneListener(port);
      const stays = await listen(port.port);
      for (const text of ["a", "b", "c"]) {
        port.show({ text: text.repeat(800) });
        port.tick();
      }
      await stays.reached(5);
      const back = await listen(port.port, { query: backAt(gone, 2), document: gone.document() });
      await back.until(1);
      expect(back.frames[0]).toMatchObject({ type: "snapshot", sequence: 5 });
      const near = await listen(port.port, { query: backAt(gone, 4), document: stays.document() });
      await near.until(1);
      expect(near.frames[0]).toMatchObject({ type: "delta", sequence: 5 });
      stays.socket.terminate();
      back.socket.terminate();
      near.socket.terminate();
      await port.close();
    }
  });

  it.each([
    ["of another stream", "?stream=other&after=2"],
    ["without a stream", "?after=2"],
    ["without a number", "?stream=STREAM"],
    ["from the future", "?stream=STREAM&after=3"],
  ])("%s gets a snapshot", async (_, query) => {
    const port = await open();
    const gone = await goneListener(port);
    const back = await listen(port.port, { query: query.replace("STREAM", gone.stream()) });
    await back.until(1);
    expect(back.frames[0]).toMatchObject({ type: "snapshot", sequence: 2 });
  });

  it("to a server that has started anew is another stream", async () => {
    const gone = await goneListener(await open());
    await admin?.close();
    const port = await open();
    const there = await goneListener(port);
    expect(there.stream()).not.toBe(gone.stream());
  });
});

describe("a document that cannot be put together", () => {
  it("is reported once, and is silence until it can be again", async () => {
    const { port, time, tick, show, setFault, live, faults } = await open();
    const listener = await listen(port);
    const bug = new Error("bug");
    setFault(bug);
    time.advance(20_000);
    expect(faults).toEqual([bug]);
    expect(live()).toMatchObject({ deltasSent: 0, faults: 1, listeners: 1 });
    await expect(listen(port)).rejects.toMatchObject({ status: 500 });
    setFault(null);
    show({ count: 1 });
    tick();
    await listener.reached(1);
    expect(listener.facts()).toEqual({ count: 1 });
    setFault(bug);
    tick();
    expect(faults).toEqual([bug, bug]);
  });

  it("lets nobody in, and says no more than that", async () => {
    const { port, setFault, faults } = await open();
    setFault(new Error("secret detail"));
    await expect(listen(port)).rejects.toMatchObject({
      status: 500,
      code: "internal",
      message: expect.not.stringContaining("secret") as string,
    });
    expect(faults).toHaveLength(1);
    setFault(null);
    await (await listen(port)).until(1);
  });
});

describe("other requests", () => {
  it("a plain request to /v1/live is told to upgrade", async () => {
    const { port } = await open();
    const answer = await ask(port, "/v1/live");
    expect(answer.status).toBe(426);
    expect(answer.headers.upgrade).toBe("websocket");
    expect(JSON.parse(answer.text)).toMatchObject({ code: "upgrade_required" });
  });

  it.each([
    ["GET", "/healthz", 200],
    ["GET", "/v1/lives", 404],
    ["POST", "/v1/live", 405],
  ])("an upgrade by %s %s is answered as a request", async (method, path, expected) => {
    const { port } = await open();
    const headers = { connection: "upgrade", upgrade: "websocket" };
    const answer = await ask(port, path, { method, headers });
    expect(answer.status).toBe(expected);
    expect(answer.headers.allow).toBe(expected === 405 ? "GET, HEAD" : undefined);
  });
});
