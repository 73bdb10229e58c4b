import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { createClient } from "../../../src/faces/client/client.ts";
import type { ClientOptions, LiveUpdate } from "../../../src/faces/client/client.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { ask } from "../admin/admin-port.ts";
import { listen, openLive } from "../admin/live-port.ts";
import type { LivePort } from "../admin/live-port.ts";
import { startRelay } from "./relay.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
const keep = <Started extends { readonly close: () => Promise<unknown> }>(started: Started) => {
  ends.push(() => started.close());
  return started;
};

/** An admin port whose document has a count that the test moves. */
const open = async (options: Parameters<typeof openLive>[0] = {}) => {
  let count = 0;
  const list = () => ({
    alerts: [],
    resolved: [],
    silences: [],
    channels: [],
    without_room: count,
  });
  const port = await openLive({
    ...options,
    sources: { alerts: { list, command: () => null } },
  });
  const counting = {
    ...port,
    /** Shows the count at the next tick, which is now. */
    count: (next: number) => {
      count = next;
      port.tick();
    },
  };
  return keep(counting);
};

/** A client that follows; its time passes apart from the server's. */
type Follower = {
  readonly time: FakeTime;
  readonly updates: LiveUpdate[];
  /** Resolves once the last update is like this. */
  until(isDone: (update: LiveUpdate) => boolean): Promise<LiveUpdate>;
  /** Resolves with the update's error once it is stale. */
  stale(): Promise<unknown>;
  /** Resolves once it waits for the nth time before another attempt. */
  waits(nth: number): Promise<void>;
  /** Resolves once a document with this count is told. */
  counted(count: number): Promise<void>;
  end(): void;
  readonly ended: Promise<unknown>;
};

function follow(
  admin: string,
  options: Partial<ClientOptions> & { readonly onUpdate?: (update: LiveUpdate) => void } = {},
): Follower {
  const time = createFakeTime();
  const updates: LiveUpdate[] = [];
  const waiting = new Set<() => void>();
  const giveUp = new AbortController();
  let waits = 0;
  const next = () => {
    waits += 1;
    return 1;
  };
  const client = createClient({
    admin,
    proxy: "http://127.0.0.1:9",
    clock: time.clock,
    timers: time.timers,
    random: { next, hex32: () => "0".repeat(32) },
    ...options,
  });
  const listener = (update: LiveUpdate) => {
    updates.push(update);
    options.onUpdate?.(update);
    for (const look of waiting) look();
  };
  const ended = client.live(listener, { signal: giveUp.signal }).then(
    () => "ended",
    (error: unknown) => error,
  );
  ends.push(() => {
    giveUp.abort();
    time.advance(60_000);
    return ended;
  });
  const until: Follower["until"] = (isDone) =>
    new Promise((resolve) => {
      const look = () => {
        const last = updates.at(-1);
        if (last === undefined || !isDone(last)) return;
        waiting.delete(look);
        resolve(last);
      };
      waiting.add(look);
      look();
    });
  return {
    time,
    updates,
    until,
    stale: async () => {
      const update = await until(({ kind }) => kind === "stale");
      return update.kind === "stale" ? update.error : null;
    },
    counted: async (count) => {
      await until(
        (update) => update.kind === "document" && update.document.alerts.without_room === count,
      );
    },
    waits: (nth) => settled(() => waits === nth),
    end: () => giveUp.abort(),
    ended,
  };
}

/** Lets sockets of this process go on until then. */
const settled = async (isDone: () => boolean) => {
  while (!isDone()) await new Promise(setImmediate);
};
const urlOf = ({ port }: LivePort) => `http://127.0.0.1:${port}`;

/** A server that sends a snapshot and these frames at once to everybody. */
async function speak(
  frames: readonly (string | object)[],
): Promise<{ readonly url: string; readonly targets: readonly string[] }> {
  const port = await open();
  const listener = await listen(port.port);
  await listener.until(1);
  const document = listener.document();
  listener.socket.terminate();
  const targets: string[] = [];
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (connection, request) => {
    targets.push(request.url ?? "");
    const { at } = delta(0);
    const snapshot = { type: "snapshot", stream: "s", sequence: 0, at, document };
    for (const frame of [snapshot, ...frames]) {
      connection.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    }
  });
  keep({
    close: () =>
      new Promise<void>((resolve) => {
        for (const connection of server.clients) connection.terminate();
        server.close(() => resolve());
      }),
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, targets };
}

const delta = (sequence: number) => ({
  type: "delta",
  sequence,
  at: "2026-11-23T12:00:00.000Z",
  patch: {},
});

