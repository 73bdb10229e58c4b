import { err, ok, type Result } from "../../base/result.ts";
import { betaQuantile, betaUpperQuantile } from "./distributions/beta.ts";
import { normalCdf, normalUpper, normalUpperQuantile } from "./distributions/normal.ts";
import type { DataFault } from "./fault.ts";
import type { Interval } from "./interval.ts";
import type { Moments } from "./moments.ts";
import { requireConfidence, type TestOptions } from "./t-test.ts";

export type ZTest = {
  readonly statistic: number;
  readonly pValue: number;
  readonly difference: number;
  /** Of the difference, as the interval uses it. */
  readonly standardError: number;
  readonly interval: Interval;
};

/** Successes among trials. */
export type Count = { readonly successes: number; readonly n: number };

/** The z-test of two means: Welch's statistic against the normal distribution; for large samples. */
export function meansZ(
  x: Moments,
  y: Moments,
  options: TestOptions = {},
): Result<ZTest, DataFault> {
  if (x.n < 2 || y.n < 2) {
    const n = Math.min(x.n, y.n);
    return err({
      code: "too_few",
      message: `at least 2 values are needed in each arm, there are ${n}`,
    });
  }
  const standardError = Math.sqrt(x.variance / x.n + y.variance / y.n);
  if (standardError === 0) {
    return err({ code: "zero_variance", message: "all values of both arms are the same" });
  }
  return ok(zOf(x.mean - y.mean, standardError, options));
}

/**
 * The z-test of two proportions. The statistic takes the pooled proportion's variance where the null hypothesis is no
 * difference (`nullDifference` 0), the separate ones otherwise; the interval is R. G. Newcombe's (Statistics in
 * Medicine 17, 1998, method 10), which keeps its coverage at rates near 0 where Wald's does not.
 */
export function proportionsZ(
  x: Count,
  y: Count,
  options: TestOptions = {},
): Result<ZTest, DataFault> {
  const fault = countFault(x) ?? countFault(y);
  if (fault !== null) return err(fault);
  const { nullDifference = 0 } = options;
  const difference = x.successes / x.n - y.successes / y.n;
  const pooled = (x.successes + y.successes) / (x.n + y.n);
  const pooledError = Math.sqrt(pooled * (1 - pooled) * (1 / x.n + 1 / y.n));
  const separateError = waldError(x, y);
  const standardError = nullDifference === 0 ? pooledError : separateError;
  if (standardError === 0) {
    return err({ code: "zero_variance", message: "both arms have the same outcome everywhere" });
  }
  const test = zOf(difference, standardError, options);
  return ok({ ...test, standardError: separateError, interval: newcombeInterval(x, y, options) });
}

/** A z-test from a difference and its standard error. */
export function zOf(
  difference: number,
  standardError: number,
  { alternative = "two_sided", confidence = 0.95, nullDifference = 0 }: TestOptions = {},
): ZTest {
  requireConfidence(confidence);
  const statistic = (difference - nullDifference) / standardError;
  const tail = alternative === "two_sided" ? (1 - confidence) / 2 : 1 - confidence;
  const half = normalUpperQuantile(tail) * standardError;
  return {
    statistic,
    difference,
    standardError,
    pValue:
      alternative === "two_sided"
        ? Math.min(1, 2 * normalUpper(Math.abs(statistic)))
        : alternative === "greater"
          ? normalUpper(statistic)
          : normalCdf(statistic),
    interval: {
      low: alternative === "less" ? -Infinity : difference - half,
      high: alternative === "greater" ? Infinity : difference + half,
    },
  };
}

/** A. Wald's interval of a difference of proportions, for comparison: too narrow near 0 and 1. */
export function waldInterval(x: Count, y: Count, confidence = 0.95): Interval {
  const difference = x.successes / x.n - y.successes / y.n;
  const half = normalUpperQuantile((1 - confidence) / 2) * waldError(x, y);
  return { low: difference - half, high: difference + half };
}

/** A. Agresti and B. Caffo (The American Statistician 54, 2000): Wald's with a success and a failure added to each arm. */
export function agrestiCaffoInterval(x: Count, y: Count, confidence = 0.95): Interval {
  const add = ({ successes, n }: Count) => ({ successes: successes + 1, n: n + 2 });
  return waldInterval(add(x), add(y), confidence);
}

/** R. G. Newcombe's hybrid score interval of a difference of proportions (1998, method 10), also at 0 and 1. */
export function newcombeInterval(
  x: Count,
  y: Count,
  { alternative, confidence = 0.95 }: TestOptions = {},
): Interval {
  requireConfidence(confidence);
  const isOneSided = alternative === "greater" || alternative === "less";
  const z = normalUpperQuantile(isOneSided ? 1 - confidence : (1 - confidence) / 2);
  const scoreX = scoreInterval(x.successes, x.n, z);
  const scoreY = scoreInterval(y.successes, y.n, z);
  const rateX = x.successes / x.n;
  const rateY = y.successes / y.n;
  const difference = rateX - rateY;
  const low = difference - Math.hypot(rateX - scoreX.low, scoreY.high - rateY);
  const high = difference + Math.hypot(scoreX.high - rateX, rateY - scoreY.low);
  return {
    low: alternative === "less" ? -Infinity : low,
    high: alternative === "greater" ? Infinity : high,
  };
}

/** E. B. Wilson's score interval of one proportion (1927). */
export function wilsonInterval({ successes, n }: Count, confidence = 0.95): Interval {
  requireConfidence(confidence);
  return scoreInterval(successes, n, normalUpperQuantile((1 - confidence) / 2));
}

/** C. J. Clopper and E. S. Pearson's exact interval of one proportion (Biometrika 26, 1934). */
export function clopperPearsonInterval({ successes, n }: Count, confidence = 0.95): Interval {
  requireConfidence(confidence);
  const tail = (1 - confidence) / 2;
  return {
    low: successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1),
    high: successes === n ? 1 : betaUpperQuantile(tail, successes + 1, n - successes),
  };
}

function waldError(x: Count, y: Count): number {
  const part = ({ successes, n }: Count) => ((successes / n) * (1 - successes / n)) / n;
  return Math.sqrt(part(x) + part(y));
}

function scoreInterval(successes: number, n: number, z: number): Interval {
  const p = successes / n;
  const square = z * z;
  const centre = (p + square / (2 * n)) / (1 + square / n);
  const half = (z / (1 + square / n)) * Math.sqrt((p * (1 - p)) / n + square / (4 * n * n));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === n ? 1 : Math.min(1, centre + half),
  };
}

/** What is wrong with a count: `empty`, or more successes than trials. */
export function countFault({ successes, n }: Count): DataFault | null {
  if (n === 0) return { code: "empty", message: "an arm has no trials" };
  if (n > 0 && successes >= 0 && successes <= n && Number.isFinite(n)) return null;
  return { code: "out_of_range", message: `${successes} successes in ${n} trials cannot be` };
}
