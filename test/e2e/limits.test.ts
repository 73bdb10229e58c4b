import { afterEach, describe, expect, it } from "vitest";
import { startPlane, type TestPlane } from "../support/plane.ts";
import {
  answering,
  connectRaw,
  exchangeRaw,
  startRawServer,
  type RawServer,
} from "../support/raw.ts";

/** Limits at their edge. After each test: every request counted once, and nothing left behind. */
const host = "Host: a.test\r\n";
const get = `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
const keepAlive = `GET / HTTP/1.1\r\n${host}\r\n`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

let plane: TestPlane | null = null;
let servers: RawServer[] = [];
let sent = 0;

afterEach(async () => {
  const [tested, expected] = [plane, sent];
  plane = null;
  sent = 0;
  const outcomes: Record<string, number> = tested?.outcomes() ?? {};
  const faults = tested?.counters().faults;
  await tested?.stop();
  for (const server of servers.splice(0)) await server.close();
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(expected);
  expect(faults).toBe(0);
  expect(tested?.plane.held()).toMatchObject({
    connections: 0,
    upstreamConnections: 0,
    exchanges: 0,
    tunnels: 0,
  });
});

async function proxy(used: RawServer[], options = "", listen = ""): Promise<TestPlane> {
  servers.push(...used);
  const urls = used.map(({ port }) => `"http://127.0.0.1:${port}"`).join(", ");
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 ${listen} }
upstreams: { u: { urls: [ ${urls} ] ${options} } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    assignment: { user: [ "header:x-user-id", "body:user" ] }
    variants: { a: { upstream: u, control: true }, b: { upstream: u } }
`);
  return plane;
}

async function ask(port: number, bytes = get): Promise<string> {
  sent += 1;
  return exchangeRaw(port, bytes);
}

/** Sends a request whose answer is not waited for. */
async function begin(port: number, bytes = get) {
  sent += 1;
  const client = await connectRaw(port);
  client.write(bytes);
  return client;
}

describe("client connections", () => {
  it("without a request are closed after keep_alive", async () => {
    const { port } = await proxy([await answering(ok)], "", ", limits: { keep_alive: 100ms }");
    const answer = await ask(port, keepAlive);
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    expect(answer).not.toMatch(/^connection: close\r$/im);
  });

  it("beyond the limit are closed and counted; one that leaves makes room", async () => {
    const tested = await proxy([await answering(ok)], "", ", limits: { connections: 2 }");
    const first = await begin(tested.port, keepAlive);
    const second = await begin(tested.port, keepAlive);
    await Promise.all([first.until(/ok$/), second.until(/ok$/)]);
    expect(await exchangeRaw(tested.port, keepAlive)).toBe("");
    expect(tested.counters()).toMatchObject({
      connectionsOpen: 2,
      refused: { connections_max: 1 },
    });
    second.write(get);
    sent += 1;
    await second.closed();
    await expect.poll(() => tested.counters().connectionsOpen).toBe(1);
    expect(await ask(tested.port)).toMatch(/ok$/);
  });
});

describe("bodies", () => {
  const body = JSON.stringify({ user: "alice", text: "x".repeat(2000) });
  const post = `POST / HTTP/1.1\r\n${host}Connection: close\r\nContent-Type: application/json\r\n`;
  const half = Math.floor(body.length / 2);
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

  it.each([
    ["by its length", `Content-Length: ${body.length}\r\n\r\n${body}`],
    ["in one chunk", `Transfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`],
    [
      "in two chunks",
      `Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`,
    ],
  ])("that a rule reads obey the limit as well, %s", async (_name, rest) => {
    const server = await answering(ok);
    const { port } = await proxy([server], "", ", limits: { body: 1KiB, body_read: 1MiB }");
    expect(await ask(port, post + rest)).toMatch(/^HTTP\/1\.1 413 [^]*"code":"body_too_large"/);
    expect(server.received()).toEqual([]);
  });

  it("of exactly the limit pass", async () => {
    const server = await answering(ok);
    const { port } = await proxy([server], "", `, limits: { body: ${body.length}B }`);
    const bytes = `${post}Transfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`;
    expect(await ask(port, bytes)).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.received()[0]?.endsWith(body)).toBe(true);
  });
});

