import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  meanConfidenceSequence,
  mixtureScale,
  type MeanSequence,
  type MeanSequenceOptions,
} from "../../../../src/core/statistics/sequential/mean-sequence.ts";

/** The arms of GrowthBook's test_tests.py: means 0.46562 (n 3000) and 0.70000 (n 3461). */
const growthbook = {
  estimate: 0.23437666666666668,
  standardError: 0.12983081254184736,
  units: 6461,
};
const defaults: MeanSequenceOptions = {
  alpha: 0.05,
  plannedUnits: 5000,
  alternative: "two_sided",
};

function sequence(
  data: { estimate: number; standardError: number; units: number },
  options: MeanSequenceOptions,
): MeanSequence {
  const result = meanConfidenceSequence(data, options);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe("meanConfidenceSequence", () => {
  it.each([
    // Relative lifts with their delta-method standard errors, as that suite prints them.
    ["test_sequential_test_runs", 0.5033610858562358, 0.3334122146400735, 1000, -0.55844, 1.56516],
    ["test_sequential_test_runs_prop", 0.503862, 0.033859, 5000, 0.40098, 0.60675],
  ])("GrowthBook %s", (_name, estimate, standardError, plannedUnits, low, high) => {
    const { interval } = sequence(
      { estimate, standardError, units: 6461 },
      { ...defaults, plannedUnits },
    );
    expect(Math.abs(interval.low - low)).toBeLessThan(2e-5);
    expect(Math.abs(interval.high - high)).toBeLessThan(2e-5);
  });

  it("GrowthBook one-sided: interval and p-value", () => {
    const { interval, pValue } = sequence(growthbook, { ...defaults, alternative: "greater" });
    expect(interval.low).toBeCloseTo(-0.12656844172804982, 10);
    expect(interval.high).toBe(Infinity);
    // Theirs is a bisection over alpha that takes half a step more after it has converged.
    expect(Math.abs(pValue - 0.46316491943359384)).toBeLessThan(2e-4);
  });

  it("mirrors for the alternative less", () => {
    const greater = sequence(growthbook, { ...defaults, alternative: "greater" });
    const less = sequence(
      { ...growthbook, estimate: -growthbook.estimate },
      { ...defaults, alternative: "less" },
    );
    expect(less.interval).toEqual({ low: -Infinity, high: -greater.interval.low });
    expect(less.pValue).toBe(greater.pValue);
    expect(sequence(growthbook, { ...defaults, alternative: "less" }).pValue).toBe(1);
  });

  it("has a p-value of alpha exactly where the interval touches the null", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        fc.integer({ min: 2, max: 1_000_000 }),
        fc.double({ min: 1e-6, max: 0.4, noNaN: true }),
        fc.constantFrom("two_sided", "greater", "less"),
        (estimate, standardError, units, alpha, alternative) => {
          const options = { alpha, plannedUnits: 5000, alternative };
          const { interval } = sequence({ estimate, standardError, units }, options);
          const nullValue = alternative === "less" ? interval.high : interval.low;
          const { pValue } = sequence(
            { estimate, standardError, units },
            { ...options, nullValue },
          );
          expect(Math.abs(pValue / alpha - 1)).toBeLessThan(1e-9);
        },
      ),
      { seed: 7 },
    );
  });

  it("keeps the relative precision of a tiny p-value", () => {
    const strong = { estimate: 30, standardError: 1, units: 5000 };
    const both = sequence(strong, defaults).pValue;
    const one = sequence(strong, { ...defaults, alternative: "greater" }).pValue;
    // sqrt(N rho^2 + 1) exp(-z^2 N rho^2 / (2 (N rho^2 + 1))), evaluated in R.
    expect(both / 8.183252525997e-174).toBeCloseTo(1, 9);
    expect(one / 2.318076701241e-169).toBeCloseTo(1, 9);
  });

  it("is tightest near the planned number of units", () => {
    const widths = [500, 5000, 50_000].map((plannedUnits) => {
      const data = { estimate: 0, standardError: 1, units: 5000 };
      return sequence(data, { ...defaults, plannedUnits }).interval.high;
    });
    expect(widths[1]).toBeLessThan(widths[0]!);
    expect(widths[1]).toBeLessThan(widths[2]!);
  });

  it.each([
    [{ estimate: NaN, standardError: 1, units: 10 }, "not_finite"],
    [{ estimate: 0, standardError: Infinity, units: 10 }, "not_finite"],
    [{ estimate: 0, standardError: 0, units: 10 }, "zero_variance"],
    [{ estimate: 0, standardError: -1, units: 10 }, "out_of_range"],
    [{ estimate: 0, standardError: 1, units: 1 }, "too_few"],
  ])("answers %o with %s", (data, code) => {
    expect(meanConfidenceSequence(data, defaults)).toMatchObject({ ok: false, error: { code } });
  });

  it("refuses a null value that is not finite", () => {
    expect(() => meanConfidenceSequence(growthbook, { ...defaults, nullValue: NaN })).toThrow(
      "nullValue",
    );
  });
});

describe("mixtureScale", () => {
  it.each([
    // sqrt((-2 ln a + ln(1 - 2 ln a)) / N), eq. 161 of arXiv 2103.06476v7; one-sided at 2a.
    [0.05, 5000, "two_sided", 0.03984006677137],
    [0.05, 5000, "greater", 0.0355776885289],
  ] as const)("alpha %d at %d units, %s", (alpha, units, alternative, expected) => {
    expect(Math.abs(mixtureScale(alpha, units, alternative) - expected)).toBeLessThan(1e-13);
  });

  it("refuses arguments outside their range", () => {
    for (const alpha of [0, 1, NaN]) expect(() => mixtureScale(alpha, 10)).toThrow("alpha");
    expect(() => mixtureScale(0.5, 10, "less")).toThrow("alpha");
    for (const units of [0, NaN, Infinity])
      expect(() => mixtureScale(0.05, units)).toThrow("plannedUnits");
  });
});
