import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { createHealthChecker } from "../../../src/control/health.ts";
import type { HealthChecker } from "../../../src/control/health.ts";
import type { ParseContext } from "../../../src/core/config/parse.ts";
import type { UpstreamPolicy } from "../../../src/core/traffic/policy.ts";
import { realTimers } from "../../../src/main/system.ts";
import type { EndpointHealth } from "../../../src/wire/messages.ts";
import { valid } from "../../core/config/texts.ts";
import { createAuthority, hasOpenssl } from "../../support/certificates.ts";
import type { Authority } from "../../support/certificates.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

let upstream: TestUpstream;
let checker: HealthChecker;
let published: (readonly EndpointHealth[])[] = [];
let logs: string[] = [];
const waiting: (() => void)[] = [];

beforeEach(async () => {
  upstream = await startUpstream();
  published = [];
  logs = [];
  checker = createHealthChecker({
    timers: realTimers,
    random: { next: () => 0.5, hex32: () => "" },
    log: (level, message) => logs.push(`${level}: ${message}`),
    publish(endpoints) {
      published.push(endpoints);
      for (const look of waiting.splice(0)) look();
    },
  });
});

afterEach(async () => {
  await checker.stop();
  await upstream.close();
});

const check =
  "health: { path: /health, interval: 200ms, timeout: 200ms, healthy_after: 2, unhealthy_after: 2 }";

function upstreams(
  lines: string,
  files?: ParseContext["files"],
): Readonly<Record<string, UpstreamPolicy>> {
  const text = `upstreams:\n  a: { ${lines} }\nroutes: [ { match: "/**", upstream: a } ]\n`;
  return valid(text, files && { files }).upstreams;
}

