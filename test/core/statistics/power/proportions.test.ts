import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  achievedPower,
  minimumDetectableEffect,
  type ProportionsMethod,
  requiredSampleSize,
} from "../../../../src/core/statistics/power/proportions.ts";
import { cohensH } from "../../../../src/core/statistics/effect-size/standardised.ts";

const usual = { alpha: 0.05, alternative: "two_sided" } as const;

describe("achievedPower of proportions", () => {
  it.each([
    [
      "R power.prop.test(n=50, .5, .75, strict=TRUE)",
      "pooled",
      0.5,
      0.25,
      50,
      50,
      0.740167193453611,
      1e-12,
    ],
    ["R power.prop.test, the decrease", "pooled", 0.75, -0.25, 50, 50, 0.740167193453611, 1e-12],
    [
      "statsmodels NormalIndPower .12 v .10",
      "cohens_h",
      0.1,
      0.02,
      1000,
      1000,
      0.29865402084576337,
      1e-12,
    ],
    [
      "statsmodels NormalIndPower .25 v .20",
      "cohens_h",
      0.2,
      0.05,
      1000,
      1000,
      0.764588101468523,
      1e-12,
    ],
    [
      "statsmodels NormalIndPower, ratio 19",
      "cohens_h",
      0.01,
      0.002,
      1000,
      19_000,
      0.09096417520919624,
      1e-12,
    ],
  ] as const)("%s", (_source, method, baseline, difference, x, y, expected, error) => {
    const power = achievedPower({ ...usual, method, baseline, difference, sizes: [x, y] });
    expect(Math.abs(power - expected)).toBeLessThan(error);
  });

  it.each([
    // Exact power of the pooled z-test (two-sided .05), by summing R's dbinom over every pair of counts.
    ["equal arms", 0.1, 0.12, 3841, 3841, 0.8006188, 0.001],
    ["equal arms", 0.2, 0.25, 1030, 1030, 0.7765369, 0.001],
    ["5:95", 0.01, 0.012, 3000, 57_000, 0.2044409, 0.004],
    ["5:95", 0.1, 0.13, 600, 11_400, 0.6407334, 0.005],
    ["5:95", 0.1, 0.08, 1500, 28_500, 0.7355864, 0.005],
    ["5:95, 16 events", 0.01, 0.02, 800, 15_200, 0.7010677, 0.01],
    ["5:95, 10 events", 0.02, 0.01, 1000, 19_000, 0.658166, 0.02],
  ] as const)(
    "pooled is near the exact power: %s, %d to %d",
    (_name, from, to, x, y, exact, error) => {
      const power = achievedPower({
        ...usual,
        baseline: from,
        difference: to - from,
        sizes: [x, y],
      });
      expect(Math.abs(power - exact)).toBeLessThan(error);
    },
  );

  it("is alpha where there is no effect, by every method", () => {
    for (const method of ["pooled", "cohens_h", "unpooled", "baseline"] as const) {
      const power = achievedPower({
        ...usual,
        method,
        baseline: 0.3,
        difference: 0,
        sizes: [70, 200],
      });
      expect(power).toBeCloseTo(0.05, 12);
    }
  });

  it("takes a change to 0 or to 1", () => {
    for (const difference of [-0.3, 0.7]) {
      const power = achievedPower({ ...usual, baseline: 0.3, difference, sizes: [50, 50] });
      expect(power).toBeGreaterThan(0.99);
      expect(power).toBeLessThanOrEqual(1);
    }
  });

  it("refuses arguments outside their range", () => {
    const design = { ...usual, baseline: 0.5, difference: 0.1, sizes: [5, 5] } as const;
    expect(() => achievedPower({ ...design, baseline: 1 })).toThrow("baseline");
    expect(() => achievedPower({ ...design, difference: 0.6 })).toThrow("difference");
    expect(() => achievedPower({ ...design, sizes: [5, 0] })).toThrow("sizes");
    expect(() => achievedPower({ ...design, alpha: NaN })).toThrow("alpha");
  });
});

