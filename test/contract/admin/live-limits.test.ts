import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { connectRaw } from "../../support/raw.ts";
import { answerTo, listen as listenOn, openLive } from "./live-port.ts";
import type { Listener, LivePort } from "./live-port.ts";

let admin: LivePort | null = null;
const listeners: Listener[] = [];
const open = async (options: Parameters<typeof openLive>[0] = {}) =>
  (admin = await openLive(options));
const listen = async (port: number) => {
  const listener = await listenOn(port);
  listeners.push(listener);
  return listener;
};
afterEach(async () => {
  for (const { socket } of listeners.splice(0)) socket.terminate();
  await admin?.close();
  admin = null;
});

/** Lets everything that sockets of this process have for each other pass. */
const until = async (isDone: () => boolean) => {
  while (!isDone()) await new Promise(setImmediate);
};

const megabyte = 1024 * 1024;

describe("a listener that stops reading", () => {
  /** Shows large changes until the server notices that it does not get rid of them. */
  const fallBehind = async (port: LivePort) => {
    let count = 0;
    while (port.live().deltasSkipped === 0) {
      count += 1;
      if (count > 200) throw new Error("200 MiB did not fill the socket");
      port.show({ count, text: String(count % 10).repeat(megabyte) });
      port.tick();
      await new Promise(setImmediate);
    }
    return count;
  };

  it("gets no more deltas, and one snapshot once it has read on", async () => {
    const port = await open();
    const slow = await listen(port.port);
    await slow.until(1);
    slow.socket.pause();
    const sent = (await fallBehind(port)) - 1;
    for (let count = 0; count < 10; count += 1) {
      port.show({ skipped: count });
      port.tick();
    }
    expect(port.live()).toMatchObject({ deltasSent: sent, deltasSkipped: 11, snapshotsSent: 1 });
    slow.socket.resume();
    await slow.reached(sent);
    port.tick();
    await slow.until(sent + 2);
    expect(slow.frames.at(-1)).toMatchObject({ type: "snapshot", sequence: sent + 11 });
    expect(slow.facts()).toEqual({ skipped: 9 });
    expect(port.live()).toMatchObject({ snapshotsSent: 2, coalesced: 1, closedTooSlow: 0 });
    port.show({ after: true });
    port.tick();
    await slow.reached(sent + 12);
    expect(slow.frames.at(-1)?.type).toBe("delta");
    expect(slow.facts()).toEqual({ after: true });
  });

  it("does not hold up another", async () => {
    const port = await open();
    const [slow, other] = [await listen(port.port), await listen(port.port)];
    slow.socket.pause();
    let count = 0;
    while (port.live().deltasSkipped === 0) {
      count += 1;
      port.show({ count, text: String(count % 10).repeat(megabyte) });
      port.tick();
      await other.reached(count);
    }
    expect(other.facts()).toMatchObject({ count });
    expect(port.live().coalesced).toBe(0);
  });

  it("is closed with 1013 after the time allowed, and not before", async () => {
    const port = await open();
    const slow = await listen(port.port);
    slow.socket.pause();
    await fallBehind(port);
    port.show({});
    port.time.advance(29_750);
    expect(port.live()).toMatchObject({ closedTooSlow: 0, listeners: 1 });
    port.time.advance(250);
    expect(port.live().closedTooSlow).toBe(1);
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 1013, reason: "reads too slowly" });
    await until(() => port.live().listeners === 0);
  });

  it("gets no pong on top of what it does not read", async () => {
    const port = await open();
    const slow = await listen(port.port);
    let pongs = 0;
    slow.socket.on("pong", () => (pongs += 1));
    slow.socket.pause();
    await fallBehind(port);
    slow.socket.ping();
    // Read after the ping.
    slow.socket.send("x".repeat(1025));
    await until(() => port.live().closedMessageTooBig === 1);
    slow.socket.resume();
    expect((await slow.closed).code).toBe(1009);
    expect(pongs).toBe(0);
  });

  it("is cut when it does not even read that", async () => {
    const port = await open();
    const slow = await listen(port.port);
    slow.socket.pause();
    await fallBehind(port);
    port.time.advance(30_000);
    expect(port.live()).toMatchObject({ closedTooSlow: 1, listeners: 1 });
    port.time.advance(2000);
    await until(() => port.live().listeners === 0);
    expect(port.time.pending()).toBe(0);
  });
});

describe("listeners", () => {
  it("beyond the limit are refused, and let in when there is room again", async () => {
    const port = await open({ limits: { liveListenersMax: 2 } });
    const [first] = [await listen(port.port), await listen(port.port)];
    expect(await answerTo(port.port)).toEqual({ status: 503, code: "too_many_listeners" });
    expect(port.live()).toMatchObject({ listeners: 2, opened: 2, refused: 1 });
    first?.socket.close();
    await until(() => port.live().listeners === 1);
    await listen(port.port);
    expect(port.live()).toMatchObject({ listeners: 2, opened: 3 });
  });

  it("may say up to 1 KiB, which is ignored", async () => {
    const port = await open();
    const talker = await listen(port.port);
    talker.socket.send("x".repeat(1024));
    talker.socket.send(Buffer.alloc(1024));
    port.show({ count: 1 });
    port.tick();
    await talker.reached(1);
    // Its pong comes after the messages before it.
    talker.socket.ping("here?");
    const [payload] = (await once(talker.socket, "pong")) as [Buffer];
    expect(payload.toString()).toBe("here?");
    expect(port.live().listeners).toBe(1);
  });

  it("that say more are closed with 1009", async () => {
    const port = await open();
    const talker = await listen(port.port);
    talker.socket.send("x".repeat(1025));
    expect((await talker.closed).code).toBe(1009);
    await until(() => port.live().listeners === 0);
    expect(port.live().closedMessageTooBig).toBe(1);
    expect(port.time.pending()).toBe(0);
  });

  it("that speak no WebSocket after the handshake are closed", async () => {
    const port = await open();
    const raw = await connectRaw(port.port);
    raw.write(
      "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    await raw.until(/"snapshot"/);
    raw.write("GET / HTTP/1.1\r\n\r\n");
    await raw.closed();
    await until(() => port.live().listeners === 0);
    expect(port.live().closedMessageTooBig).toBe(0);
  });

  it("that vanish are forgotten", async () => {
    const port = await open();
    const listener = await listen(port.port);
    listener.socket.terminate();
    await until(() => port.live().listeners === 0);
    expect(port.time.pending()).toBe(0);
  });
});

describe("the end of the server", () => {
  it("is told with 1001", async () => {
    const port = await open();
    const [one, other] = [await listen(port.port), await listen(port.port)];
    await port.close(0);
    expect(await one.closed).toEqual({ code: 1001, reason: "shutting down" });
    expect((await other.closed).code).toBe(1001);
    await until(() => port.live().listeners === 0);
    expect(port.time.pending()).toBe(0);
  });

  it("does not wait for who does not answer", async () => {
    const port = await open();
    const deaf = await listen(port.port);
    deaf.socket.pause();
    const closed = port.close(1999);
    expect(port.time.pending()).toBeGreaterThan(0);
    port.time.advance(1);
    await closed;
    await until(() => port.live().listeners === 0);
  });
});
