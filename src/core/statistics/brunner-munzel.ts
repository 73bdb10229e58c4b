import { err, ok, type Result } from "../../base/result.ts";
import type { DataFault } from "./fault.ts";
import type { AlignedHistograms, Histogram } from "./histogram.ts";
import type { Interval } from "./interval.ts";
import { alignBins, alignValues, superiorityOf, type Superiority } from "./superiority.ts";
import { tOf, type TestOptions } from "./t-test.ts";

export type BrunnerMunzel = Pick<Superiority, "theta" | "binningError"> & {
  /** (θ − ½)/SE, above 0 where x is larger (SciPy and R report its negative); ±Infinity when separated. */
  readonly statistic: number;
  /** Satterthwaite's degrees of freedom; when separated, of the smaller sample. */
  readonly df: number;
  readonly pValue: number;
  /** Of θ; 0 when separated. */
  readonly standardError: number;
  readonly thetaInterval: Interval;
  /** N. Cliff's δ = P(x > y) − P(x < y) = 2θ − 1. */
  readonly delta: number;
  readonly deltaInterval: Interval;
  /** All of x lies on one side of all of y: p-value and intervals are bounds that hold for every sample size. */
  readonly isSeparated: boolean;
};

/**
 * Is θ = P(x > y) + ½·P(x = y) other than ½? Needs neither equal spread nor values without ties (E. Brunner and
 * U. Munzel, "The nonparametric Behrens-Fisher problem", Biometrical Journal 42, 2000, with the t distribution).
 * One-sided intervals end at the limit of θ or δ. `zero_variance` when all values are the same.
 */
export function brunnerMunzel(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  options: BrunnerMunzelOptions = {},
): Result<BrunnerMunzel, DataFault> {
  const aligned = alignValues(x, y, 2);
  return aligned.ok ? testOf(aligned.value, options) : aligned;
}

/** The same from counts in O(bins); values in the same bin are tied. */
export function brunnerMunzelBinned(
  x: Histogram,
  y: Histogram,
  options: BrunnerMunzelOptions = {},
): Result<BrunnerMunzel, DataFault> {
  const aligned = alignBins(x, y, 2);
  return aligned.ok ? testOf(aligned.value, options) : aligned;
}

export type BrunnerMunzelOptions = Omit<TestOptions, "nullDifference">;

function testOf(
  bins: AlignedHistograms,
  options: BrunnerMunzelOptions,
): Result<BrunnerMunzel, DataFault> {
  if (bins.x.length === 1) {
    return err({ code: "zero_variance", message: "all values of both arms are the same" });
  }
  const superiority = superiorityOf(bins);
  const { m, n, excess, theta, binningError } = superiority;
  if (lastOf(bins.y) < firstOf(bins.x)) return ok(separated(1, superiority, options));
  if (lastOf(bins.x) < firstOf(bins.y)) return ok(separated(0, superiority, options));
  const { ofX, ofY } = placementVariances(bins, superiority);
  const square = ofX / m + ofY / n;
  const df = 1 / ((ofX / m / square) ** 2 / (m - 1) + (ofY / n / square) ** 2 / (n - 1));
  const t = tOf(excess / (m * n), Math.sqrt(square), df, options);
  const { statistic, pValue, standardError } = t;
  const interval = { low: t.interval.low + 0.5, high: t.interval.high + 0.5 };
  const base = { statistic, df, pValue, standardError, theta, binningError };
  return ok({ ...base, ...effectsOf(theta, interval), isSeparated: false });
}

/** Variances of the share of the other sample that a value beats. */
function placementVariances(
  { x, y }: AlignedHistograms,
  { m, n, theta }: Superiority,
): { readonly ofX: number; readonly ofY: number } {
  let belowX = 0;
  let belowY = 0;
  let squaresX = 0;
  let squaresY = 0;
  for (let bin = 0; bin < x.length; bin += 1) {
    const inX = x[bin] as number;
    const inY = y[bin] as number;
    squaresX += inX * ((belowY + inY / 2) / n - theta) ** 2;
    // A value of y loses against the x above it.
    squaresY += inY * ((m - belowX - inX / 2) / m - theta) ** 2;
    belowX += inX;
    belowY += inY;
  }
  return { ofX: squaresX / (m - 1), ofY: squaresY / (n - 1) };
}

/**
 * With complete separation SE is 0 and t says nothing. But k = min(m, n) disjoint pairs are independent and all went
 * the same way, which has a probability of at most θ^k: that bounds p-value and interval (C. J. Clopper and
 * E. S. Pearson, 1934, for k of k) under every distribution with θ = ½, for every k.
 */
function separated(
  theta: 0 | 1,
  { m, n }: Superiority,
  { alternative = "two_sided", confidence = 0.95 }: BrunnerMunzelOptions,
): BrunnerMunzel {
  const pairs = Math.min(m, n);
  const isLarger = theta === 1;
  const chance = 2 ** -pairs;
  const tail = alternative === "two_sided" ? (1 - confidence) / 2 : 1 - confidence;
  // Away from 1 (or 0) by 1 − tail^(1/k).
  const reach = -Math.expm1(Math.log(tail) / pairs);
  const interval = isLarger ? { low: 1 - reach, high: 1 } : { low: 0, high: reach };
  const isFound = alternative === (isLarger ? "greater" : "less");
  const isOpposite = alternative !== "two_sided" && !isFound;
  return {
    statistic: isLarger ? Infinity : -Infinity,
    df: pairs - 1,
    pValue: isOpposite ? 1 : Math.min(1, isFound ? chance : 2 * chance),
    standardError: 0,
    theta,
    binningError: 0,
    ...effectsOf(theta, isOpposite ? { low: 0, high: 1 } : interval),
    isSeparated: true,
  };
}

function firstOf(counts: Float64Array): number {
  return counts.findIndex((count) => count > 0);
}

function lastOf(counts: Float64Array): number {
  return counts.findLastIndex((count) => count > 0);
}

function effectsOf(
  theta: number,
  interval: Interval,
): Pick<BrunnerMunzel, "thetaInterval" | "delta" | "deltaInterval"> {
  const low = Math.max(0, interval.low);
  const high = Math.min(1, interval.high);
  return {
    thetaInterval: { low, high },
    delta: 2 * theta - 1,
    deltaInterval: { low: 2 * low - 1, high: 2 * high - 1 },
  };
}
