import { afterEach, describe, expect, it } from "vitest";
import { startPlane, type TestPlane } from "../support/plane.ts";
import {
  answering,
  connectRaw,
  exchangeRaw,
  startRawServer,
  type RawServer,
} from "../support/raw.ts";

/** What reaches the control when it answers for a variant that has no healthy endpoint. */
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const json = "Content-Type: application/json\r\n";
const start = "POST / HTTP/1.1\r\nHost: a\r\nX-User-Id: alice\r\nConnection: close\r\n";
let servers: RawServer[] = [];
let plane: TestPlane | null = null;

afterEach(async () => {
  const tested = plane;
  plane = null;
  const faults = tested?.counters().faults;
  await tested?.stop();
  for (const server of servers.splice(0)) await server.close();
  expect(faults).toBe(0);
  expect(tested?.plane.held()).toMatchObject({
    connections: 0,
    upstreamConnections: 0,
    exchanges: 0,
    tunnels: 0,
  });
});

/** Everybody is assigned to `b`, whose endpoint is unhealthy; `a` is the control. */
async function unavailable(
  control: RawServer,
  change: { control?: string; treatment?: string; listen?: string },
): Promise<TestPlane> {
  const treatment = await answering(ok);
  servers.push(control, treatment);
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 ${change.listen ?? ""} }
upstreams: { a: { url: "http://127.0.0.1:${control.port}" }, b: { url: "http://127.0.0.1:${treatment.port}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants:
      a: { upstream: a, weight: 0, control: true ${change.control ?? ""} }
      b: { upstream: b, weight: 1 ${change.treatment ?? ""} }
    on_unavailable: control
`);
  plane.plane.setHealth([
    { upstream: "b", origin: `http://127.0.0.1:${treatment.port}`, healthy: false },
  ]);
  return plane;
}

/** Answers once the body has come whole. */
function answeringBodies(): Promise<RawServer> {
  return startRawServer((socket, received) => {
    const at = received.indexOf("\r\n\r\n");
    const length = /^content-length: (\d+)\r$/im.exec(received)?.[1];
    const body = received.slice(at + 4);
    if (at === -1) return;
    const whole = length === undefined ? body.endsWith("0\r\n\r\n") : body.length >= Number(length);
    if (whole) socket.write(ok);
  });
}

function bodyOf(server: RawServer): string {
  const received = server.received()[0] ?? "";
  return received.slice(received.indexOf("\r\n\r\n") + 4);
}

describe("a control that answers for a variant", () => {
  it.each([
    ["with a length", (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`],
    [
      "in chunks",
      (body: string) =>
        `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
  ])("gets the body with its own patch (%s)", async (_name, frame) => {
    const control = await answeringBodies();
    const { port } = await unavailable(control, { control: ', body: { model: "control" }' });
    const answer = await exchangeRaw(port, start + json + frame('{"model":"old","text":"hi"}'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*x-sluice-variant: a\r\n/);
    expect(JSON.parse(bodyOf(control))).toEqual({ model: "control", text: "hi" });
  });

  it("gets the body as the client sent it, not with the variant's patch", async () => {
    const control = await answeringBodies();
    const { port } = await unavailable(control, { treatment: ', body: { model: "new" }' });
    const body = '{ "model": "old" }';
    await exchangeRaw(port, `${start}${json}Content-Length: ${body.length}\r\n\r\n${body}`);
    expect(bodyOf(control)).toBe(body);
  });

  it("gets no body that it would have to change and that is too large to read", async () => {
    const control = await answeringBodies();
    const { port } = await unavailable(control, {
      control: ', body: { model: "control" }',
      listen: ", limits: { body_read: 1KiB }",
    });
    const body = JSON.stringify({ text: "x".repeat(2000) });
    const answer = await exchangeRaw(
      port,
      `${start}${json}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*"code":"body_too_large"/);
    expect(control.received()).toEqual([]);
    expect(plane?.outcomes()).toMatchObject({ proxy_error: 1, success: 0 });
  });

  it("gets its header fields and path, and not those of the variant", async () => {
    const control = await answering(ok);
    const { port } = await unavailable(control, {
      control: ", headers: { set: { x-arm: control } }",
      treatment: ", headers: { set: { x-arm: new, x-new: 1 } }, path: { from: /, to: /new }",
    });
    await exchangeRaw(port, `${start}Content-Length: 0\r\n\r\n`);
    const received = await control.until(/\r\n\r\n/);
    expect(received).toMatch(/^POST \/ HTTP\/1\.1\r\n/);
    expect(received).toMatch(/^x-arm: control\r$/im);
    expect(received).not.toMatch(/^x-new:/im);
  });

  it("gets it with its patch when the variant was ejected by this very request", async () => {
    const control = await answeringBodies();
    const closed = await answering(ok);
    await closed.close();
    servers.push(control);
    plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams:
  a: { url: "http://127.0.0.1:${control.port}" }
  b: { url: "http://127.0.0.1:${closed.port}", ejection: { consecutive: 1, max_share: 100% } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants:
      a: { upstream: a, weight: 0, control: true, body: { model: "control" } }
      b: { upstream: b, weight: 1 }
    on_unavailable: control
`);
    const body = JSON.stringify({ model: "old", text: "x".repeat(100_000) });
    const answer = await exchangeRaw(
      plane.port,
      `${start}${json}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*x-sluice-variant: a\r\n/);
    expect(JSON.parse(bodyOf(control))).toEqual({ model: "control", text: "x".repeat(100_000) });
    expect(plane.outcomes()).toMatchObject({ success: 1 });
    expect(plane.endpoints().map(({ exchangesInFlight }) => exchangesInFlight)).toEqual([0, 0]);
  });

  it("carries upgrades too", async () => {
    const control = await startRawServer((socket, received) => {
      if (received.endsWith("\r\n\r\n"))
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
      else if (received.endsWith("ping")) socket.write("pong");
    });
    const { port } = await unavailable(control, {});
    const client = await connectRaw(port);
    client.write(
      "GET / HTTP/1.1\r\nHost: a\r\nX-User-Id: alice\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    expect(await client.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 101 [^]*x-sluice-variant: a\r\n/);
    client.write("ping");
    await client.until(/pong$/);
    expect(plane?.outcomes()).toMatchObject({ success: 1 });
    client.destroy();
  });
});
