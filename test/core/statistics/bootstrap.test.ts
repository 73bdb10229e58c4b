import { describe, expect, test } from "vitest";
import {
  accelerationOf,
  bcaInterval,
  contrastOf,
  percentileInterval,
  sortedQuantile,
} from "../../../src/core/statistics/bootstrap/interval.ts";
import { meanOfBins, meanOfValues } from "../../../src/core/statistics/bootstrap/mean.ts";
import { quantileOfBins } from "../../../src/core/statistics/bootstrap/quantile.ts";
import {
  bootstrap,
  bootstrapBinned,
  type BootstrapOptions,
} from "../../../src/core/statistics/bootstrap.ts";
import { histogramOfValues } from "../../../src/core/statistics/histogram.ts";
import { exponentialVariate, normalVariate } from "../../../src/core/statistics/random-variates.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, valueOf } from "./sample.ts";

/** Efron and Tibshirani (1993), table 2.1: days that 7 treated and 9 untreated mice survived. */
const treated = [94, 197, 16, 38, 99, 141, 23];
const untreated = [52, 104, 146, 10, 51, 30, 40, 27, 46];

describe("intervals from given replicates", () => {
  // Replicates estimate + scale·(k²/100 − 20), k = 0…99; SciPy 1.17 bootstrap(…, n_resamples=0, bootstrap_result=…).
  test.each([
    [
      "mean",
      1,
      "two_sided",
      [10.698670634920639, 103.80817063492066],
      [10.660110959562378, 100.89256045418914],
    ],
    ["mean", 1, "greater", [10.880420634920641, Infinity], [10.731696073922791, Infinity]],
    ["mean", 1, "less", [-Infinity, 99.08942063492064], [-Infinity, 93.97324770233462]],
    [
      "ratio",
      0.02,
      "two_sided",
      [1.1461648927159798, 3.00835489271598],
      [1.1451392889925294, 2.9159463578936293],
    ],
    ["ratio", 0.02, "less", [-Infinity, 2.9139798927159797], [-Infinity, 2.7752524266097973]],
    [0.5, 1, "two_sided", [28.06375, 121.17325], [28.0130649311072, 116.64166142352542]],
    [
      0.9,
      1,
      "two_sided",
      [31.063750000000027, 124.17325],
      [31.014822962434707, 119.89812562576064],
    ],
    [0.9, 1, "greater", [31.2455, Infinity], [31.07100877666398, Infinity]],
  ] as const)("SciPy: %s, scale %d, %s", (statistic, scale, alternative, percentile, bca) => {
    const armOf = (values: readonly number[]) =>
      typeof statistic === "number"
        ? quantileOfBins(histogramOfValues(values), statistic)
        : meanOfValues(Float64Array.from(values));
    const [x, y] = [armOf(treated), armOf(untreated)];
    const contrast = statistic === "ratio" ? "ratio" : "difference";
    const estimate = contrastOf(contrast, x.estimate, y.estimate);
    const replicates = Float64Array.from(
      { length: 100 },
      (_, k) => estimate + scale * (k ** 2 / 100 - 20),
    );
    const plain = percentileInterval(replicates, 0.95, alternative);
    expectClose(plain.low, percentile[0], 1e-13);
    expectClose(plain.high, percentile[1], 1e-13);
    const acceleration = accelerationOf(contrast, x, y);
    const moved = bcaInterval(replicates, estimate, acceleration, 0.95, alternative);
    expectClose(moved.low, bca[0], 1e-12);
    expectClose(moved.high, bca[1], 1e-12);
  });

  test("replicates all on one side of the estimate stay finite", () => {
    const replicates = Float64Array.from({ length: 50 }, (_, at) => at);
    for (const estimate of [-1, 60]) {
      for (const acceleration of [-0.6, 0, 0.6]) {
        const { low, high } = bcaInterval(replicates, estimate, acceleration, 0.95, "two_sided");
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(49);
        expect(low).toBeLessThanOrEqual(high);
      }
    }
  });

  test("quantiles are those of R's type 7", () => {
    expect(sortedQuantile(Float64Array.of(1, 2, 4, 8), 0.5)).toBe(3);
    expect(sortedQuantile(Float64Array.of(1, 2, 4, 8), 0.25)).toBe(1.75);
    expect(sortedQuantile(Float64Array.of(1, 2, 4, 8), 1)).toBe(8);
  });
});

