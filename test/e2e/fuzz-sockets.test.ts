import http from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cuts, packetsOf, requestBytes, responseBytes } from "../support/fuzz/messages.ts";
import { readRequests, readResponse } from "../support/fuzz/sluice-reading.ts";
import { pinnedTo, startPlane, type TestPlane } from "../support/plane.ts";
import { connectRaw, startRawServer, type RawServer } from "../support/raw.ts";

const seed = 20_261_123;

type Seen = { method: string; target: string; content: string };

/** A strict node:http server that keeps what it read whole. */
async function startNodeUpstream(): Promise<{ server: http.Server; port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const take = (request: http.IncomingMessage, response: http.ServerResponse) => {
    let content = "";
    request.setEncoding("latin1");
    request.on("data", (text: string) => (content += text));
    request.on("error", () => {});
    request.on("end", () => {
      seen.push({ method: request.method ?? "", target: request.url ?? "", content });
      response.end("ok");
    });
  };
  const server = http.createServer(take);
  server.on("checkContinue", take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port, seen };
}

describe("requests through real sockets", () => {
  let upstream: Awaited<ReturnType<typeof startNodeUpstream>>;
  let plane: TestPlane;

  beforeAll(async () => {
    upstream = await startNodeUpstream();
    plane = await startPlane(pinnedTo(upstream.port));
  });
  afterAll(async () => {
    await plane.stop();
    expect(plane.plane.held()).toEqual({
      connections: 0,
      upstreamConnections: 0,
      deadlines: expect.any(Number),
      exchanges: 0,
      tunnels: 0,
    });
    upstream.server.closeAllConnections();
    await new Promise((resolve) => upstream.server.close(resolve));
  });

  it("10,000 damaged streams: what is whole arrives once, what is refused never, nothing crashes", async () => {
    await fc.assert(
      fc.asyncProperty(requestBytes, cuts, async (text, shares) => {
        const bytes = Buffer.from(text, "latin1");
        const { messages, end } = readRequests([bytes]);
        const last = messages.findIndex((message) => message.closes && message.whole);
        const read = last === -1 ? messages : messages.slice(0, last + 1);
        const whole = read.filter((message) => message.whole);
        upstream.seen.length = 0;
        const client = await connectRaw(plane.port);
        for (const packet of packetsOf(bytes, shares)) client.write(packet);
        // A stream that is refused or asks for it is closed by Sluice; else its answers are awaited.
        if (last !== -1 || end === "refused") await client.closed();
        else if (whole.length > 0)
          await Promise.race([client.closed(), answers(client, whole.length)]);
        client.destroy();
        const unknown = whole.findIndex(({ method }) => !http.METHODS.includes(method));
        const known = unknown === -1 ? whole : whole.slice(0, unknown);
        const expected = known.map(({ method, target, content }) => ({ method, target, content }));
        expect(JSON.stringify(upstream.seen.slice(0, known.length))).toBe(JSON.stringify(expected));
        if (unknown === -1) expect(upstream.seen).toHaveLength(expected.length);
      }),
      { seed, numRuns: 10_000 },
    );
    expect(plane.counters().faults).toBe(0);
    expect(plane.logs).toEqual([]);
  }, 240_000);

  it("random bytes crash nothing, and the next client is served", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (noise) => {
        const client = await connectRaw(plane.port);
        client.write(Buffer.concat([Buffer.from(noise), Buffer.from("\r\n\r\n\r\n")]));
        await client.closed();
      }),
      { seed, numRuns: 1_000 },
    );
    const client = await connectRaw(plane.port);
    client.write("GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 /);
    expect(plane.counters().faults).toBe(0);
  }, 60_000);
});

function withoutInterim(answer: string): string {
  return answer.replace(/^(?:HTTP\/1\.1 1\d\d [^]*?\r\n\r\n)*/, "");
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

type Client = Awaited<ReturnType<typeof connectRaw>>;

function answers(client: Client, count: number): Promise<unknown> {
  return client
    .until(new RegExp(`(?:HTTP/1\\.1 [2-5][^]*){${Math.max(count, 1)}}`))
    .catch(() => {});
}

describe("responses through real sockets", () => {
  let server: RawServer;
  let plane: TestPlane;
  let packets: Buffer[] = [];

  beforeAll(async () => {
    server = await startRawServer((socket, received) => {
      if (!received.endsWith("\r\n\r\n")) return;
      for (const packet of packets) socket.write(packet);
      socket.end();
    });
    plane = await startPlane(pinnedTo(server.port, "", ", retries: { attempts: 0 }"));
  });
  afterAll(async () => {
    await plane.stop();
    await server.close();
  });

  it("2,000 damaged answers: the client gets the same, or 502, or a truncated one", async () => {
    await fc.assert(
      fc.asyncProperty(responseBytes, cuts, async (text, shares) => {
        const bytes = Buffer.from(text, "latin1");
        packets = packetsOf(bytes, shares);
        if (packets.length === 0) return;
        const reading = readResponse([bytes]);
        const client = await connectRaw(plane.port);
        client.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        const answer = await client.closed();
        const final = withoutInterim(answer);
        if (reading.status === 0)
          expect(final).toMatch(/^HTTP\/1\.1 502 [^]*"code":"upstream_(?:bad_response|reset)"/);
        else expect(final.startsWith(`HTTP/1.1 ${reading.status} `)).toBe(true);
        if (reading.whole) expect(bodyOf(final)).toBe(bodyOf(withoutInterim(reading.forwarded)));
      }),
      { seed, numRuns: 2_000 },
    );
    expect(plane.counters().faults).toBe(0);
  }, 120_000);
});
