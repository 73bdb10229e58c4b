import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Histogram, histogramOfValues } from "../../../../src/core/statistics/histogram.ts";
import {
  createBernoulliMixture,
  logEvidence,
} from "../../../../src/core/statistics/sequential/bernoulli-mixture.ts";
import { plannedConcentration } from "../../../../src/core/statistics/sequential/beta-binomial.ts";
import { fixedQuantileInterval } from "../../../../src/core/statistics/sequential/fixed-quantile.ts";
import {
  quantileConfidenceSequence,
  quantileDifferenceSequence,
} from "../../../../src/core/statistics/sequential/quantile-sequence.ts";
import { quantileTest } from "../../../../src/core/statistics/sequential/quantile-test.ts";
import { betaUpper } from "../../../../src/core/statistics/distributions/beta.ts";
import { createRandom } from "../../../../src/core/statistics/random.ts";
import { codeOf, valueOf } from "../sample.ts";

const empty: Histogram = {
  lowest: new Float64Array(0),
  highest: new Float64Array(0),
  counts: new Float64Array(0),
};

/** The whole numbers from offset + 1 to offset + n. */
function ramp(n: number, offset = 0): Histogram {
  return histogramOfValues(Float64Array.from({ length: n }, (_, at) => offset + at + 1));
}

/** The same values in bins of a width. */
function binned(values: readonly number[], width: number): Histogram {
  const exact = histogramOfValues(values.map((value) => Math.floor(value / width) * width));
  return { ...exact, highest: exact.lowest.map((low) => low + width * (1 - 2 ** -30)) };
}

describe("quantileConfidenceSequence", () => {
  it("has the ranks that the reference gives for p99 of 10,000", () => {
    // .9868-.9928, the accepted counts: the upper limit is the value after the last of them.
    const options = { quantile: 0.99, alpha: 0.05, plannedCount: 10_000 };
    const { interval, ranks, count } = valueOf(quantileConfidenceSequence(ramp(10_000), options));
    expect({ interval, ranks, count }).toEqual({
      interval: { low: 9868, high: 9929 },
      ranks: { first: 9868, last: 9929 },
      count: 10_000,
    });
  });

  it.each([
    [0.5, 1000, 100],
    [0.9, 1000, 1000],
    [0.99, 50, 1000],
    [0.01, 5000, 100],
  ])(
    "accepts exactly the counts that are not rejected: quantile %d of %d",
    (quantile, n, plannedCount) => {
      const mixture = createBernoulliMixture(quantile, plannedConcentration(plannedCount, 0.05));
      const accepted: number[] = [];
      for (let k = 0; k <= n; k += 1) {
        if (logEvidence(mixture, k, n - k) < Math.log(20)) accepted.push(k);
      }
      const options = { quantile, alpha: 0.05, plannedCount };
      const { ranks } = valueOf(quantileConfidenceSequence(ramp(n), options));
      expect(ranks).toEqual({ first: accepted[0], last: accepted.at(-1)! + 1 });
      expect(accepted).toHaveLength(ranks.last - ranks.first);
    },
  );

  it("has no limit where there are too few values", () => {
    const options = { quantile: 0.99, alpha: 0.05, plannedCount: 1000 };
    const { interval, ranks } = valueOf(quantileConfidenceSequence(ramp(50), options));
    expect(interval.high).toBe(Infinity);
    expect(ranks.last).toBe(51);
    expect(Number.isFinite(interval.low)).toBe(true);
    expect(valueOf(quantileConfidenceSequence(ramp(1), options)).interval).toEqual({
      low: -Infinity,
      high: Infinity,
    });
  });

  it("limits one side more closely than both", () => {
    const options = { quantile: 0.9, alpha: 0.05, plannedCount: 1000 };
    const both = valueOf(quantileConfidenceSequence(ramp(1000), options)).interval;
    const lower = valueOf(
      quantileConfidenceSequence(ramp(1000), { ...options, alternative: "greater" }),
    ).interval;
    const upper = valueOf(
      quantileConfidenceSequence(ramp(1000), { ...options, alternative: "less" }),
    ).interval;
    expect(lower.high).toBe(Infinity);
    expect(upper.low).toBe(-Infinity);
    expect(lower.low).toBeGreaterThan(both.low);
    expect(upper.high).toBeLessThan(both.high);
  });

  it("is wider by bins, never narrower", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (values, quantile) => {
          const options = { quantile, alpha: 0.2, plannedCount: 100 };
          const exact = valueOf(quantileConfidenceSequence(histogramOfValues(values), options));
          const coarse = valueOf(quantileConfidenceSequence(binned(values, 7), options));
          expect(coarse.ranks).toEqual(exact.ranks);
          expect(coarse.interval.low).toBeLessThanOrEqual(exact.interval.low);
          expect(coarse.interval.high).toBeGreaterThanOrEqual(exact.interval.high - 1e-6);
        },
      ),
      { seed: 6 },
    );
  });

  it("answers with a fault where there is nothing to work on", () => {
    const options = { quantile: 0.5, alpha: 0.05, plannedCount: 100 };
    const withCounts = (...counts: number[]) => ({
      ...ramp(counts.length),
      counts: Float64Array.from(counts),
    });
    for (const analyse of [
      (histogram: Histogram) => quantileConfidenceSequence(histogram, options),
      (histogram: Histogram) => fixedQuantileInterval(histogram, options),
      (histogram: Histogram) => quantileTest(ramp(9), histogram, options),
      (histogram: Histogram) => quantileDifferenceSequence(ramp(9), histogram, options),
      (histogram: Histogram) => quantileDifferenceSequence(histogram, ramp(9), options),
    ]) {
      expect(codeOf(analyse(empty))).toBe("empty");
      expect(codeOf(analyse(withCounts(0, 0)))).toBe("empty");
      expect(codeOf(analyse(withCounts(1, NaN)))).toBe("not_finite");
      expect(codeOf(analyse(withCounts(2, -1)))).toBe("out_of_range");
    }
  });

  it("refuses options outside their range", () => {
    const options = { quantile: 0.5, alpha: 0.05, plannedCount: 100 };
    for (const quantile of [0, 1, NaN]) {
      expect(() => quantileTest(ramp(2), ramp(2), { ...options, quantile })).toThrow("quantile");
    }
    for (const alpha of [0, 1, NaN]) {
      expect(() => fixedQuantileInterval(ramp(2), { ...options, alpha })).toThrow("alpha");
    }
    expect(() =>
      fixedQuantileInterval(ramp(2), { ...options, alpha: 0.5, alternative: "less" }),
    ).toThrow("alpha");
    expect(() => quantileConfidenceSequence(ramp(2), { ...options, plannedCount: 0 })).toThrow(
      "plannedCount",
    );
  });
});

