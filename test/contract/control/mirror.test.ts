import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMirror, type Mirror, type MirrorView } from "../../../src/control/mirror/mirror.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { mirrorLimits, type MirroredWrite } from "../../../src/wire/mirrored-write.ts";
import { createFakeTime, type FakeTime } from "../../support/fake-time.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

let directory: string;
let time: FakeTime;
let told: string[];
const ends: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "sluice-mirror-")), "writes");
  mkdirSync(directory);
  time = createFakeTime();
  told = [];
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  rmSync(join(directory, ".."), { recursive: true, force: true });
});

type Store = TestUpstream & { readonly bodies: string[]; status: number; says: string };

/** Keeps the bodies that it took, and answers with `status` and `says`. */
async function startStore(name: string): Promise<Store> {
  const upstream = await startUpstream(name);
  ends.push(() => upstream.close());
  const store: Store = Object.assign(upstream, { bodies: [], status: 200, says: "success" });
  upstream.respond((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      if (store.status < 400) store.bodies.push(body);
      response.writeHead(store.status).end(JSON.stringify({ status: store.says }));
    });
  });
  return store;
}

function startMirror(stores: readonly Store[]): Mirror {
  const upstreams = stores.map(({ name, url }) => `${name}: { url: "${url}" }`).join("\n  ");
  const text = `upstreams:\n  ${upstreams}\nroutes: [ { match: /**, upstream: ${stores[0]?.name} } ]\n`;
  const config = parseConfig(text, {
    env: {},
    cores: 1,
    files: () => ({ ok: false, error: "none" }),
  });
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const mirror = createMirror({
    directory,
    clock: time.clock,
    timers: time.timers,
    random: { next: () => 1, hex32: () => "0".repeat(32) },
    upstreamOf: (_, variant) => config.value.upstreams[variant] ?? null,
    log: (level, message) => void told.push(`${level}: ${message}`),
  });
  ends.push(() => mirror.stop());
  return mirror;
}

function headOf(variants: readonly string[], change: Partial<MirroredWrite> = {}): MirroredWrite {
  return {
    experiment: "e",
    requestId: "r",
    atMs: time.clock.wallMs(),
    primary: { variant: "old", status: 200, says: "success" },
    bodyBytes: 2,
    targets: variants.map((variant) => ({
      variant,
      method: "POST",
      path: "/documents/text",
      headers: [],
    })),
    ...change,
  };
}

/** As a worker leaves one on disk; `order` is its place among the others. */
function put(order: number, variants: readonly string[], change: Partial<MirroredWrite> = {}) {
  const name = `${String(order).padStart(17, "0")}-0-x-0000000001`;
  writeFileSync(join(directory, `${name}.body`), `#${order}`);
  const head = headOf(variants, change);
  writeFileSync(join(directory, `${name}.json`), JSON.stringify(head));
  return { name, head };
}

function of(mirror: Mirror, variant: string): MirrorView | undefined {
  return mirror.view().find((view) => view.variant === variant);
}

describe("writes on disk", () => {
  it("go to a variant in the order of their names, whoever tells of them first", async () => {
    const slow = await startStore("new");
    const mirror = startMirror([slow]);
    slow.status = 503;
    const [first, second, third] = [1, 2, 3].map((order) => put(order, ["new"]));
    if (first === undefined || second === undefined || third === undefined) return;
    mirror.notice(first.name, first.head);
    await expect.poll(() => of(mirror, "new")?.retried).toBe(1);
    mirror.notice(third.name, third.head);
    mirror.notice(second.name, second.head);
    // Told twice is kept once.
    mirror.notice(second.name, second.head);
    expect(of(mirror, "new")).toMatchObject({ queued: 3, failure: "answered 503" });
    expect(slow.requests).toHaveLength(1);
    slow.status = 200;
    time.advance(250);
    await expect.poll(() => of(mirror, "new")).toMatchObject({ queued: 0, delivered: 3 });
    expect(slow.bodies).toEqual(["#1", "#2", "#3"]);
    await expect.poll(() => readdirSync(directory)).toEqual([]);
    expect(mirror.room()).toEqual({ writes: 0, bytes: 0 });
  });

  it("wait for longer after each failure, however many others come meanwhile", async () => {
    const store = await startStore("new");
    store.status = 503;
    const mirror = startMirror([store]);
    for (const order of [1, 2, 3]) {
      const { name, head } = put(order, ["new"]);
      mirror.notice(name, head);
    }
    for (const waitMs of [250, 500, 1000]) {
      const before = store.requests.length;
      await store.until(before);
      await expect.poll(() => of(mirror, "new")?.retried).toBe(before);
      time.advance(waitMs - 1);
      expect(store.requests).toHaveLength(before);
      time.advance(1);
      await store.until(before + 1);
    }
  });

  it("that nobody told of, as from a worker that died, are found", async () => {
    const store = await startStore("new");
    const mirror = startMirror([store]);
    put(1, ["new"]);
    time.advance(10_000);
    await expect.poll(() => store.bodies).toEqual(["#1"]);
    await expect.poll(() => of(mirror, "new")?.queued).toBe(0);
    time.advance(10_000);
    await expect.poll(() => readdirSync(directory)).toEqual([]);
    expect(store.bodies).toEqual(["#1"]);
  });

  it("of a variant that fails at one, and at no other, come after eight attempts", async () => {
    const store = await startStore("new");
    store.status = 500;
    const mirror = startMirror([store]);
    for (const order of [1, 2]) {
      const { name, head } = put(order, ["new"]);
      mirror.notice(name, head);
    }
    for (const attempts of [1, 2, 3, 4, 5, 6, 7]) {
      await expect.poll(() => of(mirror, "new")?.retried).toBe(attempts);
      if (attempts < 7) time.advance(30_000);
    }
    store.respond((request, response) => {
      request.resume();
      response.writeHead(store.requests.length === 8 ? 500 : 200).end('{"status":"success"}');
    });
    time.advance(30_000);
    await expect
      .poll(() => of(mirror, "new"))
      .toMatchObject({ queued: 0, delivered: 2, diverged: { refused: 1 } });
    expect(store.requests).toHaveLength(9);
  });

  it("are given up after a day, told, and the next one has its turn", async () => {
    const store = await startStore("new");
    store.status = 503;
    const mirror = startMirror([store]);
    const { name, head } = put(1, ["new"]);
    mirror.notice(name, head);
    await expect.poll(() => of(mirror, "new")?.retried).toBe(1);
    time.advance(mirrorLimits.ageMsMax - 1);
    await expect.poll(() => of(mirror, "new")?.retried).toBe(2);
    time.advance(30_000);
    await expect
      .poll(() => of(mirror, "new"))
      .toMatchObject({ queued: 0, delivered: 0, diverged: { given_up: 1 }, unacknowledged: 1 });
    expect(told).toContain("warn: a mirrored write came to something else");
  });

  it("whose first answer is unknown may be known to the variant, and that is no difference", async () => {
    const store = await startStore("new");
    store.says = "duplicated";
    const mirror = startMirror([store]);
    const primary = { variant: "old", status: null, says: null };
    const { name, head } = put(1, ["new"], { primary });
    mirror.notice(name, head);
    await expect.poll(() => of(mirror, "new")?.delivered).toBe(1);
    expect(of(mirror, "new")).toMatchObject({ diverged: {}, unacknowledged: 0 });
  });

  it("for a variant that the configuration has no longer are dropped", async () => {
    const store = await startStore("new");
    const mirror = startMirror([store]);
    const { name, head } = put(1, ["gone"]);
    mirror.notice(name, head);
    await expect.poll(() => readdirSync(directory)).toEqual([]);
    expect(of(mirror, "gone")).toMatchObject({ queued: 0, delivered: 0 });
  });
});

