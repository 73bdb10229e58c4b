import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { pinnedTo, startPlane, type TestPlane } from "../../support/plane.ts";
import {
  answering,
  connectRaw,
  exchangeRaw,
  startRawServer,
  type RawServer,
} from "../../support/raw.ts";

const host = "Host: a.test\r\n";
const get = `GET / HTTP/1.1\r\n${host}\r\n`;
const close = "Connection: close\r\n";
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function proxyTo(server: RawServer, extra = "", upstream = ""): Promise<TestPlane> {
  const plane = await startPlane(pinnedTo(server.port, extra, upstream));
  cleanups.push(
    () => server.close(),
    () => plane.stop(),
  );
  return plane;
}

async function proxyAnswering(response: string): Promise<TestPlane & { server: RawServer }> {
  const server = await answering(response);
  return { ...(await proxyTo(server)), server };
}

describe("requests", () => {
  it.each([
    [
      "TE, Keep-Alive, Proxy-Authorization, Proxy-Connection",
      "TE: gzip\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: x\r\nProxy-Connection: keep-alive\r\n",
      /^(?:te|keep-alive|proxy-[a-z]+):/im,
    ],
    [
      "fields that Connection lists",
      "X-A: 1\r\nConnection: x-a, close\r\nConnection: X-B\r\nX-b: 2\r\n",
      /^x-[ab]:/im,
    ],
    ["x-sluice fields of the client", "X-Sluice-Variant: forged\r\n", /forged/],
    [
      "X-Forwarded-For of an untrusted peer",
      "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n",
      /6\.6\.6\.6/,
    ],
    [
      "Upgrade to h2c",
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
      /^(?:upgrade|http2-settings|connection):/im,
    ],
  ])("%s do not pass", async (_name, fields, forbidden) => {
    const { port, server } = await proxyAnswering(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`);
    (await connectRaw(port)).write(`GET / HTTP/1.1\r\n${host}${fields}\r\n`);
    expect(await server.until(/\r\n\r\n/)).not.toMatch(forbidden);
  });

  it("carries Via, X-Forwarded-*, a request id and a trace", async () => {
    const { port, server } = await proxyAnswering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    (await connectRaw(port)).write(get);
    const received = await server.until(/\r\n\r\n/);
    expect(received).toMatch(/^via: 1\.1 sluice\r$/im);
    expect(received).toMatch(/^x-forwarded-for: 127\.0\.0\.1\r$/im);
    expect(received).toMatch(/^x-forwarded-host: a\.test\r$/im);
    expect(received).toMatch(/^x-request-id: [0-9a-f]{32}\r$/im);
    expect(received).toMatch(/^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r$/im);
    expect(received).toMatch(/^Host: a\.test\r$/m);
  });

  it.each(["DELETE", "OPTIONS", "GET"])(
    "%s with a chunked body keeps its framing",
    async (method) => {
      const smuggled = "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n";
      const { port, server } = await proxyAnswering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      const client = await connectRaw(port);
      const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
      client.write(`${method} / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
      const received = await server.until(/\r\n0\r\n\r\n$/);
      expect(received).toMatch(/transfer-encoding: chunked/i);
      expect(received).not.toMatch(/content-length/i);
      expect(received.endsWith(chunk)).toBe(true);
    },
  );

  it("cuts chunk extensions and relays trailers that may pass", async () => {
    const { port, server } = await proxyAnswering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const client = await connectRaw(port);
    client.write(
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: X-Hop\r\n\r\n5;a=b;c="d"\r\nhello\r\n0;last\r\nX-Sum: 7\r\nX-Hop: 1\r\nHost: evil\r\nContent-Length: 9\r\n\r\n`,
    );
    const received = await server.until(/X-Sum: 7\r\n\r\n$/);
    expect(received.slice(received.indexOf("\r\n\r\n") + 4)).toBe(
      "5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
  });

  it("lowers Max-Forwards and answers at 0 itself", async () => {
    const { port, server } = await proxyAnswering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    (await connectRaw(port)).write(`OPTIONS / HTTP/1.1\r\n${host}Max-Forwards: 3\r\n\r\n`);
    expect(await server.until(/\r\n\r\n/)).toMatch(/^max-forwards: 2\r$/im);
    const answer = await exchangeRaw(
      port,
      `OPTIONS / HTTP/1.1\r\n${host}${close}Max-Forwards: 0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.received()).toHaveLength(1);
  });

  it("takes an absolute target of the same host and sends the origin form", async () => {
    const { port, server } = await proxyAnswering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    (await connectRaw(port)).write(`GET http://A.test/x?y=1 HTTP/1.1\r\n${host}\r\n`);
    expect(await server.until(/\r\n\r\n/)).toMatch(/^GET \/x\?y=1 HTTP\/1\.1\r\n/);
  });

  it("tolerates a blank line before the request line", async () => {
    const { port } = await proxyAnswering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const answer = await exchangeRaw(port, `\r\nGET / HTTP/1.1\r\n${host}${close}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
  });

  it("answers pipelined requests in order, one at a time upstream", async () => {
    let open = 0;
    let most = 0;
    const server = await startRawServer((socket, received) => {
      const path = /GET (\S+) HTTP\/1\.1\r\n[^]*\r\n\r\n$/.exec(
        received.slice(received.lastIndexOf("GET ")),
      )?.[1];
      if (path === undefined) return;
      most = Math.max(most, (open += 1));
      setImmediate(() => {
        open -= 1;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
      });
    });
    const { port } = await proxyTo(server);
    const paths = Array.from({ length: 20 }, (_, at) => `/p${at}`);
    const requests = paths.map(
      (path, at) => `GET ${path} HTTP/1.1\r\n${host}${at === 19 ? close : ""}\r\n`,
    );
    const answer = await exchangeRaw(port, requests.join(""));
    expect([...answer.matchAll(/\r\n\r\n(\/p\d+)/g)].map(([, path]) => path)).toEqual(paths);
    expect(most).toBe(1);
  });

  it("relays Expect: 100-continue: no body before the upstream says so", async () => {
    const server = await startRawServer((socket, received) => {
      if (received.endsWith("\r\n\r\n")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      else if (received.endsWith("hello"))
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const { port } = await proxyTo(server);
    const client = await connectRaw(port);
    client.write(`POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    expect(await client.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 100 Continue\r\n/);
    expect(server.received()[0]).toMatch(/^expect: 100-continue\r$/im);
    client.write("hello");
    await client.until(/HTTP\/1\.1 200 OK/);
  });

  it("relays a refusal of Expect: 100-continue and closes", async () => {
    const { port } = await proxyAnswering("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    const answer = await exchangeRaw(
      port,
      `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 No\r\n/);
    expect(answer).toMatch(/^connection: close\r$/im);
  });
});

describe("responses", () => {
  it("drops hop-by-hop fields and those that Connection lists", async () => {
    const { port } = await proxyAnswering(
      "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: x\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n",
    );
    const answer = await exchangeRaw(port, `GET / HTTP/1.1\r\n${host}${close}\r\n`);
    expect(answer).not.toMatch(/^(?:x-hop|keep-alive|proxy-authenticate):/im);
    expect(answer).toMatch(/^X-Kept: 1\r$/m);
    expect(answer).toMatch(/^via: 1\.1 sluice\r$/im);
  });

  it("relays 1xx before the answer, and not to HTTP/1.0", async () => {
    const { port } = await proxyAnswering(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    const answer = await exchangeRaw(port, `GET / HTTP/1.1\r\n${host}${close}\r\n`);
    expect(answer).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n[^]*HTTP\/1\.1 102 Processing\r\n[^]*HTTP\/1\.1 200 OK\r\n/,
    );
    expect(await exchangeRaw(port, `GET / HTTP/1.0\r\n${host}\r\n`)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n/,
    );
  });

  it("relays trailers", async () => {
    const { port } = await proxyAnswering(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n",
    );
    const answer = await exchangeRaw(port, `GET / HTTP/1.1\r\n${host}TE: trailers\r\n${close}\r\n`);
    expect(answer.endsWith("\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")).toBe(true);
  });

  it.each([
    [
      "HEAD",
      "HEAD",
      "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
      /^content-length: 5000\r$/im,
    ],
    [
      "HEAD of a chunked resource",
      "HEAD",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      /^transfer-encoding: chunked\r$/im,
    ],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", /^HTTP\/1\.1 204 /],
    [
      "304",
      "GET",
      'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 77\r\n\r\n',
      /^content-length: 77\r$/im,
    ],
  ])(
    "%s has no body and leaves the connection usable",
    async (_name, method, response, expected) => {
      const { port, server } = await proxyAnswering(response);
      const client = await connectRaw(port);
      client.write(`${method} / HTTP/1.1\r\n${host}\r\n`);
      expect(await client.until(/\r\n\r\n$/)).toMatch(expected);
      client.write(`${method} / HTTP/1.1\r\n${host}${close}\r\n`);
      expect((await client.closed()).match(/HTTP\/1\.1 \d+/g)).toHaveLength(2);
      expect(server.sockets).toHaveLength(1);
    },
  );

  it.each([
    [
      "gzip",
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
      "\x1f\x8b\x08\x00",
    ],
    [
      "a redirect",
      "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n",
      "",
    ],
  ])("leaves %s untouched", async (_name, response, body) => {
    const { port } = await proxyAnswering(response);
    const answer = await exchangeRaw(port, `GET / HTTP/1.1\r\n${host}${close}\r\n`);
    expect(answer.startsWith(response.slice(0, 12))).toBe(true);
    expect(answer.slice(answer.indexOf("\r\n\r\n") + 4)).toBe(body);
    if (response.includes("Location"))
      expect(answer).toMatch(/^Location: http:\/\/elsewhere\.test\/\r$/m);
    else expect(answer).toMatch(/^Content-Encoding: gzip\r$/m);
  });

  it.each([
    ["HTTP/1.1", /\r\n\r\n5\r\nhello\r\n[^]*0\r\n\r\n$/],
    ["HTTP/1.0", /\r\n\r\nhello$/],
  ])("an answer that ends with the connection reaches %s whole", async (version, expected) => {
    const server = await startRawServer((socket, received) => {
      if (received.endsWith("\r\n\r\n")) socket.end("HTTP/1.1 200 OK\r\n\r\nhello");
    });
    const { port } = await proxyTo(server);
    const answer = await exchangeRaw(port, `GET / ${version}\r\n${host}${close}\r\n`);
    expect(answer).toMatch(expected);
  });

  it("takes the chunks apart for an HTTP/1.0 client", async () => {
    const { port } = await proxyAnswering(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n",
    );
    const answer = await exchangeRaw(port, `GET / HTTP/1.0\r\n${host}\r\n`);
    expect(answer).toMatch(/\r\n\r\nok!$/);
    expect(answer).not.toMatch(/transfer-encoding/i);
  });

  it.each([
    [
      "NDJSON in chunks",
      "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n",
      (line: string) => `${line.length.toString(16)}\r\n${line}\r\n`,
    ],
    ["SSE until close", "Content-Type: text/event-stream\r\n", (line: string) => line],
  ])("%s arrives piece by piece", async (_name, fields, encode) => {
    const server = await startRawServer((socket, received) => {
      if (received.endsWith("\r\n\r\n"))
        socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n${encode("line-0\n")}`);
    });
    const { port } = await proxyTo(server);
    const client = await connectRaw(port);
    client.write(get);
    // The next line leaves the upstream only after the last one has reached the client.
    for (let at = 0; at < 5; at += 1) {
      await client.until(new RegExp(`line-${at}\n`));
      server.sockets[0]?.write(encode(`line-${at + 1}\n`));
    }
    expect(await client.until(/line-5\n/)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it.each([
    [
      "CL and TE",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ["two CL", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    ["a folded field", "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok"],
    ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"],
    ["TE gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"],
    [
      "TE with HTTP/1.0",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    [
      "an unasked 101",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    ],
    ["HTTP/2 frames", "\x00\x00\x12\x04\x00\x00\x00\x00\x00\r\n"],
    ["status 99", "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"],
    ["a length on 204", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"],
  ])("%s from the upstream is 502", async (_name, response) => {
    const { port } = await proxyAnswering(response);
    const answer = await exchangeRaw(port, `GET / HTTP/1.1\r\n${host}${close}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*"code":"upstream_bad_response"/);
  });

  it("drops an upstream connection that speaks unasked, and never gives its bytes to the next request", async () => {
    const server = await startRawServer((socket, received) => {
      if (received.endsWith("\r\n\r\n")) {
        socket.write(
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        );
      }
    });
    const { port } = await proxyTo(server);
    for (let at = 0; at < 3; at += 1) {
      const answer = await exchangeRaw(port, `GET / HTTP/1.1\r\n${host}${close}\r\n`);
      expect(answer.endsWith("\r\n\r\nok")).toBe(true);
    }
    expect(server.sockets).toHaveLength(3);
  });
});

describe("broken off", () => {
  it.each([
    ["a length", "Content-Length: 100\r\n\r\npart", "HTTP/1.1"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", "HTTP/1.1"],
  ])(
    "upstream reset within %s: the client sees a truncated answer",
    async (_name, rest, version) => {
      const server = await startRawServer((socket, received) => {
        if (received.endsWith("\r\n\r\n")) socket.write(`HTTP/1.1 200 OK\r\n${rest}`);
      });
      const plane = await proxyTo(server);
      const client = await connectRaw(plane.port);
      client.write(`GET / ${version}\r\n${host}\r\n`);
      await client.until(/part/);
      server.sockets[0]?.resetAndDestroy();
      const answer = await client.closed();
      expect(answer).not.toMatch(/\r\n0\r\n\r\n$/);
      expect(plane.outcomes()).toMatchObject({ truncated: 1, success: 0 });
    },
  );

  it("a client that leaves aborts its upstream request", async () => {
    const server = await startRawServer(() => {});
    const plane = await proxyTo(server);
    const client = await connectRaw(plane.port);
    client.write(get);
    await server.until(/\r\n\r\n/);
    const gone = new Promise((resolve) => server.sockets[0]?.once("close", resolve));
    client.destroy();
    await gone;
    expect(plane.outcomes()).toMatchObject({ aborted: 1 });
    expect(plane.plane.held()).toMatchObject({ exchanges: 0, upstreamConnections: 0 });
  });

  it("a reused connection that the upstream closes at that moment costs a GET nothing", async () => {
    const server = await startRawServer((socket, received) => {
      const requests = received.split("\r\n\r\n").length - 1;
      if (requests === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      else socket.resetAndDestroy();
    });
    const plane = await proxyTo(server);
    const client = await connectRaw(plane.port);
    client.write(get);
    await client.until(/ok$/);
    client.write(get);
    await client.until(/ok[^]*ok$/);
    expect(plane.counters()).toMatchObject({ retries: 1 });
    expect(plane.outcomes()).toMatchObject({ success: 2 });
  });

  it("and a POST, which may have been processed, is 502 and sent once", async () => {
    const server = await startRawServer((socket, received) => {
      const requests = received.split("POST ").length - 1;
      if (requests === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      else socket.resetAndDestroy();
    });
    const plane = await proxyTo(server);
    const client = await connectRaw(plane.port);
    const post = `POST / HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nhi`;
    client.write(post);
    await client.until(/ok$/);
    client.write(post);
    await client.until(/HTTP\/1\.1 502 [^]*upstream_reset/);
    expect(server.received().join("").split("POST ")).toHaveLength(3);
  });
});

describe("upgrades", () => {
  it("carries a WebSocket both ways", async () => {
    const upstream = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => upstream.once("listening", resolve));
    upstream.on("connection", (socket, request) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
      socket.send(`${request.headers.via} ${request.url}`);
    });
    const plane = await startPlane(pinnedTo((upstream.address() as { port: number }).port));
    cleanups.push(
      () => new Promise<void>((resolve) => upstream.close(() => resolve())),
      () => plane.stop(),
    );
    const socket = new WebSocket(`ws://127.0.0.1:${plane.port}/live?a=1`);
    const next = () =>
      new Promise<Buffer>((resolve) => socket.once("message", (data) => resolve(data as Buffer)));
    expect(String(await next())).toBe("1.1 sluice /live?a=1");
    const big = Buffer.alloc(300_000, 7);
    const echo = next();
    socket.send(big);
    expect(big.equals(await echo)).toBe(true);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close();
    await closed;
    expect(plane.outcomes()).toMatchObject({ success: 1 });
    expect(plane.counters()).toMatchObject({ upgrades: 1 });
  });

  it("relays an upstream's refusal of the upgrade", async () => {
    const { port } = await proxyAnswering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    const answer = await exchangeRaw(
      port,
      `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });
});
