import { expect, test } from "vitest";
import { realRandom, realTimers } from "../../src/main/system.ts";

test("identifiers are 32 lowercase hexadecimal digits and never repeat, also across pools", () => {
  const drawn = Array.from({ length: 3000 }, () => realRandom.hex32());
  expect(new Set(drawn).size).toBe(3000);
  expect(drawn.filter((id) => !/^[0-9a-f]{32}$/.test(id))).toEqual([]);
  const digits = new Set(drawn.flatMap((id) => Array.from(id, (digit, at) => `${at}${digit}`)));
  expect(digits.size).toBe(32 * 16);
});

test("a wait too long for Node's timers does not end at once", async () => {
  let ended = false;
  const cancel = realTimers.after(2 ** 40, () => (ended = true));
  await new Promise<void>((resolve) => void realTimers.after(5, resolve));
  cancel();
  expect(ended).toBe(false);
});
