import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBernoulliMixture,
  logEvidence,
  logEvidenceAbove,
  logEvidenceBelow,
} from "../../../../src/core/statistics/sequential/bernoulli-mixture.ts";
import {
  bernoulliConfidenceSequence,
  plannedConcentration,
} from "../../../../src/core/statistics/sequential/beta-binomial.ts";
import { expectClose } from "../closeness.ts";
import { codeOf, valueOf } from "../sample.ts";

describe("logEvidence", () => {
  it.each([
    // mpmath 1.3, 60 digits: the difference of log-betas.
    [135, 490, 0.2, 50, -0.88114769852451778892],
    [3, 0, 0.01, 100, 1.7620065110787071807],
    [60, 40, 0.3, 100, 9.5334403809517661636],
    [5_000_100_000, 5_000_000_000, 0.5, 10_000, -6.4077912788080145893],
    [100_050_000, 9_900_000_000, 0.01, 100, 3.0812595740807178261],
    [1e10, 0, 0.5, 100, 6931470868.8753676479],
    [7, 1e10, 1e-9, 1e-3, -27.169865552998618151],
    [0, 1e10, 1e-9, 1e9, 7.6021047312925390232],
    [5, 5, 0.5, 1e12, -4.9999999999775e-12],
  ])("mpmath: %d and %d at %d, concentration %d", (k, m, rate, concentration, expected) => {
    const mixture = createBernoulliMixture(rate, concentration);
    expectClose(logEvidence(mixture, k, m), expected, 2e-12);
  });

  it("confseq TestTwoSidedBetaBinomialMixture, by a reference implementation in R", () => {
    // s = 10, v = 100, g = 0.2, h = 0.8: 135 of 625 successes.
    const mixture = createBernoulliMixture(0.2, plannedConcentration(625, 0.05));
    expect(Math.abs(logEvidence(mixture, 135, 490) + 0.6941012)).toBeLessThan(1e-7);
  });

  it("averages to E = 1 over the runs of the null", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.02, max: 0.98, noNaN: true }),
        fc.double({ min: 0.01, max: 1e4, noNaN: true }),
        fc.integer({ min: 1, max: 12 }),
        (rate, concentration, n) => {
          const mixture = createBernoulliMixture(rate, concentration);
          const means = [0, 0, 0];
          let ways = 1;
          for (let k = 0; k <= n; k += 1) {
            const chance = ways * rate ** k * (1 - rate) ** (n - k);
            means[0]! += chance * Math.exp(logEvidence(mixture, k, n - k));
            means[1]! += chance * Math.exp(logEvidenceAbove(mixture, k, n - k));
            means[2]! += chance * Math.exp(logEvidenceBelow(mixture, k, n - k));
            ways = (ways * (n - k)) / (k + 1);
          }
          for (const mean of means) expect(Math.abs(mean - 1)).toBeLessThan(1e-9);
        },
      ),
      { seed: 1 },
    );
  });

  it("refuses a rate or a concentration outside its range", () => {
    for (const rate of [0, 1, NaN]) expect(() => createBernoulliMixture(rate, 1)).toThrow("rate");
    for (const weight of [0, NaN, Infinity]) {
      expect(() => createBernoulliMixture(0.5, weight)).toThrow("concentration");
    }
  });
});

describe("logEvidenceAbove", () => {
  it.each([
    // mpmath 1.3, 60 digits.
    [135, 490, 0.2, 50, -0.32186509680791204493],
    [3, 0, 0.01, 100, 2.7371885988254721836],
    [60, 40, 0.3, 100, 10.250108102755455052],
    [0, 10, 0.3, 10, -1.182568420389326822],
  ])("mpmath: %d and %d at %d, concentration %d", (k, m, rate, concentration, expected) => {
    const above = createBernoulliMixture(rate, concentration);
    expectClose(logEvidenceAbove(above, k, m), expected, 1e-11);
    const below = createBernoulliMixture(1 - rate, concentration, rate);
    expectClose(logEvidenceBelow(below, m, k), expected, 1e-11);
  });

  it("confseq TestOneSidedBetaBinomialMixture", () => {
    const mixture = createBernoulliMixture(0.2, plannedConcentration(625, 0.05, "greater"));
    expect(Math.abs(logEvidenceAbove(mixture, 135, 490) + 0.07134019)).toBeLessThan(1e-7);
    // beta_binomial_mixture_bound(100, 0.05, 100, 0.2, 0.8) = 28.41238: E reaches 20 at this excess.
    const bound = 28.41238;
    expect(
      Math.abs(logEvidenceAbove(mixture, 125 + bound, 500 - bound) - Math.log(20)),
    ).toBeLessThan(1e-5);
  });
});

