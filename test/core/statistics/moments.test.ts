import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeMoments, momentsOf, shapeOf } from "../../../src/core/statistics/moments.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, moments, valueOf } from "./sample.ts";

/** NIST StRD: a centre and then pairs around it. */
const pairs = (centre: number, low: number, high: number, count: number) => [
  centre,
  ...Array.from({ length: count }, () => [low, high]).flat(),
];

describe("moments", () => {
  it.each([
    ["NIST NumAcc1", [10000001, 10000003, 10000002], 10000002, 1],
    ["NIST NumAcc2", pairs(1.2, 1.1, 1.3, 500), 1.2, 0.1],
    ["NIST NumAcc3", pairs(1000000.2, 1000000.1, 1000000.3, 500), 1000000.2, 0.1],
    ["NIST NumAcc4", pairs(10000000.2, 10000000.1, 10000000.3, 500), 10000000.2, 0.1],
    ["large cancelling", [1e16, 1, -1e16, 3], 1, Math.sqrt((2e32 + 4) / 3)],
  ])("%s", (_name, values, mean, deviation) => {
    const found = valueOf(momentsOf(values));
    expectClose(found.mean, mean, 1e-15);
    // The data itself are rounded: 10000000.1 has nine digits behind the point.
    expectClose(Math.sqrt(found.variance), deviation, 1e-7);
    if (mean < 10) expectClose(Math.sqrt(found.variance), deviation, 1e-13);
  });

  it("merges to what the values together give", () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, values, (x, y) => {
        const merged = mergeMoments(valueOf(momentsOf(x)), valueOf(momentsOf(y)));
        const whole = valueOf(momentsOf([...x, ...y]));
        expect(merged.n).toBe(whole.n);
        expect(Math.abs(merged.mean - whole.mean)).toBeLessThan(1e-8);
        expect(Math.abs(merged.variance - whole.variance)).toBeLessThanOrEqual(
          1e-9 * whole.variance + 1e-8,
        );
      }),
      { seed: 1 },
    );
  });

  it("knows skewness and excess kurtosis (SciPy)", () => {
    const values = [12.1, 14.3, 11.8, 13.5, 15.2, 12.9, 13.3];
    const shape = shapeOf(values, valueOf(momentsOf(values)));
    expectClose(shape.skewness, 0.2882600088267252, 1e-12);
    expectClose(shape.excessKurtosis, -0.946466435986161, 1e-12);
    expect(shapeOf([2, 2], moments(2, 2))).toEqual({ skewness: 0, excessKurtosis: 0 });
  });

  it("says what is wrong with its values", () => {
    expect(codeOf(momentsOf([]))).toBe("empty");
    expect(momentsOf([1, Number.NaN])).toMatchObject({
      error: { code: "not_finite", message: "value 2 is NaN, not a finite number" },
    });
    expect(codeOf(momentsOf([1, Infinity]))).toBe("not_finite");
    expect(codeOf(momentsOf([1.7e308, 1.7e308]))).toBe("out_of_range");
    expect(codeOf(momentsOf([-1e200, 1e200]))).toBe("out_of_range");
    expect(momentsOf([5])).toEqual({ ok: true, value: { n: 1, mean: 5, variance: 0 } });
  });
});