describe("after a restart", () => {
  it("each variant gets what it has not got yet, and rubbish is gone", async () => {
    const [one, other] = [await startStore("one"), await startStore("other")];
    other.status = 503;
    const before = startMirror([one, other]);
    for (const order of [1, 2]) {
      const { name, head } = put(order, ["one", "other"]);
      before.notice(name, head);
    }
    await expect.poll(() => of(before, "one")?.delivered).toBe(2);
    await expect
      .poll(() => readdirSync(directory).filter((name) => name.endsWith(".one.done")))
      .toHaveLength(2);
    await ends.pop()?.();
    writeFileSync(join(directory, "0-x-0000000009.body.part"), "half of one");
    other.status = 200;
    const after = startMirror([one, other]);
    await expect.poll(() => other.bodies).toEqual(["#1", "#2"]);
    expect(one.bodies).toEqual(["#1", "#2"]);
    await expect.poll(() => readdirSync(directory)).toEqual([]);
    expect(of(after, "one")).toBeUndefined();
  });

  it("a damaged one is set aside and told, and keeps nobody waiting", async () => {
    const store = await startStore("new");
    const { name } = put(1, ["new"]);
    writeFileSync(join(directory, `${name}.json`), "{");
    put(2, ["new"]);
    startMirror([store]);
    await expect.poll(() => store.bodies).toEqual(["#2"]);
    await expect
      .poll(() => readdirSync(directory))
      .toEqual([`${name}.body`, `${name}.json.damaged`]);
    expect(told).toContain("error: a write that waits for other variants is damaged");
  });

  it("differences between variants are known, until somebody acknowledges them", async () => {
    const store = await startStore("new");
    store.says = "failure";
    const before = startMirror([store]);
    const { name, head } = put(1, ["new"]);
    before.notice(name, head);
    before.noticeLost("e", ["new"], "r2", "/documents/upload");
    const known = { diverged: { failed: 1, lost: 1 }, unacknowledged: 2 };
    await expect.poll(() => of(before, "new")).toMatchObject(known);
    await ends.pop()?.();
    const after = startMirror([store]);
    expect(of(after, "new")).toMatchObject(known);
    expect(
      of(after, "new")
        ?.divergent.map(({ kind }) => kind)
        .toSorted(),
    ).toEqual(["failed", "lost"]);
    after.acknowledge("e", "new");
    await ends.pop()?.();
    expect(of(startMirror([store]), "new")).toMatchObject({ ...known, unacknowledged: 0 });
  });

  it("of many differences the last fifty are kept for a look", async () => {
    const store = await startStore("new");
    const mirror = startMirror([store]);
    for (let at = 0; at < 60; at += 1) mirror.noticeLost("e", ["new"], `r${at}`, "/");
    const view = of(mirror, "new");
    expect(view).toMatchObject({ diverged: { lost: 60 }, unacknowledged: 60 });
    expect(view?.divergent.map(({ requestId }) => requestId)).toEqual(
      Array.from({ length: 50 }, (_, at) => `r${at + 10}`),
    );
    await ends.pop()?.();
    const file = join(directory, "divergences.json");
    expect(existsSync(file)).toBe(true);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject([{ unacknowledged: 60 }]);
  });
});
