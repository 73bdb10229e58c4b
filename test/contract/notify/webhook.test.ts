import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { channelLimits } from "../../../src/control/notify/channel.ts";
import { retryLimits } from "../../../src/control/notify/retry.ts";
import {
  endless,
  named,
  noticeOf,
  ok,
  openDesk,
  over,
  silence,
  status,
  told,
  type Desk,
} from "./desk.ts";

let desk: Desk;
beforeEach(async () => (desk = await openDesk()));
afterEach(() => desk.close());

describe("a webhook", () => {
  it("is told in order, one at a time, with its headers", async () => {
    let open = 0;
    let openMax = 0;
    desk.answers = [
      (outgoing) => {
        openMax = Math.max(openMax, (open += 1));
        setImmediate(() => {
          open -= 1;
          outgoing.end();
        });
      },
    ];
    const { notify } = desk.open(desk.webhook());
    for (const alert of ["a", "b", "c"]) notify(named(alert));
    await desk.until({ sent: 3, queued: 0, failed: 0, lastSentAtMs: 0 });
    expect(told(desk)).toEqual(["a firing", "b firing", "c firing"]);
    expect(openMax).toBe(1);
    expect(desk.receiver.requests[0]).toMatchObject({
      method: "POST",
      url: "/services/T0SECRET",
      headers: { authorization: "Bearer hunter2hunter2", "content-type": "application/json" },
    });
    expect(desk.bodies[0]).toMatchObject({ started_at: "1970-01-01T00:00:01.000Z" });
  });

  it("gets a configured header in place of ours, and the user of its address", async () => {
    const url = desk.receiver.url.replace("//", "//ann:p%40ss@");
    const headers = { "Content-Type": "application/vnd.x+json" };
    desk.open(desk.webhook({ url, headers })).notify(named("a"));
    await desk.until({ sent: 1 });
    expect(desk.receiver.requests[0]?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from("ann:p@ss").toString("base64")}`,
      "content-type": "application/vnd.x+json",
    });
  });

  it("gets Slack's shape when asked", async () => {
    desk.open(desk.webhook({ shape: "slack" })).notify(noticeOf());
    await desk.until({ sent: 1 });
    expect(desk.bodies[0]).toMatchObject({ text: expect.stringContaining("&lt;errors&gt;") });
  });

  it("that fails is tried again after 1 s, 2 s, 4 s, and then told the rest", async () => {
    desk.answers = [status(503), status(500), status(429), ok];
    const { notify } = desk.open(desk.webhook());
    notify(named("a"));
    notify(named("b"));
    for (const [failed, waitMs] of [
      [1, 1000],
      [2, 2000],
      [3, 4000],
    ] as const) {
      await desk.until({ failed });
      desk.time.advance(waitMs - 1);
      expect(desk.bodies).toHaveLength(failed);
      desk.time.advance(1);
    }
    await desk.until({ sent: 2, dropped: 0, lastError: null });
    expect(told(desk)).toEqual(["a firing", "a firing", "a firing", "a firing", "b firing"]);
    expect(desk.logs).toEqual([expect.stringMatching(/^warn alert not delivered yet /)]);
  });

  it.each([
    ["30", 30_000],
    ["Thu, 01 Jan 1970 00:00:30 GMT", 20_000],
    ["99999999999999999999", retryLimits.retryAfterMsMax],
    ["0", 1000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 1000],
    ["soon", 1000],
  ])("that asks for %s is left alone for %d ms", async (asked, waitMs) => {
    desk.time.advance(10_000);
    desk.answers = [status(503, { "retry-after": asked }), ok];
    desk.open(desk.webhook()).notify(named("a"));
    await desk.until({ failed: 1 });
    desk.time.advance(waitMs - 1);
    expect(desk.time.pending()).toBe(1);
    expect(desk.bodies).toHaveLength(1);
    desk.time.advance(1);
    await desk.until({ sent: 1 });
  });

  it.each([400, 404, 410, 302, 307])("that answers %d is not asked again", async (code) => {
    desk.answers = [status(code, { location: `${desk.receiver.url}/other` }), ok];
    const { notify } = desk.open(desk.webhook());
    notify(named("a"));
    notify(named("b"));
    await desk.until({ sent: 1, failed: 1, dropped: 1 });
    expect(desk.receiver.requests.map(({ url }) => url)).toEqual([
      "/services/T0SECRET",
      "/services/T0SECRET",
    ]);
    expect(desk.logs).toEqual([expect.stringContaining(`it answered ${code}: the reason`)]);
    expect(desk.logs[0]).toMatch(/^error alert not delivered /);
  });

  it("is quoted in one line without control characters", async () => {
    desk.answers = [status(400, {}, "\n two\r\nlines\u001B[31m\0")];
    desk.open(desk.webhook()).notify(named("a"));
    await desk.until({ dropped: 1, lastError: "it answered 400: two lines [31m" });
    expect(desk.logs).toHaveLength(1);
  });

  it("gives up after its attempts, and goes on with the next", async () => {
    const { attemptsMax, backoffMsMax } = retryLimits;
    desk.answers = Array.from({ length: attemptsMax }, () => status(500)).concat(ok);
    const { notify } = desk.open(desk.webhook());
    notify(named("a"));
    notify(named("b"));
    for (let failed = 1; failed < attemptsMax; failed += 1) {
      await desk.until({ failed });
      desk.time.advance(backoffMsMax);
    }
    await desk.until({ sent: 1, failed: attemptsMax, dropped: 1 });
    expect(told(desk).at(-1)).toBe("b firing");
    expect(desk.logs.at(-1)).toMatch(/^error alert not delivered .*"alert":"a".*"dropped":1/);
  });

  it("whose receiver was not there is told once it is", async () => {
    const { promise: free, resolve } = Promise.withResolvers<number>();
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
    const port = await free;
    const { notify } = desk.open(desk.webhook({ url: `http://127.0.0.1:${port}/x` }));
    notify(named("a"));
    await desk.until({ failed: 1, queued: 1, lastError: expect.stringContaining("ECONNREFUSED") });
    const bodies: string[] = [];
    const server = createServer((incoming, outgoing) => {
      incoming.on("data", (part) => bodies.push(String(part)));
      incoming.on("end", () => outgoing.end());
    });
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    desk.time.advance(1000);
    await desk.until({ sent: 1, queued: 0, lastError: null });
    expect(bodies).toEqual([expect.stringContaining('"alert":"a"')]);
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  it("that does not answer in time has failed", async () => {
    desk.answers = [silence, ok];
    desk.open(desk.webhook()).notify(named("a"));
    await desk.receiver.until(1);
    desk.time.advance(4999);
    expect(desk.time.pending()).toBe(1);
    desk.time.advance(1);
    await desk.until({ failed: 1, lastError: "no answer within 5s" });
    desk.time.advance(1000);
    await desk.until({ sent: 1 });
    expect(told(desk)).toEqual(["a firing", "a firing"]);
  });

  it("that answers without end is cut off, and its status counts", async () => {
    desk.answers = [endless(500), endless(200), ok];
    const { notify } = desk.open(desk.webhook());
    notify(named("a"));
    await desk.until({ failed: 1, lastError: `it answered 500: ${"a".repeat(200)}` });
    desk.time.advance(1000);
    await desk.until({ sent: 1 });
    notify(named("b"));
    await desk.until({ sent: 2 });
    expect(told(desk)).toEqual(["a firing", "a firing", "b firing"]);
  });

  it("that says yes and then breaks off is not told twice", async () => {
    desk.answers = [
      (outgoing) => {
        outgoing.writeHead(200, { "content-length": "9" });
        outgoing.write("ok", () => outgoing.socket?.end());
      },
      ok,
    ];
    desk.open(desk.webhook()).notify(named("a"));
    await desk.until({ sent: 1, failed: 0, queued: 0 });
    expect(desk.bodies).toHaveLength(1);
  });

  it("with a header that cannot be sent is not tried again and again", async () => {
    desk.open(desk.webhook({ headers: { "transfer-encoding": "chunked" } })).notify(named("a"));
    await desk.until({ failed: 1, dropped: 1, queued: 0 });
    expect(desk.logs[0]).toContain("transfer-encoding");
  });
});

describe("a webhook that is down", () => {
  it("keeps the newest notices, and counts the others", async () => {
    desk.answers = [silence];
    const { notify, state } = desk.open(desk.webhook());
    for (let at = 0; at < channelLimits.queueMax; at += 1) notify(named(`a${at}`));
    expect(state()[0]).toMatchObject({ queued: channelLimits.queueMax, dropped: 0 });
    for (let at = 0; at < 5; at += 1) notify(named(`b${at}`));
    expect(state()[0]).toMatchObject({ queued: channelLimits.queueMax, dropped: 5 });
    expect(desk.logs).toEqual([expect.stringContaining("more than 200 notices wait")]);
    notify(named("b0"));
    expect(state()[0]).toMatchObject({ queued: channelLimits.queueMax, dropped: 5 });
  });

  it("loses what fired and is over before what still fires", async () => {
    desk.answers = [status(500), ok];
    const { notify } = desk.open(desk.webhook());
    notify(named("first"));
    await desk.until({ failed: 1 });
    for (let at = 2; at < channelLimits.queueMax; at += 1) notify(named(`a${at}`));
    notify(named("short"));
    notify(over("short"));
    desk.time.advance(1000);
    await desk.until({ sent: channelLimits.queueMax, dropped: 1 });
    expect(told(desk).slice(0, 3)).toEqual(["first firing", "first firing", "a2 firing"]);
    expect(told(desk).slice(-2)).toEqual([
      `a${channelLimits.queueMax - 1} firing`,
      "short resolved",
    ]);
  });

  it("does not hold others up, also not at the same place", async () => {
    desk.receiver.respond((incoming, outgoing) => {
      if (incoming.url === "/works") outgoing.end();
    });
    const hung = Array.from({ length: 8 }, (_, at) => ({ ...desk.webhook(), name: `hung-${at}` }));
    const works = { ...desk.webhook({ url: `${desk.receiver.url}/works` }), name: "works" };
    const { notify, state } = desk.open(works, ...hung);
    notify(named("a"));
    await desk.receiver.until(9);
    notify(named("b"));
    await desk.until({ sent: 2 });
    expect(state().map(({ queued }) => queued)).toEqual([0, ...hung.map(() => 2)]);
  });

  it("is complained of once a minute", async () => {
    desk.answers = [status(404)];
    const { notify } = desk.open(desk.webhook());
    notify(named("a"));
    notify(named("b"));
    await desk.until({ dropped: 2 });
    desk.time.advance(channelLimits.complainEveryMs - 1);
    notify(named("c"));
    await desk.until({ dropped: 3 });
    expect(desk.logs).toHaveLength(1);
    desk.time.advance(1);
    notify(named("d"));
    await desk.until({ dropped: 4 });
    expect(desk.logs).toEqual([
      expect.stringContaining('"dropped":1'),
      expect.stringContaining('"dropped":4'),
    ]);
  });
});

describe("secrets that a receiver repeats", () => {
  const path = "/services/T0SECRET?key=query-key";
  const basic = Buffer.from("anna:pass@word").toString("base64");

  it.each([
    `Cannot POST ${path}`,
    `<pre>Cannot POST ${path.replaceAll("/", "&#x2F;")}</pre>`,
    "nobody has the key hunter2hunter2",
    "nobody is anna with pass@word or pass%40word",
    `nobody is ${basic}`,
    `${"x ".repeat(95)} hunter2hunter2`,
  ])("are not told: %s", async (answer) => {
    desk.answers = [status(403, {}, answer)];
    const url = desk.receiver.url.replace("//", "//anna:pass%40word@") + path;
    const headers = { "x-key": "Key hunter2hunter2" };
    const { notify, state } = desk.open(desk.webhook({ url, headers }));
    notify(named("a"));
    await desk.until({ dropped: 1, target: desk.receiver.url });
    const shown = `${desk.logs.join("")}${JSON.stringify(state())}`;
    expect(shown).toContain("it answered 403: ");
    expect(shown).not.toMatch(/T0SECRET|hunter|anna|pass|query-key/);
    expect(shown).not.toContain(basic);
  });

  it("are not told by errors of our own either", async () => {
    const headers = { "content-length": "hunter2hunter2" };
    const { notify, state } = desk.open(desk.webhook({ headers }));
    notify(named("a"));
    await desk.until({ dropped: 1 });
    expect(`${desk.logs.join("")}${JSON.stringify(state())}`).not.toMatch(/hunter|SECRET/);
  });
});
