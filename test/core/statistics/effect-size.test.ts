import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpretEffectSize } from "../../../src/core/statistics/effect-size/interpretation.ts";
import {
  fiellerLift,
  oddsRatio,
  proportionEffect,
  relativeLift,
  riskDifference,
  riskRatio,
} from "../../../src/core/statistics/effect-size/relative.ts";
import {
  biasFactor,
  cohensD,
  cohensH,
  hedgesG,
} from "../../../src/core/statistics/effect-size/standardised.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, moments, valueOf } from "./sample.ts";

const x = moments(12.1, 14.3, 11.8, 13.5, 15.2, 12.9, 13.3);
const y = moments(10.9, 12.2, 11.1, 13.0, 11.7);

describe("standardised differences", () => {
  it("Cohen's d and Hedges' g with noncentral t intervals: R (uniroot over pt)", () => {
    const d = valueOf(cohensD(x, y));
    expectClose(d.estimate, 1.4231111839189639, 1e-13);
    expectClose(d.interval.low, 0.0937229337577182, 1e-7);
    expectClose(d.interval.high, 2.6981666448155539, 1e-8);
    expectClose(biasFactor(10), 0.9227456080530871, 1e-12);
    expectClose(valueOf(hedgesG(x, y)).estimate, 1.3131695947324531, 1e-12);
  });

  it("d of 0 has an interval around 0; the interval holds 0 exactly when t does not reject", () => {
    const same = valueOf(cohensD(x, x));
    expect(same.estimate).toBe(0);
    expectClose(-same.interval.low, same.interval.high, 1e-6);
  });

  it("joins its exact and its large-sample interval", () => {
    const at = (n: number) =>
      valueOf(cohensD({ n, mean: 0.3, variance: 1 }, { n, mean: 0, variance: 1 })).interval;
    expectClose(at(2500).low, at(2501).low, 2e-3);
    expectClose(at(2500).high, at(2501).high, 2e-3);
  });

  it("d turns over with its arms, and g is smaller", () => {
    const sample = fc.record({
      n: fc.integer({ min: 2, max: 300 }),
      mean: fc.double({ min: -10, max: 10, noNaN: true }),
      variance: fc.double({ min: 0.5, max: 50, noNaN: true }),
    });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const there = valueOf(cohensD(a, b));
        const back = valueOf(cohensD(b, a));
        expect(Math.abs(there.interval.low + back.interval.high)).toBeLessThan(
          1e-6 * (1 + Math.abs(there.estimate)),
        );
        expect(there.interval.low).toBeLessThan(there.estimate + 1e-9);
        expect(there.interval.high).toBeGreaterThan(there.estimate - 1e-9);
        expect(Math.abs(valueOf(hedgesG(a, b)).estimate)).toBeLessThanOrEqual(
          Math.abs(there.estimate),
        );
      }),
      { seed: 6, numRuns: 40 },
    );
  });

  it("Cohen's h: statsmodels, and his own table (.21 − .2)", () => {
    expectClose(cohensH(0.5, 0.4), 0.20135792079033066, 1e-13);
    expectClose(cohensH(1, 0), Math.PI, 1e-13);
    const h = valueOf(proportionEffect({ successes: 50, n: 100 }, { successes: 40, n: 100 }));
    expectClose(h.interval.high - h.interval.low, 2 * 1.959963984540054 * Math.sqrt(0.02), 1e-12);
  });

  it("needs data", () => {
    expect(codeOf(cohensD(moments(1), y))).toBe("too_few");
    expect(codeOf(hedgesG(moments(1, 1), moments(2, 2)))).toBe("zero_variance");
  });
});

