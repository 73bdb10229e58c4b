import { expect, test } from "vitest";
import {
  permutationTest,
  type PermutationOptions,
} from "../../../src/core/statistics/permutation-test.ts";
import { normalVariate } from "../../../src/core/statistics/random-variates.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, valueOf } from "./sample.ts";

/** Efron and Tibshirani (1993), table 2.1. */
const treated = [94, 197, 16, 38, 99, 141, 23];
const untreated = [52, 104, 146, 10, 51, 30, 40, 27, 46];

const random = () => {
  throw new Error("drawn");
};

test.each([
  // SciPy 1.17 permutation_test(n_resamples=inf).
  [treated, untreated, "two_sided", 0.281993006993007],
  [treated, untreated, "greater", 0.1409965034965035],
  [treated, untreated, "less", 0.8612762237762238],
  [untreated, treated, "less", 0.1409965034965035],
  [untreated, treated, "greater", 0.8612762237762238],
  [[0.1, 0.2, 0.2, 0.5], [0.2, 0.4, 0.7, 0.7, 0.9], "two_sided", 0.12698412698412698],
  [[0.1, 0.2, 0.2, 0.5], [0.2, 0.4, 0.7, 0.7, 0.9], "greater", 0.9682539682539683],
  [[0.1, 0.2, 0.2, 0.5], [0.2, 0.4, 0.7, 0.7, 0.9], "less", 0.06349206349206349],
  // Sums of 0.8 that differ in their last bit are equal: 6 of 10 divisions.
  [[0.1, 0.7], [0.8, 0, 0.4], "less", 0.6],
] as const)("all divisions: %j against %j, %s", (x, y, alternative, pValue) => {
  const found = valueOf(permutationTest(x, y, { random, alternative, resamples: 20_000 }));
  expectClose(found.pValue, pValue, 1e-13);
  expect(found.isExact).toBe(true);
  const meanOf = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(Math.abs(found.difference - (meanOf(x) - meanOf(y)))).toBeLessThan(1e-13);
});

test.each([
  ["greater", 0.1409965],
  ["two_sided", 0.281993],
] as const)("random divisions come close to all of them: %s", (alternative, pValue) => {
  const options: PermutationOptions = { random: createRandom(6), alternative };
  const found = valueOf(permutationTest(treated, untreated, options));
  expect(found).toMatchObject({ isExact: false, resamples: 10_000 });
  expect(Math.abs(found.pValue - pValue)).toBeLessThan(0.03);
});

test("a p-value of random divisions is never 0", () => {
  const x = Array.from({ length: 40 }, (_, at) => at);
  const y = x.map((value) => value + 1000);
  const found = valueOf(permutationTest(x, y, { random: createRandom(1), resamples: 999 }));
  expect(found.pValue).toBe(0.002);
});

test("rejects a true null as often as it says", () => {
  const random = createRandom(9);
  let rejected = 0;
  for (let run = 0; run < 400; run += 1) {
    const x = Array.from({ length: 15 }, () => Math.exp(normalVariate(random)));
    const y = Array.from({ length: 40 }, () => Math.exp(normalVariate(random)));
    if (valueOf(permutationTest(x, y, { random, resamples: 199 })).pValue <= 0.05) rejected += 1;
  }
  // 20 expected; binomial quantiles of 1e-4 and 1 − 1e-4.
  expect(rejected).toBeGreaterThan(5);
  expect(rejected).toBeLessThan(38);
});

test("what cannot be tested is a fault", () => {
  expect(codeOf(permutationTest([], [1], { random }))).toBe("empty");
  expect(codeOf(permutationTest([1], [Number.NaN], { random }))).toBe("not_finite");
  expect(codeOf(permutationTest([1e308, -1e308], [1e308], { random }))).toBe("out_of_range");
  expect(() => permutationTest([1], [2], { random, resamples: 5 })).toThrow(RangeError);
  expect(valueOf(permutationTest([2, 2], [2, 2, 2], { random }))).toMatchObject({
    difference: 0,
    pValue: 1,
  });
});
