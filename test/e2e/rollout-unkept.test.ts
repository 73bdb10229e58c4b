import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/control/store/sqlite-store.ts";
import { look, post, variantsOf } from "../support/rollout-traffic.ts";
import { freePorts } from "../support/sluice.ts";
import { startSluiceProcess, type SluiceProcess } from "../support/sluice-process.ts";
import { valueOf } from "../support/store.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** Only root can mount a disk of its own. */
const disk = mkdtempSync(join(tmpdir(), "sluice-unkept-"));
const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]).status === 0;
const skipped = isMounted ? "" : ", skipped: needs root to mount tmpfs";
const filler = join(disk, "filler");

let folder: string;
let upstream: TestUpstream;
let sluice: SluiceProcess | null = null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-unkept-run-"));
  upstream = await startUpstream();
  writeFileSync(
    join(folder, "sluice.yaml"),
    `${freePorts()}
store: { sqlite: "${join(disk, "s.db")}" }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 30%, hold: 1h }, { share: 60%, hold: 1h } ] }
`,
  );
});

afterEach(async () => {
  await sluice?.kill();
  sluice = null;
  await upstream.close();
  rmSync(folder, { recursive: true });
  rmSync(filler, { force: true });
});

afterAll(() => {
  if (isMounted) expect(spawnSync("umount", [disk]).status).toBe(0);
  rmdirSync(disk);
});

function fill(): void {
  try {
    for (;;) appendFileSync(filler, new Uint8Array(1024));
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  }
}

async function serve(): Promise<SluiceProcess> {
  sluice = await startSluiceProcess(join(folder, "sluice.yaml"));
  return sluice;
}

function kept(): string[] {
  const store = valueOf(openSqliteStore(join(disk, "s.db"), { isReadOnly: true }));
  const entries = valueOf(store.read({ scope: "rollout", limit: 1000 }));
  store.close();
  return entries.map(({ kind, actor }) => `${kind} by ${actor}`);
}

describe.skipIf(!isMounted)(`a full disk${skipped}`, () => {
  it("a rollback that the full disk did not take is written once there is room, and survives kill -9", async () => {
    const first = await serve();
    await post(first.adminUrl, "start", "ann");
    fill();
    expect(await post(first.adminUrl, "rollback", "ann")).toMatchObject({
      kind: "done",
      status: { phase: "rolled_back", share: 0 },
    });
    rmSync(filler);
    await expect.poll(kept, { timeout: 5000 }).toEqual(["step by ann", "rolled_back by ann"]);
    await first.kill();
    const second = await serve();
    expect(await look(second.adminUrl)).toMatchObject({ phase: "rolled_back", share: 0 });
    expect(new Set(await variantsOf(second.url, 50))).toEqual(new Set(["old"]));
  });
});

describe("a store that is damaged", () => {
  it("is reported with what to do about it", async () => {
    const path = join(folder, "s.db");
    const file = join(folder, "sluice.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(join(disk, "s.db"), path));
    writeFileSync(path, "no database".repeat(1000));
    const { logs } = await serve();
    const line = logs.find(({ code }) => code === "corrupt");
    expect(line).toMatchObject({ reason: expect.stringContaining(path) });
    expect(JSON.stringify(line)).toMatch(/move|restore|delete/);
  });
});
