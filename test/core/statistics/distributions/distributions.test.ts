import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  betaCdf,
  betaPdf,
  betaQuantile,
  betaUpper,
  betaUpperQuantile,
} from "../../../../src/core/statistics/distributions/beta.ts";
import {
  binomialCdf,
  binomialPmf,
  binomialQuantile,
  binomialUpper,
} from "../../../../src/core/statistics/distributions/binomial.ts";
import {
  chiSquareCdf,
  chiSquarePdf,
  chiSquareQuantile,
  chiSquareUpper,
  chiSquareUpperQuantile,
} from "../../../../src/core/statistics/distributions/chi-square.ts";
import {
  fCdf,
  fPdf,
  fQuantile,
  fUpper,
  fUpperQuantile,
} from "../../../../src/core/statistics/distributions/f.ts";
import {
  noncentralTCdf,
  noncentralTPdf,
  noncentralTQuantile,
  noncentralTUpper,
} from "../../../../src/core/statistics/distributions/noncentral-t.ts";
import {
  normalCdf,
  normalLogUpper,
  normalPdf,
  normalQuantile,
  normalUpper,
  normalUpperQuantile,
} from "../../../../src/core/statistics/distributions/normal.ts";
import {
  tCdf,
  tPdf,
  tQuantile,
  tUpper,
  tUpperQuantile,
} from "../../../../src/core/statistics/distributions/student-t.ts";
import { expectClose } from "../closeness.ts";

type Row = readonly [what: string, actual: number, expected: number, relative?: number];

