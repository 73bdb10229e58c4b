import type net from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startPlane, type TestPlane } from "../support/plane.ts";
import { connectRaw, exchangeRaw, startRawServer, type RawServer } from "../support/raw.ts";

/** Faults of the upstream and of clients. After each: every request counted once, and nothing left behind. */
const host = "Host: a.test\r\n";
const get = `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

let plane: TestPlane | null = null;
let servers: RawServer[] = [];
let sent = 0;

afterEach(async () => {
  const [tested, used, expected] = [plane, servers, sent];
  plane = null;
  servers = [];
  sent = 0;
  const outcomes: Record<string, number> = tested?.outcomes() ?? {};
  const faults = tested?.counters().faults;
  await tested?.stop();
  for (const server of used) await server.close();
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(expected);
  expect(faults).toBe(0);
  expect(tested?.plane.held()).toMatchObject({
    connections: 0,
    upstreamConnections: 0,
    exchanges: 0,
    tunnels: 0,
  });
});

/** Writes `total` bytes as fast as the other side takes them; says how many were given to the socket. */
function writePieces(socket: net.Socket, total: number): () => number {
  const piece = Buffer.alloc(64 * 1024);
  let written = 0;
  const more = () => {
    while (written < total && !socket.destroyed) {
      written += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on("drain", more);
  more();
  return () => written;
}

async function serve(
  onBytes: (socket: net.Socket, received: string, connection: number) => void,
): Promise<RawServer> {
  const server = await startRawServer(onBytes);
  servers.push(server);
  return server;
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = await startRawServer(() => {});
  await server.close();
  return server.port;
}

async function proxy(ports: number[], options = "", listen = ""): Promise<TestPlane> {
  const urls = ports.map((port) => `"http://127.0.0.1:${port}"`).join(", ");
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 ${listen} }
upstreams: { u: { urls: [ ${urls} ] ${options} } }
routes: [ { match: "/**", upstream: u } ]
`);
  return plane;
}

async function ask(bytes = get): Promise<string> {
  sent += 1;
  return exchangeRaw((plane as TestPlane).port, bytes);
}

