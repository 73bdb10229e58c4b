import { err, ok, type Result } from "../../base/result.ts";
import type { Alternative } from "./alternative.ts";
import { tCdf, tQuantile, tUpper } from "./distributions/student-t.ts";
import type { DataFault } from "./fault.ts";
import type { Interval } from "./interval.ts";
import type { Moments } from "./moments.ts";

export type TestOptions = {
  /** About x against y; default two_sided. */
  readonly alternative?: Alternative;
  /** Of the interval, between 0 and 1; default 0.95. */
  readonly confidence?: number;
  /** x − y under the null hypothesis; default 0. */
  readonly nullDifference?: number;
};

export type TTest = {
  readonly statistic: number;
  readonly df: number;
  readonly pValue: number;
  /** mean of x − mean of y */
  readonly difference: number;
  readonly standardError: number;
  /** Of the difference; open to one side for a one-sided alternative. */
  readonly interval: Interval;
};

/** B. L. Welch's t-test for unequal variances (Biometrika 34, 1947; df by Satterthwaite). Needs two values an arm. */
export function welchT(
  x: Moments,
  y: Moments,
  options: TestOptions = {},
): Result<TTest, DataFault> {
  const fault = faultOf(x, y);
  if (fault !== null) return err(fault);
  const partX = x.variance / x.n;
  const partY = y.variance / y.n;
  const square = partX + partY;
  // Shares instead of squares: tiny variances do not vanish.
  const df = 1 / ((partX / square) ** 2 / (x.n - 1) + (partY / square) ** 2 / (y.n - 1));
  return ok(tOf(x.mean - y.mean, Math.sqrt(square), df, options));
}

/** Student's t-test with one pooled variance: right only where both arms vary alike. */
export function pooledT(
  x: Moments,
  y: Moments,
  options: TestOptions = {},
): Result<TTest, DataFault> {
  const fault = faultOf(x, y);
  if (fault !== null) return err(fault);
  const df = x.n + y.n - 2;
  const standardError = Math.sqrt(pooledVariance(x, y) * (1 / x.n + 1 / y.n));
  return ok(tOf(x.mean - y.mean, standardError, df, options));
}

/** The t-test of one sample's mean against `nullDifference`; for pairs, of their differences. */
export function oneSampleT(x: Moments, options: TestOptions = {}): Result<TTest, DataFault> {
  if (x.n < 2) return err(tooFew(x.n));
  if (x.variance === 0) return err(noVariance);
  return ok(tOf(x.mean, Math.sqrt(x.variance / x.n), x.n - 1, options));
}

/** Mean of both variances by degrees of freedom. */
export function pooledVariance(x: Moments, y: Moments): number {
  return ((x.n - 1) * x.variance + (y.n - 1) * y.variance) / (x.n + y.n - 2);
}

/** A t-test from a difference, its standard error and its degrees of freedom. */
export function tOf(
  difference: number,
  standardError: number,
  df: number,
  { alternative = "two_sided", confidence = 0.95, nullDifference = 0 }: TestOptions = {},
): TTest {
  requireConfidence(confidence);
  const statistic = (difference - nullDifference) / standardError;
  const reach = (level: number) => standardError * tQuantile(level, df);
  const base = { statistic, df, difference, standardError };
  switch (alternative) {
    case "two_sided": {
      const half = reach((1 + confidence) / 2);
      const interval = { low: difference - half, high: difference + half };
      return { ...base, pValue: Math.min(1, 2 * tUpper(Math.abs(statistic), df)), interval };
    }
    case "greater": {
      const interval = { low: difference - reach(confidence), high: Infinity };
      return { ...base, pValue: tUpper(statistic, df), interval };
    }
    case "less": {
      const interval = { low: -Infinity, high: difference + reach(confidence) };
      return { ...base, pValue: tCdf(statistic, df), interval };
    }
  }
}

/** Throws RangeError unless 0 < confidence < 1. */
export function requireConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`confidence must lie between 0 and 1, not ${confidence}`);
  }
}

const noVariance: DataFault = {
  code: "zero_variance",
  message: "all values are the same: there is no variance to compare a difference with",
};

function tooFew(n: number): DataFault {
  return { code: "too_few", message: `at least 2 values are needed in each arm, there are ${n}` };
}

function faultOf(x: Moments, y: Moments): DataFault | null {
  if (x.n < 2 || y.n < 2) return tooFew(Math.min(x.n, y.n));
  return x.variance === 0 && y.variance === 0 ? noVariance : null;
}
