import { logGammaFactor } from "../special/incomplete-gamma.ts";
import { integrateTail } from "../special/tail-integral.ts";
import { normalLogUpper } from "./normal.ts";
import { requireNumber, requirePositive, requireProbability } from "./quantile-search.ts";

/**
 * The noncentral t distribution: T = (Z + ncp)/U with Z standard normal and U = √(χ²(df)/df). Its tails are integrals
 * of normal tails over the density of ln U, P(T > x) = ∫ Φ̄(x·u − ncp) dP(u), taken outwards from the integrand's peak:
 * all terms are positive, so that both tails keep their digits. The usual series (AS 243, Lenth 1989) fails for large
 * noncentralities and cancels in the lower tail.
 */

/** Density at x: (df/x)·(F(x·√(1+2/df); df+2) − F(x; df)) cancels, so the derivative of the integral is taken. */
export function noncentralTPdf(x: number, df: number, ncp: number): number {
  check("noncentralTPdf", x, df, ncp);
  return integrate(df, (u) => {
    const z = x * u - ncp;
    return Math.log(u) - 0.5 * z * z - 0.9189385332046727;
  });
}

/** P(X ≤ x). */
export function noncentralTCdf(x: number, df: number, ncp: number): number {
  return noncentralTUpper(-x, df, -ncp);
}

/** P(X > x). */
export function noncentralTUpper(x: number, df: number, ncp: number): number {
  check("noncentralTUpper", x, df, ncp);
  if (x === Infinity) return 0;
  if (x === -Infinity) return 1;
  const upper = integrate(df, (u) => normalLogUpper(x * u - ncp));
  if (upper < 0.9) return upper;
  return 1 - integrate(df, (u) => normalLogUpper(ncp - x * u));
}

/** x with P(X ≤ x) = p; bisection on the smaller tail. */
export function noncentralTQuantile(p: number, df: number, ncp: number): number {
  requireProbability("noncentralTQuantile", p);
  check("noncentralTQuantile", 0, df, ncp);
  if (p === 0) return -Infinity;
  if (p === 1) return Infinity;
  const isBelow = (x: number) =>
    p < 0.5 ? noncentralTCdf(x, df, ncp) < p : noncentralTUpper(x, df, ncp) > 1 - p;
  let width = 1 + Math.abs(ncp);
  let low = ncp - width;
  let high = ncp + width;
  while (!isBelow(low) && width < 1e300) low -= width *= 2;
  while (isBelow(high) && width < 1e300) high += width *= 2;
  for (
    let step = 0;
    step < 200 && high - low > 1e-15 * Math.max(Math.abs(low), Math.abs(high));
    step += 1
  ) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** ∫ e^given(u) dP(u) with U = √(χ²(df)/df), in s = ln u, from the integrand's peak outwards. */
function integrate(df: number, given: (u: number) => number): number {
  // The density of s: u = e^s, χ²/2 = df·u²/2 is a gamma variable with shape df/2.
  const log = (s: number) => {
    const u = Math.exp(s);
    return Math.LN2 + logGammaFactor(df / 2, (df / 2) * u * u) + given(u);
  };
  const slope = (s: number) => {
    const step = 1e-5 * Math.max(1e-3, scale);
    return (log(s + step) - log(s - step)) / (2 * step);
  };
  let scale = 1 / Math.sqrt(2 * df + 2);
  const peak = findPeak(log, scale);
  const bend = -(log(peak + scale) - 2 * log(peak) + log(peak - scale)) / (scale * scale);
  if (bend > 0) scale = Math.min(scale, 1 / Math.sqrt(bend));
  const density = { log, slope, scale, low: -700, high: 300 };
  return integrateTail(density, peak, 1) + integrateTail(density, peak, -1);
}

/** Golden-section search for the one maximum, after bracketing it from 0 on. */
function findPeak(log: (s: number) => number, scale: number): number {
  let step = scale;
  let at = 0;
  let best = log(0);
  const direction = log(scale) > log(-scale) ? 1 : -1;
  for (;;) {
    const next = log(at + direction * step);
    if (!(next > best)) break;
    at += direction * step;
    best = next;
    step *= 1.6;
  }
  let low = at - step;
  let high = at + step;
  const ratio = (Math.sqrt(5) - 1) / 2;
  while (high - low > scale * 0.01) {
    const left = high - ratio * (high - low);
    const right = low + ratio * (high - low);
    if (log(left) > log(right)) high = right;
    else low = left;
  }
  return (low + high) / 2;
}

function check(name: string, x: number, df: number, ncp: number): void {
  requireNumber(name, x);
  requirePositive(name, "df", df);
  if (!Number.isFinite(ncp)) throw new RangeError(`${name}: ncp must be finite, not ${ncp}`);
}