describe("following", () => {
  it("tells the document, and each change of it, until the signal ends it", async () => {
    const port = await open();
    const follower = follow(urlOf(port));
    await follower.counted(0);
    expect(follower.updates).toHaveLength(1);
    expect(follower.updates[0]).toMatchObject({
      at: "1970-01-01T00:00:00.000Z",
      document: { status: { version: "1.2.3" }, alerts: { resolved: [] } },
    });
    for (const count of [1, 2, 3]) port.count(count);
    await follower.counted(3);
    expect(follower.updates).toHaveLength(4);
    follower.end();
    expect(await follower.ended).toBe("ended");
    expect(follower.time.pending()).toBe(0);
    await settled(() => port.live().listeners === 0);
  });

  it("ends at once when the signal has ended before", async () => {
    const port = await open();
    const client = createClient({
      admin: urlOf(port),
      proxy: urlOf(port),
      ...createFakeTime(),
      random: { next: () => 1, hex32: () => "" },
    });
    await client.live(() => undefined, { signal: AbortSignal.abort() });
    expect(port.live().opened).toBe(0);
  });

  it("takes the heartbeat for the document it has", async () => {
    const port = await open();
    const follower = follow(urlOf(port));
    await follower.counted(0);
    port.time.advance(5000);
    await follower.until((update) => "at" in update && update.at.endsWith(":05.000Z"));
    const [first, second] = follower.updates;
    expect(second).toEqual({ ...first, at: "1970-01-01T00:00:05.000Z" });
  });
});

describe("a lost connection", () => {
  it("is told once, and resumed by stream and number with what was missed", async () => {
    const port = await open();
    const relay = keep(await startRelay(() => port.port));
    const follower = follow(relay.url);
    await follower.counted(0);
    port.count(1);
    await follower.counted(1);
    relay.become("shut");
    relay.cut();
    expect(await follower.stale()).toMatchObject({ code: "live_closed", status: null });
    await settled(() => port.live().listeners === 0);
    await follower.waits(1);
    follower.time.advance(500);
    // A try in vain is not told again.
    await relay.until(2);
    await follower.waits(2);
    relay.become("open");
    port.count(2);
    port.count(3);
    follower.time.advance(1000);
    await follower.counted(3);
    expect(follower.updates.map(({ kind }) => kind)).toEqual([
      "document",
      "document",
      "stale",
      "document",
    ]);
    expect(relay.requests.at(-1)).toMatch(/^GET \/v1\/live\?stream=[0-9a-f-]{36}&after=1 /);
    expect(port.live()).toMatchObject({ snapshotsSent: 1, opened: 2 });
    // It was heard meanwhile: the waits begin with the shortest again.
    relay.cut();
    await follower.waits(3);
    follower.time.advance(500);
    await relay.until(4);
  });

  it("to a server that starts again on the same port is followed anew", async () => {
    const first = await open();
    const follower = follow(urlOf(first));
    await follower.counted(0);
    first.count(1);
    await follower.counted(1);
    await first.close(0);
    const stale = await follower.stale();
    expect(stale).toMatchObject({ code: "live_closed", detail: "1001 shutting down" });
    await follower.waits(1);
    follower.time.advance(500);
    await follower.waits(2);
    const second = await open({ port: first.port });
    follower.time.advance(1000);
    await follower.counted(0);
    second.count(7);
    await follower.counted(7);
    expect(second.live()).toMatchObject({ opened: 1, snapshotsSent: 1 });
    follower.end();
    await follower.ended;
    expect(follower.time.pending()).toBe(0);
  });

  it("is noticed by its silence", async () => {
    const port = await open();
    const follower = follow(urlOf(port));
    await follower.counted(0);
    follower.time.advance(11_999);
    port.count(1);
    await follower.counted(1);
    follower.time.advance(11_999);
    expect(follower.updates.at(-1)?.kind).toBe("document");
    follower.time.advance(1);
    expect(await follower.stale()).toMatchObject({ code: "live_silent" });
    await follower.waits(1);
    follower.time.advance(500);
    await follower.counted(1);
  });

  it("is tried again after waits that double up to ten seconds", async () => {
    const relay = keep(await startRelay(() => 0));
    relay.become("shut");
    const follower = follow(relay.url);
    let tries = 1;
    for (const waitMs of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      await relay.until(tries);
      await follower.waits(tries);
      follower.time.advance(waitMs - 1);
      expect(follower.time.pending()).toBe(1);
      expect(relay.requests).toHaveLength(tries);
      follower.time.advance(1);
      tries += 1;
    }
    await relay.until(tries);
    expect(await follower.stale()).toMatchObject({ code: "unreachable" });
    expect(follower.updates).toHaveLength(1);
  });

  it("that does not even open is given up after ten seconds", async () => {
    const relay = keep(await startRelay(() => 0));
    relay.become("silent");
    const follower = follow(relay.url);
    await relay.until(1);
    follower.time.advance(9999);
    expect(follower.updates).toEqual([]);
    follower.time.advance(1);
    expect(await follower.stale()).toMatchObject({ code: "timed_out" });
  });
});

