import { describe, expect, it } from "vitest";
import {
  type GroupSequentialDesign,
  groupSequentialBoundaries,
} from "../../../../src/core/statistics/sequential/group-sequential.ts";
import { stagewiseInference } from "../../../../src/core/statistics/sequential/group-sequential-inference.ts";

const informationFractions = [0.25, 0.5, 0.75, 1];
const twoSided: GroupSequentialDesign = {
  informationFractions,
  alpha: 0.05,
  alternative: "two_sided",
  spending: { kind: "obrien_fleming" },
};
const upward: GroupSequentialDesign = {
  informationFractions,
  alpha: 0.025,
  alternative: "greater",
  spending: { kind: "pocock" },
};

describe("stagewiseInference", () => {
  it.each([
    // R mvtnorm::pmvnorm(Miwa(2048)), and uniroot over its mean.
    [twoSided, 2, 2.6, 0.05, 0.0107590222202, 2.97720375999, 0.693793156534, 5.24873464102],
    [twoSided, 3, 1.1, 0.05, 0.27168852824, 1.09935001259, -0.860984205284, 3.05948995089],
    [upward, 1, 2.9, 0.025, 0.00998466444992, 3.83341526016, 0.664209162818, Infinity],
  ])("matches mvtnorm: %o at look %d, z %d", (design, look, z, alpha, pValue, drift, low, high) => {
    const { alternative } = design;
    const looks = groupSequentialBoundaries(design);
    const result = stagewiseInference(looks, { look, z }, { alternative, alpha });
    expect(result.pValue).toBeCloseTo(pValue, 10);
    expect(result.drift).toBeCloseTo(drift, 8);
    expect(result.interval.low).toBeCloseTo(low, 8);
    if (high === Infinity) expect(result.interval.high).toBe(Infinity);
    else expect(result.interval.high).toBeCloseTo(high, 8);
  });

  it("is the fixed-sample answer at the first look", () => {
    const looks = groupSequentialBoundaries(upward);
    const stop = { look: 0, z: 2.5 };
    const result = stagewiseInference(looks, stop, { alternative: "two_sided", alpha: 0.05 });
    // The drift is z/√t = 5, give or take 1.96/√t.
    expect(result.drift).toBeCloseTo(5, 9);
    expect(result.interval.low).toBeCloseTo(5 - 2 * 1.959963984540054, 9);
    expect(result.interval.high).toBeCloseTo(5 + 2 * 1.959963984540054, 9);
    expect(result.pValue).toBeCloseTo(0.012419330651552265, 12);
  });

  it("has a p-value of what was spent, where a look stops exactly at its boundary", () => {
    const looks = groupSequentialBoundaries(upward);
    for (const [index, look] of looks.entries()) {
      const stop = { look: index, z: look.upper };
      const result = stagewiseInference(looks, stop, { alternative: "greater", alpha: 0.025 });
      expect(result.pValue).toBeCloseTo(look.spent, 10);
    }
  });

  it("mirrors for the alternative less", () => {
    const up = groupSequentialBoundaries(upward);
    const down = groupSequentialBoundaries({ ...upward, alternative: "less" });
    const above = stagewiseInference(
      up,
      { look: 2, z: 2.4 },
      { alternative: "greater", alpha: 0.1 },
    );
    const below = stagewiseInference(
      down,
      { look: 2, z: -2.4 },
      { alternative: "less", alpha: 0.1 },
    );
    expect(below.pValue).toBeCloseTo(above.pValue, 12);
    expect(below.drift).toBeCloseTo(-above.drift, 9);
    expect(below.interval.low).toBe(-Infinity);
    expect(below.interval.high).toBeCloseTo(-above.interval.low, 9);
  });

  it("keeps its numbers at an extreme z", () => {
    const looks = groupSequentialBoundaries(upward);
    const stop = { look: 0, z: 30 };
    const result = stagewiseInference(looks, stop, { alternative: "greater", alpha: 0.025 });
    expect(result.pValue / 4.906713927148187e-198).toBeCloseTo(1, 10);
    expect(result.drift).toBeCloseTo(60, 8);
  });

  it("refuses a look that does not exist, and numbers outside their range", () => {
    const looks = groupSequentialBoundaries(upward);
    const options = { alternative: "greater", alpha: 0.05 } as const;
    expect(() => stagewiseInference(looks, { look: 4, z: 1 }, options)).toThrow("look");
    expect(() => stagewiseInference(looks, { look: 0, z: NaN }, options)).toThrow("z must");
    expect(() => stagewiseInference(looks, { look: 0, z: 1 }, { ...options, alpha: 1 })).toThrow(
      "alpha",
    );
  });
});
