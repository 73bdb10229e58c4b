import { describe, expect, it } from "vitest";
import {
  achievedPower,
  minimumDetectableEffect,
  normalPower,
  requiredSampleSize,
} from "../../../../src/core/statistics/power/means.ts";

const design = { standardDeviations: [1, 1], alpha: 0.05, alternative: "two_sided" } as const;

describe("achievedPower of means", () => {
  it.each([
    [
      "statsmodels test_power.py TestNormalIndPower1",
      [1, 1],
      0.3,
      80,
      80,
      "two_sided",
      0.475100870572638,
    ],
    ["R pwr.2p.test(h=.3, n=80, greater)", [1, 1], 0.3, 80, 80, "greater", 0.599677704546438],
    ["R pwr.2p2n.test(h=.3, 80, 245, greater)", [1, 1], 0.3, 80, 245, "greater", 0.753292447231886],
    // Twice the scale of everything changes nothing.
    ["R pwr.2p2n.test, less", [2, 2], -0.6, 80, 245, "less", 0.753292447231886],
    // Unequal deviations: variance 9/90 + 1/10 = 0.2 = 2/10.
    [
      "unequal deviations",
      [3, 1],
      1,
      90,
      10,
      "two_sided",
      normalPower(1 / Math.sqrt(0.2), 0.05, "two_sided"),
    ],
  ] as const)("%s", (_source, standardDeviations, difference, x, y, alternative, expected) => {
    const power = achievedPower({
      ...design,
      standardDeviations,
      difference,
      sizes: [x, y],
      alternative,
    });
    expect(power).toBeCloseTo(expected, 12);
  });

  it("refuses arguments outside their range", () => {
    const full = { ...design, difference: 1, sizes: [5, 5] } as const;
    expect(() => achievedPower({ ...full, standardDeviations: [0, 1] })).toThrow(
      "standardDeviations",
    );
    expect(() => achievedPower({ ...full, difference: Infinity })).toThrow("difference");
    expect(() => achievedPower({ ...full, sizes: [0.5, 5] })).toThrow("sizes");
    expect(() => achievedPower({ ...full, alpha: 0 })).toThrow("alpha");
  });
});

describe("normalPower", () => {
  it.each([
    // z_{.975} + z_{.8}: the other tail adds 7e-7.
    [2.8015852, 0.05, "two_sided", 0.8000007],
    [2.4864749, 0.05, "greater", 0.8],
    [-2.4864749, 0.05, "less", 0.8],
    [0, 0.01, "two_sided", 0.01],
  ] as const)("at shift %d, alpha %d, %s", (shift, alpha, alternative, expected) => {
    expect(normalPower(shift, alpha, alternative)).toBeCloseTo(expected, 6);
  });
});

describe("requiredSampleSize and minimumDetectableEffect of means", () => {
  it.each([
    // 2 (1.959964 + 0.841621)² / d², Lehr's rule made exact.
    ["d = 0.5: 62.79", [1, 1], 0.5, [1, 1], [63, 63]],
    ["d = 0.2: 392.44", [1, 1], 0.2, [1, 1], [393, 393]],
    // 7.848879 (9/x + 1/y) at y = 3x: x = 7.848879 · (9 + 1/3) = 73.26.
    ["unequal deviations and split", [3, 1], 1, [1, 3], [74, 220]],
  ] as const)("%s", (_source, standardDeviations, difference, split, expected) => {
    const result = requiredSampleSize({
      ...design,
      standardDeviations,
      difference,
      power: 0.8,
      split,
    });
    expect(result).toEqual({ ok: true, value: expected });
  });

  it("finds the effect that has the power", () => {
    for (const alternative of ["two_sided", "greater", "less"] as const) {
      const full = {
        ...design,
        standardDeviations: [5, 40],
        sizes: [100, 9000],
        alternative,
      } as const;
      const difference = minimumDetectableEffect({ ...full, power: 0.9 });
      expect(Math.sign(difference)).toBe(alternative === "less" ? -1 : 1);
      expect(achievedPower({ ...full, difference })).toBeCloseTo(0.9, 11);
    }
  });

  it("answers an effect of 0 with out_of_range", () => {
    const result = requiredSampleSize({ ...design, difference: 0, power: 0.8, split: [1, 1] });
    expect(result).toMatchObject({ ok: false, error: { code: "out_of_range" } });
  });
});
