import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { erf, erfc, logErfc } from "../../../../src/core/statistics/special/error-function.ts";
import {
  deviance,
  logBeta,
  logChoose,
  logGamma,
} from "../../../../src/core/statistics/special/gamma.ts";
import { incompleteBeta } from "../../../../src/core/statistics/special/incomplete-beta.ts";
import { incompleteGamma } from "../../../../src/core/statistics/special/incomplete-gamma.ts";
import { expectClose } from "../closeness.ts";

/** Expected values: mpmath 1.3 at 40 digits, unless a row says otherwise. */
describe("gamma and beta", () => {
  it.each([
    [0.01, 4.59947987804202172],
    [0.5, 0.572364942924700087],
    [1, 0],
    [1.2, -0.0853740900033158497],
    [2, 0],
    [3.7, 1.42807232666538792],
    [5, Math.log(24)],
    [100.5, 361.435540467777622],
    [1e9, 19723265827.5037168],
  ])("ln Γ(%d)", (x, expected) => expectClose(logGamma(x), expected, 1e-15));

  it("keeps its digits where it crosses 0 (slopes −γ and 1 − γ, DLMF 5.4.14)", () => {
    expectClose(logGamma(1 + 2 ** -40), -0.5772156649015329 * 2 ** -40, 1e-11);
    expectClose(logGamma(2 + 2 ** -40), 0.42278433509846714 * 2 ** -40, 1e-11);
  });

  it.each([
    [2, 3, -2.48490664978800031],
    [0.5, 1e9, -9.78926797542350549],
    [1e8, 3e8, -224934065.995084142],
    [0.5, 0.5, Math.log(Math.PI)],
  ])("ln B(%d, %d)", (a, b, expected) => {
    expectClose(logBeta(a, b), expected, 1e-14);
    expect(logBeta(a, b)).toBe(logBeta(b, a));
  });

  it.each([
    [5, 2, Math.log(10)],
    [52, 5, Math.log(2598960)],
    [7, 7, 0],
  ])("ln choose(%d, %d)", (n, k, expected) => expectClose(logChoose(n, k), expected, 1e-13));

  it("has a deviance of 0 at the mean, and of about (x − m)²/2m near it", () => {
    expect(Math.abs(deviance(7, 7))).toBe(0);
    expectClose(deviance(1e8 + 1, 1e8), 1 / 2e8, 1e-7);
    expectClose(deviance(2, 1e-9), 2 * Math.log(2e9) - 2, 1e-9);
  });

  it.each([0, -1, Number.NaN])("refuses %d", (x) => {
    expect(() => logGamma(x)).toThrow(RangeError);
    expect(() => logBeta(x, 1)).toThrow(RangeError);
    expect(() => logChoose(3, x === 0 ? 4 : x)).toThrow(RangeError);
  });
});

describe("error function", () => {
  it.each([
    [-3, 1.99997790950300141],
    [0, 1],
    [0.5, 0.479500122186953462],
    [1, 0.157299207050285131],
    [2, 0.00467773498104726584],
    [2.1, 0.0029794666563329855],
    [5, 1.53745979442803485e-12],
    [10, 2.08848758376254476e-45],
    [26, 5.66319240885614285e-296],
    [40, 0],
  ])("erfc(%d)", (x, expected) => expectClose(erfc(x), expected, 2e-13));

  it("goes on in logarithms where the numbers end", () => {
    expectClose(logErfc(40), -1604.26155665327356, 1e-14);
    expectClose(logErfc(-1e-9), 2e-9 / Math.sqrt(Math.PI), 1e-8);
    expectClose(erf(1e-300), 2e-300 / Math.sqrt(Math.PI), 1e-15);
  });

  it("is odd, and complements itself", () => {
    fc.assert(
      fc.property(fc.double({ min: -6, max: 6, noNaN: true }), (x) => {
        expect(erf(-x)).toBe(-erf(x));
        expect(erf(x) + erfc(x)).toBeCloseTo(1, 14);
      }),
      { seed: 1 },
    );
  });
});

describe("incomplete gamma and beta", () => {
  it.each([
    [0.5, 50, 1.52397060483210521e-23],
    [5000, 5250, 0.000247947367989360852],
    [1, 700, Math.exp(-700)],
    [3, 2, 5 * Math.exp(-2)],
  ])("Q(%d, %d)", (a, x, expected) => expectClose(incompleteGamma(a, x).upper, expected, 1e-12));

  it("P(1.5, 0.01)", () => {
    expectClose(incompleteGamma(1.5, 0.01).lower, 0.000747755339391197889, 1e-13);
  });

  it.each([
    [0.25, 2, 3, 0.26171875],
    [0.1, 0.5, 0.5, 0.204832764699133452],
    [0.3, 1, 5, 1 - 0.7 ** 5],
    [0.5, 1e6, 1e6 + 500, 0.63814666363, 1e-9], // R 4.2 pbeta, rounded
  ])("I(%d; %d, %d)", (x, a, b, expected, relative = 1e-13) =>
    expectClose(incompleteBeta(x, a, b).lower, expected, relative),
  );

  it("mirrors: I(x; a, b) = 1 − I(1 − x; b, a), on both sides of every switch of method", () => {
    const shape = fc.double({ min: -2, max: 8, noNaN: true }).map((digits) => 10 ** digits);
    fc.assert(
      fc.property(shape, shape, fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (a, b, x) => {
        const there = incompleteBeta(x, a, b);
        const back = incompleteBeta(1 - x, b, a, x);
        expectClose(there.lower, back.upper, 1e-8);
        expect(there.lower + there.upper).toBeCloseTo(1, 12);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it("joins its methods without a step", () => {
    for (const z of [-6, -2, -0.3, 0.4, 3, 7]) {
      const gammaAt = (a: number) => incompleteGamma(a, a + z * Math.sqrt(a));
      expectClose(gammaAt(999.999999).upper, gammaAt(1000).upper, 1e-7);
      const betaAt = (a: number) => {
        const x = 0.3 + z * Math.sqrt((0.3 * 0.7 * 0.3) / a);
        return incompleteBeta(x, a, (a / 3) * 7).lower;
      };
      expectClose(betaAt(499.9999999), betaAt(500), 1e-7);
    }
  });

  it.each([
    [0, 1],
    [-1, 1],
    [1, -1],
    [1, Number.NaN],
  ])("refuses gamma (%d, %d)", (a, x) => {
    expect(() => incompleteGamma(a, x)).toThrow(RangeError);
  });

  it("refuses beta outside [0, 1] and parameters that are not positive", () => {
    expect(() => incompleteBeta(1.1, 1, 1)).toThrow(RangeError);
    expect(() => incompleteBeta(0.5, 0, 1)).toThrow(RangeError);
    expect(() => incompleteBeta(0.5, 1, Infinity)).toThrow(RangeError);
  });
});
