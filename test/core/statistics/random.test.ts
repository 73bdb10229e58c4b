import { expect, test } from "vitest";
import { createRandom, openUniform, xoshiro128 } from "../../../src/core/statistics/random.ts";

test("xoshiro128** gives what its authors' C code gives from the state 1, 2, 3, 4", () => {
  const random = xoshiro128(1, 2, 3, 4);
  expect(Array.from({ length: 10 }, () => random() * 2 ** 32)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
    4258142804,
  ]);
});

test("a seed repeats, another differs, and 0 is -0", () => {
  const firstOf = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 5 }, () => random());
  };
  expect(firstOf(7)).toEqual(firstOf(7));
  expect(firstOf(0)).toEqual(firstOf(-0));
  const starts = new Set([0, 1, 2, 3, -1, 0.5, 2 ** 40, 2 ** 40 + 1].map((s) => firstOf(s)[0]));
  expect(starts.size).toBe(8);
  expect(() => createRandom(Number.NaN)).toThrow(RangeError);
});

test("uniform numbers fill 64 cells evenly, alone and in pairs", () => {
  const random = createRandom(11);
  const cells = new Float64Array(64);
  const draws = 64_000;
  for (let draw = 0; draw < draws; draw += 1) {
    const cell = Math.floor(random() * 8) * 8 + Math.floor(random() * 8);
    cells[cell] = (cells[cell] as number) + 1;
  }
  const statistic = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // χ² with 63 degrees of freedom: quantiles of 1e-4 and 1 − 1e-4.
  expect(statistic).toBeGreaterThan(30);
  expect(statistic).toBeLessThan(112);
});

test("an open uniform number is never 0 nor 1", () => {
  expect(openUniform(() => 0)).toBe(2 ** -53);
  expect(openUniform(() => 1 - 2 ** -32)).toBe(1 - 2 ** -53);
});
