import { describe, expect, it } from "vitest";
import { createClusterSums, addToCluster } from "../../../../src/core/telemetry/clusters.ts";
import {
  compareRatios,
  ratioOf,
  sumsByUser,
  sumsOfTelemetry,
} from "../../../../src/core/statistics/clustered/ratio.ts";
import { momentsOf } from "../../../../src/core/statistics/moments.ts";
import { welchT } from "../../../../src/core/statistics/t-test.ts";
import { expectClose } from "../closeness.ts";
import { codeOf, valueOf } from "../sample.ts";

const users = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 4];
const values = [1, 2, 3, 5, 4, 2, 2, 1, 3, 9, 6, 7];

describe("a ratio over clusters", () => {
  it("has the cluster-robust variance of a mean: statsmodels' OLS with cov_type cluster", () => {
    const ratio = valueOf(ratioOf(sumsByUser(values, users, 5)));
    expectClose(ratio.value, 3.75, 1e-14);
    expectClose(Math.sqrt(ratio.variance), 1.0890275032237613, 1e-12);
    expect(ratio).toMatchObject({ clusters: 5, n: 12 });
  });

  it("is the formula of reference (d), by hand: (σ²S − 2Rσ_SN + R²σ²N)/(K·N̄²)", () => {
    const { weight, sum } = sumsByUser(values, users, 5);
    const mean = (of: Float64Array) => of.reduce((total, value) => total + value, 0) / 5;
    const covariance = (one: Float64Array, other: Float64Array) =>
      one.reduce(
        (total, value, at) => total + (value - mean(one)) * ((other[at] as number) - mean(other)),
        0,
      ) / 4;
    const r = mean(sum) / mean(weight);
    const byHand =
      (covariance(sum, sum) -
        2 * r * covariance(sum, weight) +
        r * r * covariance(weight, weight)) /
      (5 * mean(weight) ** 2);
    expectClose(valueOf(ratioOf({ weight, sum })).variance, byHand, 1e-12);
  });

  it("is Welch's t-test where every user sends one request", () => {
    const x = [3.1, 4.5, 2.2, 6.1, 5.2, 3.9];
    const y = [2.9, 3.3, 1.8, 2.7];
    const one = (sample: number[]) =>
      valueOf(ratioOf(sumsByUser(sample, [...sample.keys()], sample.length)));
    const clustered = valueOf(compareRatios(one(x), one(y)));
    const welch = valueOf(welchT(valueOf(momentsOf(x)), valueOf(momentsOf(y))));
    expectClose(clustered.statistic, welch.statistic, 1e-12);
    expectClose(clustered.df, welch.df, 1e-12);
    expectClose(clustered.pValue, welch.pValue, 1e-11);
  });

  it("gives the lift, and none from a base of 0", () => {
    const x = { value: 110, variance: 4, clusters: 1e6, n: 1e7 };
    const y = { value: 100, variance: 1, clusters: 1e6, n: 1e7 };
    const { lift } = valueOf(compareRatios(x, y));
    expectClose(lift?.estimate ?? 0, 0.1, 1e-12);
    expectClose(lift?.standardError ?? 0, Math.sqrt(4 / 1e4 + 110 ** 2 / 1e8), 1e-12);
    expect(valueOf(compareRatios(x, { ...y, value: 0 })).lift).toBeNull();
  });

  it("reads the telemetry's clusters, and leaves the empty ones out", () => {
    const sums = createClusterSums();
    addToCluster(sums, 3, 10, true);
    addToCluster(sums, 3, 20, false);
    addToCluster(sums, 255, 60, false);
    const duration = valueOf(ratioOf(sumsOfTelemetry(sums, "duration")));
    expect(duration).toMatchObject({ value: 30, clusters: 2, n: 3 });
    // Residuals 30 − 60 and 60 − 30, K/(K−1) = 2: 2·1800/9.
    expectClose(duration.variance, 400, 1e-12);
    expectClose(valueOf(ratioOf(sumsOfTelemetry(sums, "failures"))).value, 1 / 3, 1e-12);
  });

  it("says what is missing", () => {
    expect(codeOf(ratioOf(sumsByUser([], [], 3)))).toBe("empty");
    expect(codeOf(ratioOf(sumsByUser([1, 2], [0, 0], 1)))).toBe("too_few");
    expect(codeOf(ratioOf(sumsByUser([1e308, -1e308], [0, 1], 2)))).toBe("out_of_range");
    const flat = valueOf(ratioOf(sumsByUser([2, 2], [0, 1], 2)));
    expect(codeOf(compareRatios(flat, flat))).toBe("zero_variance");
  });
});