describe("a refusal", () => {
  it("that stays one ends it", async () => {
    const port = await open({ token: "secret" });
    const follower = follow(urlOf(port), { token: "wrong" });
    expect(await follower.ended).toMatchObject({ code: "unauthorized", status: 401 });
    expect(follower.updates).toEqual([]);
    expect(follower.time.pending()).toBe(0);
  });

  it("ends it also when the token has changed meanwhile", async () => {
    const port = await open({ token: "first" });
    const follower = follow(urlOf(port), { token: "first" });
    await follower.counted(0);
    port.setToken("second");
    port.tick();
    expect(await follower.stale()).toMatchObject({ detail: "4401 the token has changed" });
    await follower.waits(1);
    follower.time.advance(500);
    expect(await follower.ended).toMatchObject({ code: "unauthorized" });
  });

  it("because of somebody's wrong tries is tried again", async () => {
    const port = await open({ token: "secret", limits: { failuresMax: 1 } });
    const headers = { authorization: "Bearer wrong" };
    expect((await ask(port.port, "/v1/status", { headers })).status).toBe(401);
    const follower = follow(urlOf(port), { token: "secret" });
    expect(await follower.stale()).toMatchObject({ code: "too_many_failed_tries", status: 429 });
    port.time.advance(60_000);
    await follower.waits(1);
    follower.time.advance(500);
    await follower.counted(0);
  });

  it("for want of room is tried again", async () => {
    const port = await open({ limits: { liveListenersMax: 1 } });
    const other = await listen(port.port);
    const follower = follow(urlOf(port));
    expect(await follower.stale()).toMatchObject({ code: "too_many_listeners", status: 503 });
    other.socket.close();
    await settled(() => port.live().listeners === 0);
    await follower.waits(1);
    follower.time.advance(500);
    await follower.counted(0);
  });
});

describe("what does not follow", () => {
  it.each([
    ["a number left out", [delta(2)]],
    ["a number twice", [delta(1), delta(1)]],
    ["no JSON", ["{"]],
    ["another frame", [{ type: "hello" }]],
    [
      "a change to something that is no such document",
      [{ ...delta(1), patch: { remove: ["status"] } }],
    ],
  ])("%s: it is stale, and begun from a snapshot", async (_, frames) => {
    const { url, targets } = await speak(frames);
    const follower = follow(url);
    expect(await follower.stale()).toMatchObject({ code: "bad_answer" });
    await follower.waits(1);
    follower.time.advance(500);
    await settled(() => targets.length === 2);
    expect(targets).toEqual(["/v1/live", "/v1/live"]);
  });

  it("a frame that is too large: it is stale", async () => {
    const port = await open();
    const follower = follow(urlOf(port), { limits: { liveFrameBytesMax: 100 } });
    expect(await follower.stale()).toMatchObject({ code: "unreachable" });
  });
});

describe("a listener", () => {
  it("is told nothing after it has given up, whatever is on its way", async () => {
    const { url } = await speak([delta(1), delta(2)]);
    const follower = follow(url, { onUpdate: () => follower.end() });
    expect(await follower.ended).toBe("ended");
    expect(follower.updates).toHaveLength(1);
    expect(follower.time.pending()).toBe(0);
  });

  it("that gives up when it hears of a lost connection does not wait for the next", async () => {
    const port = await open();
    const follower = follow(urlOf(port), {
      onUpdate: ({ kind }) => {
        if (kind === "stale") follower.end();
      },
    });
    await follower.counted(0);
    await port.close(0);
    expect(await follower.ended).toBe("ended");
    expect(follower.time.pending()).toBe(0);
  });

  it("that throws ends it with that", async () => {
    const port = await open();
    const bug = new Error("bug");
    const onUpdate = () => {
      throw bug;
    };
    const follower = follow(urlOf(port), { onUpdate });
    expect(await follower.ended).toBe(bug);
    expect(follower.time.pending()).toBe(0);
    await settled(() => port.live().listeners === 0);
  });
});
