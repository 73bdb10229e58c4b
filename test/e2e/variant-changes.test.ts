import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startPlane, type TestPlane } from "../support/plane.ts";
import { connectRaw } from "../support/raw.ts";

/** What a variant changes in a request, and who gets which variant, as an upstream and a client see it. */
type Seen = {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
  port: number;
};

let seen: Seen[] = [];
let servers: http.Server[] = [];
let plane: TestPlane;

beforeEach(() => {
  seen = [];
  servers = [];
});
afterEach(async () => {
  expect(plane.counters().faults).toBe(0);
  await plane.stop();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function upstream(): Promise<string> {
  const server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("latin1");
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      const { port } = server.address() as AddressInfo;
      seen.push({
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body,
        port,
      });
      response.end("ok");
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Everybody gets the variant `b`, which is changed by `change`. */
async function changed(change: string, listen = "", assignment = ""): Promise<void> {
  const url = await upstream();
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 ${listen} }
upstreams: { a: { url: "${url}" }, b: { url: "${url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { a: { upstream: a, weight: 0, control: true }, b: { upstream: b, weight: 1 ${change} } }
    ${assignment}
`);
}

async function send(fields: string[], body: string, target = "/embeddings"): Promise<string> {
  const client = await connectRaw(plane.port);
  const lines = [`POST ${target} HTTP/1.1`, "Host: a.test", "Connection: close", ...fields];
  client.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  return client.closed();
}

const json = "Content-Type: application/json";
const patch = ', body: { model: "new", options: { seed: null, top: 5 } }';

describe("a variant", () => {
  it("sets and removes header fields", async () => {
    await changed(
      ', headers: { set: { x-model: "new", authorization: "Bearer b" }, remove: [ x-old ] }',
    );
    await send(["X-Old: 1", "Authorization: Bearer a", "X-Kept: 1", "Content-Length: 0"], "");
    expect(seen[0]?.headers).toMatchObject({
      "x-model": "new",
      authorization: "Bearer b",
      "x-kept": "1",
      "x-sluice-variant": "b",
      "x-sluice-experiment": "e",
    });
    expect(seen[0]?.headers).not.toHaveProperty("x-old");
  });

  it("rewrites the path and keeps the query", async () => {
    await changed(", path: { from: /embeddings, to: /v2/embed }");
    await send(["Content-Length: 0"], "", "/embeddings/x?y=1");
    expect(seen[0]?.url).toBe("/v2/embed/x?y=1");
  });

  it.each([
    [
      "with a length",
      (body: string) => [[`Content-Length: ${Buffer.byteLength(body)}`], body] as const,
    ],
    [
      "in chunks",
      (body: string) =>
        [
          ["Transfer-Encoding: chunked"],
          `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
        ] as const,
    ],
  ])("merges its patch into a JSON body %s", async (_name, frame) => {
    await changed(patch);
    const [fields, body] = frame(
      JSON.stringify({ model: "old", text: "hi", options: { seed: 1, keep: true } }),
    );
    await send([json, ...fields], body);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({
      model: "new",
      text: "hi",
      options: { keep: true, top: 5 },
    });
    expect(seen[0]?.headers["content-length"]).toBe(String(seen[0]?.body.length));
    expect(seen[0]?.headers).not.toHaveProperty("transfer-encoding");
  });

  it.each([
    ["that is no JSON", [json, "Content-Length: 5"], "{nope"],
    ["of another type", ["Content-Type: text/plain", "Content-Length: 2"], "{}"],
    ["that is compressed", [json, "Content-Encoding: gzip", "Content-Length: 2"], "{}"],
  ])("leaves a body alone %s", async (_name, fields, body) => {
    await changed(patch);
    await send(fields, body);
    expect(seen[0]?.body).toBe(body);
  });

  it("refuses a body that it would have to change and that is too large to read", async () => {
    await changed(patch, ", limits: { body_read: 1KiB }");
    const body = JSON.stringify({ text: "x".repeat(2000) });
    expect(await send([json, `Content-Length: ${body.length}`], body)).toMatch(
      /^HTTP\/1\.1 413 [^]*"code":"body_too_large"/,
    );
    expect(seen).toEqual([]);
  });

  it("tells a client that waits for 100 Continue to go on when it has to read the body", async () => {
    await changed(patch);
    const client = await connectRaw(plane.port);
    client.write(
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${json}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
    );
    expect(await client.until(/\r\n\r\n/)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.write("{}");
    expect(await client.closed()).toMatch(/HTTP\/1\.1 200 OK/);
    expect(seen[0]?.headers).not.toHaveProperty("expect");
  });
});

