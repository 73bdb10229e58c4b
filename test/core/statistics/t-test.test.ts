import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oneSampleT, pooledT, welchT } from "../../../src/core/statistics/t-test.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, moments, valueOf } from "./sample.ts";

const x = moments(12.1, 14.3, 11.8, 13.5, 15.2, 12.9, 13.3);
const y = moments(10.9, 12.2, 11.1, 13.0, 11.7);

describe("t-tests", () => {
  it("Welch: SciPy's test_stats, reference case 3", () => {
    const test = valueOf(welchT(moments(1, 2, 3), moments(1.1, 2.9, 4.2)));
    expectClose(test.statistic, -0.686495127355726, 1e-13);
    expectClose(test.pValue, 0.536194907531267, 1e-13);
  });

  it("Welch: SciPy, statsmodels, and R for the interval (SciPy's quantile is 6e-11 off)", () => {
    const test = valueOf(welchT(x, y));
    expectClose(test.statistic, 2.577452626594026, 1e-13);
    expectClose(test.pValue, 0.027564065104969875, 1e-12);
    expectClose(test.df, 9.986399385029989, 1e-13);
    expectClose(test.interval.low, 0.20575804643087411, 1e-12);
    expectClose(test.interval.high, 2.8342419535691286, 1e-12);
    const greater = valueOf(welchT(x, y, { alternative: "greater" }));
    expectClose(greater.pValue, 0.013782032552484938, 1e-12);
    expect(greater.interval.high).toBe(Infinity);
  });

  it("pooled: SciPy", () => {
    const test = valueOf(pooledT(x, y));
    expectClose(test.statistic, 2.4304250393506832, 1e-13);
    expectClose(test.pValue, 0.035424434033163914, 1e-12);
    expect(test.df).toBe(10);
    const other = valueOf(pooledT(moments(1, 2, 3), moments(1.1, 2.9, 4.2)));
    expectClose(other.pValue, 0.5301273153637149, 1e-13);
  });

  it("one sample: SciPy", () => {
    const test = valueOf(oneSampleT(x, { nullDifference: 12 }));
    expectClose(test.statistic, 2.889738437176301, 1e-13);
    expectClose(test.pValue, 0.027703018122974953, 1e-12);
    // Sleep data, R's help page of t.test: t = 4.0621, df = 9, p = 0.002833.
    const sleep = moments(-1.2, -2.4, -1.3, -1.3, 0, -1.0, -1.8, -0.8, -4.6, -1.4);
    const paired = valueOf(oneSampleT(sleep));
    expectClose(paired.statistic, -4.0621, 1e-4);
    expectClose(paired.pValue, 0.002833, 1e-3);
    expectClose(paired.interval.low, -2.4598858, 1e-7);
  });

  it("keeps tiny p-values, tiny variances and large samples", () => {
    const far = { n: 1e6, mean: 1, variance: 1 };
    expectClose(
      valueOf(welchT(far, { ...far, mean: 0.96 })).pValue,
      5.8463154331159617e-176,
      1e-11,
    );
    const small = { n: 10, mean: 1e-170, variance: 1e-320 };
    expect(valueOf(welchT(small, { ...small, mean: 2e-170 })).df).toBeGreaterThan(9);
  });

  it("turns over with its arms", () => {
    const sample = fc.record({
      n: fc.integer({ min: 2, max: 1e9 }),
      mean: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      variance: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        for (const test of [welchT, pooledT]) {
          const there = valueOf(test(a, b));
          const back = valueOf(test(b, a));
          expectClose(back.statistic, -there.statistic, 1e-12);
          expectClose(back.pValue, there.pValue, 1e-9);
          expectClose(back.interval.low, -there.interval.high, 1e-9);
          expect(there.pValue).toBeGreaterThanOrEqual(0);
          expect(there.pValue).toBeLessThanOrEqual(1);
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it("has no answer without two values and a variance", () => {
    expect(codeOf(welchT(moments(1), y))).toBe("too_few");
    expect(codeOf(pooledT(x, moments(3)))).toBe("too_few");
    expect(codeOf(welchT(moments(1, 1), moments(2, 2)))).toBe("zero_variance");
    expect(codeOf(oneSampleT(moments(1, 1)))).toBe("zero_variance");
    // One arm that varies is enough.
    expect(valueOf(welchT(moments(1, 1), moments(2, 3))).df).toBe(1);
    expect(() => welchT(x, y, { confidence: 1 })).toThrow(RangeError);
  });
});
