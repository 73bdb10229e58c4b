import { expect, test } from "vitest";
import { betaCdf } from "../../../src/core/statistics/distributions/beta.ts";
import { binomialCdf, binomialPmf } from "../../../src/core/statistics/distributions/binomial.ts";
import { normalCdf } from "../../../src/core/statistics/distributions/normal.ts";
import {
  betaVariate,
  binomialVariate,
  exponentialVariate,
  gammaVariate,
  normalVariate,
  poissonVariate,
} from "../../../src/core/statistics/random-variates.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import { incompleteGamma } from "../../../src/core/statistics/special/incomplete-gamma.ts";

type Row = readonly [string, (random: Uniform) => number, (x: number) => number];
type CountRow = readonly [...Row, (k: number) => number];

const gammaRow = (shape: number): Row => [
  `gamma ${shape}`,
  (random) => gammaVariate(random, shape),
  (x) => incompleteGamma(shape, x).lower,
];
const betaRow = (a: number, b: number): Row => [
  `beta ${a}, ${b}`,
  (random) => betaVariate(random, a, b),
  (x) => betaCdf(x, a, b),
];
const binomialRow = (n: number, p: number): CountRow => [
  `binomial ${n}, ${p}`,
  (random) => binomialVariate(random, n, p),
  (k) => (k < 0 ? 0 : binomialCdf(k, n, p)),
  (k) => binomialPmf(k, n, p),
];
const poissonRow = (mean: number): CountRow => {
  const upTo = (k: number) => (k < 0 ? 0 : incompleteGamma(k + 1, mean).upper);
  return [
    `Poisson ${mean}`,
    (random) => poissonVariate(random, mean),
    upTo,
    (k) => upTo(k) - upTo(k - 1),
  ];
};

const continuous: readonly Row[] = [
  ["normal", normalVariate, normalCdf],
  ["exponential", exponentialVariate, (x) => -Math.expm1(-x)],
  gammaRow(0.2),
  gammaRow(1),
  gammaRow(7.5),
  gammaRow(1e6),
  betaRow(0.2, 19.8),
  betaRow(0.5, 0.5),
  betaRow(3, 2),
  betaRow(4e5, 6e5),
];

const counts: readonly CountRow[] = [
  binomialRow(1, 0.4),
  binomialRow(7, 0.5),
  binomialRow(30, 0.33),
  binomialRow(31, 0.34),
  binomialRow(200, 0.93),
  binomialRow(1000, 0.02),
  binomialRow(1e6, 0.3),
  binomialRow(1e9, 2e-9),
  binomialRow(1e9, 0.4),
  binomialRow(1e9, 0.999),
  poissonRow(0.3),
  poissonRow(9.9),
  poissonRow(10.2),
  poissonRow(1234.5),
  poissonRow(1e6),
];

const draws = 3000;

/** χ² with quantiles of 1e-5 and 1 − 1e-5 of 2.97 and 57.4: how evenly numbers in [0, 1] fill 20 cells. */
function unevenness(places: readonly number[]): number {
  const cells = new Float64Array(20);
  for (const place of places) {
    const cell = Math.min(19, Math.floor(place * 20));
    cells[cell] = (cells[cell] as number) + 1;
  }
  const each = places.length / 20;
  return cells.reduce((sum, count) => sum + (count - each) ** 2 / each, 0);
}

test.each(continuous)("%s", (_, draw, cdf) => {
  const random = createRandom(20);
  const statistic = unevenness(Array.from({ length: draws }, () => cdf(draw(random))));
  expect(statistic).toBeGreaterThan(2.97);
  expect(statistic).toBeLessThan(57.4);
});

test.each(counts)("%s", (_, draw, cdf, pmf) => {
  const random = createRandom(21);
  const statistic = unevenness(
    Array.from({ length: draws }, () => {
      const count = draw(random);
      expect(Number.isSafeInteger(count)).toBe(true);
      // Somewhere in the step of the distribution function, so that all places are equally likely.
      return cdf(count - 1) + random() * pmf(count);
    }),
  );
  expect(statistic).toBeGreaterThan(2.97);
  expect(statistic).toBeLessThan(57.4);
});

test("certain and impossible outcomes need no chance", () => {
  const none = () => {
    throw new Error("drawn");
  };
  expect(binomialVariate(none, 0, 0.3)).toBe(0);
  expect(binomialVariate(none, 10, 0)).toBe(0);
  expect(binomialVariate(none, 10, 1)).toBe(10);
});

test("tiny parameters of beta stay numbers", () => {
  const random = createRandom(5);
  for (let draw = 0; draw < 100; draw += 1) {
    const value = betaVariate(random, 1e-4, 1e-4);
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThanOrEqual(1);
  }
});

test.each([
  ["n", () => binomialVariate(Math.random, 1.5, 0.5)],
  ["p", () => binomialVariate(Math.random, 2, Number.NaN)],
  ["mean", () => poissonVariate(Math.random, -1)],
  ["shape", () => gammaVariate(Math.random, 0)],
])("an impossible %s is refused", (_, draw) => {
  expect(draw).toThrow(RangeError);
});
