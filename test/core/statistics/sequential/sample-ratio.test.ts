import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addUsers,
  createSampleRatioTest,
  nextSplit,
  sampleRatioPValue,
} from "../../../../src/core/statistics/sequential/sample-ratio.ts";
import {
  createBernoulliMixture,
  logEvidence,
} from "../../../../src/core/statistics/sequential/bernoulli-mixture.ts";
import { expectClose } from "../closeness.ts";

/** The p-value after each update. */
function pValues(
  shares: readonly number[],
  updates: readonly (readonly number[])[],
  concentration?: number,
): number[] {
  let test = createSampleRatioTest(
    concentration === undefined ? { shares } : { shares, concentration },
  );
  return updates.map((added) => {
    test = addUsers(test, added);
    return sampleRatioPValue(test);
  });
}

describe("createSampleRatioTest", () => {
  it.each([
    // GrowthBook, tests of ssrm: values of sequential_p_values, which lose some digits to log-gammas.
    [[0.5, 0.5], [[500, 500]], 10_000, [1], 1e-10],
    [[0.5, 0.5], [[800, 200]], 10_000, [8.126155715401769e-8], 1e-10],
    [[0.5, 0.5], [[800, 200]], 100, [2.253273013435552e-75], 1e-10],
    [
      [0.5, 0.5],
      [
        [500, 500],
        [600, 400],
        [700, 300],
        [800, 200],
      ],
      10_000,
      [1, 0.20685901461423034, 1.099173293697608e-6, 5.115536116778213e-23],
      1e-10,
    ],
    [[0.34, 0.33, 0.33], [[600, 200, 200]], 10_000, [1.4343631225400445e-6], 1e-10],
    // savvi, example "Multinomial": stops at 402 with estimates 0.0995, 0.3209, 0.5796; p 0.0485, k = 100.
    [[0.1, 0.4, 0.5], [[40, 129, 233]], 100, [0.0485], 1e-3],
    // mpmath 1.3, 60 digits.
    [[0.5, 0.5], [[800, 200]], 10_000, [8.1261557155330228167e-8], 1e-13],
    [[0.5, 0.5], [[2600, 1400]], 10_000, [5.1155361168646175376e-23], 1e-13],
    [[0.34, 0.33, 0.33], [[600, 200, 200]], 10_000, [1.4343631225700384347e-6], 1e-13],
    [[0.25, 0.25, 0.25, 0.25], [[10, 12, 9, 30]], 100, [0.063960571251595954141], 1e-13],
  ])(
    "split %o, users %o, concentration %d",
    (shares, updates, concentration, expected, relative) => {
      for (const [at, p] of pValues(shares, updates, concentration).entries()) {
        expectClose(p, expected[at]!, relative);
      }
    },
  );

  it("keeps its digits with ten billion users (mpmath)", () => {
    const test = createSampleRatioTest({ shares: [0.95, 0.05] });
    const { logEvidence: actual } = addUsers(test, [9_500_300_000, 500_000_000]);
    expectClose(actual, -6.6710866664568540267, 1e-12);
  });

  it("weighs 10,000 users unless told otherwise", () => {
    expect(pValues([0.5, 0.5], [[800, 200]])).toEqual(pValues([0.5, 0.5], [[800, 200]], 10_000));
  });

  it("is the beta-binomial mixture with two arms, and does not mind their order", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.double({ min: 0.1, max: 1e6, noNaN: true }),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        (share, concentration, first, second) => {
          const shares = [share, 1 - share];
          const test = addUsers(createSampleRatioTest({ shares, concentration }), [first, second]);
          const mixture = createBernoulliMixture(share, concentration);
          const expected = logEvidence(mixture, first, second);
          const tolerance = 1e-10 * Math.max(1, Math.abs(expected));
          expect(Math.abs(test.logEvidence - expected)).toBeLessThan(tolerance);
          const swapped = addUsers(
            createSampleRatioTest({ shares: shares.toReversed(), concentration }),
            [second, first],
          );
          expect(Math.abs(test.logEvidence - swapped.logEvidence)).toBeLessThan(tolerance);
        },
      ),
      { seed: 5 },
    );
  });

  it("forgives shares whose sum is rounded", () => {
    const rounded = pValues([0.3333333, 0.3333333, 0.3333333], [[60_000, 50_000, 50_000]]);
    expectClose(rounded[0]!, pValues([1 / 3, 1 / 3, 1 / 3], [[60_000, 50_000, 50_000]])[0]!, 1e-9);
  });

  it("knows at once that an arm without a share has a user", () => {
    expect(
      pValues(
        [0.5, 0.5, 0],
        [
          [50, 50, 0],
          [50, 50, 1],
          [50, 50, 0],
        ],
      ),
    ).toEqual([1, 0, 0]);
  });

  it("multiplies the evidence of splits", () => {
    const first = addUsers(createSampleRatioTest({ shares: [0.9, 0.1] }), [8500, 1500]);
    const alone = addUsers(createSampleRatioTest({ shares: [0.5, 0.5] }), [5000, 5100]);
    const both = addUsers(nextSplit(first, [0.5, 0.5]), [5000, 5100]);
    expectClose(both.logEvidence, first.logEvidence + alone.logEvidence, 1e-13);
    expect(sampleRatioPValue(both)).toBe(sampleRatioPValue(first));
  });

  it("refuses what is not a split", () => {
    for (const shares of [[1], [0.5, 0.4], [1.5, -0.5], [NaN, 0.5]]) {
      expect(() => createSampleRatioTest({ shares })).toThrow("shares");
    }
    expect(() => createSampleRatioTest({ shares: [0.5, 0.5], concentration: 0 })).toThrow(
      "concentration",
    );
    const test = createSampleRatioTest({ shares: [0.5, 0.5] });
    expect(() => nextSplit(test, [0.2, 0.3, 0.5])).toThrow("shares");
    expect(() => addUsers(test, [1])).toThrow("users");
    for (const count of [-1, NaN, Infinity]) {
      expect(() => addUsers(test, [count, 0])).toThrow("users");
    }
  });
});
