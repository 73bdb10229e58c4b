import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  achievedPower,
  minimumDetectableEffect,
  requiredSampleSize,
} from "../../../../src/core/statistics/power/t-test.ts";

describe("achievedPower of the t-test", () => {
  it.each([
    // [source, d, n1, n2, alpha, alternative, power, relative error of the source]
    ["statsmodels test_power.py TwoS1", 1, 30, 30, 0.05, "two_sided", 0.967708258242517, 1e-12],
    ["statsmodels test_power.py TwoS2", 0.1, 20, 20, 0.05, "two_sided", 0.06095912465411, 1e-10],
    ["statsmodels test_power.py TwoS5", 0.1, 20, 30, 0.05, "two_sided", 0.06330818325647, 1e-10],
    [
      "R power.t.test(n=20, delta=1, strict=TRUE)",
      1,
      20,
      20,
      0.05,
      "two_sided",
      0.868953027724586,
      1e-9,
    ],
    [
      "R power.t.test(n=15, delta=1, strict=TRUE)",
      1,
      15,
      15,
      0.05,
      "two_sided",
      0.752923034503,
      1e-9,
    ],
    ["R pwr.t2n.test(90, 60, .6, greater)", 0.6, 90, 60, 0.05, "greater", 0.973726154629, 1e-9],
    [
      "R pwr.t.test(d=.2, n=60, .10): Cohen 1988 p. 39",
      0.2,
      60,
      60,
      0.1,
      "two_sided",
      0.292340511236,
      1e-9,
    ],
    ["statsmodels TTestIndPower", 0.3, 80, 80, 0.05, "greater", 0.5965317601, 1e-8],
    ["statsmodels TTestIndPower", 0.5, 25, 50, 0.01, "two_sided", 0.28069361672, 1e-8],
    ["statsmodels TTestIndPower", -0.4, 40, 40, 0.05, "less", 0.5511054792, 1e-8],
    ["statsmodels TTestIndPower", 0.02, 30_000, 30_000, 0.05, "two_sided", 0.68775654531, 1e-8],
  ] as const)("%s", (_source, effectSize, x, y, alpha, alternative, expected, error) => {
    const power = achievedPower({ effectSize, sizes: [x, y], alpha, alternative });
    expect(Math.abs(power / expected - 1)).toBeLessThan(error);
  });

  it("is alpha where there is no effect, and next to nothing against the effect's direction", () => {
    const design = { sizes: [10, 17], alpha: 0.03 } as const;
    for (const alternative of ["two_sided", "greater", "less"] as const) {
      expect(achievedPower({ ...design, effectSize: 0, alternative })).toBeCloseTo(0.03, 11);
    }
    expect(achievedPower({ ...design, effectSize: -1, alternative: "greater" })).toBeLessThan(1e-4);
  });

  it("joins the normal where the degrees of freedom are too many for t", () => {
    const design = { effectSize: 0.001, alpha: 0.05, alternative: "two_sided" } as const;
    const below = achievedPower({ ...design, sizes: [5e6, 5e6] });
    const above = achievedPower({ ...design, sizes: [5e6 + 2, 5e6 + 2] });
    expect(Math.abs(above - below)).toBeLessThan(1e-6);
    expect(above).toBeGreaterThan(0.3);
  });

  it("refuses arguments outside their range", () => {
    const design = { effectSize: 1, sizes: [5, 5], alpha: 0.05, alternative: "greater" } as const;
    expect(() => achievedPower({ ...design, sizes: [1, 5] })).toThrow("sizes");
    expect(() => achievedPower({ ...design, sizes: [5, NaN] })).toThrow("sizes");
    expect(() => achievedPower({ ...design, alpha: 1 })).toThrow("alpha");
    expect(() => achievedPower({ ...design, effectSize: NaN })).toThrow("effectSize");
  });
});

