import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { histogramOfValues } from "../../../src/core/statistics/histogram.ts";
import {
  isExactFeasible,
  mannWhitneyLower,
} from "../../../src/core/statistics/mann-whitney-exact.ts";
import {
  mannWhitney,
  mannWhitneyBinned,
  type MannWhitneyOptions,
} from "../../../src/core/statistics/mann-whitney.ts";
import { expectClose } from "./closeness.ts";
import {
  brunnerActive,
  brunnerNew,
  earlyPermeable,
  hugeX,
  hugeY,
  permeable,
  scipyX,
  scipyY,
} from "./rank-samples.ts";
import { codeOf, valueOf } from "./sample.ts";

type Row = readonly [
  string,
  readonly number[],
  readonly number[],
  MannWhitneyOptions,
  number,
  number,
];

const rows: readonly Row[] = [
  // SciPy 1.17 test_hypotests.py, TestMannWhitneyU.test_basic and test_gh_*; the one-sided ones computed with it.
  ["SciPy, asymptotic", scipyX, scipyY, { method: "asymptotic" }, 16, 0.6865041817876],
  ["SciPy, exact", scipyX, scipyY, { method: "exact" }, 16, 0.7035714285714],
  ["SciPy, auto is exact", scipyX, scipyY, {}, 16, 0.7035714285714286],
  [
    "SciPy, uncorrected",
    scipyX,
    scipyY,
    { method: "asymptotic", continuity: false },
    16,
    0.6377328900501884,
  ],
  ["SciPy, exact less", scipyX, scipyY, { alternative: "less" }, 16, 0.3517857142857143],
  [
    "SciPy, greater",
    scipyX,
    scipyY,
    { method: "asymptotic", alternative: "greater" },
    16,
    0.7047591913255302,
  ],
  ["SciPy, one value each", [1], [2], {}, 0, 1],
  // R 4 example(wilcox.test): M. Hollander and D. A. Wolfe (1973), permeability of the human chorioamnion.
  ["R, greater", permeable, earlyPermeable, { alternative: "greater" }, 35, 0.1272061272061272],
  ["R, two-sided", permeable, earlyPermeable, {}, 35, 0.2544122544122544],
  [
    "R, uncorrected",
    permeable,
    earlyPermeable,
    { method: "asymptotic", continuity: false },
    35,
    0.2206713619198468,
  ],
  // R 4 wilcox.test(exact = FALSE) on the data of example(brunner.munzel.test) of lawstat: many ties.
  ["R, ties", brunnerActive, brunnerNew, {}, 32.5, 0.00774078670510717],
  ["mirrored", brunnerNew, brunnerActive, {}, 121.5, 0.00774078670510717],
];

test.each(rows)("%s", (_, x, y, options, statistic, pValue) => {
  const found = valueOf(mannWhitney(x, y, options));
  expect(found.statistic).toBe(statistic);
  expectClose(found.pValue, pValue, 1e-12);
  expect(found.theta).toBe(statistic / (x.length * y.length));
  expect(found.binningError).toBe(0);
});

describe("the exact distribution", () => {
  // H. B. Mann and D. R. Whitney (1947), table I, to its three digits.
  test.each([
    [0, 3, 3, 0.05],
    [4, 3, 3, 0.5],
    [5, 5, 4, 0.143],
    [13, 8, 8, 0.025],
    [31, 8, 8, 0.48],
  ])("table: P(U ≤ %i) of %i and %i", (u, m, n, expected) => {
    expect(mannWhitneyLower(u, m, n)).toBeCloseTo(expected, 3);
  });

  // R's pwilcox, which counts by another recursion.
  test.each([
    [13, 8, 8, 0.02494172494172494],
    [127, 20, 20, 0.02454516259468622],
    [4000, 100, 100, 7.188544260578886e-3],
    [3000, 100, 100, 3.385765332249109e-7],
    [5000, 60, 140, 0.9837121295594169],
  ])("R: P(U ≤ %i) of %i and %i", (u, m, n, expected) => {
    expectClose(mannWhitneyLower(u, m, n), expected, 1e-12);
    expectClose(mannWhitneyLower(u, n, m), expected, 1e-12);
  });

  test("sums up all orders of small samples", () => {
    // Every choice of 3 among 7 ranks.
    const counts = Array.from({ length: 13 }, () => 0);
    for (let a = 0; a < 7; a += 1)
      for (let b = a + 1; b < 7; b += 1)
        for (let c = b + 1; c < 7; c += 1) {
          const u = a + b + c - 3;
          counts[u] = (counts[u] as number) + 1;
        }
    let below = 0;
    for (const [u, count] of counts.entries()) {
      below += count;
      expectClose(mannWhitneyLower(u, 3, 4), below / 35, 1e-14);
    }
  });

  test("one value among many is anywhere with the same chance", () => {
    expectClose(mannWhitneyLower(1234, 1, 1_000_000), 1235 / 1_000_001, 1e-12);
  });

  test("refuses what is out of reach", () => {
    expect(isExactFeasible(400, 400)).toBe(true);
    expect(isExactFeasible(8, 4_000_000)).toBe(false);
    expect(isExactFeasible(600, 600)).toBe(false);
    expect(() => mannWhitneyLower(5, 600, 600)).toThrow(RangeError);
    expect(() => mannWhitneyLower(10, 3, 3)).toThrow(RangeError);
    expect(() => mannWhitneyLower(1.5, 3, 3)).toThrow(RangeError);
  });
});

