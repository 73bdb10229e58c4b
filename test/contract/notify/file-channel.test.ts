import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { channelLimits } from "../../../src/control/notify/channel.ts";
import { LineFile } from "../../../src/control/notify/line-file.ts";
import { senderLimits } from "../../../src/control/notify/sender.ts";
import type { ChannelPolicy } from "../../../src/core/alerting/policy.ts";
import { named, noticeOf, openDesk, over, told, type Desk } from "./desk.ts";

let desk: Desk;
beforeEach(async () => (desk = await openDesk()));
afterEach(() => desk.close());

const at = (...parts: string[]) => join(desk.folder, ...parts);
const fileChannel = (path: string): ChannelPolicy => ({
  name: "file",
  minSeverity: "info",
  target: { kind: "jsonl", path },
});
const linesOf = (path: string) => readFileSync(path, "utf8").trim().split("\n");

describe("a file of lines", () => {
  it("gets one for each notice, in a folder that is made", async () => {
    const path = at("deep", "er", "alerts.jsonl");
    const { notify, state } = desk.open(fileChannel(path));
    notify(named("a"));
    notify(over("a"));
    await desk.until({ sent: 2, queued: 0 });
    const lines = linesOf(path).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(told({ ...desk, bodies: lines })).toEqual(["a firing", "a resolved"]);
    expect(lines[0]).toMatchObject({ at: "1970-01-01T00:00:00.000Z", severity: "critical" });
    expect(state()[0]).toMatchObject({ kind: "jsonl", target: path });
  });

  it("keeps what is in it, and may be moved away by others", async () => {
    const path = at("a.jsonl");
    writeFileSync(path, "before\n");
    const file = new LineFile(path, 1000);
    await file.append("one");
    expect(linesOf(path)).toEqual(["before", "one"]);
    truncateSync(path);
    await file.append("two");
    expect(linesOf(path)).toEqual(["two"]);
  });

  it("is set aside when the next line does not fit, once", async () => {
    const path = at("a.jsonl");
    const file = new LineFile(path, 80);
    for (const letter of "abcd") await file.append(letter.repeat(39));
    expect(statSync(path).size).toBe(80);
    expect(linesOf(`${path}.1`)).toEqual(["a".repeat(39), "b".repeat(39)]);
    await file.append("e");
    expect(linesOf(path)).toEqual(["e"]);
    expect(linesOf(`${path}.1`)).toEqual(["c".repeat(39), "d".repeat(39)]);
    expect(existsSync(`${path}.2`)).toBe(false);
  });

  it("is not set aside for nothing when a line is longer than it may be", async () => {
    const path = at("a.jsonl");
    await new LineFile(path, 10).append("x".repeat(20));
    expect(statSync(path).size).toBe(21);
    expect(existsSync(`${path}.1`)).toBe(false);
  });

  it("of alerts is set aside at its limit", async () => {
    const path = at("a.jsonl");
    writeFileSync(path, "");
    truncateSync(path, senderLimits.fileBytesMax);
    desk.open(fileChannel(path)).notify(named("a"));
    await desk.until({ sent: 1 });
    expect(linesOf(path)).toHaveLength(1);
    expect(statSync(`${path}.1`).size).toBe(senderLimits.fileBytesMax);
  });

  it("that cannot be written is told once a minute, and written once it can be", async () => {
    const path = at("place", "a.jsonl");
    writeFileSync(at("place"), "in the way");
    const { notify } = desk.open(fileChannel(path));
    notify(named("a"));
    for (let failed = 1; failed <= 3; failed += 1) {
      await desk.until({ failed, queued: 1, lastError: expect.stringContaining("ENOTDIR") });
      expect(desk.logs).toHaveLength(1);
      desk.time.advance(1000 * 2 ** (failed - 1));
    }
    await desk.until({ failed: 4 });
    desk.time.advance(channelLimits.complainEveryMs);
    await desk.until({ failed: 5 });
    expect(desk.logs).toHaveLength(2);
    expect(desk.logs[1]).toMatch(/^warn alert not delivered yet .*ENOTDIR/);

    rmSync(at("place"));
    mkdirSync(at("place"));
    desk.time.advance(channelLimits.complainEveryMs);
    await desk.until({ sent: 1, queued: 0, lastError: null });
    expect(linesOf(path)).toHaveLength(1);
  });

  it("on a full disk is told", async () => {
    desk.open(fileChannel("/dev/full")).notify(named("a"));
    await desk.until({ failed: 1, queued: 1 });
    expect(desk.logs).toEqual([expect.stringContaining("ENOSPC")]);
  });
});

describe("the log", () => {
  it.each([
    [noticeOf({ severity: "critical" }), "error alert firing"],
    [noticeOf({ severity: "warning" }), "warn alert firing"],
    [noticeOf({ severity: "info" }), "info alert firing"],
    [over("error_rate/e/new"), "info alert resolved"],
    [noticeOf({ status: "acknowledged", acknowledgedBy: "ann" }), "info alert acknowledged"],
  ])("%#: has the level of what happened", async (notice, line) => {
    desk.open({ name: "log", minSeverity: "info", target: { kind: "log" } }).notify(notice);
    await desk.until({ sent: 1, kind: "log", target: "log" });
    expect(desk.logs).toEqual([expect.stringContaining(`${line} {"alert":"error_rate/e/new"`)]);
  });
});