describe("requiredSampleSize of the t-test", () => {
  it.each([
    // [source, d, power, alpha, alternative, [weight x, weight y], [x, y]]
    ["G*Power 3 / Cohen 1988: d = .2", 0.2, 0.8, 0.05, "two_sided", [1, 1], [394, 394]],
    ["G*Power 3 / Cohen 1988: d = .5", 0.5, 0.8, 0.05, "two_sided", [1, 1], [64, 64]],
    ["G*Power 3 / Cohen 1988: d = .8", 0.8, 0.8, 0.05, "two_sided", [1, 1], [26, 26]],
    ["R power.t.test(power=.9, delta=1): 22.02", 1, 0.9, 0.05, "two_sided", [1, 1], [23, 23]],
    ["R power.t.test one-sided: 17.85", 1, 0.9, 0.05, "greater", [1, 1], [18, 18]],
    ["R pwr.t.test(power=.9, d=.3): 234.46", 0.3, 0.9, 0.05, "two_sided", [1, 1], [235, 235]],
    [
      "statsmodels solve_power ratio 3: 496.81, 1490.43",
      0.2,
      0.9,
      0.01,
      "two_sided",
      [1, 3],
      [497, 1491],
    ],
    ["statsmodels larger: 30913.46", 0.02, 0.8, 0.05, "greater", [1, 1], [30_914, 30_914]],
  ] as const)("%s", (_source, effectSize, power, alpha, alternative, split, expected) => {
    const result = requiredSampleSize({ effectSize, power, alpha, alternative, split });
    expect(result).toEqual({ ok: true, value: expected });
  });

  it("reaches the power, and one observation less in each arm does not", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 1.5, noNaN: true }),
        fc.double({ min: 0.3, max: 0.99, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom("two_sided", "greater", "less"),
        (magnitude, power, weight, alternative) => {
          const effectSize = alternative === "less" ? -magnitude : magnitude;
          const design = { effectSize, alpha: 0.05, alternative };
          const result = requiredSampleSize({ ...design, power, split: [1, weight] });
          if (!result.ok) throw new Error(result.error.message);
          const [x, y] = result.value;
          expect(achievedPower({ ...design, sizes: [x, y] })).toBeGreaterThanOrEqual(power - 1e-9);
          if (x > 2 && y > 2) {
            expect(achievedPower({ ...design, sizes: [x - 1, y - 1] })).toBeLessThan(power);
          }
        },
      ),
      { numRuns: 40, seed: 11 },
    );
  });

  it.each([
    ["no effect", 0, "two_sided"],
    ["an effect against the alternative", -0.5, "greater"],
    ["an effect that 1e12 observations do not show", 1e-7, "two_sided"],
  ] as const)("answers %s with out_of_range", (_name, effectSize, alternative) => {
    const result = requiredSampleSize({
      effectSize,
      power: 0.8,
      alpha: 0.05,
      alternative,
      split: [1, 1],
    });
    expect(result).toMatchObject({ ok: false, error: { code: "out_of_range" } });
  });

  it("refuses a power outside alpha to 1, and a split without two arms", () => {
    const design = { effectSize: 1, alpha: 0.05, alternative: "greater", split: [1, 1] } as const;
    for (const power of [0.05, 1, NaN]) {
      expect(() => requiredSampleSize({ ...design, power })).toThrow("power");
    }
    expect(() => requiredSampleSize({ ...design, power: 0.8, split: [0, 1] })).toThrow("split");
  });
});

describe("minimumDetectableEffect of the t-test", () => {
  it.each([
    [
      "R power.t.test(n=50, power=.8, strict=TRUE)",
      50,
      50,
      0.8,
      0.05,
      "two_sided",
      0.565882243755499,
    ],
    ["R pt(ncp) and uniroot", 20, 40, 0.9, 0.01, "two_sided", 1.08776647798611],
  ] as const)("%s", (_source, x, y, power, alpha, alternative, expected) => {
    const effect = minimumDetectableEffect({ sizes: [x, y], power, alpha, alternative });
    expect(Math.abs(effect - expected)).toBeLessThan(1e-9);
  });

  it("has exactly the power, with the sign of the alternative", () => {
    for (const alternative of ["two_sided", "greater", "less"] as const) {
      const design = { sizes: [12, 400], alpha: 0.02, alternative } as const;
      const effectSize = minimumDetectableEffect({ ...design, power: 0.7 });
      expect(Math.sign(effectSize)).toBe(alternative === "less" ? -1 : 1);
      expect(achievedPower({ ...design, effectSize })).toBeCloseTo(0.7, 9);
    }
  });
});
