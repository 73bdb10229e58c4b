import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createRollouts, judgeEveryMs } from "../../src/control/rollouts.ts";
import { openSqliteStore } from "../../src/control/store/sqlite-store.ts";
import { valid } from "../core/config/texts.ts";
import { createFakeTime } from "../support/fake-time.ts";
import { look, post, startTraffic, variantsOf, type Traffic } from "../support/rollout-traffic.ts";
import { freePorts } from "../support/sluice.ts";
import { startSluiceProcess, type SluiceProcess } from "../support/sluice-process.ts";
import { openStore, valueOf } from "../support/store.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** Only root can mount a disk of its own. */
const disk = mkdtempSync(join(tmpdir(), "sluice-small-"));
const isMounted = run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk);
const filler = join(disk, "filler");
const skipped = isMounted ? "" : ", skipped: needs root to mount tmpfs";

let folder: string;
let upstream: TestUpstream;
let sluice: SluiceProcess | null = null;
let traffic: Traffic | null = null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-fault-"));
  upstream = await startUpstream();
});

afterEach(async () => {
  await traffic?.stop();
  await sluice?.kill();
  [traffic, sluice] = [null, null];
  await upstream.close();
  rmSync(folder, { recursive: true });
  for (const left of ["filler", "data"]) rmSync(join(disk, left), { recursive: true, force: true });
});

afterAll(() => {
  if (isMounted) expect(run("umount", disk)).toBe(true);
  rmdirSync(disk);
});

/** True when it succeeded. */
function run(program: string, ...options: string[]): boolean {
  return spawnSync(program, options).status === 0;
}

function fill(): void {
  try {
    for (;;) appendFileSync(filler, new Uint8Array(1024));
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  }
}

const steps = "{ share: 30%, hold: 1h }, { share: 60%, hold: 1h }, { share: 90%, hold: 1h }";

/** Starts the process with its store at `path`. */
async function serve(path: string): Promise<SluiceProcess> {
  const file = join(folder, "sluice.yaml");
  writeFileSync(
    file,
    `${freePorts()}
store: { sqlite: "${path}" }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ ${steps} ] }
`,
  );
  sluice = await startSluiceProcess(file);
  return sluice;
}

/** Resolves once every worker routes by the share. */
async function inForce(share: number): Promise<void> {
  const applied = async () => (await look(String(sluice?.adminUrl))).applied_share;
  await expect.poll(applied, { timeout: 10_000 }).toBe(share);
}

const countNew = (variants: readonly string[]) => variants.filter((one) => one === "new").length;