describe("quantileDifferenceSequence", () => {
  it("is made of the arms' sequences at half of alpha", () => {
    const options = { quantile: 0.5, alpha: 0.05, plannedCount: 1000 };
    const x = valueOf(quantileConfidenceSequence(ramp(1000, 300), { ...options, alpha: 0.025 }));
    const y = valueOf(quantileConfidenceSequence(ramp(1000), { ...options, alpha: 0.025 }));
    const both = valueOf(quantileDifferenceSequence(ramp(1000, 300), ramp(1000), options));
    expect(both).toEqual({
      low: x.interval.low - y.interval.high,
      high: x.interval.high - y.interval.low,
    });
    expect(both.low).toBeGreaterThan(100);
    expect(both.low).toBeLessThan(300);
    expect(both.high).toBeGreaterThan(300);
  });

  it("limits one side, and never subtracts infinities of one sign", () => {
    const options = { quantile: 0.99, alpha: 0.05, plannedCount: 1000 };
    for (const alternative of ["two_sided", "greater", "less"] as const) {
      const { low, high } = valueOf(
        quantileDifferenceSequence(ramp(5), ramp(5), { ...options, alternative }),
      );
      expect(low).toBe(-Infinity);
      expect(high).toBe(Infinity);
    }
    const many = { ...options, quantile: 0.5 };
    const greater = valueOf(
      quantileDifferenceSequence(ramp(1000, 300), ramp(1000), { ...many, alternative: "greater" }),
    );
    const less = valueOf(
      quantileDifferenceSequence(ramp(1000), ramp(1000, 300), { ...many, alternative: "less" }),
    );
    expect(less).toEqual({ low: -Infinity, high: -greater.low });
    expect(greater.high).toBe(Infinity);
    expect(greater.low).toBeGreaterThan(
      valueOf(quantileDifferenceSequence(ramp(1000, 300), ramp(1000), many)).low,
    );
  });
});

