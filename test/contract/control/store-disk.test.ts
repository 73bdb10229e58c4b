import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../../../src/control/store/sqlite-store.ts";
import { entryOf, faultCode, openStore, stateOf, valueOf } from "../../support/store.ts";

/** Only root can mount a disk of its own. */
const disk = mkdtempSync(join(tmpdir(), "sluice-disk-"));
const isMounted = run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk);

afterAll(() => {
  if (isMounted) expect(run("umount", disk)).toBe(true);
  rmdirSync(disk);
});

/** True when it succeeded. */
function run(program: string, ...options: string[]): boolean {
  return spawnSync(program, options).status === 0;
}

describe.skipIf(!isMounted)("a disk of 2 MiB", () => {
  let path = "";
  const fillerPath = join(disk, "filler");

  beforeEach(({ task }) => {
    path = join(disk, task.id, "sluice.db");
    onTestFinished(() => {
      rmSync(fillerPath, { force: true });
      rmSync(join(disk, task.id), { recursive: true, force: true });
    });
  });

  function fill(): void {
    const block = new Uint8Array(4096);
    try {
      for (;;) appendFileSync(fillerPath, block);
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" });
    }
  }

  test("that others fill takes nothing half, and goes on when there is room", () => {
    const store = openStore(path);
    valueOf(store.append([entryOf()], [stateOf({ state: 1 })]));
    fill();
    for (let tries = 0; tries < 3; tries += 1) {
      const refused = store.append(
        [entryOf({ facts: "x".repeat(20_000) }), entryOf({ facts: "x".repeat(20_000) })],
        [stateOf({ state: 2 })],
      );
      expect(faultCode(refused)).toBe("full");
    }
    expect(valueOf(store.read({}))).toHaveLength(1);
    expect(valueOf(store.states("rollout"))).toMatchObject([{ state: 1, sequence: 1 }]);
    rmSync(fillerPath);
    expect(valueOf(store.append([entryOf()], [stateOf({ state: 3 })]))).toBe(2);
    store.close();
    expect(valueOf(openStore(path).states("rollout"))).toMatchObject([{ state: 3, sequence: 2 }]);
  });

  test("that the store fills itself keeps all that was acknowledged", () => {
    const store = openStore(path);
    let acknowledged = 0;
    for (;;) {
      const appended = store.append(
        [entryOf({ facts: "x".repeat(10_000) })],
        [stateOf({ state: acknowledged + 1 })],
      );
      if (!appended.ok) {
        expect(appended.error.code).toBe("full");
        break;
      }
      acknowledged += 1;
    }
    expect(acknowledged).toBeGreaterThan(20);
    store.close();
    const again = openStore(path);
    expect(valueOf(again.read({ limit: 1000 }))).toHaveLength(acknowledged);
    expect(valueOf(again.states("rollout"))).toMatchObject([
      { state: acknowledged, sequence: acknowledged },
    ]);
  });

  test("without room has none for a new store", () => {
    fill();
    expect(faultCode(openSqliteStore(path, { recoverAtMs: 1 }))).toBe("full");
    rmSync(fillerPath);
    expect(valueOf(openStore(path).append([entryOf()], []))).toBe(1);
  });

  test("that turns read-only is read and not written", () => {
    openStore(path).close();
    expect(run("mount", "-o", "remount,ro", disk)).toBe(true);
    onTestFinished(() => {
      expect(run("mount", "-o", "remount,rw", disk)).toBe(true);
    });
    expect(faultCode(openSqliteStore(path))).toBe("read_only");
    expect(faultCode(openSqliteStore(join(disk, "new", "sluice.db")))).toBe("read_only");
  });
});