/** Resolves once the newest list says so. */
async function untilHealthy(healthy: boolean): Promise<void> {
  while (published.at(-1)?.[0]?.healthy !== healthy) {
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}

test("an upstream without a health check is left alone", () => {
  checker.apply(upstreams(`url: "${upstream.url}"`));
  expect(checker.state()).toEqual([]);
  expect(published).toEqual([]);
});

test("an endpoint goes down after failures in a row and comes back after successes", async () => {
  upstream.respond((_request, response) => response.writeHead(503).end());
  checker.apply(upstreams(`url: "${upstream.url}/base", ${check}`));
  expect(published).toEqual([[{ upstream: "a", origin: upstream.url, healthy: true }]]);
  await untilHealthy(false);
  expect(upstream.requests).toHaveLength(2);
  expect(upstream.requests[0]).toMatchObject({ method: "GET", url: "/base/health" });
  expect(checker.state()[0]).toMatchObject({ checks: 2, failures: 2, lastFailure: "status 503" });
  upstream.respond((_request, response) => response.writeHead(204).end());
  await untilHealthy(true);
  expect(logs).toEqual(["warn: endpoint unhealthy", "info: endpoint healthy again"]);
  expect(published).toHaveLength(3);
});

test("each check takes a connection of its own", async () => {
  upstream.respond((_request, response) => response.writeHead(500).end());
  checker.apply(upstreams(`url: "${upstream.url}", ${check}`));
  await untilHealthy(false);
  expect(upstream.requests.map(({ headers }) => headers.connection)).toEqual(["close", "close"]);
});

test.each([
  ["never answers", () => {}, "no answer within 200 ms"],
  [
    "redirects",
    (_request: unknown, response: ServerResponse) =>
      response.writeHead(302, { location: "/elsewhere" }).end(),
    "status 302",
  ],
])("an endpoint that %s is unhealthy", async (_what, respond, failure) => {
  upstream.respond(respond);
  checker.apply(upstreams(`url: "${upstream.url}", ${check}`));
  await untilHealthy(false);
  expect(checker.state()[0]?.lastFailure).toBe(failure);
});

test("a 2xx with a body without end is healthy and not waited for", async () => {
  upstream.respond((_request, response) => response.writeHead(200).write("a"));
  checker.apply(upstreams(`url: "${upstream.url}", ${check}`));
  await upstream.until(3);
  expect(checker.state()[0]).toMatchObject({ healthy: true, failures: 0 });
});

test("an endpoint that nobody listens on is unhealthy", async () => {
  const gone = await startUpstream();
  await gone.close();
  checker.apply(upstreams(`url: "${gone.url}", ${check}`));
  await untilHealthy(false);
  expect(checker.state()[0]?.lastFailure).toContain("ECONNREFUSED");
});

describe.skipIf(!hasOpenssl())(`over TLS${hasOpenssl() ? "" : " (skipped: needs openssl)"}`, () => {
  let authority: Authority;
  let secure: Server;
  let names: string[] = [];

  beforeAll(() => {
    authority = createAuthority();
  });
  afterAll(() => authority.remove());
  beforeEach(async () => {
    names = [];
    const asking = { ca: authority.ca, requestCert: true, rejectUnauthorized: false };
    const options = { ...authority.issue("model.test"), ...asking };
    secure = createServer(options, (incoming, response) => {
      names.push((incoming.socket as TLSSocket & { servername: string }).servername);
      response.end();
    });
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    await checker.stop();
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
  });

  it.each([
    ["its authority and name", "{ ca: ca.pem, server_name: model.test }", ""],
    ["another name", "{ ca: ca.pem, server_name: other.test }", "does not match"],
    ["no authority", "{ server_name: model.test }", "self-signed"],
    ["no verification", "{ verify: false, server_name: model.test }", ""],
    [
      "a client certificate",
      "{ ca: ca.pem, server_name: model.test, cert: client.pem, key: client.key }",
      "",
    ],
  ])("with %s", async (_with, security, expected) => {
    const client = authority.issue("client.test");
    const texts = new Map([
      ["ca.pem", authority.ca],
      ["client.pem", client.cert],
      ["client.key", client.key],
    ]);
    const isClientKnown: boolean[] = [];
    secure.on("secureConnection", (socket) => isClientKnown.push(socket.authorized));
    const { port } = secure.address() as AddressInfo;
    const lines = `url: "https://127.0.0.1:${port}", tls: ${security}, ${check}`;
    checker.apply(upstreams(lines, (name) => ok(texts.get(name) ?? "")));
    await expect.poll(() => checker.state()[0]?.checks).toBeGreaterThan(0);
    expect(checker.state()[0]?.lastFailure ?? "").toContain(expected);
    expect(checker.state()[0]?.failures === 0).toBe(expected === "");
    if (expected !== "") return expect(names).toEqual([]);
    expect(names[0]).toBe("model.test");
    expect(isClientKnown[0]).toBe(security.includes("client.pem"));
  });
});

test("a reload keeps what is known of an endpoint, and forgets the ones that are gone", async () => {
  upstream.respond((_request, response) => response.writeHead(500).end());
  checker.apply(upstreams(`url: "${upstream.url}", ${check}`));
  await untilHealthy(false);
  const count = published.length;
  checker.apply(upstreams(`url: "${upstream.url}", ${check}`));
  expect(published).toHaveLength(count);
  checker.apply(upstreams(`url: "${upstream.url}", ${check.replace("/health", "/ready")}`));
  expect(published.at(-1)).toEqual([{ upstream: "a", origin: upstream.url, healthy: false }]);
  checker.apply(upstreams(`url: "${upstream.url}"`));
  expect(published.at(-1)).toEqual([]);
  expect(checker.state()).toEqual([]);
});

test.each([
  // The first check comes after the drawn share of a second, the next after 90 %…110 % of the interval.
  [0, 0, 4500],
  [0.5, 500, 5000],
  [0.999, 999, 5499],
])(
  "with chance %d the first check comes after %i ms, the next %i ms later",
  async (drawn, firstMs, nextMs) => {
    const time = createFakeTime();
    const delaysMs: number[] = [];
    const spaced = createHealthChecker({
      timers: {
        ...time.timers,
        after(delayMs, run) {
          delaysMs.push(delayMs);
          return time.timers.after(delayMs, run);
        },
      },
      random: { next: () => drawn, hex32: () => "" },
      log: () => {},
      publish: () => {},
    });
    const timeoutMs = 2000;
    spaced.apply(
      upstreams(`url: "${upstream.url}", health: { path: /health, interval: 5s, timeout: 2s }`),
    );
    time.advance(firstMs);
    await expect.poll(() => delaysMs).toEqual([firstMs, timeoutMs, nextMs]);
    await spaced.stop();
    expect(time.pending()).toBe(0);
  },
);