describe("relative differences", () => {
  it("lift with the delta method", () => {
    const lift = valueOf(
      relativeLift({ value: 110, standardError: 2 }, { value: 100, standardError: 1 }),
    );
    expectClose(lift.estimate, 0.1, 1e-13);
    expectClose(lift.standardError, Math.sqrt(4 + 1.21) / 100, 1e-13);
    expect(
      codeOf(relativeLift({ value: 1, standardError: 1 }, { value: 0, standardError: 1 })),
    ).toBe("out_of_range");
    // Of a negative base, more is still more.
    expect(
      valueOf(relativeLift({ value: -90, standardError: 1 }, { value: -100, standardError: 1 }))
        .estimate,
    ).toBeCloseTo(0.1, 12);
  });

  it("Fieller agrees with the delta method where the base is certain", () => {
    const set = fiellerLift({ value: 110, standardError: 2 }, { value: 100, standardError: 0 });
    expect(set).toMatchObject({ kind: "interval" });
    const { interval } = set as { interval: { low: number; high: number } };
    expectClose(interval.low, 0.1 - 1.959963984540054 * 0.02, 1e-11);
    expectClose(interval.high, 0.1 + 1.959963984540054 * 0.02, 1e-11);
  });

  it("Fieller: worked by hand, x = 3 ± 1, y = 4 ± 1 at 1.96", () => {
    // (16 − 3.8416)ρ² − 24ρ + (9 − 3.8416) = 0
    const set = fiellerLift(
      { value: 3, standardError: 1 },
      { value: 4, standardError: 1 },
      0.95,
      1.96,
    );
    const root = Math.sqrt(144 - 12.1584 * 5.1584);
    expect(set).toMatchObject({ kind: "interval" });
    const { interval } = set as { interval: { low: number; high: number } };
    expectClose(interval.low, (12 - root) / 12.1584 - 1, 1e-12);
    expectClose(interval.high, (12 + root) / 12.1584 - 1, 1e-12);
  });

  it("Fieller says when the data allow anything", () => {
    const vague = { value: 1, standardError: 1 };
    expect(fiellerLift({ value: 9, standardError: 1 }, vague).kind).toBe("outside");
    expect(fiellerLift({ value: 0.1, standardError: 1 }, vague).kind).toBe("everything");
  });

  it("ratios of rates and odds: statsmodels' Table2x2", () => {
    const treated = { successes: 10, n: 30 };
    const control = { successes: 30, n: 55 };
    const ratio = valueOf(riskRatio(treated, control));
    expectClose(ratio.estimate, 0.6111111111111112, 1e-13);
    expectClose(ratio.interval.low, 0.34885385929335927, 1e-12);
    expectClose(ratio.interval.high, 1.070525035554812, 1e-12);
    const odds = valueOf(oddsRatio(treated, control));
    expectClose(odds.estimate, 0.4166666666666667, 1e-13);
    expectClose(odds.interval.low, 0.16501620795804203, 1e-12);
    expectClose(odds.interval.high, 1.0520852058075059, 1e-12);
    expect([ratio.adjusted, odds.adjusted]).toEqual([false, false]);
  });

  it("stays finite at zero, and says that it was adjusted", () => {
    const none = { successes: 0, n: 100 };
    const some = { successes: 5, n: 100 };
    for (const [a, b] of [
      [none, some],
      [some, none],
      [none, none],
    ] as const) {
      for (const found of [valueOf(riskRatio(a, b)), valueOf(oddsRatio(a, b))]) {
        expect(found.adjusted).toBe(true);
        expect(Object.values(found.interval).every(Number.isFinite)).toBe(true);
      }
      const difference = valueOf(riskDifference(a, b));
      expect(difference.interval.high).toBeGreaterThan(difference.interval.low);
    }
    expect(codeOf(riskRatio({ successes: 0, n: 0 }, some))).toBe("empty");
    expect(codeOf(oddsRatio({ successes: 2, n: 1 }, some))).toBe("out_of_range");
    expect(codeOf(riskDifference({ successes: 2, n: 1 }, some))).toBe("out_of_range");
    expect(codeOf(proportionEffect({ successes: 2, n: 1 }, some))).toBe("out_of_range");
  });
});

it.each([
  ["cohens_d", 0.19, "negligible"],
  ["cohens_d", -0.2, "small"],
  ["hedges_g", 0.5, "medium"],
  ["cohens_h", -0.8, "large"],
  ["cliffs_delta", 0.146, "negligible"],
  ["cliffs_delta", 0.147, "small"],
  ["cliffs_delta", 0.33, "medium"],
  ["cliffs_delta", -1, "large"],
] as const)("interpretEffectSize(%s, %d) is %s", (scale, value, word) => {
  expect(interpretEffectSize(scale, value)).toBe(word);
  expect(() => interpretEffectSize(scale, Number.NaN)).toThrow(RangeError);
});
