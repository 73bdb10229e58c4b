import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { followLive } from "../../src/faces/dashboard/live/live-link.ts";
import type { LiveLink, SocketListeners } from "../../src/faces/dashboard/live/live-link.ts";
import { createLiveStore } from "../../src/faces/dashboard/live/live-store.ts";
import * as copied from "../../src/faces/dashboard/live/protocol.ts";
import { liveCloseCodes, liveProtocol, liveTokenPrefix } from "../../src/wire/live.ts";
import { openLive } from "../contract/admin/live-port.ts";
import type { LivePort } from "../contract/admin/live-port.ts";
import { createFakeTime } from "../support/fake-time.ts";

/** The page's side of `/v1/live`, against the real one. */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function openPort(options: Parameters<typeof openLive>[0] = {}): Promise<LivePort> {
  const port = await openLive(options);
  closing.push(() => port.close());
  return port;
}

function openSocket(url: string, protocols: string[], listeners: SocketListeners) {
  const socket = new WebSocket(url, protocols);
  socket.on("message", (data: Buffer) => listeners.message(data.toString()));
  socket.on("close", (code, reason) => listeners.closed(code, reason.toString()));
  socket.on("error", () => undefined);
  return socket;
}

function follow(port: number, options: { token?: string; verify?: "refused" | "accepted" } = {}) {
  const time = createFakeTime();
  const store = createLiveStore(time.clock, time.timers);
  const opened: { url: string; socket: WebSocket }[] = [];
  const lost: string[] = [];
  let refused = 0;
  const link: LiveLink = followLive(
    {
      address: `ws://127.0.0.1:${port}/v1/live`,
      token: () => options.token ?? null,
      open(url, protocols, listeners) {
        const socket = openSocket(url, protocols, listeners);
        opened.push({ url, socket });
        return socket;
      },
      verify: async () => options.verify ?? "unknown",
      timers: time.timers,
      random: { next: () => 1 },
    },
    {
      frame: (frame) => store.take(frame),
      lost(reason) {
        lost.push(reason);
        store.lose(reason);
      },
      refused: () => (refused += 1),
    },
  );
  closing.push(() => link.close());
  const facts = () =>
    (store.document.value?.alerts as unknown as { facts?: unknown } | undefined)?.facts;
  return { time, store, link, opened, lost, facts, refused: () => refused };
}

describe("the live document in the page", () => {
  it("speaks the server's protocol", () => {
    expect(copied.liveProtocol).toBe(liveProtocol);
    expect(copied.liveTokenPrefix).toBe(liveTokenPrefix);
    expect(copied.tokenChangedCode).toBe(liveCloseCodes.tokenChanged);
  });

  it("follows snapshot and deltas, and sends the token as a subprotocol", async () => {
    const port = await openPort({ token: "s€cret/+" });
    const page = follow(port.port, { token: "s€cret/+" });
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    port.show({ n: 1 });
    port.tick();
    await expect.poll(page.facts).toEqual({ n: 1 });
    expect(page.opened[0]?.url).not.toContain("s%E2");
  });

  it("wakes only those who show what changed", async () => {
    const port = await openPort();
    const page = follow(port.port);
    await expect.poll(() => page.store.document.value).not.toBeNull();
    const endpoints = page.store.select((document) => document.endpoints);
    const alerts = page.store.select((document) => document.alerts);
    const before = [endpoints.value, alerts.value];
    port.show({ n: 2 });
    port.tick();
    await expect.poll(page.facts).toEqual({ n: 2 });
    expect(endpoints.value).toBe(before[0]);
    expect(alerts.value).not.toBe(before[1]);
  });

  it("goes on where it was after a lost connection, and says so while it is stale", async () => {
    const port = await openPort();
    const page = follow(port.port);
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    const endpoints = page.store.document.value?.endpoints;
    page.opened[0]?.socket.terminate();
    await expect.poll(() => page.store.connection.value.kind).toBe("stale");
    port.show({ n: 3 });
    page.time.advance(500);
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    expect(page.opened[1]?.url).toMatch(/\?stream=[^&]+&after=\d+$/);
    port.tick();
    await expect.poll(page.facts).toEqual({ n: 3 });
    expect(page.store.document.value?.endpoints).toBe(endpoints);
  });

  it("waits longer after each failure, up to a limit", async () => {
    const port = await openPort();
    const { port: number } = port;
    await port.close();
    const page = follow(number);
    await expect.poll(() => page.lost.length).toBe(1);
    for (const waitMs of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const { length } = page.lost;
      page.time.advance(waitMs - 1);
      expect(page.opened.length).toBe(length);
      page.time.advance(1);
      expect(page.opened.length).toBe(length + 1);
      await expect.poll(() => page.lost.length).toBe(length + 1);
    }
  });

  it("takes a server that starts anew for another one", async () => {
    const first = await openPort();
    const { port: number } = first;
    const page = follow(number);
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    first.show({ old: true });
    first.tick();
    await expect.poll(page.facts).toEqual({ old: true });
    await first.close();
    await expect.poll(() => page.store.connection.value.kind).toBe("stale");
    await openPort({ port: number });
    page.link.retryNow();
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    expect(page.facts()).toEqual({});
  });

  it("asks for the token when it is not good any more, and tries no further", async () => {
    const port = await openPort({ token: "old" });
    const page = follow(port.port, { token: "old", verify: "refused" });
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    port.setToken("new");
    port.tick();
    await expect.poll(page.refused).toBe(1);
    page.time.advance(60_000);
    expect(page.opened.length).toBe(1);
  });

  it("gives up a connection that says nothing", async () => {
    const port = await openPort();
    const page = follow(port.port);
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    page.time.advance(15_000);
    expect(page.lost).toEqual(["nothing was heard for 15 seconds"]);
  });

  it("begins anew when a frame does not follow", async () => {
    const port = await openPort();
    const page = follow(port.port);
    await expect.poll(() => page.store.connection.value.kind).toBe("live");
    page.opened[0]?.socket.emit("message", Buffer.from('{"type":"delta","sequence":99}'));
    expect(page.lost).toEqual(["the server said something that does not follow"]);
    page.time.advance(500);
    await expect.poll(() => page.opened.length).toBe(2);
    expect(page.opened[1]?.url).not.toContain("?");
  });

  it("reckons ages by the server's clock", () => {
    const time = createFakeTime();
    const store = createLiveStore(time.clock, time.timers);
    closing.push(() => store.close());
    const at = Date.parse("2026-11-28T12:00:00.000Z");
    store.take({
      type: "snapshot",
      stream: "s",
      sequence: 0,
      at: "2026-11-28T12:00:00.000Z",
      document: {},
    });
    expect(store.nowMs.value).toBe(at);
    time.advance(5000);
    expect(store.nowMs.value).toBe(at + 5000);
  });
});