describe("bernoulliConfidenceSequence", () => {
  it.each([
    // confseq test/uniform_boundaries_unittest.cpp, to 1e-5 there.
    [700, 1000, 100, 0.651629, 0.745949],
    [15, 50, 50, 0.129556, 0.511896],
    [5, 50, 50, 0.013021, 0.269264],
    [1, 50, 50, 0, 0.13489],
    [1, 2, 50, 0, 1],
    [100, 200, 1, 0.328923, 0.671076],
    [0, 1, 50, 0, 1],
    [1, 1, 50, 0, 1],
  ])("confseq: %d of %d, planned %d", (successes, count, plannedCount, low, high) => {
    const { interval, estimate } = valueOf(
      bernoulliConfidenceSequence(successes, count, { alpha: 0.05, plannedCount }),
    );
    expect(Math.abs(interval.low - low)).toBeLessThan(2e-6);
    expect(Math.abs(interval.high - high)).toBeLessThan(2e-6);
    expect(estimate).toBe(successes / count);
  });

  it("ends where the evidence against a rate reaches 1/alpha, on the outside", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 1, max: 1e8, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.3, noNaN: true }),
        (count, share, plannedCount, alpha) => {
          const successes = Math.floor(count * share);
          const options = { alpha, plannedCount };
          const { interval } = valueOf(bernoulliConfidenceSequence(successes, count, options));
          const concentration = plannedConcentration(plannedCount, alpha);
          for (const end of [interval.low, interval.high]) {
            if (end === 0 || end === 1) continue;
            const mixture = createBernoulliMixture(end, concentration);
            const evidence = logEvidence(mixture, successes, count - successes);
            expect(Math.abs(evidence + Math.log(alpha))).toBeLessThan(1e-5);
          }
          if (interval.low > 0) {
            const outside = createBernoulliMixture(interval.low, concentration);
            const evidence = logEvidence(outside, successes, count - successes);
            expect(evidence).toBeGreaterThanOrEqual(-Math.log(alpha));
          }
          expect(interval.low).toBeLessThanOrEqual(successes / count);
          expect(interval.high).toBeGreaterThanOrEqual(successes / count);
        },
      ),
      { seed: 2 },
    );
  });

  it("gives one limit, and a closer one, for one-sided questions", () => {
    const options = { alpha: 0.05, plannedCount: 1000 };
    const both = valueOf(bernoulliConfidenceSequence(37, 1000, options)).interval;
    const greater = valueOf(
      bernoulliConfidenceSequence(37, 1000, { ...options, alternative: "greater" }),
    ).interval;
    const less = valueOf(
      bernoulliConfidenceSequence(37, 1000, { ...options, alternative: "less" }),
    ).interval;
    expect(greater.high).toBe(1);
    expect(less.low).toBe(0);
    expect(greater.low).toBeGreaterThan(both.low);
    expect(less.high).toBeLessThan(both.high);
    for (const [rate, evidence] of [
      [greater.low, logEvidenceAbove],
      [less.high, logEvidenceBelow],
    ] as const) {
      const mixture = createBernoulliMixture(rate, plannedConcentration(1000, 0.05, "greater"));
      expect(Math.abs(evidence(mixture, 37, 963) - Math.log(20))).toBeLessThan(1e-9);
    }
  });

  it.each([
    // mpmath 1.3, 60 digits: the root of ln E = ln(1/alpha), one-sided.
    [1, 1e6, 0.05, 6.91666796330942e-9],
    [1, 1e6, 0.001, 8.1167337045441e-11],
    [2, 1e6, 0.001, 1.16247823450428e-8],
    [50, 1e6, 0.05, 3.28687987780659e-5],
    [37, 1000, 0.05, 0.0227554777865564],
  ])(
    "mpmath: lower limit of %d of %d at %d, and its mirror image",
    (successes, count, alpha, low) => {
      const options = { alpha, plannedCount: count, alternative: "greater" } as const;
      const { interval } = valueOf(bernoulliConfidenceSequence(successes, count, options));
      expectClose(interval.low, low, 1e-9);
      const mirrored = valueOf(
        bernoulliConfidenceSequence(count - successes, count, { ...options, alternative: "less" }),
      );
      expect(mirrored.interval.high).toBe(1 - interval.low);
    },
  );

  it("has no lower limit where it would be too close to 0 to compute, and stays a number", () => {
    const options = { alpha: 1e-9, plannedCount: 1e6, alternative: "greater" } as const;
    const { interval } = valueOf(bernoulliConfidenceSequence(1, 1e6, options));
    expect(interval).toEqual({ low: 0, high: 1 });
    const mixture = createBernoulliMixture(1e-250, 0.001);
    expect(logEvidenceAbove(mixture, 0, 1)).toBe(-Infinity);
    expect(Number.isFinite(logEvidenceAbove(mixture, 1, 0))).toBe(true);
  });

  it("knows nothing before the first trial", () => {
    expect(valueOf(bernoulliConfidenceSequence(0, 0, { alpha: 0.05, plannedCount: 10 }))).toEqual({
      interval: { low: 0, high: 1 },
      estimate: null,
    });
  });

  it.each([
    [NaN, 10, "not_finite"],
    [1, Infinity, "not_finite"],
    [-1, 10, "out_of_range"],
    [11, 10, "out_of_range"],
  ])("answers %d of %d with %s", (successes, count, code) => {
    const options = { alpha: 0.05, plannedCount: 10 };
    expect(codeOf(bernoulliConfidenceSequence(successes, count, options))).toBe(code);
  });

  it("refuses options outside their range", () => {
    for (const alpha of [0, 1, NaN]) {
      expect(() => plannedConcentration(10, alpha)).toThrow("alpha");
    }
    expect(() => plannedConcentration(10, 0.5, "less")).toThrow("alpha");
    expect(() => plannedConcentration(0, 0.05)).toThrow("plannedCount");
    expect(plannedConcentration(1, 0.05)).toBe(0.001);
  });
});
