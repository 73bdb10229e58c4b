import { afterAll, beforeAll, expect, it } from "vitest";
import { Webhook } from "../../src/control/notify/webhook.ts";
import { askModel } from "../../src/faces/report/language-model.ts";
import { realTimers } from "../../src/main/system.ts";
import { startPlane, type TestPlane } from "../support/plane.ts";
import { answering, exchangeRaw, type RawServer } from "../support/raw.ts";

/** No byte of a request chooses where it goes: that is what the configuration says. */

let upstream: RawServer;
/** Where no request may ever come. */
let elsewhere: RawServer;
let plane: TestPlane;

beforeAll(async () => {
  elsewhere = await answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  upstream = await answering(
    `HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:${elsewhere.port}/\r\ncontent-length: 2\r\n\r\nok`,
  );
  plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { u: { url: "http://127.0.0.1:${upstream.port}/base" } }
routes:
  - { match: "/cut/**", upstream: u, prefix: /cut }
  - { match: "/**", experiment: e }
experiments:
  e:
    variants:
      old: { upstream: u, control: true }
      new: { upstream: u, path: { from: /moved, to: / } }
    assignment: { forced: { header: x-force, from: anyone } }
`);
});
afterAll(async () => {
  await plane.stop();
  await Promise.all([upstream.close(), elsewhere.close()]);
});

it.each([
  ["GET", "http://EVIL/x", ""],
  ["GET", "http://user@EVIL/x", ""],
  ["GET", "//EVIL/x", ""],
  ["GET", "///EVIL/x", ""],
  ["GET", "/\\EVIL/x", ""],
  ["GET", "/@EVIL/x", ""],
  ["GET", "/x?url=http://EVIL/", ""],
  ["GET", "/../../EVIL", ""],
  ["GET", "/cut//EVIL/x", ""],
  ["GET", "/cut/http://EVIL/x", ""],
  ["GET", "/moved/EVIL/x", "x-force: new"],
  ["GET", "/moved//EVIL/x", "x-force: new"],
  ["GET", "/x", "host: EVIL"],
  ["GET", "/x", "x-forwarded-host: EVIL"],
  ["GET", "/x", "forwarded: host=EVIL;proto=http"],
  ["GET", "/x", "x-original-url: http://EVIL/"],
  ["GET", "/x", "x-sluice-upstream: http://EVIL/"],
  ["GET", "/x", "proxy-connection: keep-alive"],
  ["GET", "/x", "referer: http://EVIL/"],
  ["CONNECT", "EVIL", ""],
  ["OPTIONS", "*", ""],
  ["POST", "/x", "content-location: http://EVIL/"],
])(
  "%s %s %s stays where it belongs, and its redirect is passed on",
  async (method, target, field) => {
    const evil = (text: string) => text.replace("EVIL", `127.0.0.1:${elsewhere.port}`);
    const host = field.startsWith("host:") ? "" : "host: a\r\n";
    const more = field === "" ? "" : `${evil(field)}\r\n`;
    const length = method === "POST" ? "content-length: 0\r\n" : "";
    const head = `${method} ${evil(target)} HTTP/1.1\r\n${host}${more}${length}connection: close\r\n\r\n`;
    const before = upstream.received().join("").split("\r\n\r\n").length;
    const answer = await exchangeRaw(plane.port, head);
    const after = upstream.received().join("").split("\r\n\r\n").length;
    const status = Number(answer.slice(9, 12));
    expect(elsewhere.sockets).toHaveLength(0);
    expect([status, after - before]).toEqual(status === 302 ? [302, 1] : [status, 0]);
    expect([302, 400, 404, 405, 501]).toContain(status);
    if (status !== 302) return;
    expect(answer).toContain(`location: http://127.0.0.1:${elsewhere.port}/`);
    expect(upstream.received().at(-1)?.split("\r\n\r\n").at(-2)).toMatch(/^[A-Z]+ \/base/);
  },
);

it("a webhook, a collector of spans and a language model that redirect are not followed", async () => {
  const url = `http://127.0.0.1:${upstream.port}`;
  const webhook = new Webhook({ url, headers: {}, timeoutMs: 5000 }, realTimers);
  const posted = await webhook.post({ a: 1 }, 0, new AbortController().signal);
  await webhook.close();
  expect(posted).toMatchObject({ kind: "refused", reason: expect.stringContaining("302") });
  const model = { url, model: "m", apiKey: "k", timeoutMs: 5000 };
  expect(await askModel(model, [], realTimers)).toMatchObject({ ok: false });
  expect(elsewhere.sockets).toHaveLength(0);
});
