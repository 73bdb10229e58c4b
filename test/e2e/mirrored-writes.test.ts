import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Status } from "../../src/wire/admin-api.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

type Store = TestUpstream & { readonly texts: string[]; isDown: boolean };

let directory: string;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-writes-"));
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  rmSync(directory, { recursive: true, force: true });
});

/** Keeps texts, tells a second time that it knows them, and breaks connections while it is down. */
async function startStore(name: string): Promise<Store> {
  const upstream = await startUpstream(name);
  ends.push(() => upstream.close());
  const store: Store = Object.assign(upstream, { texts: [] as string[], isDown: false });
  upstream.respond((request, response) => {
    if (request.method === "GET") {
      response.writeHead(404).end();
      return;
    }
    if (store.isDown) {
      response.destroy();
      return;
    }
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      const isKnown = store.texts.includes(body);
      if (!isKnown) store.texts.push(body);
      response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ status: isKnown ? "duplicated" : "success", track_id: `t-${name}` }));
    });
  });
  return store;
}

async function startMirroring(old: Store, fresh: Store): Promise<TestSluice> {
  const sluice = await startTestSluice(`${freePorts({ workers: 2 })}
store: { sqlite: "${join(directory, "sluice.db")}" }
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}" }
routes: [ { preset: lightrag } ]
experiments:
  e:
    variants:
      old: { upstream: old, control: true }
      new: { upstream: new, headers: { set: { x-model: next } } }
    writes: mirror
`);
  ends.push(() => sluice.stop());
  return sluice;
}

async function write(sluice: TestSluice, text: string, path = "/documents/text"): Promise<string> {
  const response = await fetch(`${sluice.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer t" },
    body: text,
  });
  return response.text();
}

async function mirrored(sluice: TestSluice): Promise<Status["experiments"][number]["mirrored"]> {
  const response = await fetch(`${sluice.adminUrl}/v1/status`);
  return ((await response.json()) as Status).experiments[0]?.mirrored ?? [];
}

/** What came besides questions about the variant itself. */
function writesTo(store: Store): Store["requests"] {
  return store.requests.filter(({ method }) => method === "POST");
}

function idOf(store: Store): unknown {
  return writesTo(store)[0]?.headers["x-request-id"];
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `{"text":"document ${at}"}`);
}

describe("mirrored writes", () => {
  it("are answered by the control and reach the other variant as it gets its requests", async () => {
    const [old, fresh] = [await startStore("old"), await startStore("new")];
    const sluice = await startMirroring(old, fresh);
    expect(await write(sluice, "{}", "/documents/text?a=1")).toContain("t-old");
    await expect.poll(() => writesTo(fresh)).toHaveLength(1);
    expect(writesTo(fresh)[0]).toMatchObject({
      method: "POST",
      url: "/documents/text?a=1",
      headers: {
        "x-sluice-mirror": "true",
        "x-sluice-variant": "new",
        "x-model": "next",
        authorization: "Bearer t",
        "content-length": "2",
      },
    });
    expect(idOf(fresh)).toBe(idOf(old));
    await expect
      .poll(() => mirrored(sluice))
      .toMatchObject([{ variant: "new", state: "in_step", queued: 0, delivered: 1, diverged: {} }]);
    await expect.poll(() => readdirSync(join(directory, "sluice.db.writes"))).toEqual([]);
  });

  it("a variant that is down gets all of them in order once it is back, also after a restart of Sluice", async () => {
    const [old, fresh] = [await startStore("old"), await startStore("new")];
    fresh.isDown = true;
    const sluice = await startMirroring(old, fresh);
    const wanted = texts(30);
    for (const text of wanted.slice(0, 20)) expect(await write(sluice, text)).toContain("success");
    await expect
      .poll(async () => (await mirrored(sluice))[0])
      .toMatchObject({ state: "catching_up", queued: 20, delivered: 0 });
    expect((await mirrored(sluice))[0]?.failure).not.toBeNull();
    ends.pop();
    await sluice.stop();
    const again = await startMirroring(old, fresh);
    for (const text of wanted.slice(20)) await write(again, text);
    fresh.isDown = false;
    await expect.poll(() => fresh.texts.length, { timeout: 40_000 }).toBe(30);
    expect(fresh.texts).toEqual(wanted);
    expect(fresh.texts).toEqual(old.texts);
    await expect.poll(() => mirrored(again)).toMatchObject([{ state: "in_step", queued: 0 }]);
    await expect.poll(() => readdirSync(join(directory, "sluice.db.writes"))).toEqual([]);
  });

  it("what comes to something else is told: refused, failed, known already", async () => {
    const [old, fresh] = [await startStore("old"), await startStore("new")];
    fresh.texts.push("{}");
    const sluice = await startMirroring(old, fresh);
    await write(sluice, "{}");
    await expect
      .poll(async () => (await mirrored(sluice))[0])
      .toMatchObject({ state: "diverged", diverged: { duplicated: 1 } });
    expect((await mirrored(sluice))[0]?.last[0]).toMatchObject({
      kind: "duplicated",
      path: "/documents/text",
      primary: { status: 200, says: "success" },
      target: { status: 200, says: "duplicated" },
    });
    await expect
      .poll(async () => (await fetch(`${sluice.adminUrl}/v1/alerts`)).text(), { timeout: 10_000 })
      .toContain("writes_diverged");
    await expect
      .poll(async () => {
        const { alerts } = (await (await fetch(`${sluice.adminUrl}/v1/alerts`)).json()) as {
          alerts: { alert: string; status: string }[];
        };
        return alerts.map(({ status }) => status);
      })
      .toEqual(["firing"]);
    const acknowledged = await fetch(`${sluice.adminUrl}/v1/alerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command: "acknowledge", alert: "writes_diverged/e/new", actor: "me" }),
    });
    expect(await acknowledged.text()).toContain("me");
    expect(acknowledged.status).toBe(200);
    expect((await mirrored(sluice))[0]).toMatchObject({
      state: "in_step",
      diverged: { duplicated: 1 },
      unacknowledged: 0,
    });
  });

  it("what the control refused goes nowhere; nor does what is read", async () => {
    const [old, fresh] = [await startStore("old"), await startStore("new")];
    const sluice = await startMirroring(old, fresh);
    old.respond((request, response) => {
      request.resume();
      response.writeHead(request.url === "/documents/text" ? 422 : 200).end("{}");
    });
    await write(sluice, "{}");
    await write(sluice, "{}", "/documents/paginated");
    old.respond((request, response) => {
      request.resume();
      response.end("{}");
    });
    await write(sluice, "last");
    await expect.poll(() => mirrored(sluice)).toMatchObject([{ delivered: 1, queued: 0 }]);
    expect(fresh.texts).toEqual(["last"]);
  });
});
