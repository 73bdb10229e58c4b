import fc from "fast-check";
import { expect, test } from "vitest";
import { pairedT } from "../../../src/core/statistics/paired-t-test.ts";
import { expectClose } from "./closeness.ts";
import { depression } from "./paired-samples.ts";
import { codeOf, moments, valueOf } from "./sample.ts";

test("R 4.2 t.test(paired = TRUE): M. Hollander and D. A. Wolfe (1973), depression", () => {
  const both = valueOf(pairedT(depression));
  expectClose(both.statistic, 3.0353754156485913, 1e-12);
  expectClose(both.pValue, 0.016176627434908095, 1e-11);
  expectClose(both.interval.low, 0.10377871227216852, 1e-11);
  expectClose(both.interval.high, 0.75999906550560925, 1e-11);
  expect(both.df).toBe(8);
  const greater = valueOf(pairedT(depression, { alternative: "greater" }));
  expectClose(greater.pValue, 0.0080883137174540473, 1e-11);
  expectClose(greater.interval.low, 0.1673027913589646, 1e-11);
  expect(greater.interval.high).toBe(Infinity);
  const less = valueOf(pairedT(depression, { alternative: "less" }));
  expectClose(less.pValue, 0.99191168628254589, 1e-11);
});

test("R's help page of t.test, sleep data: t = -4.0621, p = 0.002833", () => {
  const sleep = [-1.2, -2.4, -1.3, -1.3, 0, -1.0, -1.8, -0.8, -4.6, -1.4];
  const found = valueOf(pairedT(sleep));
  expectClose(found.statistic, -4.0621, 1e-4);
  expectClose(found.pValue, 0.002833, 1e-3);
  expectClose(found.interval.high, -0.7001142, 1e-7);
  expect(valueOf(pairedT(moments(...sleep)))).toEqual(found);
});

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 40 });

test("turns with the sign, keeps its p-value at another scale, and is never NaN", () => {
  fc.assert(
    fc.property(values, fc.constantFrom(2 ** -20, 0.5, 2 ** 30), (differences, scale) => {
      const found = pairedT(differences);
      if (!found.ok) {
        expect(["empty", "too_few", "zero_variance"]).toContain(found.error.code);
        return;
      }
      const { statistic, pValue, interval } = found.value;
      for (const number of [statistic, pValue, interval.low, interval.high]) {
        expect(number).not.toBeNaN();
      }
      const turned = valueOf(pairedT(differences.map((value) => -value)));
      expect(turned.statistic).toBe(-statistic);
      expect(turned.pValue).toBe(pValue);
      expect(turned.interval.low).toBe(-interval.high);
      const scaled = pairedT(differences.map((value) => value * scale));
      // Squares of the tiniest differences vanish when made smaller.
      if (scaled.ok) expectClose(scaled.value.pValue, pValue, 1e-9);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("what cannot be tested is a fault", () => {
  expect(codeOf(pairedT([]))).toBe("empty");
  expect(codeOf(pairedT([1]))).toBe("too_few");
  expect(codeOf(pairedT([0.1, 0.1, 0.1]))).toBe("zero_variance");
  expect(codeOf(pairedT([1, Number.NaN]))).toBe("not_finite");
  expect(codeOf(pairedT({ n: 3, mean: 0, variance: 5e-324 }))).toBe("zero_variance");
  expect(() => pairedT([1, 2], { confidence: 0 })).toThrow(RangeError);
});