describe("the queue for a connection", () => {
  const queue = ", limits: { connections: 1, pending: 1, pending_timeout: ";

  it("is full for the third at once, and serves the second when the first is done", async () => {
    const server = await startRawServer(() => {});
    const tested = await proxy([server], `${queue} 60s }`);
    const first = await begin(tested.port);
    await server.until(/\r\n\r\n/);
    const second = await begin(tested.port);
    await expect.poll(() => tested.endpoints()[0]?.pending).toBe(1);
    expect(await ask(tested.port)).toMatch(/"code":"pending_limit"[^]*is full/);
    server.sockets[0]?.write(ok);
    await first.closed();
    await server.until(/\r\n\r\n[^]*\r\n\r\n/);
    server.sockets[0]?.write(ok);
    expect(await second.closed()).toMatch(/ok$/);
    expect(server.sockets).toHaveLength(1);
  });

  it("is left after pending_timeout", async () => {
    const server = await startRawServer(() => {});
    const tested = await proxy([server], `${queue} 100ms }`);
    const first = await begin(tested.port);
    await server.until(/\r\n\r\n/);
    expect(await ask(tested.port)).toMatch(/"code":"pending_limit"[^]*in time/);
    server.sockets[0]?.write(ok);
    await first.closed();
  });

  it("is left by a client that goes, and its place is free", async () => {
    const server = await startRawServer(() => {});
    const tested = await proxy([server], `${queue} 60s }`);
    const first = await begin(tested.port);
    await server.until(/\r\n\r\n/);
    const leaving = await begin(tested.port);
    await expect.poll(() => tested.endpoints()[0]?.pending).toBe(1);
    leaving.destroy();
    await expect.poll(() => tested.endpoints()[0]?.pending).toBe(0);
    const second = await begin(tested.port);
    await expect.poll(() => tested.endpoints()[0]?.pending).toBe(1);
    server.sockets[0]?.write(ok);
    await first.closed();
    await server.until(/\r\n\r\n[^]*\r\n\r\n/);
    server.sockets[0]?.write(ok);
    expect(await second.closed()).toMatch(/ok$/);
    expect(tested.outcomes()).toMatchObject({ success: 2, aborted: 1 });
    expect(tested.endpoints()[0]?.exchangesInFlight).toBe(0);
  });
});

describe("endpoints", () => {
  it("least_outstanding spreads what is in flight, and goes where there is less of it", async () => {
    const used = [await startRawServer(() => {}), await startRawServer(() => {})];
    const tested = await proxy(used);
    const inFlight = () => tested.endpoints().map(({ exchangesInFlight }) => exchangesInFlight);
    const clients = [];
    for (let at = 0; at < 4; at += 1) clients.push(await begin(tested.port));
    await expect.poll(inFlight).toEqual([2, 2]);
    await used[1]?.until(/\r\n\r\n/, 0);
    await used[1]?.until(/\r\n\r\n/, 1);
    for (const socket of used[1]?.sockets ?? []) socket.write(ok);
    await expect.poll(inFlight).toEqual([2, 0]);
    for (let at = 0; at < 2; at += 1) clients.push(await begin(tested.port));
    await expect.poll(inFlight).toEqual([2, 2]);
    for (const client of clients) client.destroy();
    await expect.poll(inFlight).toEqual([0, 0]);
  });

  it("hash: only the users of an unhealthy endpoint move, and they come back", async () => {
    const used = [await answering(ok), await answering(ok), await answering(ok)];
    const tested = await proxy(used, ", balance: hash");
    const users = Array.from({ length: 30 }, (_, at) => `user-${at}`);
    const homes = async () => {
      const found: number[] = [];
      for (const user of users) {
        const before = used.map((server) => server.received().join("").length);
        await ask(
          tested.port,
          `GET / HTTP/1.1\r\n${host}X-User-Id: ${user}\r\nConnection: close\r\n\r\n`,
        );
        found.push(
          used.findIndex((server, at) => server.received().join("").length !== before[at]),
        );
      }
      return found;
    };
    const before = await homes();
    expect(new Set(before).size).toBe(3);
    const origin = `http://127.0.0.1:${used[0]?.port}`;
    tested.plane.setHealth([{ upstream: "u", origin, healthy: false }]);
    const without = await homes();
    for (const [at, home] of without.entries()) {
      if (before[at] === 0) expect(home).not.toBe(0);
      else expect(home).toBe(before[at]);
    }
    tested.plane.setHealth([]);
    expect(await homes()).toEqual(before);
  });

  it("the retry budget allows its share of the requests, and counts what it denies", async () => {
    const server = await startRawServer((socket) => socket.destroy());
    const tested = await proxy(
      [server],
      ", retries: { attempts: 1, budget: 20%, budget_min_per_second: 0 }, ejection: { consecutive: 10000 }",
    );
    for (let at = 0; at < 20; at += 1) expect(await ask(tested.port)).toMatch(/^HTTP\/1\.1 502 /);
    const { retries, retriesDenied } = tested.counters();
    expect(retries).toBe(4);
    expect(retries + retriesDenied).toBe(20);
    expect(server.sockets).toHaveLength(24);
  });
});