describe("quantileTest", () => {
  it.each([
    // confseq test/uniform_boundaries_unittest.cpp, QuantileABTest: 1…1000 against a shift, planned 100.
    [0.5, 70, 0.814704],
    [0.5, 85, 0.0838055],
    [0.5, 100, 0.0054947],
    [0.9, 55, 0.0340463],
  ])("confseq: quantile %d, shift %d", (quantile, shift, expected) => {
    const options = { quantile, alpha: 0.05, plannedCount: 100 };
    for (const [x, y] of [
      [ramp(1000), ramp(1000, shift)],
      [ramp(1000, shift), ramp(1000)],
    ] as const) {
      const { pValue, logEvidence } = valueOf(quantileTest(x, y, options));
      expect(Math.abs(pValue - expected)).toBeLessThan(6e-7);
      expect(pValue).toBeCloseTo(Math.exp(-logEvidence), 14);
    }
  });

  it("takes the least evidence over all values, as a search over each of them finds it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 200 }),
        fc.array(fc.integer({ min: 15, max: 60 }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.constantFrom("two_sided", "greater", "less"),
        (x, y, quantile, alternative) => {
          const options = { quantile, alpha: 0.05, plannedCount: 100, alternative };
          const { logEvidence } = valueOf(
            quantileTest(histogramOfValues(x), histogramOfValues(y), options),
          );
          expect(Math.abs(logEvidence - searchLeast(x, y, options))).toBeLessThan(1e-6);
        },
      ),
      { seed: 7 },
    );
  });

  it("one-sided: finds the larger arm, more surely than both sides do, and not the smaller", () => {
    const options = { quantile: 0.5, alpha: 0.05, plannedCount: 100 };
    const test = (x: Histogram, y: Histogram, alternative: "two_sided" | "greater" | "less") =>
      valueOf(quantileTest(x, y, { ...options, alternative })).pValue;
    const [large, small] = [ramp(1000, 100), ramp(1000)];
    expect(test(large, small, "greater")).toBeLessThan(test(large, small, "two_sided"));
    expect(test(large, small, "greater")).toBe(test(small, large, "less"));
    expect(test(small, large, "greater")).toBe(1);
    expect(test(large, small, "less")).toBe(1);
  });

  it("finds less in coarser bins", () => {
    const random = createRandom(12);
    const x = Array.from({ length: 2000 }, () => -100 * Math.log(1 - random()));
    const y = Array.from({ length: 2000 }, () => -160 * Math.log(1 - random()));
    const options = { quantile: 0.9, alpha: 0.05, plannedCount: 2000 };
    const evidence = [1e-3, 5, 50].map(
      (width) => valueOf(quantileTest(binned(x, width), binned(y, width), options)).logEvidence,
    );
    expect(evidence[0]).toBeGreaterThan(20);
    expect(evidence[1]).toBeLessThanOrEqual(evidence[0]!);
    expect(evidence[2]).toBeLessThan(evidence[1]!);
  });
});

/** The least evidence by its definition: at each value and between any two, over whole and half counts. */
function searchLeast(
  x: readonly number[],
  y: readonly number[],
  options: {
    readonly quantile: number;
    readonly plannedCount: number;
    readonly alpha: number;
    readonly alternative: "two_sided" | "greater" | "less";
  },
): number {
  const { quantile, alternative } = options;
  const concentration = plannedConcentration(options.plannedCount, options.alpha, alternative);
  const mixture = createBernoulliMixture(quantile, concentration);
  const values = [...new Set([...x, ...y])].toSorted((a, b) => a - b);
  const places = [-1, ...values, ...values.map((value) => value + 0.5)];
  let least = Infinity;
  for (const place of places) {
    let sum = 0;
    for (const [arm, sample] of [x, y].entries()) {
      const below = sample.filter((value) => value < place).length;
      const until = sample.filter((value) => value <= place).length;
      const evidenceOf = (k: number): number => logEvidence(mixture, k, sample.length - k);
      if (alternative === "two_sided") {
        sum += leastBetween(evidenceOf, below, until);
        continue;
      }
      const isLarger = (alternative === "greater") === (arm === 0);
      const mean = quantile * sample.length;
      const reserve = reserveOf(mixture, isLarger);
      if (isLarger) sum += until < mean ? Math.max(reserve, evidenceOf(until)) : reserve;
      else sum += below > mean ? Math.max(reserve, evidenceOf(below)) : reserve;
    }
    least = Math.min(least, sum);
  }
  return least;
}

/** By ternary search: evidence is convex in the count. */
function leastBetween(evidenceOf: (k: number) => number, from: number, to: number): number {
  let [low, high] = [from, to];
  for (let step = 0; step < 120; step += 1) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (evidenceOf(left) <= evidenceOf(right)) high = right;
    else low = left;
  }
  return evidenceOf((low + high) / 2);
}

function reserveOf(mixture: ReturnType<typeof createBernoulliMixture>, isLarger: boolean): number {
  const { rate, complement, concentration } = mixture;
  const above = betaUpper(rate, concentration * rate, concentration * complement);
  return Math.log(isLarger ? above : 1 - above);
}