describe.skipIf(!isMounted)(`a full disk${skipped}`, () => {
  const path = join(disk, "data", "s.db");

  const kept = () => {
    const store = valueOf(openSqliteStore(path, { isReadOnly: true }));
    const entries = valueOf(store.read({ scope: "rollout", limit: 1000 }));
    store.close();
    return entries.map(({ kind, actor }) => `${kind} by ${actor}`);
  };

  it("lets every request through, refuses a rise with the reason, takes back, and keeps again", async () => {
    const { url, adminUrl, logs } = await serve(path);
    traffic = startTraffic(url, 200);
    await post(adminUrl, "start", "ann");
    await inForce(0.3);
    const before = await variantsOf(url, 50);
    fill();
    for (let again = 0; again < 4; again += 1) {
      expect(await post(adminUrl, "promote", "bob")).toEqual({
        kind: "refused",
        reason: expect.stringMatching(
          /^the store cannot keep it: no room on the disk for the store .+s\.db/,
        ),
      });
    }
    expect(await look(adminUrl)).toMatchObject({ phase: "stepping", step: 1, share: 0.3 });
    expect(await variantsOf(url, 50)).toEqual(before);
    expect(await post(adminUrl, "rollback", "ann")).toMatchObject({
      kind: "done",
      status: { phase: "rolled_back", share: 0 },
    });
    await inForce(0);
    expect(countNew(await variantsOf(url, 50))).toBe(0);
    const said = logs.filter(({ msg }) => msg === "rollout not written down");
    expect(said).toMatchObject([{ level: "error", experiment: "e", code: "full" }]);
    rmSync(filler);
    expect(await post(adminUrl, "retry", "ann")).toMatchObject({ kind: "done" });
    expect(await post(adminUrl, "promote", "cleo")).toMatchObject({ kind: "done" });
    await inForce(0.6);
    expect(kept().slice(-2)).toEqual(["step by ann", "step by cleo"]);
    await traffic.pass(100);
    expect([...traffic.statuses.keys()]).toEqual([200]);
    expect(traffic.failed()).toBe(0);
    const after = await variantsOf(url, 50);
    await sluice?.kill();
    const next = await serve(path);
    expect(await look(next.adminUrl)).toMatchObject({ phase: "stepping", step: 2, share: 0.6 });
    expect(await variantsOf(next.url, 50)).toEqual(after);
  });

  it("is told about once a minute, for as long as it lasts", () => {
    const store = openStore(join(disk, "data", "told.db"));
    const time = createFakeTime();
    const said: string[] = [];
    const config = valid(`upstreams: { a: { url: "http://localhost:1001" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: a, control: true }, new: { upstream: a } }
    rollout: { steps: [ { share: 5%, hold: 1s, min_requests: 0 }, { share: 50% } ] }
`);
    const rollouts = createRollouts(config, {
      ...time,
      store,
      apply: async () => ({ ok: true, value: null }),
      gates: { ask: () => {}, cancel: () => {} },
      queries: () => null,
      log: (level, message) => said.push(`${level} ${message}`),
    });
    onTestFinished(() => rollouts.stop());
    expect(rollouts.command("e", "start", "ann")).toBeNull();
    fill();
    const told = () => said.filter((line) => line === "error rollout not written down").length;
    // It wants to climb with each tick from here on.
    time.advance(1000 + judgeEveryMs);
    expect(told()).toBe(1);
    time.advance(59_000);
    expect(told()).toBe(1);
    time.advance(2 * 60_000);
    expect(told()).toBe(3);
    expect(rollouts.view()[0]).toMatchObject({ state: { share: 0.05 } });
    rmSync(filler);
    time.advance(judgeEveryMs);
    expect(rollouts.view()[0]).toMatchObject({ state: { share: 0.5 } });
    time.advance(10 * 60_000);
    expect(told()).toBe(3);
  });
});

describe("a store that was damaged between two runs", () => {
  it("holds no traffic up and gives nobody the treatment; the log names the file", async () => {
    const path = join(folder, "data", "s.db");
    mkdirSync(join(folder, "data"));
    const first = await serve(path);
    await post(first.adminUrl, "start", "ann");
    await inForce(0.3);
    expect(countNew(await variantsOf(first.url, 50))).toBeGreaterThan(0);
    await first.kill();
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
    writeFileSync(path, "no database".repeat(1000));
    const bytes = readFileSync(path);

    const { url, adminUrl, logs } = await serve(path);
    traffic = startTraffic(url, 50);
    await traffic.pass(100);
    expect(countNew(await variantsOf(url, 50))).toBe(0);
    expect(await post(adminUrl, "start", "ann")).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining(path),
    });
    expect(await look(adminUrl)).toMatchObject({ phase: "waiting", share: 0, applied_share: 0 });
    await traffic.pass(100);
    expect([...traffic.statuses.keys()]).toEqual([200]);
    expect(traffic.failed()).toBe(0);
    expect(
      logs.find(({ msg }) => String(msg).startsWith("the store cannot be opened")),
    ).toMatchObject({
      level: "error",
      code: "corrupt",
      msg: "the store cannot be opened: rollouts stay at 0 until it can",
      reason: expect.stringContaining(`the store ${path} is damaged`),
    });
    // It is left as it was for whoever wants to save something from it.
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});
