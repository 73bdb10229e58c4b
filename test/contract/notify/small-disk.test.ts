import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { named, openDesk, type Desk } from "./desk.ts";

/** Only root can mount a disk of its own. */
const disk = mkdtempSync(join(tmpdir(), "sluice-small-disk-"));
const isMounted = run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk);

afterAll(() => {
  if (isMounted) expect(run("umount", disk)).toBe(true);
  rmdirSync(disk);
});

/** True when it succeeded. */
function run(program: string, ...options: string[]): boolean {
  return spawnSync(program, options).status === 0;
}

describe.skipIf(!isMounted)("a file of alerts on a disk of 64 KiB", () => {
  const path = join(disk, "alerts.jsonl");
  const filler = join(disk, "filler");
  let desk: Desk;
  beforeEach(async () => {
    desk = await openDesk();
    rmSync(path, { force: true });
  });
  afterEach(() => desk.close());

  const open = () => desk.open({ name: "f", minSeverity: "info", target: { kind: "jsonl", path } });

  it("that fills up has whole lines only, and goes on when there is room", async () => {
    // 15 pages are taken, of the last one all but 100 bytes: a part of the line fits.
    writeFileSync(filler, Buffer.alloc(15 * 4096));
    const before = `${"x".repeat(4096 - 101)}\n`;
    writeFileSync(path, before);
    open().notify(named("a"));
    await desk.until({ failed: 1, queued: 1, lastError: expect.stringContaining("ENOSPC") });
    expect(readFileSync(path, "utf8")).toBe(before);
    truncateSync(filler);
    desk.time.advance(1000);
    await desk.until({ sent: 1, queued: 0 });
    const [, line] = readFileSync(path, "utf8").trim().split("\n");
    expect(JSON.parse(line ?? "")).toMatchObject({ alert: "a" });
  });

  it("that is read-only is told, and written when it is no more", async () => {
    expect(run("mount", "-o", "remount,ro", disk)).toBe(true);
    try {
      open().notify(named("a"));
      await desk.until({ failed: 1, queued: 1, lastError: expect.stringContaining("EROFS") });
      expect(desk.logs).toEqual([expect.stringContaining("EROFS")]);
    } finally {
      expect(run("mount", "-o", "remount,rw", disk)).toBe(true);
    }
    desk.time.advance(1000);
    await desk.until({ sent: 1, lastError: null });
  });
});