describe("the user", () => {
  const byBody = 'assignment: { user: [ "body:user", "header:x-user-id" ] }';

  it("is read from the body, and the body arrives unchanged", async () => {
    await changed("", "", byBody);
    const body = '{ "user": "alice",\n "text": "é" }';
    const answer = await send([json, `Content-Length: ${Buffer.byteLength(body, "latin1")}`], body);
    expect(answer).toMatch(/^x-sluice-variant: b\r$/im);
    expect(seen[0]?.body).toBe(body);
  });

  it.each(["length", "chunks"])(
    "of a body too large to read comes from the next source; the body streams on (%s)",
    async (framing) => {
      await changed("", ", limits: { body_read: 1KiB }", byBody);
      const body = JSON.stringify({ user: "alice", text: "x".repeat(100_000) });
      const framed =
        framing === "length"
          ? body
          : `400\r\n${body.slice(0, 1024)}\r\n${(body.length - 1024).toString(16)}\r\n${body.slice(1024)}\r\n0\r\n\r\n`;
      const field =
        framing === "length" ? `Content-Length: ${body.length}` : "Transfer-Encoding: chunked";
      expect(await send([json, "X-User-Id: bob", field], framed)).toMatch(/^HTTP\/1\.1 200 /);
      expect(seen[0]?.body).toBe(body);
    },
  );

  it("without a key gets a cookie once, and with it the same variant", async () => {
    const url = await upstream();
    plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { a: { url: "${url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments: { e: { variants: { a: { upstream: a, control: true }, b: { upstream: a } } } }
`);
    for (let at = 0; at < 10; at += 1) {
      const first = await send(["Content-Length: 0"], "");
      const cookie =
        /^set-cookie: (sluice_uid=[0-9a-f]{32}); Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax\r$/im.exec(
          first,
        )?.[1];
      const variant = /^x-sluice-variant: (\w)\r$/im.exec(first)?.[1];
      const second = await send([`Cookie: ${cookie}`, "Content-Length: 0"], "");
      expect(second).not.toMatch(/set-cookie/i);
      expect(/^x-sluice-variant: (\w)\r$/im.exec(second)?.[1]).toBe(variant);
    }
  });
});

describe("reloads", () => {
  const users = Array.from({ length: 300 }, (_, at) => `user-${at}`);

  async function treated(): Promise<Set<string>> {
    const got = new Set<string>();
    for (const user of users) {
      if (
        /^x-sluice-variant: b\r$/im.test(
          await send([`X-User-Id: ${user}`, "Content-Length: 0"], ""),
        )
      )
        got.add(user);
    }
    return got;
  }

  it("raising the share only adds users, lowering it only takes them back, and the kill switch moves all at once", async () => {
    const url = await upstream();
    const text = (share: string, disabled = false) => `
listen: { host: 127.0.0.1, port: 0 }
upstreams: { a: { url: "${url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments: { e: { variants: { a: { upstream: a, control: true }, b: { upstream: a } }, rollout: { share: ${share} }, disabled: ${disabled} } }
`;
    plane = await startPlane(text("0%"));
    const steps: Set<string>[] = [await treated()];
    for (const share of ["10%", "50%", "100%", "50%"]) {
      plane.apply(text(share));
      steps.push(await treated());
    }
    const [none, ten, half, all, halfAgain] = steps as [
      Set<string>,
      Set<string>,
      Set<string>,
      Set<string>,
      Set<string>,
    ];
    expect([none.size, all.size]).toEqual([0, users.length]);
    expect(ten.isSubsetOf(half) && half.isSubsetOf(all)).toBe(true);
    expect([...halfAgain]).toEqual([...half]);
    // 99.9 % of binomial draws lie within 3.3 standard deviations.
    expect(Math.abs(half.size - 150)).toBeLessThan(3.3 * Math.sqrt(300 * 0.25));
    plane.apply(text("100%", true));
    expect((await treated()).size).toBe(0);
  });
});
