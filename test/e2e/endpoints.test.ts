import { afterEach, describe, expect, it } from "vitest";
import { startPlane, type TestPlane } from "../support/plane.ts";
import { answering, exchangeRaw, type RawServer } from "../support/raw.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
let servers: RawServer[] = [];
let plane: TestPlane | null = null;

afterEach(async () => {
  await plane?.stop();
  for (const server of servers) await server.close();
  servers = [];
  plane = null;
});

async function serve(): Promise<RawServer> {
  const server = await answering(ok);
  servers.push(server);
  return server;
}

function ask(user: string): Promise<string> {
  const bytes = `GET / HTTP/1.1\r\nHost: a\r\nX-User-Id: ${user}\r\nConnection: close\r\n\r\n`;
  return exchangeRaw((plane as TestPlane).port, bytes);
}

describe("a variant without a healthy endpoint", () => {
  it.each([
    ["fail", /^HTTP\/1\.1 503 [^]*"code":"upstream_unavailable"/],
    ["control", /^HTTP\/1\.1 200 [^]*x-sluice-variant: a\r\n/],
  ])("on_unavailable: %s", async (policy, expected) => {
    const [a, b] = [await serve(), await serve()];
    const text = `
listen: { host: 127.0.0.1, port: 0 }
upstreams: { a: { url: "http://127.0.0.1:${a.port}" }, b: { url: "http://127.0.0.1:${b.port}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { a: { upstream: a, weight: 0, control: true }, b: { upstream: b, weight: 1 } }
    on_unavailable: ${policy}
`;
    plane = await startPlane(text);
    expect(await ask("alice")).toMatch(/x-sluice-variant: b\r\n/);
    plane.plane.setHealth([
      { upstream: "b", origin: `http://127.0.0.1:${b.port}`, healthy: false },
    ]);
    expect(await ask("alice")).toMatch(expected);
    plane.plane.setHealth([]);
    expect(await ask("alice")).toMatch(/x-sluice-variant: b\r\n/);
  });
});

describe("several endpoints", () => {
  it("balance: hash keeps a user on one, and uses all", async () => {
    const endpoints = [await serve(), await serve(), await serve()];
    const urls = endpoints.map(({ port }) => `"http://127.0.0.1:${port}"`).join(", ");
    plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { u: { urls: [ ${urls} ], balance: hash } }
routes: [ { match: "/**", experiment: e } ]
experiments: { e: { variants: { a: { upstream: u, control: true }, b: { upstream: u } } } }
`);
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 30; at += 1) await ask(`user-${at}`);
    }
    const usersOf = endpoints.map(
      (server) =>
        new Set(
          Array.from(
            server
              .received()
              .join("")
              .matchAll(/x-user-id: (\S+)/gi),
            ([, user]) => user,
          ),
        ),
    );
    expect(usersOf.reduce((sum, users) => sum + users.size, 0)).toBe(30);
    for (const users of usersOf) expect(users.size).toBeGreaterThan(0);
  });
});
