import jStat from "jstat";
import { logBeta } from "../special/gamma.ts";
import { incompleteBeta } from "../special/incomplete-beta.ts";
import { integrateTail } from "../special/tail-integral.ts";
import { normalQuantile } from "./normal.ts";
import {
  requireNumber,
  requirePositive,
  requireProbability,
  searchQuantile,
} from "./quantile-search.ts";

/**
 * Student's t distribution with `df` degrees of freedom (any positive number). P(|T| > t) is the incomplete beta
 * function at df/(df + t²); from 1,000 degrees of freedom on the density is integrated, whose cost does not grow.
 */

const integrateFrom = 1000;

/** Density at x. */
export function tPdf(x: number, df: number): number {
  check("tPdf", x, df);
  return Math.exp(logDensity(x, df));
}

/** P(X ≤ x). */
export function tCdf(x: number, df: number): number {
  check("tCdf", x, df);
  return x > 0 ? 1 - upper(x, df) : upper(-x, df);
}

/** P(X > x). */
export function tUpper(x: number, df: number): number {
  check("tUpper", x, df);
  return x >= 0 ? upper(x, df) : 1 - upper(-x, df);
}

/** x with P(X ≤ x) = p. */
export function tQuantile(p: number, df: number): number {
  requireProbability("tQuantile", p);
  return p < 0.5 ? -upperQuantile(p, df) : upperQuantile(1 - p, df);
}

/** x with P(X > x) = q. */
export function tUpperQuantile(q: number, df: number): number {
  requireProbability("tUpperQuantile", q);
  return q <= 0.5 ? upperQuantile(q, df) : -upperQuantile(1 - q, df);
}

function logDensity(x: number, df: number): number {
  const ratio = (x / df) * x;
  const log = ratio < 1e290 ? Math.log1p(ratio) : 2 * Math.log(Math.abs(x)) - Math.log(df);
  return logConstant(df) - ((df + 1) / 2) * log;
}

function logConstant(df: number): number {
  return -0.5 * Math.log(df) - logBeta(0.5, df / 2);
}

/** P(T > t) for t ≥ 0. */
function upper(t: number, df: number): number {
  if (t === 0) return 0.5;
  if (t === Infinity) return 0;
  if (df < integrateFrom) {
    const ratio = (t / df) * t;
    if (ratio > 1e290) return farTail(t, df);
    return 0.5 * incompleteBeta(1 / (1 + ratio), df / 2, 0.5, ratio / (1 + ratio)).lower;
  }
  const constant = logConstant(df);
  const density = {
    log: (x: number) => constant - ((df + 1) / 2) * Math.log1p((x / df) * x),
    slope: (x: number) => (-(df + 1) * x) / (df + x * x),
    scale: 1,
    low: -Infinity,
    high: Infinity,
  };
  return Math.min(0.5, integrateTail(density, t, 1));
}

/** Where t² is beyond all numbers the tail is a power law. */
function farTail(t: number, df: number): number {
  const half = df / 2;
  const log = half * (Math.log(df) - 2 * Math.log(t)) - Math.log(half) - logBeta(half, 0.5);
  return 0.5 * Math.exp(log);
}

/** For q ≤ ½. */
function upperQuantile(q: number, df: number): number {
  check("tQuantile", 0, df);
  if (q === 0) return Infinity;
  if (q === 0.5) return 0;
  // |T| > x with probability 2q; near the median the lower side of |T| is the small one.
  const tails = (x: number) => {
    const above = 2 * upper(x, df);
    return { lower: 1 - above, upper: above };
  };
  const scaledPdf = (x: number) => 2 * Math.exp(logDensity(x, df) + Math.log(x));
  const inside = 1 - 2 * q;
  if (inside < 0.1) return centralQuantile(inside, df);
  // Only the upper tail is precise, so it is the one to meet.
  return searchQuantile({ tails, scaledPdf }, 1, 2 * q, start(q, df));
}

/** x with P(|T| ≤ x) = `inside`, for small `inside`: Newton on the integral of the density from 0. */
function centralQuantile(inside: number, df: number): number {
  let x = inside / (2 * Math.exp(logConstant(df)));
  for (let step = 0; step < 20; step += 1) {
    const ratio = (x / df) * x;
    const reached = incompleteBeta(ratio / (1 + ratio), 0.5, df / 2, 1 / (1 + ratio)).lower;
    const change = (reached - inside) / (2 * Math.exp(logDensity(x, df)));
    x -= change;
    if (Math.abs(change) <= 1e-15 * x) break;
  }
  return x;
}

/** jStat's quantile is good to 1e-7 below 1e5 degrees of freedom for ordinary probabilities: a place to start. */
function start(q: number, df: number): number {
  if (q > 1e-6 && df < 1e5 && df >= 1) {
    const x = -jStat.studentt.inv(q, df);
    if (x > 0 && x < Infinity) return x;
  }
  if (df < 3) return Math.max(0.1, (2 * q) ** (-1 / df));
  return -normalQuantile(q);
}

function check(name: string, x: number, df: number): void {
  requireNumber(name, x);
  requirePositive(name, "df", df);
}