/** Sources: mp = mpmath 1.3 at 40 digits, R = R 4.2, SciPy 1.10, table = what jStat gets wrong (reference). */
const golden: readonly Row[] = [
  ["normal cdf −8 (mp, table)", normalCdf(-8), 6.22096057427178412e-16],
  ["normal cdf −8.5 (mp, table)", normalCdf(-8.5), 9.47953482220331835e-18],
  ["normal cdf 1.96 (mp)", normalCdf(1.96), 0.975002104851779566],
  ["normal upper 37 (mp)", normalUpper(37), 5.72557122252457682e-300],
  ["normal ln upper 100 (mp)", normalLogUpper(100), -5005.524208694205],
  ["normal pdf 0", normalPdf(0), 1 / Math.sqrt(2 * Math.PI)],
  ["normal quantile .975 (R)", normalQuantile(0.975), 1.9599639845400536],
  ["normal quantile 1e-17 (R)", normalQuantile(1e-17), -8.4937932241096],
  ["normal upper quantile 1e-300 (R)", normalUpperQuantile(1e-300), 37.04709629936121],
  ["t cdf 0, df 1e6 (table)", tCdf(0, 1e6), 0.5],
  ["t cdf 0, df 1e7 (table)", tCdf(0, 1e7), 0.5],
  ["t cdf −.01, df 1e7 (mp, table)", tCdf(-0.01, 1e7), 0.496010643785108952],
  ["t upper 2, df 1e6 (mp)", tUpper(2, 1e6), 0.0227502669256596042],
  ["t upper 5, df 1e9 (mp)", tUpper(5, 1e9), 2.86651620197581422e-7],
  ["t upper 2, df 10 (mp)", tUpper(2, 10), 0.0366940173853701828],
  ["t upper 12.706, df 1 (mp)", tUpper(12.706, 1), 0.025000401179066594],
  ["t upper 30, df 5 (mp)", tUpper(30, 5), 3.85932431024802599e-7],
  ["t upper 2.5, df 0.5 (mp)", tUpper(2.5, 0.5), 0.200485264526646592],
  ["t upper 1, df 1 (Cauchy)", tUpper(1, 1), 0.25],
  ["t upper 1e200, df 1 (Cauchy)", tUpper(1e200, 1), 1 / (Math.PI * 1e200)],
  ["t pdf 0, df 342 (table)", tPdf(0, 342), 0.39865076290462, 1e-13],
  ["t quantile .975, df 5 (R)", tQuantile(0.975, 5), 2.5705818356363137],
  ["t quantile .975, df 1e8 (R, table)", tQuantile(0.975, 1e8), 1.9599640082627663],
  ["t quantile 1e-200, df 10 (R)", tQuantile(1e-200, 10), -256452571894820570000],
  ["t quantile .75, df 1e4 (R)", tQuantile(0.75, 1e4), 0.6745142844835924],
  ["t quantile .5005, df 7 (R)", tQuantile(0.5005, 7), 0.0012987305550741022],
  ["χ² upper 100, df 1 (mp, table)", chiSquareUpper(100, 1), 1.52397060483210521e-23],
  ["χ² upper 10500, df 1e4 (mp)", chiSquareUpper(10500, 1e4), 0.000247947367989360852],
  ["χ² upper x, df 2 = e^(−x/2)", chiSquareUpper(1300, 2), Math.exp(-650)],
  ["χ² cdf .02, df 3 (mp)", chiSquareCdf(0.02, 3), 0.000747755339391197889],
  ["χ² pdf 2, df 2", chiSquarePdf(2, 2), Math.exp(-1) / 2],
  ["χ² quantile .95, df 10 (R)", chiSquareQuantile(0.95, 10), 18.307038053275146],
  ["χ² quantile 1e-10, df 3 (R)", chiSquareQuantile(1e-10, 3), 5.20939762143448e-7],
  ["χ² upper quantile, df 2", chiSquareUpperQuantile(1e-250, 2), 500 * Math.log(10)],
  ["F cdf 3; 5, 10 (mp)", fCdf(3, 5, 10), 0.934442437906155887],
  ["F upper 3; 5, 10 (R)", fUpper(3, 5, 10), 0.065557562093844154],
  ["F quantile .95; 3, 20 (R)", fQuantile(0.95, 3, 20), 3.0983912121407795],
  ["F upper of t²: 2 P(T > t)", fUpper(4, 1, 10), 2 * 0.0366940173853701828],
  ["F pdf 1; 2, 2 = 1/(1+x)²", fPdf(1, 2, 2), 0.25],
  ["β cdf .25; 2, 3 (exact)", betaCdf(0.25, 2, 3), 0.26171875],
  ["β cdf .1; ½, ½ (mp)", betaCdf(0.1, 0.5, 0.5), 0.204832764699133452],
  ["β upper .5; 1, 9", betaUpper(0.5, 1, 9), 0.5 ** 9],
  ["β pdf .5; 2, 2", betaPdf(0.5, 2, 2), 1.5],
  [
    "β pdf near 1 with a = 8e7 (mp; R has 7 digits)",
    betaPdf(0.99999999749119561, 82168156.616101146, 35.643032318321815),
    4.020986690610435619e-56,
  ],
  ["β quantile .05; 2, 5 (R)", betaQuantile(0.05, 2, 5), 0.06284989170835438],
  ["β upper quantile; 1, b", betaUpperQuantile(1e-30, 1, 100), 1 - 10 ** -0.3],
  ["binomial pmf 300; 2000, .15 (mp, table)", binomialPmf(300, 2000, 0.15), 0.0249756123457499929],
  ["binomial cdf 0; 1000, .03 (mp, table)", binomialCdf(0, 1000, 0.03), 5.91199783362008198e-14],
  ["binomial upper 310; 2000, .15 (R)", binomialUpper(310, 2000, 0.15), 0.254090388538329, 1e-9],
  ["binomial cdf 4; 10, .5 (exact)", binomialCdf(4, 10, 0.5), 386 / 1024],
  ["binomial quantile .3; 100, .02 (R)", binomialQuantile(0.3, 100, 0.02), 1],
  [
    "noncentral t cdf 26; 2000, 26 (table, SciPy)",
    noncentralTCdf(26, 2000, 26),
    0.4987430843503,
    1e-11,
  ],
  ["noncentral t cdf 2; 10, 1 (SciPy, R)", noncentralTCdf(2, 10, 1), 0.80761156253037, 1e-12],
  ["noncentral t upper 4; 20, 2 (SciPy)", noncentralTUpper(4, 20, 2), 0.048601905167044664],
  ["noncentral t at 0: Φ(−ncp)", noncentralTCdf(0, 7, 3), normalCdf(-3)],
  ["noncentral t, ncp 0: t", noncentralTUpper(2, 10, 0), 0.0366940173853701828],
  ["noncentral t pdf, ncp 0: t", noncentralTPdf(2, 10, 0), tPdf(2, 10)],
  ["noncentral t quantile .9; 10, 1 (SciPy)", noncentralTQuantile(0.9, 10, 1), 2.5260798970601854],
];

describe("golden values", () => {
  for (const [what, actual, expected, relative] of golden) {
    it(`agrees with ${what}`, () => expectClose(actual, expected, relative));
  }

  it("has the whole line: both ends of every support", () => {
    expect([normalQuantile(0), normalQuantile(1), normalUpper(Infinity)]).toEqual([
      -Infinity,
      Infinity,
      0,
    ]);
    expect([tQuantile(0, 3), tQuantile(1, 3), tCdf(-Infinity, 3)]).toEqual([
      -Infinity,
      Infinity,
      0,
    ]);
    expect([chiSquareQuantile(0, 3), chiSquareQuantile(1, 3)]).toEqual([0, Infinity]);
    expect([chiSquareCdf(-1, 3), chiSquareUpper(Infinity, 3)]).toEqual([0, 0]);
    expect([betaQuantile(0, 2, 3), betaQuantile(1, 2, 3), betaCdf(2, 2, 3)]).toEqual([0, 1, 1]);
    expect([fQuantile(0, 2, 3), fUpperQuantile(0, 2, 3), fUpper(Infinity, 2, 3)]).toEqual([
      0,
      Infinity,
      0,
    ]);
    expect([binomialCdf(-1, 3, 0.5), binomialUpper(3, 3, 0.5)]).toEqual([0, 0]);
  });

  it.each([
    () => tCdf(1, 0),
    () => tCdf(Number.NaN, 1),
    () => tQuantile(1.1, 5),
    () => chiSquareUpper(1, -1),
    () => fCdf(1, 1, Number.NaN),
    () => betaQuantile(-0.1, 1, 1),
    () => binomialCdf(1, 1.5, 0.5),
    () => binomialPmf(1, 2, 1.5),
    () => noncentralTCdf(1, 5, Infinity),
    () => normalQuantile(Number.NaN),
  ])("refuses what is no argument: %s", (call) => {
    expect(call).toThrow(RangeError);
  });
});

