import { afterEach, describe, expect, it } from "vitest";
import { exchangeRaw } from "../../support/raw.ts";
import { startPlane, type TestPlane } from "../../support/plane.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(trusted = "[]"): Promise<{ plane: TestPlane; upstream: TestUpstream }> {
  const upstream = await startUpstream();
  const plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0, trusted_proxies: ${trusted} }
upstreams: { a: { url: "${upstream.url}/base" } }
routes:
  - { preset: lightrag, prefix: /my/rag }
  - { match: "/**", upstream: a }
`);
  cleanups.push(
    () => upstream.close(),
    () => plane.stop(),
  );
  return { plane, upstream };
}

describe("a route's prefix", () => {
  it.each([
    ["/my/rag/query?a=/b", "/base/query?a=/b"],
    ["/my/r%61g/graphs", "/base/graphs"],
    ["/my/rag/", "/base/"],
    ["/my/rag", "/base/"],
    ["/my/rag?x=1", "/base/?x=1"],
    ["/my/ragtime", "/base/my/ragtime"],
  ])("%s goes on as %s", async (path, url) => {
    const { plane, upstream } = await start();
    await (await fetch(`http://127.0.0.1:${plane.port}${path}`)).text();
    expect(upstream.requests[0]?.url).toBe(url);
    const isInside = !url.includes("ragtime");
    expect(upstream.requests[0]?.headers["x-forwarded-prefix"]).toBe(
      isInside ? "/my/rag" : undefined,
    );
  });

  it.each([
    ["/x/../my/rag/graphs", "/base/graphs"],
    ["/my/x/../rag/graphs?a=..", "/base/graphs?a=.."],
    ["/my/rag/../rag/graphs", "/base/graphs"],
    ["/my/%2e%2e/my/rag", "/base/"],
    ["/my/rag/a%2Fb", "/base/a%2Fb"],
  ])("no spelling of it leaves the upstream's own path: %s", async (path, url) => {
    const { plane, upstream } = await start();
    const head = `GET ${path} HTTP/1.1\r\nhost: sluice.test\r\nconnection: close\r\n\r\n`;
    await exchangeRaw(plane.port, head);
    expect(upstream.requests[0]?.url).toBe(url);
  });

  it.each([
    ["[]", "/my/rag"],
    ['["127.0.0.0/8"]', "/outer/my/rag"],
  ])(
    "stands behind that of proxies before Sluice, if they are trusted: %s",
    async (trusted, told) => {
      const { plane, upstream } = await start(trusted);
      const headers = { "x-forwarded-prefix": "/outer" };
      await (await fetch(`http://127.0.0.1:${plane.port}/my/rag/health`, { headers })).text();
      expect(upstream.requests[0]?.headers["x-forwarded-prefix"]).toBe(told);
    },
  );
});
