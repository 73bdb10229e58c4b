import { createLog } from "../../src/control/access-log.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configOf } from "../support/plane.ts";
import { answering, exchangeRaw, type RawServer } from "../support/raw.ts";
import { startTestSluice, type TestSluice } from "../support/sluice.ts";

/** What a client sends stays what it is: a value in a line, a label or a field, and never another one. */

let upstream: RawServer;
let running: TestSluice;

beforeAll(async () => {
  upstream = await answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  running = await startTestSluice(`
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { access_sample: 100% }
upstreams: { u: { url: "http://127.0.0.1:${upstream.port}" } }
routes:
  - { match: "/q'(x),=$/**", upstream: u }
  - { match: "/**", experiment: e }
experiments:
  e:
    variants: { old: { upstream: u, control: true }, new: { upstream: u } }
    assignment: { forced: { header: x-force, from: anyone } }
`);
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const send = (target: string, ...fields: string[]) =>
  exchangeRaw(
    running.sluice.dataPort,
    `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`,
  );

describe("header fields", () => {
  it.each([
    ["a bare CR in a user's key", "/x", "x-user-id: a\rx-evil: 1"],
    ["a bare LF in a user's key", "/x", "x-user-id: a\nx-evil : 1"],
    ["NUL in a request's id", "/x", "x-request-id: a\0b"],
    ["a bare CR in a request's id", "/x", "x-request-id: a\rset-cookie: b=c"],
    ["a bare CR in a forced variant", "/x", "x-force: new\rx-evil: 1"],
    ["a bare CR in the target", "/x\rx-evil: 1", "x-user-id: a"],
    ["a bare CR in the trace", "/x", "traceparent: 00-0\rx-evil: 1"],
  ])("%s is refused", async (_, target, field) => {
    const before = upstream.received().length;
    const answer = await send(target, field);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.toLowerCase()).not.toContain("x-evil");
    expect(upstream.received()).toHaveLength(before);
  });

  it.each(["%0d%0ax-evil:%201", "a%0ax-evil:1", "a; x-evil: 1", 'a"b', "ä"])(
    "%j as key, id, forced variant and cookie makes no field",
    async (value) => {
      const fields = ["x-user-id", "x-request-id", "x-force", "cookie"];
      const answer = await send(
        `/${encodeURI(value)}`,
        ...fields.map((name) => `${name}: ${value}`),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).not.toMatch(/^x-evil/im);
      const [head = ""] = upstream.received().at(-1)?.split("\r\n\r\n") ?? [];
      expect(head).not.toMatch(/^x-evil/im);
    },
  );

  it.each([
    ['headers: { set: { x-a: "b\\r\\nx-evil: 1" } }', "not a legal header value"],
    ['headers: { set: { "x-a: b\\r\\nx-evil": 1 } }', ""],
    ['headers: { remove: [ "x a" ] }', "not a legal header name"],
    ['path: { from: /a, to: "/b HTTP/1.1\\r\\nx-evil: 1" }', ""],
  ])("a variant with %s is not configured", (part, says) => {
    const text = `
upstreams: { u: { url: "http://a" } }
routes: [ { match: "/**", experiment: e } ]
experiments: { e: { variants: { old: { upstream: u, control: true }, new: { upstream: u, ${part} } } } }
`;
    expect(() => configOf(text)).toThrow(says);
  });
});

it("log lines stay one JSON text each, whatever path, key and id are", async () => {
  const nasty = `/x%0a%7B%22level%22:%22error%22%7D\u2028"},{"level":"fatal`;
  await send(Buffer.from(nasty).toString("latin1"), 'x-request-id: "},\\"', "user-agent: \x1b[31m");
  await send("/plain?token=s3cret", "authorization: Bearer s3cret", "x-user-id: s3cret");
  const lines = () =>
    running.logs.filter(({ log, path }) => log === "access" && path !== undefined);
  await running.logged({ log: "access", path: "/plain" });
  expect(lines().map(({ level }) => level)).not.toContain("fatal");
  expect(JSON.stringify(running.logs)).not.toContain("s3cret");
});

it("a line of the log has no break in it, whatever its facts are", () => {
  const written: string[] = [];
  const log = createLog("info", { write: (line) => void written.push(line) });
  log.app("warn", 'a\n{"level":"fatal"}', { reason: "b\r\nc\u0000\u2028", token: "s3cret" });
  expect(written).toHaveLength(1);
  expect(written[0]?.trimEnd()).not.toMatch(/[\n\r\0]/);
  expect(JSON.parse(written[0] ?? "")).toMatchObject({ level: "warn", token: "[redacted]" });
});

it("labels are the configuration's words, and known methods", async () => {
  const { dataPort } = running.sluice;
  const strange = ['X"Y', "X-EVIL"].map((method) =>
    exchangeRaw(dataPort, `${method} /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`),
  );
  await Promise.all([...strange, send("/q'(x),=$/y"), send("/evil", 'x-force: e"v')]);
  const scrape = async () => (await fetch(`${running.adminUrl}/metrics`)).text();
  await expect.poll(scrape).toContain(`route="/q'(x),=$/**"`);
  await expect.poll(scrape).toContain('method="_OTHER"');
  const text = await scrape();
  expect(text).not.toMatch(/^[^#]*(?:evil|e\\"v)/im);
  for (const line of text.trim().split(/\n+/)) {
    expect(line).toMatch(
      /^(?:#.*|[a-z_]\w*(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})? (?:[-+]?[\d.e+-]+|[+-]Inf|Nan))$/i,
    );
  }
});