describe("the mice", () => {
  const run = (options: Omit<BootstrapOptions, "random">) =>
    valueOf(
      bootstrap(treated, untreated, { random: createRandom(1), resamples: 50_000, ...options }),
    );

  test("difference of means", () => {
    const found = run({ alternative: "greater" });
    expectClose(found.estimate, 30.634920634920636, 1e-14);
    // The limit by formula: √(s²ₓ·6/7² + s²ᵧ·8/9²).
    expectClose(found.standardError, Math.hypot(23.364, 13.334), 0.015);
    // NumPy, 400,000 resamples: 0.1447.
    expect(found.pValue).toBeGreaterThan(0.137);
    expect(found.pValue).toBeLessThan(0.152);
    expect(found.resamples).toBe(50_000);
    const both = run({});
    // SciPy, 100,000 resamples, BCa −19.3 to 85.5; NumPy, percentiles −21.2 to 84.0.
    expect(Math.abs(both.bca.low + 19.3)).toBeLessThan(1.2);
    expect(Math.abs(both.bca.high - 85.5)).toBeLessThan(1.5);
    expect(Math.abs(both.percentile.low + 21.2)).toBeLessThan(1.2);
    expect(Math.abs(both.percentile.high - 84)).toBeLessThan(1.2);
    expect(Math.abs(both.pValue - 0.31)).toBeLessThan(0.012);
  });

  test("difference of medians", () => {
    // NumPy, 400,000 resamples: standard error 40.01, percentiles −29 to 101, one-sided p-value 0.0456.
    const found = run({ statistic: { quantile: 0.5 }, alternative: "greater" });
    expect(found.estimate).toBe(48);
    expect(Math.abs(found.standardError - 40.01)).toBeLessThan(0.5);
    expect(Math.abs(found.pValue - 0.0456)).toBeLessThan(0.005);
    expect(run({ statistic: { quantile: 0.5 } }).percentile).toEqual({ low: -29, high: 101 });
  });

  test("ratio of means", () => {
    const found = run({ contrast: "ratio" });
    expectClose(found.estimate, 1.5448898927159798, 1e-14);
    expect(found.bca.low).toBeGreaterThan(0.5);
    expect(found.bca.low).toBeLessThan(1);
    // The null is the same: equal means.
    expect(found.pValue).toBe(run({}).pValue);
  });
});

describe("resampling", () => {
  const few = Float64Array.of(3, 3, 1, 4, 1, 5, 9, 2, 6);
  const many = Float64Array.from({ length: 900 }, (_, at) => few[at % 9] as number);

  test.each([
    ["value by value", meanOfValues(few)],
    ["counts of bins", meanOfBins(histogramOfValues(few))],
    ["counts of few distinct values", meanOfValues(many)],
  ])("a mean varies as its formula says: %s", (_, arm) => {
    const estimates = new Float64Array(40_000);
    const variances = new Float64Array(40_000);
    arm.resample(createRandom(3), estimates, variances);
    const spread = ((arm.variance as number) * (arm.n - 1)) / arm.n;
    const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
    const square =
      estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / estimates.length;
    expectClose(arm.estimate, 34 / 9, 1e-14);
    expect(Math.abs(mean - arm.estimate)).toBeLessThan(4 * Math.sqrt(spread / 40_000));
    expectClose(square, spread, 0.03);
    const meanVariance = variances.reduce((sum, value) => sum + value, 0) / variances.length;
    expectClose(meanVariance, spread, 0.03);
  });

  test.each([0, 0.3, 0.5, 0.9, 1])("a quantile varies as if values were drawn: %d", (p) => {
    const random = createRandom(4);
    const resamples = 20_000;
    const jumped = new Float64Array(resamples);
    quantileOfBins(histogramOfValues(few), p).resample(random, jumped, new Float64Array(0));
    const drawn = jumped.map(() =>
      sortedQuantile(few.map(() => few[Math.floor(random() * 9)] as number).toSorted(), p),
    );
    const below = (values: Float64Array, limit: number) =>
      values.filter((value) => value <= limit).length / resamples;
    for (let limit = 0.5; limit < 9; limit += 0.5) {
      // 4.5 standard errors of a difference of two shares.
      expect(Math.abs(below(jumped, limit) - below(drawn, limit))).toBeLessThan(0.0225);
    }
  });

  test("leaving one out is what it says", () => {
    const values = [1, 1, 2, 5, 8, 8, 8, 9];
    const bins = histogramOfValues(values);
    for (const p of [0, 0.25, 0.5, 0.77, 1]) {
      const { leftOut } = quantileOfBins(bins, p);
      const expected = Array.from(bins.lowest, (value) =>
        sortedQuantile(Float64Array.from(values.toSpliced(values.indexOf(value), 1)), p),
      );
      expect(Array.from(leftOut.estimates)).toEqual(expected);
    }
    const { leftOut } = meanOfBins(bins);
    expectClose(leftOut.estimates[0] as number, 41 / 7, 1e-14);
    expectClose(leftOut.estimates.at(-1) as number, 33 / 7, 1e-14);
  });

  test("bins and values answer alike, with their own chance", () => {
    const random = createRandom(8);
    const x = Array.from({ length: 400 }, () => Math.round(100 * exponentialVariate(random)));
    const y = Array.from({ length: 300 }, () => Math.round(80 * exponentialVariate(random)));
    for (const statistic of ["mean", { quantile: 0.9 }] as const) {
      const options = { random, statistic, resamples: 4000 };
      const raw = valueOf(bootstrap(x, y, options));
      const binned = valueOf(bootstrapBinned(histogramOfValues(x), histogramOfValues(y), options));
      expectClose(binned.estimate, raw.estimate, 1e-12);
      expectClose(binned.standardError, raw.standardError, 0.08);
      expect(Math.abs(binned.pValue - raw.pValue)).toBeLessThan(0.03);
      expect(Math.abs(binned.bca.low - raw.bca.low)).toBeLessThan(raw.standardError / 3);
    }
  });

  test("a seed repeats", () => {
    const once = () => bootstrap(treated, untreated, { random: createRandom(2) });
    expect(once()).toEqual(once());
  });

  test("what would take too long is cut down and said", () => {
    const wide = { length: 40_000 };
    const lowest = Float64Array.from(wide, (_, at) => at);
    const bins = { lowest, highest: lowest, counts: new Float64Array(40_000).fill(2000) };
    const found = valueOf(bootstrapBinned(bins, bins, { random: createRandom(1), resamples: 250 }));
    expect(found.resamples).toBe(200);
  });
});

