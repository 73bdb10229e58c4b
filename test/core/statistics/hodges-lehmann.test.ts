import fc from "fast-check";
import { expect, test } from "vitest";
import { sortedQuantile } from "../../../src/core/statistics/bootstrap/interval.ts";
import { hodgesLehmann } from "../../../src/core/statistics/hodges-lehmann.ts";
import { mannWhitney } from "../../../src/core/statistics/mann-whitney.ts";
import { expectClose } from "./closeness.ts";
import { earlyPermeable, permeable, scipyX, scipyY } from "./rank-samples.ts";
import { codeOf, valueOf } from "./sample.ts";

test.each([
  // R 4 wilcox.test(conf.int = TRUE), exact; the first is example(wilcox.test) and Hollander and Wolfe (1973).
  [permeable, earlyPermeable, "two_sided", 0.95, 0.305, -0.15, 0.76],
  [permeable, earlyPermeable, "two_sided", 0.99, 0.305, -0.35, 1.01],
  [permeable, earlyPermeable, "greater", 0.95, 0.305, -0.08, Infinity],
  [permeable, earlyPermeable, "less", 0.9, 0.305, -Infinity, 0.7],
  [scipyX, scipyY, "two_sided", 0.95, -65.6096433155341, -306.1833432976819, 127.94885260536418],
  [scipyX, scipyY, "two_sided", 0.8, -65.6096433155341, -190.42432185038905, 71.50990449078483],
] as const)("R: %j less %j, %s, %d", (x, y, alternative, confidence, estimate, low, high) => {
  const found = valueOf(hodgesLehmann(x, y, { alternative, confidence }));
  expectClose(found.estimate, estimate, 1e-13);
  expectClose(found.interval.low, low, 1e-13);
  expectClose(found.interval.high, high, 1e-13);
});

const values = fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 1, maxLength: 30 });

test("is the median of all differences and lies in its interval", () => {
  fc.assert(
    fc.property(values, values, (x, y) => {
      const all = Float64Array.from(x.flatMap((a) => y.map((b) => a - b))).toSorted();
      const { estimate, interval } = valueOf(hodgesLehmann(x, y));
      expect(estimate).toBe(sortedQuantile(all, 0.5));
      expect(interval.low).toBeLessThanOrEqual(estimate);
      expect(interval.high).toBeGreaterThanOrEqual(estimate);
    }),
  );
});

test("the exact interval holds the shifts that the exact test does not reject", () => {
  const x = [1.2, 3.4, 0.7, 8.9, 5.5, 2.1];
  const y = [0.35, 2.25, 4.15, 6.65, 1.95];
  const { low, high } = valueOf(hodgesLehmann(x, y, { confidence: 0.9 })).interval;
  const pValueAt = (shift: number) =>
    valueOf(
      mannWhitney(
        x,
        y.map((value) => value + shift),
        { method: "exact" },
      ),
    ).pValue;
  expect(pValueAt(low - 1e-9)).toBeLessThanOrEqual(0.1);
  expect(pValueAt(low + 1e-9)).toBeGreaterThan(0.1);
  expect(pValueAt(high - 1e-9)).toBeGreaterThan(0.1);
  expect(pValueAt(high + 1e-9)).toBeLessThanOrEqual(0.1);
});

test("samples too small for the confidence have no bounds", () => {
  expect(valueOf(hodgesLehmann([3, 4], [1, 7]))).toEqual({
    estimate: -0.5,
    interval: { low: -Infinity, high: Infinity },
  });
});

test("large samples with ties give what all their differences give", () => {
  const x = Array.from({ length: 400 }, (_, at) => (at * 7919) % 301);
  const y = Array.from({ length: 300 }, (_, at) => ((at * 6007) % 301) + 12);
  const all = Float64Array.from(x.flatMap((a) => y.map((b) => a - b))).toSorted();
  const { estimate, interval } = valueOf(hodgesLehmann(x, y));
  expect(estimate).toBe(sortedQuantile(all, 0.5));
  // 60,000 ∓ 1.96·√(400·300·701/12) = 60,000 ∓ 5,189 less what ties take away.
  expect(interval.low).toBe(all[54_810]);
  expect(interval.high).toBe(all[65_189]);
});

test("what has no shift is a fault", () => {
  expect(codeOf(hodgesLehmann([], [1]))).toBe("empty");
  expect(codeOf(hodgesLehmann([1], [Number.NaN]))).toBe("not_finite");
  expect(codeOf(hodgesLehmann([1e308], [-1e308]))).toBe("out_of_range");
  expect(() => hodgesLehmann([1], [2], { confidence: 0 })).toThrow(RangeError);
});