describe("requiredSampleSize of proportions", () => {
  it.each([
    ["R power.prop.test(.1, .12): 3840.85", "pooled", 0.1, 0.02, 0.8, [1, 1], [3841, 3841]],
    ["R power.prop.test(.2, .25): 1093.74", "pooled", 0.2, 0.05, 0.8, [1, 1], [1094, 1094]],
    ["R power.prop.test(.5, .75): 76.7", "pooled", 0.5, 0.25, 0.9, [1, 1], [77, 77]],
    ["statsmodels .12 v .10: 3834.60", "cohens_h", 0.1, 0.02, 0.8, [1, 1], [3835, 3835]],
    ["statsmodels .25 v .20: 1091.90", "cohens_h", 0.2, 0.05, 0.8, [1, 1], [1092, 1092]],
    ["statsmodels ratio 19: 22424.28", "cohens_h", 0.01, 0.002, 0.8, [1, 19], [22_425, 426_062]],
    // 7.848879 (p1 q1 + p2 q2) / d² = 3838.1 and 1091.0
    ["classic unpooled .12 v .10", "unpooled", 0.1, 0.02, 0.8, [1, 1], [3839, 3839]],
    ["classic unpooled .25 v .20", "unpooled", 0.2, 0.05, 0.8, [1, 1], [1091, 1091]],
    [
      "Evan Miller 20 % + 5 %: 1030.04, shown as 1,030",
      "baseline",
      0.2,
      0.05,
      0.8,
      [1, 1],
      [1031, 1031],
    ],
  ] as const)("%s", (_source, method, baseline, difference, power, split, expected) => {
    const result = requiredSampleSize({ ...usual, method, baseline, difference, power, split });
    expect(result).toEqual({ ok: true, value: expected });
  });

  it("reaches the power, and one observation less in each arm does not", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.02, max: 0.98, noNaN: true }),
        fc.double({ min: 0.02, max: 0.98, noNaN: true }),
        fc.constantFrom<ProportionsMethod>("pooled", "cohens_h", "unpooled", "baseline"),
        fc.integer({ min: 1, max: 30 }),
        (baseline, changed, method, weight) => {
          fc.pre(Math.abs(changed - baseline) > 1e-3 && Math.abs(changed - baseline) < 0.4);
          const design = { ...usual, baseline, difference: changed - baseline, method };
          const result = requiredSampleSize({ ...design, power: 0.8, split: [1, weight] });
          if (!result.ok) throw new Error(result.error.message);
          const [x, y] = result.value;
          expect(achievedPower({ ...design, sizes: [x, y] })).toBeGreaterThanOrEqual(0.8 - 1e-3);
          if (x > 2 && y > 2) {
            expect(achievedPower({ ...design, sizes: [x - 1, y - 1] })).toBeLessThan(0.8);
          }
        },
      ),
      { seed: 5 },
    );
  });

  it("answers an effect of 0, and one against the alternative, with out_of_range", () => {
    const design = { alpha: 0.05, power: 0.8, baseline: 0.5, split: [1, 1] } as const;
    for (const [difference, alternative] of [
      [0, "two_sided"],
      [-0.1, "greater"],
    ] as const) {
      const result = requiredSampleSize({ ...design, difference, alternative });
      expect(result).toMatchObject({ ok: false, error: { code: "out_of_range" } });
    }
  });
});

describe("minimumDetectableEffect of proportions", () => {
  it("matches R power.prop.test(n=1000, p1=.1, power=.8): p2 = .140745", () => {
    const result = minimumDetectableEffect({
      ...usual,
      baseline: 0.1,
      power: 0.8,
      sizes: [1000, 1000],
    });
    if (!result.ok) throw new Error(result.error.message);
    expect(Math.abs(result.value - 0.040745154311823)).toBeLessThan(1e-6);
  });

  it("has exactly the power, downward for the alternative less", () => {
    const design = { alpha: 0.05, alternative: "less", baseline: 0.3, sizes: [400, 4000] } as const;
    const result = minimumDetectableEffect({ ...design, power: 0.85 });
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value).toBeLessThan(0);
    expect(achievedPower({ ...design, difference: result.value })).toBeCloseTo(0.85, 10);
  });

  it("answers out_of_range when no proportion is far enough", () => {
    const result = minimumDetectableEffect({
      ...usual,
      baseline: 0.9,
      power: 0.8,
      sizes: [10, 10],
    });
    expect(result).toMatchObject({ ok: false, error: { code: "out_of_range" } });
  });
});

describe("cohensH", () => {
  it.each([
    ["statsmodels proportion_effectsize", 0.12, 0.1, 0.06398210298605855],
    ["statsmodels proportion_effectsize", 0.25, 0.2, 0.11990233319498567],
    ["from 0 to 1 it is pi", 1, 0, Math.PI],
  ])("%s", (_source, x, y, expected) => {
    expect(cohensH(x, y)).toBeCloseTo(expected, 14);
    expect(cohensH(y, x)).toBeCloseTo(-expected, 14);
  });
});
