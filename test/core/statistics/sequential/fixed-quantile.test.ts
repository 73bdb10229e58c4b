import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binomialPmf } from "../../../../src/core/statistics/distributions/binomial.ts";
import { histogramOfValues } from "../../../../src/core/statistics/histogram.ts";
import {
  distributionBand,
  distributionBandConstant,
  distributionBandSequence,
} from "../../../../src/core/statistics/sequential/distribution-band.ts";
import { fixedQuantileInterval } from "../../../../src/core/statistics/sequential/fixed-quantile.ts";
import { expectClose } from "../closeness.ts";
import { valueOf } from "../sample.ts";

function ramp(n: number) {
  return histogramOfValues(Float64Array.from({ length: n }, (_, at) => at + 1));
}

describe("fixedQuantileInterval", () => {
  it.each([
    // The reference's ranks .9880-.9919 of p99: the upper limit is the value after the last accepted count.
    [10_000, 0.99, 0.05, 9880, 9920, 0.9557546828065],
    // Tables of the sign test's interval for the median: ranks and confidence (binomial sums, mpmath 1.3).
    [100, 0.5, 0.05, 40, 61, 0.96479979978229],
    [20, 0.5, 0.05, 6, 15, 0.95861053466797],
    [10, 0.5, 0.05, 2, 9, 0.978515625],
    [6, 0.5, 0.05, 1, 6, 0.96875],
    [25, 0.5, 0.01, 6, 20, 0.99592268466949],
  ])("%d values, quantile %d, alpha %d", (n, quantile, alpha, first, last, confidence) => {
    const found = valueOf(fixedQuantileInterval(ramp(n), { quantile, alpha }));
    expect(found.ranks).toEqual({ first, last });
    expect(found.interval).toEqual({ low: first, high: last });
    expectClose(found.confidence, confidence, 1e-12);
  });

  it("misses on each side with at most its share of alpha, and could not be closer", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.double({ min: 0.001, max: 0.4, noNaN: true }),
        fc.constantFrom("two_sided", "greater", "less"),
        (n, quantile, alpha, alternative) => {
          const found = fixedQuantileInterval(ramp(n), { quantile, alpha, alternative });
          const { ranks, confidence } = valueOf(found);
          const tail = alternative === "two_sided" ? alpha / 2 : alpha;
          const chance = (from: number, to: number): number => {
            let sum = 0;
            for (let k = from; k <= to; k += 1) sum += binomialPmf(k, n, quantile);
            return sum;
          };
          const below = chance(0, ranks.first - 1);
          const above = chance(ranks.last, n);
          expect(below).toBeLessThanOrEqual(tail * (1 + 1e-9));
          expect(above).toBeLessThanOrEqual(tail * (1 + 1e-9));
          if (alternative !== "less") expect(chance(0, ranks.first)).toBeGreaterThan(tail - 1e-9);
          if (alternative !== "greater") {
            expect(chance(ranks.last - 1, n)).toBeGreaterThan(tail - 1e-9);
          }
          expect(confidence).toBeCloseTo(1 - below - above, 10);
        },
      ),
      { seed: 8 },
    );
  });

  it("has no limit where there are too few values, and one limit where one is asked for", () => {
    const five = valueOf(fixedQuantileInterval(ramp(5), { quantile: 0.5, alpha: 0.05 }));
    expect(five.interval).toEqual({ low: -Infinity, high: Infinity });
    expect(five.confidence).toBe(1);
    const lower = valueOf(
      fixedQuantileInterval(ramp(100), { quantile: 0.5, alpha: 0.05, alternative: "greater" }),
    );
    expect(lower.interval).toEqual({ low: 42, high: Infinity });
  });
});

describe("distributionBandSequence", () => {
  it.each([
    // confseq TestBound: empirical_process_lil_bound(1000, .05, 100, 0.85) = 0.08204769, to 1e-5 there; mpmath 1.3
    // with the same equations gives the other digits and rows.
    [0.05, 8.1227193458381, 0.0820477877091],
    [0.01, 9.28354335402915, 0.0870088203223],
    [0.001, 10.943071387638, 0.0936458425034],
  ])("alpha %d at 1000, from 100 on", (alpha, constant, halfWidth) => {
    const found = distributionBandConstant(alpha);
    expectClose(found, constant, 1e-12);
    expectClose(distributionBandSequence(1000, 100, found), halfWidth, 1e-11);
    if (alpha === 0.05) expect(Math.abs(halfWidth - 0.08204769)).toBeLessThan(1e-5);
  });

  it("is closer than the published closed form 0.8·ln(1612/alpha), and narrows", () => {
    // The reference's ±.0277 at 10,000 values from the first on.
    const published =
      0.85 * Math.sqrt((Math.log1p(Math.log(10_000)) + 0.8 * Math.log(1612 / 0.05)) / 1e4);
    expect(Math.abs(published - 0.0277)).toBeLessThan(5e-5);
    const constant = distributionBandConstant(0.05);
    const band = distributionBandSequence(10_000, 1, constant);
    expect(band).toBeLessThan(published);
    expect(band).toBeGreaterThan(0.99 * published);
    expect(distributionBandSequence(1e8, 1, constant)).toBeLessThan(band / 50);
    expect(distributionBandSequence(99, 100, constant)).toBe(1);
    expect(distributionBandSequence(2, 1, constant)).toBe(1);
  });

  it("refuses arguments outside their range", () => {
    for (const alpha of [0, 1, NaN]) expect(() => distributionBandConstant(alpha)).toThrow("alpha");
    expect(() => distributionBandSequence(NaN, 1, 8)).toThrow("count");
    expect(() => distributionBandSequence(10, 0, 8)).toThrow("firstCount");
    expect(() => distributionBandSequence(10, 1, NaN)).toThrow("constant");
  });
});

describe("distributionBand", () => {
  it.each([
    // √(ln(2/α)/2n): the reference's ±.0136, and p99 without an upper limit up to n = 18,444.
    [10_000, 0.05, 0.013581015157406],
    [100, 0.01, 0.16276236307187],
    [1, 0.05, 1],
  ])("%d values, alpha %d", (count, alpha, expected) => {
    expectClose(distributionBand(count, alpha), expected, 1e-12);
  });

  it("reaches 1 % where the reference says", () => {
    expect(distributionBand(18_444, 0.05)).toBeGreaterThan(0.01);
    expect(distributionBand(18_445, 0.05)).toBeLessThan(0.01);
    expect(() => distributionBand(0, 0.05)).toThrow("count");
    expect(() => distributionBand(10, 1)).toThrow("alpha");
  });
});
