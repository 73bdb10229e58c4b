import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, FormData, fetch, type RequestInit, type Response } from "undici";
import type { Status } from "../../src/wire/admin-api.ts";
import { startLightrag, type Lightrag } from "../support/lightrag/lightrag.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";

const users = 1_000;
const ends: (() => Promise<unknown>)[] = [];
let nowS = 1_800_000_000;
let old: Lightrag;
let fresh: Lightrag;
let sluice: TestSluice;
let agent: Agent;

beforeEach(async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-lightrag-"));
  ends.push(() => Promise.resolve(rmSync(directory, { recursive: true, force: true })));
  const shared = { secret: "one secret for both", accounts: { ann: "pw" }, nowS: () => nowS };
  old = await startLightrag({ ...shared, name: "old" });
  ends.push(() => old.close());
  fresh = await startLightrag({ ...shared, name: "new" });
  ends.push(() => fresh.close());
  sluice = await startTestSluice(`${freePorts({ workers: 2 })}
store: { sqlite: "${join(directory, "sluice.db")}" }
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}" }
routes: [ { preset: lightrag } ]
experiments:
  rag:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    assignment: { user: [ "header:x-user-id" ] }
    writes: mirror
`);
  ends.push(() => sluice.stop());
  agent = new Agent({ connections: 100 });
  ends.push(() => agent.destroy());
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** One user's browser: keeps the token, and takes a new one when it is given one. */
class Browser {
  token: string | null = null;
  readonly statuses: number[] = [];
  readonly #user: string;

  constructor(user: string) {
    this.#user = user;
  }

  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Map<string, string>([["x-user-id", this.#user]]);
    if (this.token !== null) headers.set("authorization", `Bearer ${this.token}`);
    if (typeof init.body === "string") headers.set("content-type", "application/json");
    const response = await fetch(`${sluice.url}${path}`, {
      dispatcher: agent,
      redirect: "manual",
      ...init,
      headers: { ...Object.fromEntries(headers), ...(init.headers as Record<string, string>) },
    });
    this.statuses.push(response.status);
    this.token = response.headers.get("x-new-token") ?? this.token;
    return response;
  }

  post(path: string, body: object): Promise<Response> {
    return this.ask(path, { method: "POST", body: JSON.stringify(body) });
  }

  async logIn(): Promise<void> {
    const body = new URLSearchParams({ username: "ann", password: "pw" }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await this.ask("/login", { method: "POST", body, headers });
    this.token = ((await answer.json()) as { access_token: string }).access_token;
  }
}

type Track = { readonly track_id: string };

/** Polls until it is processed; every poll has to know the track. */
async function untilProcessed(browser: Browser, track: string): Promise<void> {
  for (let poll = 0; poll < 5; poll += 1) {
    const answer = await browser.ask(`/documents/track_status/${encodeURIComponent(track)}`);
    expect(answer.status).toBe(200);
    if (JSON.stringify(await answer.json()).includes('"processed"')) return;
  }
  throw new Error(`${track} was never processed`);
}

async function statusOf(): Promise<Status["experiments"][number]> {
  const response = await fetch(`${sluice.adminUrl}/v1/status`);
  return ((await response.json()) as Status).experiments[0] as Status["experiments"][number];
}

function textsOf({ documents }: Lightrag): string[] {
  return documents.map(({ text }) => text).toSorted();
}

describe("two LightRAGs behind { preset: lightrag }", () => {
  it("the web UI's calls: page, login, upload, track id, streamed answer, graph, a renewed token", async () => {
    const browser = new Browser("ann");
    expect((await browser.ask("/")).headers.get("location")).toBe("/webui/");
    const page = await (await browser.ask("/webui/")).text();
    const [, asset = ""] = /src="([^"]+)"/.exec(page) ?? [];
    expect((await browser.ask(asset)).status).toBe(200);
    expect(await (await browser.ask("/auth-status")).json()).toMatchObject({
      auth_configured: true,
    });
    expect((await browser.ask("/documents/pipeline_status")).status).toBe(401);
    await browser.logIn();
    const form = new FormData();
    const text = "a long document. ".repeat(500_000);
    form.set("file", new Blob([text]), "long.txt");
    const uploaded = await browser.ask("/documents/upload", { method: "POST", body: form });
    const { track_id: track } = (await uploaded.json()) as Track;
    await untilProcessed(browser, track);
    const stream = await browser.post("/query/stream", { query: "what is it?" });
    expect(stream.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await stream.text()).trim().split("\n");
    expect(lines.length).toBeGreaterThan(3);
    const graph = (await (await browser.ask("/graphs?label=x")).json()) as {
      nodes: [{ id: string }];
    };
    expect(stream.headers.get("x-sluice-variant")).toBe(graph.nodes[0].id);
    const before = browser.token;
    nowS += 2_000;
    const asked = await browser.post("/query", { query: "and now?" });
    expect(asked.headers.get("access-control-expose-headers")).toBe("X-New-Token");
    expect(browser.token).not.toBe(before);
    // The renewed one is good on both sides.
    expect((await browser.post("/documents/paginated", {})).status).toBe(200);
    expect((await browser.post("/query/data", { query: "data?" })).status).toBe(200);
    expect((await browser.post("/query/data", { query: "x" })).status).toBe(400);
    expect(old.renewed() + fresh.renewed()).toBeGreaterThan(0);
    await expect.poll(() => textsOf(fresh).length).toBe(1);
    expect(textsOf(fresh)).toEqual(textsOf(old));
  });

  it("an Ollama client's session", async () => {
    const client = new Browser("ollama");
    expect(await (await client.ask("/api/version")).json()).toEqual({ version: "0.9.3" });
    expect(await (await client.ask("/api/tags")).json()).toMatchObject({ models: [{}] });
    const messages = [{ role: "user", content: "hello" }];
    const chat = await client.post("/api/chat", { model: "lightrag", messages });
    const records = (await chat.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { done: boolean; message: { content: string } });
    expect(records.at(-1)?.done).toBe(true);
    expect(records.map(({ message }) => message.content).join("")).toBe(
      `${chat.headers.get("x-sluice-variant")} says hello`,
    );
    const generated = await client.post("/api/generate", { model: "lightrag", prompt: "once" });
    expect(await generated.json()).toMatchObject({ done: true });
    const { variants } = await statusOf();
    await expect
      .poll(async () => {
        const measured = (await statusOf()).variants.map(({ metrics }) => metrics["tokens_out"]);
        return measured.find((metric) => metric !== undefined)?.count;
      })
      .toBe(2);
    expect(variants).toHaveLength(2);
  });

  it(`${users} users at once, with writes going on: no 401, no lost track id, no mixed answer, equal documents`, async () => {
    const first = new Browser("first");
    await first.logIn();
    const mixed: string[] = [];
    const bad: number[] = [];
    await Promise.all(
      Array.from({ length: users }, async (_, at) => {
        const browser = new Browser(`user-${at}`);
        browser.token = first.token;
        const answers: string[] = [];
        const query = { query: `question ${at}` };
        answers.push(
          ((await (await browser.post("/query", query)).json()) as { response: string }).response,
        );
        if (at % 5 === 0) {
          const text = `document ${at}`;
          const written = await browser.post("/documents/text", { text, file_source: `${at}.txt` });
          await untilProcessed(browser, ((await written.json()) as Track).track_id);
        }
        const streamed = await (await browser.post("/query/stream", query)).text();
        answers.push(
          streamed
            .trim()
            .split("\n")
            .map((line) => (JSON.parse(line) as { response?: string }).response ?? "")
            .join(""),
        );
        if (new Set(answers).size !== 1) mixed.push(answers.join(" | "));
        bad.push(...browser.statuses.filter((status) => status !== 200));
      }),
    );
    expect(bad).toEqual([]);
    expect(mixed).toEqual([]);
    expect(textsOf(old)).toHaveLength(users / 5);
    await expect.poll(() => textsOf(fresh).length, { timeout: 20_000 }).toBe(users / 5);
    expect(textsOf(fresh)).toEqual(textsOf(old));
    const { mirrored, variants } = await statusOf();
    expect(mirrored).toMatchObject([{ variant: "new", queued: 0, diverged: {} }]);
    for (const { requests } of variants) expect(requests).toBeGreaterThan(users / 2);
  });

  it("a variant that is away gets every write in order when it is back; behind and healed are shown", async () => {
    const browser = new Browser("ann");
    await browser.logIn();
    fresh.setDown(true);
    const texts = Array.from({ length: 40 }, (_, at) => `document ${at}`);
    for (const text of texts) {
      expect((await browser.post("/documents/text", { text })).status).toBe(200);
    }
    const behind = await statusOf();
    expect(behind.mirrored[0]).toMatchObject({ queued: 40, delivered: 0 });
    expect(behind.mirrored[0]?.failure).not.toBeNull();
    fresh.setDown(false);
    await expect.poll(() => fresh.documents.length, { timeout: 40_000 }).toBe(40);
    expect(fresh.documents.map(({ text }) => text)).toEqual(texts);
    await expect
      .poll(async () => (await statusOf()).mirrored[0])
      .toMatchObject({ state: "in_step", queued: 0, delivered: 40, failure: null });
  });

  it.each([
    ["no_context", "/query", "no_context"],
    ["not_generated", "/query", "not_generated"],
    ["error_in_stream", "/query/stream", "error_in_stream"],
    ["status_failure", "/query/data", "error_in_body"],
  ] as const)("%s of %s counts as a failure: %s", async (fault, path, reason) => {
    const browser = new Browser("ann");
    await browser.logIn();
    old.setFault(fault);
    fresh.setFault(fault);
    expect((await browser.post(path, { query: "what is it?" })).status).toBe(200);
    await expect
      .poll(async () => {
        const { variants } = await statusOf();
        return variants.reduce((sum, { failures }) => sum + (failures[reason] ?? 0), 0);
      })
      .toBe(1);
  });
});
