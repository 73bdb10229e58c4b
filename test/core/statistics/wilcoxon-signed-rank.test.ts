import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  exactPairsMax,
  signedRankLower,
  wilcoxonSignedRank,
  type WilcoxonOptions,
} from "../../../src/core/statistics/wilcoxon-signed-rank.ts";
import { expectClose } from "./closeness.ts";
import { corn, depression, tied, untied } from "./paired-samples.ts";
import { codeOf, valueOf } from "./sample.ts";

type Row = readonly [string, readonly number[], WilcoxonOptions, number, number];

const plain: WilcoxonOptions = { method: "asymptotic", continuity: false };
const greater = { alternative: "greater" } as const;
const less = { alternative: "less" } as const;

const rows: readonly Row[] = [
  // R's example(wilcox.test): V = 40, p-value = 0.01953. The other rows were computed with R 4.2.2.
  ["R's help page", depression, greater, 40, 0.01953125],
  ["two-sided", depression, {}, 40, 0.0390625],
  ["corrected", depression, { method: "asymptotic" }, 40, 0.044010984012951455],
  ["uncorrected", depression, plain, 40, 0.038151710173415156],
  // SciPy's documentation of wilcoxon: statistic 24 (the smaller sum), p-values 0.041259765625 and 0.0206298828125.
  ["SciPy's documentation", corn, {}, 96, 0.041259765625],
  ["SciPy's documentation, greater", corn, greater, 96, 0.0206298828125],
  ["less", corn, less, 96, 0.982330322265625],
  ["ties and zeros", tied, {}, 48.5, 0.18101581250231874],
  ["ties and zeros, uncorrected", tied, plain, 48.5, 0.16690364453858228],
  ["ties and zeros, greater", tied, greater, 48.5, 0.09050790625115937],
  ["ties and zeros, less", tied, less, 48.5, 0.92318259084759824],
  ["50 pairs", untied(50), { method: "exact" }, 895, 0.012213348101271391],
  ["50 pairs, auto", untied(50), {}, 895, 0.012213348101271391],
  ["51 pairs", untied(51), {}, 907, 0.022463424264667155],
];

test.each(rows)("%s", (_, differences, options, statistic, pValue) => {
  const found = valueOf(wilcoxonSignedRank(differences, options));
  expect(found.statistic).toBe(statistic);
  expectClose(found.pValue, pValue, 1e-12);
});

describe("the exact distribution", () => {
  // R's psignrank.
  test.each([
    [5, 9, 0.01953125],
    [10, 10, 0.0419921875],
    [434, 50, 0.024723203400300871],
    [637, 50, 0.5],
    [0, 50, 8.8817841970012523e-16],
    [1000, 50, 0.99985099817963619],
  ])("R: P(V ≤ %i) of %i", (v, n, expected) => {
    expectClose(signedRankLower(v, n), expected, 1e-14);
  });

  test("sums up all signs of a small sample", () => {
    const n = 7;
    const sums = Array.from({ length: 2 ** n }, (_, signs) => {
      let sum = 0;
      for (let i = 0; i < n; i += 1) if ((signs >> i) & 1) sum += i + 1;
      return sum;
    });
    for (let v = 0; v <= (n * (n + 1)) / 2; v += 1) {
      const below = sums.filter((sum) => sum <= v).length;
      expect(signedRankLower(v, n)).toBe(below / 2 ** n);
    }
  });

  test("refuses what is out of reach", () => {
    expect(signedRankLower(1275, exactPairsMax)).toBe(1);
    expect(() => signedRankLower(5, exactPairsMax + 1)).toThrow(RangeError);
    expect(() => signedRankLower(5, 0)).toThrow(RangeError);
    expect(() => signedRankLower(7, 3)).toThrow(RangeError);
    expect(() => signedRankLower(1.5, 3)).toThrow(RangeError);
  });
});

test("auto is exact up to 50 pairs without ties or zeros only", () => {
  const methodOf = (differences: readonly number[]) =>
    valueOf(wilcoxonSignedRank(differences)).method;
  expect(methodOf(untied(50))).toBe("exact");
  expect(methodOf(untied(51))).toBe("asymptotic");
  expect(methodOf([1, 2, 3, 0])).toBe("asymptotic");
  expect(methodOf([1, 2, -2])).toBe("asymptotic");
});

test("what cannot be tested is a fault", () => {
  expect(codeOf(wilcoxonSignedRank([]))).toBe("empty");
  expect(codeOf(wilcoxonSignedRank([0, -0, 0]))).toBe("zero_variance");
  expect(codeOf(wilcoxonSignedRank([1, Number.NaN]))).toBe("not_finite");
  expect(codeOf(wilcoxonSignedRank([1, -Infinity]))).toBe("not_finite");
  const exact = { method: "exact" } as const;
  expect(codeOf(wilcoxonSignedRank([1, 1], exact))).toBe("out_of_range");
  expect(codeOf(wilcoxonSignedRank([1, 0], exact))).toBe("out_of_range");
  expect(codeOf(wilcoxonSignedRank(untied(51), exact))).toBe("out_of_range");
});

const values = fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 1, maxLength: 60 });
const methods = fc.constantFrom("auto", "asymptotic" as const);

test("V counts Walsh averages above 0, turns with the sign, and does not know the scale", () => {
  fc.assert(
    fc.property(
      values,
      methods,
      fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      (all, method, scale) => {
        const found = wilcoxonSignedRank(all, { method });
        const differences = all.filter((value) => value !== 0);
        if (differences.length === 0) {
          expect(codeOf(found)).toBe("zero_variance");
          return;
        }
        const { statistic, n, zeros, z, pValue, rankBiserial } = valueOf(found);
        let above = 0;
        for (const [i, a] of differences.entries())
          for (const b of differences.slice(i)) above += (Math.sign(a + b) + 1) / 2;
        expect(statistic).toBe(above);
        expect([n, zeros]).toEqual([differences.length, all.length - differences.length]);
        expect(pValue).toBeGreaterThan(0);
        expect(pValue).toBeLessThanOrEqual(1);
        const turned = valueOf(
          wilcoxonSignedRank(
            all.map((value) => -value),
            { method },
          ),
        );
        expect(turned.statistic).toBe((n * (n + 1)) / 2 - statistic);
        expect(turned.pValue).toBe(pValue);
        expect(turned.z + z).toBe(0);
        expect(turned.rankBiserial + rankBiserial).toBeCloseTo(0, 12);
        expect(
          valueOf(
            wilcoxonSignedRank(
              all.map((value) => value * scale),
              { method },
            ),
          ),
        ).toEqual(found.ok ? found.value : null);
      },
    ),
    { seed: 11, numRuns: 300 },
  );
});

test("all to one side is as far as it goes", () => {
  const found = valueOf(wilcoxonSignedRank([1, 2, 3, 4, 5]));
  expect(found).toMatchObject({ statistic: 15, rankBiserial: 1, pValue: 2 / 32 });
});