test("auto is exact up to 8 values in the smaller sample without ties only", () => {
  const many = Array.from({ length: 30 }, (_, at) => at + 0.5);
  const methodOf = (x: readonly number[]) => valueOf(mannWhitney(x, many)).method;
  expect(methodOf([1, 2, 3, 4, 5, 6, 7, 8])).toBe("exact");
  expect(methodOf([1, 2, 3, 4, 5, 6, 7, 8, 9])).toBe("asymptotic");
  expect(methodOf([1, 2, 2])).toBe("asymptotic");
});

test("what cannot be tested is a fault", () => {
  expect(codeOf(mannWhitney([], [1]))).toBe("empty");
  expect(codeOf(mannWhitney([1, Number.NaN], [1]))).toBe("not_finite");
  expect(codeOf(mannWhitney([1], [Infinity]))).toBe("not_finite");
  expect(codeOf(mannWhitney([1, 1], [1, 2], { method: "exact" }))).toBe("out_of_range");
});

test("samples that are all tied differ in nothing", () => {
  const found = valueOf(mannWhitney([4, 4, 4], [4, 4]));
  expect(found).toMatchObject({ statistic: 3, z: 0, pValue: 1, theta: 0.5 });
});

test("a hundred million values in each arm keep their digits", () => {
  const graded = (counts: readonly number[]) => {
    const grades = Float64Array.from(counts.keys());
    return { lowest: grades, highest: grades, counts: Float64Array.from(counts) };
  };
  const found = valueOf(mannWhitneyBinned(graded(hugeX), graded(hugeY), { continuity: false }));
  // Python's fractions, then SciPy 1.17 norm.sf.
  expect(found.statistic).toBe(4_999_980_200_000_000);
  expectClose(found.z, -0.0494999998763042178719, 1e-14);
  expectClose(found.pValue, 0.9605208372999122, 1e-13);
});

const values = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 40 });

test("U counts pairs, bins and raw values agree, arms mirror each other", () => {
  fc.assert(
    fc.property(values, values, (x, y) => {
      let wins = 0;
      for (const a of x) for (const b of y) wins += (Math.sign(a - b) + 1) / 2;
      const raw = valueOf(mannWhitney(x, y, { method: "asymptotic" }));
      expect(raw.statistic).toBe(wins);
      const binned = valueOf(mannWhitneyBinned(histogramOfValues(x), histogramOfValues(y)));
      expect(binned).toEqual(raw);
      const mirrored = valueOf(mannWhitney(y, x, { method: "asymptotic" }));
      expect(mirrored.statistic).toBe(x.length * y.length - wins);
      expectClose(mirrored.pValue, raw.pValue, 1e-12);
      const sided = (["greater", "less"] as const).map(
        (alternative) => valueOf(mannWhitney(x, y, { alternative, method: "asymptotic" })).pValue,
      );
      if (raw.pValue < 1) expectClose(Math.min(...sided) * 2, raw.pValue, 1e-12);
    }),
  );
});

test("θ of the values is within the binning error of θ of the bins", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(99), { minLength: 1 }),
      fc.array(fc.nat(99), { minLength: 1 }),
      (x, y) => {
        const widen = (values: number[]) => {
          const tens = histogramOfValues(values.map((value) => Math.floor(value / 10)));
          return {
            lowest: tens.lowest.map((low) => low * 10),
            highest: tens.lowest.map((low) => low * 10 + 9),
            counts: tens.counts,
          };
        };
        const exact = valueOf(mannWhitney(x, y)).theta;
        const binned = valueOf(mannWhitneyBinned(widen(x), widen(y)));
        expect(Math.abs(exact - binned.theta)).toBeLessThanOrEqual(binned.binningError + 1e-15);
      },
    ),
  );
});
