import https from "node:https";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createAuthority, hasOpenssl, type Authority } from "../support/certificates.ts";
import { startPlane, type TestFiles, type TestPlane } from "../support/plane.ts";
import { answering, exchangeRaw } from "../support/raw.ts";

describe.skipIf(!hasOpenssl())(`TLS${hasOpenssl() ? "" : " (skipped: needs openssl)"}`, () => {
  let authority: Authority;
  const cleanups: (() => Promise<unknown> | void)[] = [];

  beforeAll(() => {
    authority = createAuthority();
  });
  afterAll(() => authority.remove());
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function start(text: string, files: TestFiles): Promise<TestPlane> {
    const plane = await startPlane(text, files);
    cleanups.push(() => plane.stop());
    return plane;
  }

  function listening(upstreamPort: number): string {
    return `
listen: { host: 127.0.0.1, port: 0, tls: { cert: cert.pem, key: key.pem } }
upstreams: { u: { url: "http://127.0.0.1:${upstreamPort}" } }
routes: [ { match: "/**", upstream: u } ]
`;
  }

  function connect(port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({
        port,
        host: "127.0.0.1",
        ca: authority.ca,
        servername: "sluice.test",
        ...options,
      });
      socket.once("secureConnect", () => resolve(socket));
      socket.once("error", reject);
    });
  }

  function ask(socket: tls.TLSSocket, connection: "close" | "keep-alive"): Promise<string> {
    return new Promise((resolve) => {
      let received = "";
      const take = (bytes: Buffer) => {
        received += bytes.toString("latin1");
        if (received.endsWith("ok")) {
          socket.off("data", take);
          resolve(received);
        }
      };
      socket.on("data", take);
      socket.write(`GET / HTTP/1.1\r\nHost: sluice.test\r\nConnection: ${connection}\r\n\r\n`);
    });
  }

  const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  it("the listener speaks HTTP/1.1 over TLS, and nothing else by ALPN", async () => {
    const upstream = await answering(ok);
    cleanups.push(() => upstream.close());
    const { cert, key } = authority.issue("sluice.test");
    const plane = await start(listening(upstream.port), { "cert.pem": cert, "key.pem": key });
    const socket = await connect(plane.port, { ALPNProtocols: ["h2", "http/1.1"] });
    expect(socket.alpnProtocol).toBe("http/1.1");
    expect(await ask(socket, "close")).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(upstream.received()[0]).toMatch(/^x-forwarded-proto: https\r$/im);
    await expect(connect(plane.port, { ALPNProtocols: ["h2"] })).rejects.toThrow(
      /no.application.protocol/i,
    );
    expect(plane.outcomes().success).toBe(1);
  });

  it("a new certificate serves new connections, and the old ones live on", async () => {
    const upstream = await answering(ok);
    cleanups.push(() => upstream.close());
    const first = authority.issue("sluice.test");
    const second = authority.issue("sluice.test");
    const plane = await start(listening(upstream.port), {
      "cert.pem": first.cert,
      "key.pem": first.key,
    });
    const old = await connect(plane.port);
    await ask(old, "keep-alive");
    plane.apply(listening(upstream.port), { "cert.pem": second.cert, "key.pem": second.key });
    const fresh = await connect(plane.port);
    expect(fresh.getPeerCertificate().serialNumber).not.toBe(old.getPeerCertificate().serialNumber);
    expect(await ask(old, "close")).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await ask(fresh, "close")).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it("carries a WebSocket and a large answer", async () => {
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => sockets.once("listening", resolve));
    sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    cleanups.push(() => new Promise<void>((resolve) => sockets.close(() => resolve())));
    const { cert, key } = authority.issue("sluice.test");
    const plane = await start(listening((sockets.address() as AddressInfo).port), {
      "cert.pem": cert,
      "key.pem": key,
    });
    const socket = new WebSocket(`wss://127.0.0.1:${plane.port}/`, {
      ca: authority.ca,
      checkServerIdentity: () => undefined,
    } as https.RequestOptions);
    await new Promise((resolve) => socket.once("open", resolve));
    const big = Buffer.alloc(1_000_000, 3);
    const echo = new Promise<Buffer>((resolve) =>
      socket.once("message", (data) => resolve(data as Buffer)),
    );
    socket.send(big);
    expect(big.equals(await echo)).toBe(true);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close();
    await closed;
  });

  async function secureUpstream(
    name: string,
    options: https.ServerOptions = {},
  ): Promise<{ port: number; names: string[] }> {
    const { cert, key } = authority.issue(name);
    const names: string[] = [];
    const server = https.createServer({ cert, key, ...options }, (request, response) => {
      names.push((request.socket as tls.TLSSocket & { servername: string }).servername);
      response.end("ok");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { port: (server.address() as AddressInfo).port, names };
  }

  function towards(port: number, security: string): string {
    return `
listen: { host: 127.0.0.1, port: 0 }
upstreams: { u: { url: "https://127.0.0.1:${port}", tls: ${security} } }
routes: [ { match: "/**", upstream: u } ]
`;
  }

  const get = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

  it.each([
    ["with its authority and name", "{ ca: ca.pem, server_name: model.test }", 200],
    ["with another name", "{ ca: ca.pem, server_name: other.test }", 502],
    ["with an address that the certificate does not hold", "{ ca: ca.pem }", 502],
    ["without its authority", "{ server_name: model.test }", 502],
    ["unverified, when told so", "{ verify: false, server_name: model.test }", 200],
  ])("an upstream %s", async (_name, security, status) => {
    const upstream = await secureUpstream("model.test");
    const plane = await start(towards(upstream.port, security), { "ca.pem": authority.ca });
    const answer = await exchangeRaw(plane.port, get);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(upstream.names).toEqual(status === 200 ? ["model.test"] : []);
  });

  it.each([
    ["with", "{ ca: ca.pem, server_name: model.test, cert: client.pem, key: client.key }", 200],
    ["without", "{ ca: ca.pem, server_name: model.test }", 502],
  ])("an upstream that asks for a client certificate, %s one", async (_name, security, status) => {
    const upstream = await secureUpstream("model.test", {
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const client = authority.issue("client.test");
    const plane = await start(towards(upstream.port, security), {
      "ca.pem": authority.ca,
      "client.pem": client.cert,
      "client.key": client.key,
    });
    expect(await exchangeRaw(plane.port, get)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});