describe("an upstream that", () => {
  it("refuses connections is 502, without its address", async () => {
    await proxy([await closedPort()]);
    const answer = await ask();
    expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*"code":"upstream_connect_failed"/);
    expect(answer).not.toContain("127.0.0.1:");
  });

  it("refuses connections while another endpoint takes them costs nothing, POST included", async () => {
    const good = await serve((socket) => socket.write(ok));
    const tested = await proxy([await closedPort(), good.port], ", retries: { attempts: 1 }");
    for (let at = 0; at < 4; at += 1) {
      expect(
        await ask(`POST / HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: 2\r\n\r\nhi`),
      ).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(tested.counters().retries).toBeGreaterThan(0);
    expect(good.received().join("").match(/hi/g)).toHaveLength(4);
  });

  it("keeps failing uses up the retry budget", async () => {
    const tested = await proxy(
      [await closedPort()],
      ", retries: { attempts: 1, budget: 0%, budget_min_per_second: 0 }",
    );
    for (let at = 0; at < 3; at += 1) await ask();
    expect(tested.counters()).toMatchObject({ retries: 0, retriesDenied: 3 });
  });

  it("says nothing is 504 after first_byte", async () => {
    const server = await serve(() => {});
    await proxy([server.port], ", timeouts: { first_byte: 100ms }");
    expect(await ask()).toMatch(/^HTTP\/1\.1 504 [^]*"code":"upstream_timeout_first_byte"/);
    expect(plane?.outcomes()).toMatchObject({ timeout: 1 });
  });

  it("stalls in its body is cut off after idle", async () => {
    const server = await serve((socket) =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"),
    );
    await proxy([server.port], ", timeouts: { idle: 100ms }");
    expect(await ask()).toMatch(/part$/);
    expect(plane?.outcomes()).toMatchObject({ timeout: 1 });
  });

  it("drips is cut off at the total", async () => {
    const server = await serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      const timer = setInterval(() => socket.write("x"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    await proxy([server.port], ", timeouts: { idle: 5s, total: 200ms }");
    expect(await ask()).toMatch(/x$/);
    expect(plane?.outcomes()).toMatchObject({ timeout: 1 });
  });

  it.each([
    [
      "resets before its answer",
      (socket: net.Socket) => void socket.resetAndDestroy(),
      /"code":"upstream_reset"/,
      { proxy_error: 1 },
    ],
    [
      "closes before its answer",
      (socket: net.Socket) => void socket.destroy(),
      /"code":"upstream_reset"/,
      { proxy_error: 1 },
    ],
    [
      "sends garbage",
      (socket: net.Socket) => void socket.end("\x00\xff\r\n\r\n"),
      /"code":"upstream_bad_response"/,
      { proxy_error: 1 },
    ],
    [
      "ends inside its head",
      (socket: net.Socket) => void socket.end("HTTP/1.1 200 OK\r\nContent-"),
      /"code":"upstream_reset"/,
      { proxy_error: 1 },
    ],
  ])("%s is 502", async (_name, act, expected, outcome) => {
    const server = await serve(act);
    await proxy([server.port], ", retries: { attempts: 0 }");
    expect(await ask()).toMatch(expected);
    expect(plane?.outcomes()).toMatchObject(outcome);
  });

  it("answers early to a large upload is heard, and the connection closed", async () => {
    const server = await serve((socket, received) => {
      if (received.length < 100_000)
        socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
      socket.pause();
    });
    await proxy([server.port]);
    sent += 1;
    const client = await connectRaw((plane as TestPlane).port);
    client.write(`POST / HTTP/1.1\r\n${host}Content-Length: 10000000\r\n\r\n`);
    client.write(Buffer.alloc(200_000));
    const answer = await client.closed();
    expect(answer).toMatch(/^HTTP\/1\.1 413 Too Large\r\n/);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(plane?.outcomes()).toMatchObject({ client_error: 1 });
  });

  it("does not read holds the client back: what it sends stays with the client", async () => {
    const server = await serve((socket) => socket.pause());
    await proxy([server.port], ", timeouts: { idle: 300ms }");
    sent += 1;
    const client = await connectRaw((plane as TestPlane).port);
    const total = 50_000_000;
    client.write(`POST / HTTP/1.1\r\n${host}Content-Length: ${total}\r\n\r\n`);
    const pieces = writePieces(client.socket, total);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 504 [^]*"code":"upstream_timeout_idle"/);
    expect(pieces()).toBeLessThan(total / 2);
  });

  it("has all its connections taken makes others wait, up to a limit and a time", async () => {
    const server = await serve(() => {});
    await proxy([server.port], ", limits: { connections: 1, pending: 1, pending_timeout: 100ms }");
    const first = await connectRaw((plane as TestPlane).port);
    sent += 1;
    first.write(get);
    await server.until(/\r\n\r\n/);
    const answers = await Promise.all([ask(), ask()]);
    for (const answer of answers)
      expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*"code":"pending_limit"/);
    server.sockets[0]?.write(ok);
    await first.closed();
  });
});

describe("a client that", () => {
  it("does not read holds the upstream back, and is cut off after idle", async () => {
    const total = 50_000_000;
    let pieces: (() => number) | null = null;
    const server = await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      pieces = writePieces(socket, total);
    });
    await proxy([server.port], ", timeouts: { idle: 300ms }");
    sent += 1;
    const client = await connectRaw((plane as TestPlane).port);
    client.socket.pause();
    client.write(get);
    await server.until(/\r\n\r\n/);
    const socket = server.sockets[0] as net.Socket;
    await new Promise((resolve) => socket.once("close", resolve));
    expect((pieces as (() => number) | null)?.()).toBeLessThan(total / 2);
    expect(plane?.outcomes()).toMatchObject({ aborted: 1 });
    client.destroy();
  });

  it.each([
    ["sends half a head", "GET / HTTP/1.1\r\nHost:", "head_timeout"],
    [
      "sends its body too slowly",
      `POST / HTTP/1.1\r\n${host}Content-Length: 100\r\n\r\nx`,
      "body_timeout",
    ],
  ])("%s gets 408", async (_name, bytes, code) => {
    const server = await serve(() => {});
    await proxy(
      [server.port],
      "",
      ", limits: { head_timeout: 100ms, body_progress: 50B, body_progress_interval: 100ms }",
    );
    expect(await ask(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 408 [^]*"code":"${code}"`));
  });

  it("sends nothing is disconnected, and counted as no request", async () => {
    const server = await serve(() => {});
    await proxy([server.port], "", ", limits: { head_timeout: 100ms }");
    const client = await connectRaw((plane as TestPlane).port);
    expect(await client.closed()).toBe("");
  });

  it.each([
    ["by its length", `POST / HTTP/1.1\r\n${host}Content-Length: 2000\r\n\r\n`],
    [
      "in chunks",
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`,
    ],
  ])("sends too large a body, %s, gets 413", async (_name, bytes) => {
    const server = await serve(() => {});
    await proxy([server.port], "", ", limits: { body: 1KiB }");
    expect(await ask(bytes)).toMatch(/^HTTP\/1\.1 413 [^]*"code":"body_too_large"/);
  });

  it("comes when there is no room gets 503 and when to try again", async () => {
    const server = await serve(() => {});
    await proxy([server.port], "", ", limits: { exchanges: 1 }");
    sent += 1;
    const first = await connectRaw((plane as TestPlane).port);
    first.write(get);
    await server.until(/\r\n\r\n/);
    const answer = await ask();
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*"code":"overloaded"/);
    expect(answer).toMatch(/^retry-after: 1\r$/im);
    server.sockets[0]?.write(ok);
    await first.closed();
  });
});

