import { describe, expect, it } from "vitest";
import { cuped } from "../../../../src/core/statistics/clustered/cuped.ts";
import { intraClassCorrelation } from "../../../../src/core/statistics/clustered/icc.ts";
import {
  clusteredQuantile,
  compareQuantiles,
} from "../../../../src/core/statistics/clustered/quantile.ts";
import { createRandom } from "../../../../src/core/statistics/random.ts";
import { expectClose } from "../closeness.ts";
import { codeOf, valueOf } from "../sample.ts";

const of = (...values: number[]) => Float64Array.from(values);

describe("intra-class correlation", () => {
  it("Shrout & Fleiss 1979, table 2: ICC(1,1) = .17", () => {
    const ratings = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7];
    const users = ratings.map((_, at) => Math.floor(at / 4));
    const found = valueOf(intraClassCorrelation(ratings, users, 6));
    expectClose(found.icc, 0.165742, 1e-5);
    expect(found).toMatchObject({ requestsPerUser: 4, variation: 0 });
    expectClose(found.designEffect, 1 + 3 * found.icc, 1e-12);
  });

  it("users of unequal size: R's aov", () => {
    const values = [1, 2, 3, 5, 4, 2, 2, 1, 3, 9, 6, 7];
    const users = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 4];
    expectClose(valueOf(intraClassCorrelation(values, users, 5)).icc, 0.905025038853393, 1e-12);
  });

  it("is below 0 where requests of a user differ more than users do, and then costs nothing", () => {
    const found = valueOf(intraClassCorrelation([0, 10, 0, 10], [0, 0, 1, 1], 2));
    expect(found.icc).toBe(-1);
    expect(found.designEffect).toBe(1);
  });

  it("needs users, and several requests", () => {
    expect(codeOf(intraClassCorrelation([1, 2], [0, 0], 1))).toBe("too_few");
    expect(codeOf(intraClassCorrelation([1, 2], [0, 1], 2))).toBe("too_few");
    expect(codeOf(intraClassCorrelation([1, 1, 1], [0, 0, 1], 2))).toBe("zero_variance");
    expect(codeOf(intraClassCorrelation([1, Number.NaN, 1], [0, 0, 1], 2))).toBe("not_finite");
  });
});

describe("CUPED", () => {
  const x = { before: of(5.1, 3.2, 4.8, 6.0, 7.7, 5.5), values: of(6.0, 3.9, 5.1, 6.2, 8.9, 5.2) };
  const y = { before: of(4.4, 6.1, 5.0, 3.8, 7.2), values: of(4.1, 5.9, 4.2, 3.5, 6.6) };

  it("θ is R's lm coefficient with the arm as a factor, the test its t.test of Y − θX", () => {
    const found = valueOf(cuped(x, y));
    expectClose(found.theta, 1.03106549187029, 1e-12);
    expectClose(found.statistic, 3.79088586768627, 1e-12);
    expectClose(found.pValue, 0.00586408899485344, 1e-11);
    expectClose(found.varianceReduction, 0.92569063814358, 1e-12);
  });

  it("changes nothing where the time before explains nothing", () => {
    const flat = { values: of(1, 2, 3, 4), before: of(1, -1, -1, 1) };
    const found = valueOf(cuped(flat, flat));
    expect(found.theta).toBe(0);
    expect(found.varianceReduction).toBe(0);
  });

  it("says what is wrong", () => {
    const same = { values: of(1, 2), before: of(3, 3) };
    expect(codeOf(cuped(same, same))).toBe("zero_variance");
    expect(codeOf(cuped({ values: of(1, 2), before: of(1, Number.NaN) }, y))).toBe("not_finite");
    expect(codeOf(cuped({ values: of(), before: of() }, y))).toBe("empty");
    expect(codeOf(cuped({ values: of(1), before: of(2) }, y))).toBe("too_few");
    expect(() => cuped({ values: of(1, 2), before: of(1) }, y)).toThrow(RangeError);
  });
});

describe("clustered quantiles", () => {
  const random = createRandom(3);
  const n = 10_000;
  const values = Float64Array.from({ length: n }, () => -Math.log(1 - random()));
  const alone = Int32Array.from({ length: n }, (_, at) => at);

  it("independent exponential requests: √(ν(1−ν)/n)/f(Q) by formula", () => {
    for (const quantile of [0.5, 0.9, 0.99]) {
      const found = valueOf(clusteredQuantile(values, alone, n, quantile));
      expectClose(found.value, -Math.log(1 - quantile), 0.1);
      const exact = Math.sqrt((quantile * (1 - quantile)) / n) / (1 - quantile);
      expectClose(Math.sqrt(found.variance), exact, 0.15);
    }
  });

  it("copies of every request tell nothing new: the variance stays", () => {
    const five = Float64Array.from({ length: 5 * n }, (_, at) => values[at % n] as number);
    const users = Int32Array.from({ length: 5 * n }, (_, at) => at % n);
    const once = valueOf(clusteredQuantile(values, alone, n, 0.9));
    const copied = valueOf(clusteredQuantile(five, users, n, 0.9));
    expectClose(copied.value, once.value, 1e-9);
    expectClose(copied.variance, once.variance, 0.25);
  });

  it("compares two", () => {
    const slow = values.map((value) => value * 1.2);
    const [x, y] = [slow, values].map((each) => valueOf(clusteredQuantile(each, alone, n, 0.95)));
    const test = valueOf(compareQuantiles(x as NonNullable<typeof x>, y as NonNullable<typeof y>));
    expectClose(test.difference, 0.2 * -Math.log(0.05), 0.1);
    expect(test.pValue).toBeLessThan(1e-6);
  });

  it("does not guess a p99 of a few requests", () => {
    expect(clusteredQuantile(values.subarray(0, 300), alone, 300, 0.99)).toMatchObject({
      error: {
        code: "too_few",
        message: "the quantile 0.99 needs about 382 requests in each arm, there are 300",
      },
    });
    expect(codeOf(clusteredQuantile(of(), [], 0, 0.5))).toBe("empty");
    expect(codeOf(clusteredQuantile(values, new Int32Array(n), 1, 0.5))).toBe("too_few");
    expect(() => clusteredQuantile(values, alone, n, 1)).toThrow(RangeError);
    const flat = valueOf(clusteredQuantile(new Float64Array(100), alone, 100, 0.5));
    expect(codeOf(compareQuantiles(flat, flat))).toBe("zero_variance");
  });
});
