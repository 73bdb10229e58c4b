import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLogOutput } from "../../../src/control/log-output.ts";
import type { LogOutputOptions } from "../../../src/control/log-output.ts";
import { createFakeTime } from "../../support/fake-time.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const file = () => join(folder, "log");
function createOutput(options: Partial<LogOutputOptions> & { readonly fd: number }) {
  const time = createFakeTime();
  const drops: number[] = [];
  const waiting: (() => void)[] = [];
  const output = openLogOutput(
    { bytesMax: 10_000, closeMsMax: 1000, ...options },
    {
      timers: time.timers,
      onDropped(dropped) {
        drops.push(dropped);
        for (const resolve of waiting.splice(0)) resolve();
      },
    },
  );
  const announced = () => new Promise<void>((resolve) => waiting.push(resolve));
  return { output, drops, announced, time };
}

/** A line of 1000 bytes. */
const line = (at: number) => `${`${at} `.padEnd(999, "x")}\n`;

test("lines come out whole and in order, and closing waits for them", async () => {
  const { output, drops, time } = createOutput({ fd: openSync(file(), "w") });
  for (let at = 0; at < 10; at += 1) output.write(line(at));
  await output.close();
  output.write("after the end");
  await output.close();
  expect(readFileSync(file(), "utf8")).toBe(
    Array.from({ length: 10 }, (_, at) => line(at)).join(""),
  );
  expect(drops).toEqual([]);
  expect(time.pending()).toBe(0);
});

test("beyond the limit lines are dropped whole, and their number told when lines get out again", async () => {
  const { output, drops, announced } = createOutput({ fd: openSync(file(), "w") });
  const told = announced();
  for (let at = 0; at < 13; at += 1) output.write(line(at));
  await told;
  output.write(line(13));
  await output.close();
  const numbers = readFileSync(file(), "utf8").match(/^\d+/gm);
  expect(numbers).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "13"]);
  expect(drops).toEqual([3]);
});

test("a full disk costs lines, nothing else", async () => {
  const { output, drops, time } = createOutput({ fd: openSync("/dev/full", "w") });
  for (let at = 0; at < 20; at += 1) {
    output.write(line(at));
    await new Promise(setImmediate);
  }
  await output.close();
  // None of them got out, so that there was nothing to tell, and no time to wait for.
  expect(drops).toEqual([]);
  expect(time.pending()).toBe(0);
});
