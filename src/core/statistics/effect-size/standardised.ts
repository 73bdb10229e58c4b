import { err, ok, type Result } from "../../../base/result.ts";
import { noncentralTCdf, noncentralTUpper } from "../distributions/noncentral-t.ts";
import { normalUpperQuantile } from "../distributions/normal.ts";
import type { DataFault } from "../fault.ts";
import type { Interval } from "../interval.ts";
import type { Moments } from "../moments.ts";
import { logGamma } from "../special/gamma.ts";
import { pooledVariance } from "../t-test.ts";

export type EffectSize = { readonly estimate: number; readonly interval: Interval };

/**
 * J. Cohen's d: (mean of x − mean of y)/pooled standard deviation. The interval inverts the noncentral t distribution
 * of the pooled t statistic (M. J. Steiger and R. T. Fouladi, 1997), exact for normal data; above
 * `exactMax` values it is the large-sample one (L. V. Hedges and I. Olkin, 1985), which then agrees to 4 digits.
 */
export function cohensD(x: Moments, y: Moments, confidence = 0.95): Result<EffectSize, DataFault> {
  if (x.n < 2 || y.n < 2) {
    return err({ code: "too_few", message: "at least 2 values are needed in each arm" });
  }
  const deviation = Math.sqrt(pooledVariance(x, y));
  if (deviation === 0) {
    return err({ code: "zero_variance", message: "all values of both arms are the same" });
  }
  const estimate = (x.mean - y.mean) / deviation;
  const total = x.n + y.n;
  const isExact = total <= exactMax && Math.abs(estimate) < 50;
  const interval = isExact
    ? exactInterval(estimate, x.n, y.n, confidence)
    : largeInterval(estimate, x.n, y.n, confidence);
  return ok({ estimate, interval });
}

/** L. V. Hedges' g (1981): d without its bias in small samples, d·J(df) with J by gamma functions. */
export function hedgesG(x: Moments, y: Moments, confidence = 0.95): Result<EffectSize, DataFault> {
  const d = cohensD(x, y, confidence);
  if (!d.ok) return d;
  const factor = biasFactor(x.n + y.n - 2);
  const { estimate, interval } = d.value;
  const scaled = { low: interval.low * factor, high: interval.high * factor };
  return ok({ estimate: estimate * factor, interval: scaled });
}

/** Γ(m/2)/(√(m/2)·Γ((m−1)/2)); about 1 − 3/(4m − 1). */
export function biasFactor(df: number): number {
  if (!(df > 1)) return Number.MIN_VALUE;
  if (df > 1e6) return 1 - 3 / (4 * df - 1);
  return Math.exp(logGamma(df / 2) - logGamma((df - 1) / 2) - 0.5 * Math.log(df / 2));
}

/** Cohen's h: the difference of two proportions on the scale 2·asin√p, where its variance is 1/n. */
export function cohensH(proportionX: number, proportionY: number): number {
  return 2 * Math.asin(Math.sqrt(proportionX)) - 2 * Math.asin(Math.sqrt(proportionY));
}

const exactMax = 5_000;

function largeInterval(d: number, nx: number, ny: number, confidence: number): Interval {
  const error = Math.sqrt(1 / nx + 1 / ny + (d * d) / (2 * (nx + ny)));
  const half = normalUpperQuantile((1 - confidence) / 2) * error;
  return { low: d - half, high: d + half };
}

/** The noncentralities under which the statistic is at the upper, and at the lower, tail of (1 − confidence)/2. */
function exactInterval(d: number, nx: number, ny: number, confidence: number): Interval {
  const scale = Math.sqrt(1 / nx + 1 / ny);
  const t = d / scale;
  const df = nx + ny - 2;
  const tail = (1 - confidence) / 2;
  const start = largeInterval(d, nx, ny, confidence);
  const low = solve((ncp) => noncentralTUpper(t, df, ncp) - tail, start.low / scale);
  const high = solve((ncp) => tail - noncentralTCdf(t, df, ncp), start.high / scale);
  return { low: low * scale, high: high * scale };
}

/** The root of a rising function near `start`: bracket, then Ridders' method (C. J. F. Ridders, 1979). */
function solve(rising: (x: number) => number, start: number): number {
  let low = start;
  let high = start;
  let atLow = rising(low);
  let atHigh = atLow;
  for (let step = 0.1; atLow > 0 && step < 1e6; step *= 2) atLow = rising((low -= step));
  for (let step = 0.1; atHigh < 0 && step < 1e6; step *= 2) atHigh = rising((high += step));
  for (let round = 0; round < 60 && high - low > 1e-12 * (1 + Math.abs(low)); round += 1) {
    const middle = (low + high) / 2;
    const atMiddle = rising(middle);
    const root = Math.sqrt(atMiddle * atMiddle - atLow * atHigh);
    if (atMiddle === 0 || root === 0) return middle;
    const next = middle - ((middle - low) * atMiddle) / root;
    const atNext = rising(next);
    if (atNext === 0) return next;
    if (atMiddle < 0 !== atNext < 0) {
      const [left, right] = middle < next ? [middle, next] : [next, middle];
      [atLow, atHigh] = middle < next ? [atMiddle, atNext] : [atNext, atMiddle];
      [low, high] = [left, right];
    } else if (atNext < 0) {
      low = next;
      atLow = atNext;
    } else {
      high = next;
      atHigh = atNext;
    }
  }
  return (low + high) / 2;
}
