import { describe, expect, it } from "vitest";
import {
  agrestiCaffoInterval,
  clopperPearsonInterval,
  meansZ,
  newcombeInterval,
  proportionsZ,
  waldInterval,
  wilsonInterval,
} from "../../../src/core/statistics/z-test.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, moments, valueOf } from "./sample.ts";

const seven = { successes: 7, n: 34 };
const one = { successes: 1, n: 34 };

describe("z-tests", () => {
  it("means: statsmodels", () => {
    const x = moments(12.1, 14.3, 11.8, 13.5, 15.2, 12.9, 13.3);
    const y = moments(10.9, 12.2, 11.1, 13.0, 11.7);
    const test = valueOf(meansZ(x, y));
    expectClose(test.statistic, 2.577452626594026, 1e-13);
    expectClose(test.pValue, 0.009953152365112074, 1e-12);
    expectClose(test.interval.low, 0.3641513043684248, 1e-12);
    expectClose(test.interval.high, 2.6758486956315743, 1e-12);
  });

  it("proportions: statsmodels, pooled", () => {
    const test = valueOf(proportionsZ(seven, one));
    expectClose(test.statistic, 2.258317958127243, 1e-13);
    expectClose(test.pValue, 0.023925843480626655, 1e-12);
    const other = valueOf(proportionsZ({ successes: 45, n: 200 }, { successes: 30, n: 210 }));
    expectClose(other.statistic, 2.1504697756219544, 1e-13);
    expectClose(other.pValue, 0.03151807425222708, 1e-12);
    // The square is Pearson's χ² of the table.
    expectClose(
      valueOf(proportionsZ({ successes: 10, n: 30 }, { successes: 30, n: 55 })).statistic ** 2,
      3.505892255892255,
      1e-12,
    );
  });

  it.each([
    ["Wald, reference case 8", waldInterval(seven, one), 0.029169416110856966, 0.3237717603597312],
    [
      "Agresti-Caffo, reference case 8",
      agrestiCaffoInterval(seven, one),
      0.011611670142613911,
      0.3217216631907194,
    ],
    [
      "Newcombe, statsmodels",
      newcombeInterval(seven, one),
      0.018921443885772937,
      0.3403686870327074,
    ],
    [
      "Newcombe 1998, table II (f): 9/10 − 3/10",
      newcombeInterval({ successes: 9, n: 10 }, { successes: 3, n: 10 }),
      0.1705,
      0.809,
      1e-3,
    ],
    ["Wilson", wilsonInterval(seven), 0.10349526899031913, 0.36798388051163605],
    ["Wilson at 0", wilsonInterval({ successes: 0, n: 20 }), 0, 0.1611251580528194],
    ["Clopper-Pearson", clopperPearsonInterval(seven), 0.0870213054581271, 0.3789777485396833],
    [
      "Clopper-Pearson at 0",
      clopperPearsonInterval({ successes: 0, n: 20 }),
      0,
      0.16843347098308534,
    ],
    [
      "Clopper-Pearson at n",
      clopperPearsonInterval({ successes: 20, n: 20 }),
      1 - 0.16843347098308534,
      1,
    ],
  ])("%s", (_name, interval, low, high, relative = 1e-12) => {
    expectClose(interval.low, low, relative);
    expectClose(interval.high, high, relative);
  });

  it("is valid at zero errors, where jStat throws", () => {
    const test = valueOf(proportionsZ({ successes: 0, n: 1000 }, { successes: 9, n: 1000 }));
    expect(test.pValue).toBeGreaterThan(0.001);
    expect(test.pValue).toBeLessThan(0.01);
    expect(codeOf(proportionsZ({ successes: 0, n: 10 }, { successes: 0, n: 10 }))).toBe(
      "zero_variance",
    );
    expect(
      newcombeInterval({ successes: 0, n: 100 }, { successes: 0, n: 100 }).high,
    ).toBeGreaterThan(0.03);
  });

  it("tests against a margin, one-sided", () => {
    const same = { successes: 100, n: 1000 };
    const test = valueOf(proportionsZ(same, same, { nullDifference: 0.03, alternative: "less" }));
    expectClose(test.statistic, -0.03 / Math.sqrt((2 * 0.1 * 0.9) / 1000), 1e-12);
    expect(test.interval.low).toBe(-Infinity);
  });

  it("refuses counts that cannot be", () => {
    expect(codeOf(proportionsZ({ successes: 0, n: 0 }, one))).toBe("empty");
    expect(codeOf(proportionsZ({ successes: 3, n: 2 }, one))).toBe("out_of_range");
    expect(codeOf(proportionsZ({ successes: Number.NaN, n: 2 }, one))).toBe("out_of_range");
    expect(codeOf(meansZ(moments(1), moments(1, 2)))).toBe("too_few");
    expect(codeOf(meansZ(moments(1, 1), moments(1, 1)))).toBe("zero_variance");
  });
});