describe("endpoints and draining", () => {
  it("an endpoint that keeps failing is ejected, and comes back", async () => {
    let broken = true;
    const flaky = await serve((socket) => (broken ? socket.destroy() : socket.write(ok)));
    const good = await serve((socket) => socket.write(ok));
    await proxy(
      [flaky.port, good.port],
      ", retries: { attempts: 0 }, ejection: { consecutive: 2, base: 100ms, max: 100ms, max_share: 50% }",
    );
    const ejected = () => plane?.endpoints().filter((endpoint) => endpoint.ejected).length;
    for (let at = 0; at < 20 && ejected() === 0; at += 1) await ask().catch(() => "");
    expect(plane?.counters().refused).toMatchObject({ upstream_reset: 2 });
    broken = false;
    const before = flaky.sockets.length;
    for (let at = 0; at < 200 && flaky.sockets.length === before; at += 1) {
      await ask();
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (flaky.sockets.length === before) await ask();
    expect(flaky.sockets.length).toBeGreaterThan(before);
  });

  it("draining leaves a first request that is on its way the time to come", async () => {
    const server = await serve((socket, received) => {
      if (received.endsWith("\r\n\r\n")) socket.write(ok);
    });
    const { port, plane: data } = await proxy([server.port]);
    const fresh = await connectRaw(port);
    const begun = await connectRaw(port);
    const served = await connectRaw(port);
    served.write(`GET / HTTP/1.1\r\n${host}\r\n`);
    await served.until(/ok$/);
    begun.write("GET / HTTP/1.1\r\n");
    await vi.waitFor(() => expect(data.held().connections).toBe(3));
    const drained = data.drain(30_000);
    await served.closed();
    sent += 3;
    fresh.write(`GET / HTTP/1.1\r\n${host}\r\n`);
    begun.write(`${host}\r\n`);
    for (const client of [fresh, begun]) {
      expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close[^]*ok$/i);
    }
    expect(await drained).toBe(0);
  });

  it("draining closes idle connections, lets what is in flight end, and cuts the rest", async () => {
    const server = await serve(() => {});
    const { port, plane: data } = await proxy([server.port]);
    const idle = await connectRaw(port);
    const finishing = await connectRaw(port);
    const hanging = await connectRaw(port);
    sent += 3;
    const keepAlive = `GET / HTTP/1.1\r\n${host}\r\n`;
    idle.write(keepAlive);
    await server.until(/\r\n\r\n/, 0);
    server.sockets[0]?.write(ok);
    await idle.until(/ok$/);
    finishing.write(keepAlive);
    await server.until(/\r\n\r\n[^]+\r\n\r\n/, 0);
    hanging.write(keepAlive);
    await server.until(/\r\n\r\n/, 1);
    const drained = data.drain(300);
    await idle.closed();
    server.sockets[0]?.write(ok);
    const answer = await finishing.closed();
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer.endsWith("ok")).toBe(true);
    expect(await drained).toBe(1);
    expect(plane?.outcomes()).toMatchObject({ success: 2, proxy_error: 1 });
    expect(await hanging.closed()).toBe("");
  });
});