test("rejects a true null as often as it says, at unequal spread and sizes", () => {
  const random = createRandom(31);
  let means = 0;
  let medians = 0;
  const runs = 400;
  for (let run = 0; run < runs; run += 1) {
    const x = Array.from({ length: 20 }, () => 3 * normalVariate(random));
    const y = Array.from({ length: 50 }, () => normalVariate(random));
    const options = { random, resamples: 199 };
    if (valueOf(bootstrap(x, y, options)).pValue <= 0.05) means += 1;
    const median = valueOf(bootstrap(x, y, { ...options, statistic: { quantile: 0.5 } }));
    if (median.pValue <= 0.05) medians += 1;
  }
  // 20 expected; binomial quantiles of 1e-4 and 1 − 1e-4.
  for (const rejected of [means, medians]) {
    expect(rejected).toBeGreaterThan(5);
    expect(rejected).toBeLessThan(38);
  }
});

test("what cannot be compared is a fault", () => {
  const options = { random: createRandom(1) };
  expect(codeOf(bootstrap([], [1, 2], options))).toBe("empty");
  expect(codeOf(bootstrap([1], [1, 2], options))).toBe("too_few");
  expect(codeOf(bootstrap([1, Number.NaN], [1, 2], options))).toBe("not_finite");
  expect(codeOf(bootstrap([0.1, 0.1, 0.1], [0.7, 0.7], options))).toBe("zero_variance");
  expect(codeOf(bootstrap([1, 2], [-1, 1], { ...options, contrast: "ratio" }))).toBe(
    "out_of_range",
  );
  expect(codeOf(bootstrap([1e308, -1e308], [1, 2], options))).toBe("out_of_range");
  expect(() => bootstrap([1, 2], [1, 2], { ...options, resamples: 99 })).toThrow(RangeError);
  expect(() => bootstrap([1, 2], [1, 2], { ...options, resamples: 1e6 })).toThrow(RangeError);
  expect(() => bootstrap([1, 2], [1, 2], { ...options, confidence: 0 })).toThrow(RangeError);
  expect(() => bootstrap([1, 2], [1, 2], { ...options, statistic: { quantile: 2 } })).toThrow(
    RangeError,
  );
});

test("tiny values are as good as others", () => {
  const run = (scale: number) =>
    valueOf(
      bootstrap(
        treated.map((value) => value * scale),
        untreated.map((value) => value * scale),
        { random: createRandom(3) },
      ),
    );
  const [tiny, plain] = [run(2 ** -400), run(1)];
  expectClose(tiny.bca.low, plain.bca.low * 2 ** -400, 1e-12);
  expectClose(tiny.bca.high, plain.bca.high * 2 ** -400, 1e-12);
  expect(tiny.pValue).toBe(plain.pValue);
});

test("one arm without variance is no fault", () => {
  const found = valueOf(bootstrap([1, 1, 1], [0, 1, 2, 1], { random: createRandom(1) }));
  expect(found).toMatchObject({ estimate: 0, pValue: 1 });
});