const probability = fc.oneof(
  fc.double({ min: 0.001, max: 0.999, noNaN: true }),
  fc.double({ min: -250, max: -3, noNaN: true }).map((digits) => 10 ** digits),
);
const parameter = fc.double({ min: -0.5, max: 8, noNaN: true }).map((digits) => 10 ** digits);
const runs = { seed: 3, numRuns: 300 };

describe("a quantile leads back to its probability", () => {
  // A quantile has 16 digits; how far they determine the probability is its own condition number.
  const leadsBack = (p: number, tail: number, condition: number) =>
    expectClose(tail, p, 1e-11 + 4e-15 * condition);

  it("normal", () => {
    fc.assert(
      fc.property(probability, (p) => {
        const x = normalQuantile(p);
        leadsBack(p, normalCdf(x), x * x);
        expect(normalUpperQuantile(p)).toBeCloseTo(-x, 12);
      }),
      runs,
    );
  });

  it("t", () => {
    fc.assert(
      fc.property(probability, parameter, (p, df) => {
        const x = tQuantile(p, df);
        fc.pre(Math.abs(x) < 1e150);
        leadsBack(p, tCdf(x, df), Math.min(df + 1, x * x + 1));
        expectClose(tUpperQuantile(p, df), -x, 1e-12);
      }),
      runs,
    );
  });

  it("χ²", () => {
    fc.assert(
      fc.property(probability, parameter, (p, df) => {
        const low = chiSquareQuantile(p, df);
        const high = chiSquareUpperQuantile(p, df);
        fc.pre(low > 1e-290);
        leadsBack(p, chiSquareCdf(low, df), 300 * Math.sqrt(df) + 1000);
        leadsBack(p, chiSquareUpper(high, df), 300 * Math.sqrt(df) + 1000);
      }),
      runs,
    );
  });

  it("β and F", () => {
    fc.assert(
      fc.property(probability, parameter, parameter, (p, a, b) => {
        const x = fQuantile(p, 2 * a, 2 * b);
        fc.pre(x > 1e-290 && x < 1e290);
        leadsBack(p, fCdf(x, 2 * a, 2 * b), 40 * Math.sqrt(Math.min(a, b)) + 1000);
        const share = betaQuantile(p, a, b);
        fc.pre(share > 1e-290 && share < 0.9);
        leadsBack(p, betaCdf(share, a, b), 200 * Math.sqrt(Math.min(a, b)) + 4000);
      }),
      runs,
    );
  });

  it("binomial: the smallest k that reaches it", () => {
    const counts = fc.integer({ min: 1, max: 1_000_000 });
    const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(share, counts, share, (q, n, p) => {
        const k = binomialQuantile(q, n, p);
        expect(binomialCdf(k, n, p)).toBeGreaterThanOrEqual(q * (1 - 1e-12));
        expect(binomialCdf(k - 1, n, p)).toBeLessThan(q * (1 + 1e-12));
      }),
      runs,
    );
  });
});

describe("both tails together are everything, and rise", () => {
  const x = fc.double({ min: -40, max: 40, noNaN: true });

  it("t", () => {
    fc.assert(
      fc.property(x, parameter, (t, df) => {
        expect(tCdf(t, df) + tUpper(t, df)).toBeCloseTo(1, 13);
        expect(tUpper(t + 0.01, df)).toBeLessThan(tUpper(t, df) + 1e-15);
      }),
      runs,
    );
  });

  it("noncentral t", () => {
    fc.assert(
      fc.property(x, parameter, fc.double({ min: -30, max: 30, noNaN: true }), (t, df, ncp) => {
        expect(noncentralTCdf(t, df, ncp) + noncentralTUpper(t, df, ncp)).toBeCloseTo(1, 10);
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it("the binomial's probabilities add up", () => {
    let sum = 0;
    for (let k = 0; k <= 200; k += 1) {
      sum += binomialPmf(k, 200, 0.3);
      expectClose(sum, binomialCdf(k, 200, 0.3), 1e-12);
    }
  });
});
