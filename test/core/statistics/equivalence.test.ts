import { describe, expect, it } from "vitest";
import {
  meansEquivalence,
  meansNonInferiority,
  proportionsEquivalence,
  proportionsNonInferiority,
  ratioNonInferiority,
} from "../../../src/core/statistics/equivalence.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, moments, valueOf } from "./sample.ts";

const x = moments(12.1, 14.3, 11.8, 13.5, 15.2, 12.9, 13.3);
const y = moments(10.9, 12.2, 11.1, 13.0, 11.7);

describe("equivalence and non-inferiority", () => {
  it("TOST of means: statsmodels", () => {
    const test = valueOf(meansEquivalence(x, y, { low: -1, high: 3 }));
    expectClose(test.pValue, 0.015480797929314402, 1e-11);
    expectClose(test.above.statistic, 4.273145144090096, 1e-12);
    expectClose(test.above.pValue, 0.0008169672053442255, 1e-11);
    expectClose(test.below.statistic, -2.5096249258941845, 1e-12);
    expect(test.interval.low).toBeGreaterThan(-1);
    expect(test.interval.high).toBeLessThan(3);
  });

  it("rejects exactly when the interval is inside the margin", () => {
    for (const high of [2.4, 2.5, 2.6, 3, 4]) {
      const test = valueOf(meansEquivalence(x, y, { low: -1, high }));
      expect(test.pValue < 0.05).toBe(test.interval.low > -1 && test.interval.high < high);
    }
  });

  it("TOST of proportions", () => {
    const a = { successes: 980, n: 1000 };
    const test = valueOf(proportionsEquivalence(a, a, { low: -0.02, high: 0.02 }));
    const z = 0.02 / Math.sqrt((2 * 0.98 * 0.02) / 1000);
    expectClose(test.above.statistic, z, 1e-12);
    expectClose(test.below.statistic, -z, 1e-12);
    expect(test.pValue).toBeLessThan(0.001);
  });

  it("is about the metric's own bad direction", () => {
    const slower = { n: 400, mean: 104, variance: 400 };
    const base = { n: 400, mean: 100, variance: 400 };
    const p = (margin: number, direction: "lower" | "higher") =>
      valueOf(meansNonInferiority(slower, base, { margin, direction })).pValue;
    // t = (4 − 8)/√2 for latency; for a score 4 more is never worse.
    expectClose(
      valueOf(meansNonInferiority(slower, base, { margin: 8, direction: "lower" })).statistic,
      -4 / Math.SQRT2,
      1e-12,
    );
    expect(p(8, "lower")).toBeLessThan(0.05);
    expect(p(4, "lower")).toBeCloseTo(0.5, 12);
    expect(p(1, "higher")).toBeLessThan(0.001);
    const rates = valueOf(
      proportionsNonInferiority(
        { successes: 950, n: 1000 },
        { successes: 955, n: 1000 },
        { margin: 0.03, direction: "higher" },
      ),
    );
    expect(rates.pValue).toBeLessThan(0.01);
  });

  it("tests a ratio without forming it", () => {
    const slower = { n: 400, mean: 104, variance: 400 };
    const base = { n: 400, mean: 100, variance: 400 };
    const test = valueOf(ratioNonInferiority(slower, base, { margin: 0.1, direction: "lower" }));
    expectClose(test.statistic, -6 / Math.sqrt(1 + 1.21), 1e-12);
    expect(
      valueOf(ratioNonInferiority(slower, base, { margin: 0, direction: "higher" })).pValue,
    ).toBeLessThan(0.01);
  });

  it("passes faults on, and refuses margins that are none", () => {
    expect(codeOf(meansEquivalence(moments(1), y, { low: -1, high: 1 }))).toBe("too_few");
    expect(
      codeOf(
        proportionsEquivalence(
          { successes: 0, n: 0 },
          { successes: 1, n: 2 },
          { low: -1, high: 1 },
        ),
      ),
    ).toBe("empty");
    expect(() => meansEquivalence(x, y, { low: 1, high: 1 })).toThrow(RangeError);
    expect(() => meansNonInferiority(x, y, { margin: -1, direction: "lower" })).toThrow(RangeError);
  });
});
