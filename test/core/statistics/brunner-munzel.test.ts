import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  brunnerMunzel,
  brunnerMunzelBinned,
  type BrunnerMunzelOptions,
} from "../../../src/core/statistics/brunner-munzel.ts";
import { histogramOfValues, type Histogram } from "../../../src/core/statistics/histogram.ts";
import { expectClose } from "./closeness.ts";
import {
  brunnerActive,
  brunnerNew,
  earlyPermeable,
  gradesActive,
  gradesNew,
  hugeX,
  hugeY,
  permeable,
} from "./rank-samples.ts";
import { codeOf, valueOf } from "./sample.ts";

function graded(counts: readonly number[]): Histogram {
  const grades = Float64Array.from(counts.keys());
  return { lowest: grades, highest: grades, counts: Float64Array.from(counts) };
}

test("statsmodels and R: counts in five grades", () => {
  // statsmodels test_nonparametric.py, test_rank_compare_ord, from R's lawstat: the reference's case 7.
  const found = valueOf(brunnerMunzelBinned(graded(gradesActive), graded(gradesNew)));
  expectClose(found.theta, 0.5442256341789, 1e-12);
  expectClose(found.statistic, 1.1757561456582, 1e-12);
  expectClose(found.df, 204.2984239868, 1e-12);
  expectClose(found.pValue, 0.2410606649547, 1e-12);
  expectClose(found.thetaInterval.low, 0.4700629828, 1e-9);
  expectClose(found.thetaInterval.high, 0.6183882856, 1e-9);
  expectClose(found.delta, 2 * 0.5442256341789 - 1, 1e-11);
  expectClose(found.deltaInterval.low, 2 * 0.4700629828 - 1, 1e-8);
  expectClose(found.deltaInterval.high, 2 * 0.6183882856 - 1, 1e-8);
});

test("SciPy and R: the authors' pain scores", () => {
  // SciPy test_stats.py, TestBrunnerMunzel; R lawstat example(brunner.munzel.test) for df and the interval of θ.
  const found = valueOf(brunnerMunzel(brunnerNew, brunnerActive));
  expectClose(found.statistic, 3.1374674823029505, 1e-13);
  expectClose(found.pValue, 0.0057862086661515377, 1e-12);
  expectClose(found.df, 17.682842, 1e-7);
  expectClose(found.theta, 0.788961, 1e-6);
  expectClose(found.thetaInterval.low, 0.5952169, 1e-7);
  expectClose(found.thetaInterval.high, 0.9827052, 1e-7);
});

test.each([
  // SciPy 1.17 brunnermunzel(y, x), whose statistic has the other sign.
  ["greater", brunnerNew, brunnerActive, 3.1374674823029505, 0.0028931043330757342],
  ["less", brunnerNew, brunnerActive, 3.1374674823029505, 0.99710689566692423],
  ["two_sided", permeable, earlyPermeable, 1.4103014841668053, 0.1846358968036758],
] as const)("SciPy, %s", (alternative, x, y, statistic, pValue) => {
  const found = valueOf(brunnerMunzel(x, y, { alternative }));
  expectClose(found.statistic, statistic, 1e-13);
  expectClose(found.pValue, pValue, 1e-11);
});

test("a hundred million values in each arm keep their digits", () => {
  // Python's fractions.
  const found = valueOf(brunnerMunzelBinned(graded(hugeX), graded(hugeY)));
  expectClose(found.statistic, -0.04949999975297331219, 1e-14);
});

describe("complete separation", () => {
  const low = [1, 2, 3, 4];
  const high = [5, 6, 7, 8, 9];

  test.each([
    // 2·½⁴, ½⁴ and the Clopper-Pearson limits of 4 out of 4: 0.025^(1/4) and 0.05^(1/4).
    ["two_sided", 0.125, 0.3976353643835254, 1],
    ["greater", 0.0625, 0.4728708045015879, 1],
    ["less", 1, 0, 1],
  ] as const)("is bounded by disjoint pairs, %s", (alternative, pValue, from, to) => {
    const found = valueOf(brunnerMunzel(high, low, { alternative }));
    expect(found).toMatchObject({ statistic: Infinity, df: 3, theta: 1, delta: 1, pValue });
    expect(found.isSeparated).toBe(true);
    expectClose(found.thetaInterval.low, from, 1e-12);
    expect(found.thetaInterval.high).toBe(to);
    const mirrored =
      alternative === "greater" ? "less" : alternative === "less" ? "greater" : alternative;
    const other = valueOf(brunnerMunzel(low, high, { alternative: mirrored }));
    expect(other).toMatchObject({ statistic: -Infinity, theta: 0, delta: -1, pValue });
    expectClose(other.deltaInterval.high, 1 - 2 * from, 1e-11);
  });

  test("of a hundred million values each has a p-value of 0, not NaN", () => {
    const at = (value: number) => ({
      lowest: Float64Array.of(value, value + 1),
      highest: Float64Array.of(value, value + 1),
      counts: Float64Array.of(33_333_333, 66_666_667),
    });
    const found = valueOf(brunnerMunzelBinned(at(7), at(2)));
    expect(found).toMatchObject({ pValue: 0, theta: 1, isSeparated: true });
    expect(found.thetaInterval.low).toBeGreaterThan(0.9999999);
  });
});

test("what cannot be tested is a fault", () => {
  expect(codeOf(brunnerMunzel([], [1, 2]))).toBe("empty");
  expect(codeOf(brunnerMunzel([1], [1, 2]))).toBe("too_few");
  expect(codeOf(brunnerMunzel([1, Number.NaN], [1, 2]))).toBe("not_finite");
  expect(codeOf(brunnerMunzel([3, 3], [3, 3, 3]))).toBe("zero_variance");
  expect(() => brunnerMunzel([1, 2], [1, 2], { confidence: 1 })).toThrow(RangeError);
});

const values = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 2, maxLength: 40 });
const alternatives = fc.constantFrom<BrunnerMunzelOptions["alternative"] & string>(
  "two_sided",
  "greater",
  "less",
);

test("follows its definition by ranks, never NaN, interval and p-value agree", () => {
  fc.assert(
    fc.property(values, values, alternatives, (x, y, alternative) => {
      const result = brunnerMunzel(x, y, { alternative });
      if (!result.ok) {
        expect(new Set([...x, ...y]).size).toBe(1);
        return;
      }
      const found = result.value;
      for (const number of Object.values(found)) expect(number).not.toBeNaN();
      expect(found.pValue).toBeGreaterThanOrEqual(0);
      expect(found.pValue).toBeLessThanOrEqual(1);
      const { low, high } = found.thetaInterval;
      expect(low < 0.5 && high > 0.5).toBe(found.pValue > 0.05);
      if (found.isSeparated) return;
      const placed = (from: number[], among: number[]) =>
        from.map((a) => meanOf(among.map((b) => (Math.sign(a - b) + 1) / 2)));
      const variance = varianceOf(placed(x, y)) / x.length + varianceOf(placed(y, x)) / y.length;
      expectClose(found.theta, meanOf(placed(x, y)), 1e-12);
      expectClose(found.standardError, Math.sqrt(variance), 1e-11);
    }),
  );
});

test("bins and raw values agree", () => {
  fc.assert(
    fc.property(values, values, (x, y) => {
      expect(brunnerMunzelBinned(histogramOfValues(x), histogramOfValues(y))).toEqual(
        brunnerMunzel(x, y),
      );
    }),
  );
});

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
