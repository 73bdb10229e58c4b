import { describe, expect, it } from "vitest";
import {
  achievedPower,
  designEffect,
  effectiveSampleSize,
  minimumDetectableEffect,
  requiredSampleSize,
} from "../../../../src/core/statistics/power/ratios.ts";
import { achievedPower as tTestPower } from "../../../../src/core/statistics/power/t-test.ts";

const design = {
  standardDeviation: 1,
  requestsPerUser: 20,
  icc: 0.05,
  alpha: 0.05,
  alternative: "two_sided",
} as const;

describe("designEffect", () => {
  it.each([
    // Eldridge, Ashby & Kerry 2006, equation 3: 1 + ((cv² + 1) m − 1) icc.
    ["Kish 1965: m 20, icc .05", 20, 0.05, undefined, 1.95],
    ["Killip, Mahfoud & Pearce 2004: m 50, icc .017", 50, 0.017, 0, 1.833],
    ["Eldridge: m 10, icc .05, cv .65", 10, 0.05, 0.65, 1.66125],
    ["independent requests", 50, 0, 2, 1],
    ["all requests of a user alike", 50, 1, 0, 50],
    ["one request a user", 1, 0.3, 0, 1],
  ])("%s", (_source, requestsPerUser, icc, variation, expected) => {
    const clustering = { requestsPerUser, icc, ...(variation !== undefined && { variation }) };
    expect(designEffect(clustering)).toBeCloseTo(expected, 12);
    expect(effectiveSampleSize(100, clustering)).toBeCloseTo((100 * requestsPerUser) / expected, 9);
  });

  it("refuses arguments outside their range", () => {
    expect(() => designEffect({ requestsPerUser: 0.5, icc: 0.1 })).toThrow("requestsPerUser");
    for (const icc of [-0.1, 1.1, NaN]) {
      expect(() => designEffect({ requestsPerUser: 2, icc })).toThrow("icc");
    }
    expect(() => designEffect({ requestsPerUser: 2, icc: 0, variation: -1 })).toThrow("variation");
    expect(() => effectiveSampleSize(-1, { requestsPerUser: 2, icc: 0 })).toThrow("users");
  });
});

describe("power of ratios", () => {
  it("is the t-test over users: with one request each, the same", () => {
    const single = { ...design, requestsPerUser: 1, icc: 0.4, sizes: [30, 30] } as const;
    expect(achievedPower({ ...single, difference: 1 })).toBeCloseTo(0.967708258242517, 10);
  });

  it("is worth users when the requests of a user are all alike", () => {
    const alike = { ...design, icc: 1, sizes: [40, 60] } as const;
    const users = tTestPower({ ...design, effectSize: 0.5, sizes: [40, 60] });
    expect(achievedPower({ ...alike, difference: 0.5 })).toBeCloseTo(users, 12);
  });

  it.each([
    // 2 (1.959964 + 0.841621)² · 1.95 / (0.2² · 20) = 38.26 users of 20 requests by the normal; with t, R:
    // uniroot over n of pt(qt(.975, 2n - 2), 2n - 2, .2 / sqrt(2 * 1.95 / (20 * n)), lower = FALSE) = 39.25.
    ["equal arms", {}, 0.2, [1, 1], [40, 40]],
    // Donner & Klar 2000: the same with the effect of the cv.
    ["uneven users", { variation: 1 }, 0.2, [1, 1], [59, 59]],
  ] as const)("requires whole users: %s", (_name, more, difference, split, expected) => {
    const result = requiredSampleSize({ ...design, ...more, difference, power: 0.8, split });
    expect(result).toEqual({ ok: true, value: expected });
  });

  it("finds the effect that has the power, with the sign of the alternative", () => {
    for (const alternative of ["two_sided", "greater", "less"] as const) {
      const full = { ...design, standardDeviation: 70, alternative, sizes: [15, 285] } as const;
      const difference = minimumDetectableEffect({ ...full, power: 0.8 });
      expect(Math.sign(difference)).toBe(alternative === "less" ? -1 : 1);
      expect(achievedPower({ ...full, difference })).toBeCloseTo(0.8, 9);
    }
  });

  it("refuses arguments outside their range", () => {
    const full = { ...design, difference: 1, sizes: [5, 5] } as const;
    expect(() => achievedPower({ ...full, standardDeviation: 0 })).toThrow("standardDeviation");
    expect(() => achievedPower({ ...full, difference: NaN })).toThrow("difference");
    expect(() => achievedPower({ ...full, sizes: [1, 5] })).toThrow("sizes");
    expect(() => achievedPower({ ...full, icc: 2 })).toThrow("icc");
  });
});
