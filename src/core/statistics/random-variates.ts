import { openUniform, type Uniform } from "./random.ts";
import { stirlingCorrection } from "./special/gamma.ts";

/** Below this mean counts are found by adding up probabilities from 0 on. */
const searchedMeanMax = 10;

/** Standard normal: G. Marsaglia and T. A. Bray's polar method (SIAM Review 6, 1964), of whose pair one is used. */
export function normalVariate(random: Uniform): number {
  for (;;) {
    const u = 2 * openUniform(random) - 1;
    const v = 2 * openUniform(random) - 1;
    const square = u * u + v * v;
    if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square);
  }
}

/** Exponential with mean 1, by inversion. */
export function exponentialVariate(random: Uniform): number {
  return -Math.log(openUniform(random));
}

/** Gamma with the given shape and scale 1. Throws RangeError unless shape > 0. */
export function gammaVariate(random: Uniform, shape: number): number {
  return Math.exp(logGammaVariate(random, shape));
}

/** Beta with parameters a and b, as a share of two gammas, also where both are too small for a double. */
export function betaVariate(random: Uniform, a: number, b: number): number {
  return 1 / (1 + Math.exp(logGammaVariate(random, b) - logGammaVariate(random, a)));
}

/** G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000; its logarithm. */
function logGammaVariate(random: Uniform, shape: number): number {
  if (!(shape > 0 && shape < Infinity)) {
    throw new RangeError(`shape must be positive and finite, not ${shape}`);
  }
  if (shape < 1) {
    return logGammaVariate(random, shape + 1) + Math.log(openUniform(random)) / shape;
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normalVariate(random);
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root * root * root;
    const u = openUniform(random);
    if (u < 1 - 0.0331 * x ** 4 || Math.log(u) < 0.5 * x * x + d * (1 - v + Math.log(v))) {
      return Math.log(d) + Math.log(v);
    }
  }
}

/**
 * Successes in n trials of probability p, exact for n up to 2^53: by search where the rarer outcome is expected less
 * than 10 times, else W. Hörmann's BTRS ("The generation of binomial random variates", Journal of Statistical
 * Computation and Simulation 46, 1993). Throws RangeError unless n is a count and 0 ≤ p ≤ 1.
 */
export function binomialVariate(random: Uniform, n: number, p: number): number {
  if (!(Number.isSafeInteger(n) && n >= 0)) throw new RangeError(`n must be a count, not ${n}`);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`p must be in [0, 1], not ${p}`);
  if (p > 0.5) return n - rareVariate(random, n, 1 - p);
  return rareVariate(random, n, p);
}

function rareVariate(random: Uniform, n: number, p: number): number {
  if (n === 0 || p === 0) return 0;
  return n * p < searchedMeanMax ? searchBinomial(random, n, p) : rejectBinomial(random, n, p);
}

function searchBinomial(random: Uniform, n: number, p: number): number {
  const odds = p / (1 - p);
  let chance = Math.exp(n * Math.log1p(-p));
  let left = openUniform(random);
  let count = 0;
  while (left > chance && count < n) {
    left -= chance;
    count += 1;
    chance *= ((n - count + 1) / count) * odds;
    // What rounding leaves over once nothing is added any more.
    if (chance < 1e-20 && count > n * p) return count;
  }
  return count;
}

/** Transformed rejection: (2a/(½ − |u|) + b)·u + c is close to binomial for a uniform u in (−½, ½). */
function rejectBinomial(random: Uniform, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = n * p + 0.5;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const squeeze = 0.92 - 4.2 / b;
  const mode = Math.floor((n + 1) * p);
  const logOdds = Math.log(p) - Math.log1p(-p);
  for (;;) {
    const u = openUniform(random) - 0.5;
    const v = openUniform(random);
    const edge = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / edge + b) * u + c);
    if (edge >= 0.07 && v <= squeeze) return count;
    if (count < 0 || count > n) continue;
    const bound = Math.log((v * alpha) / (a / (edge * edge) + b));
    const ratio = logFactorialRatio(mode, count) + logFactorialRatio(n - mode, n - count);
    if (bound <= ratio + (count - mode) * logOdds) return count;
  }
}

/** Events of a Poisson process with the given mean: by search below 10, else Hörmann's PTRS (Insurance 12, 1993). */
export function poissonVariate(random: Uniform, mean: number): number {
  if (!(mean >= 0 && mean <= 2 ** 52))
    throw new RangeError(`mean must be in [0, 2^52], not ${mean}`);
  if (mean < searchedMeanMax) return searchPoisson(random, mean);
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const alpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  const mode = Math.floor(mean);
  const logMean = Math.log(mean);
  // ln of the probability of the mode, by Stirling's series without cancellation.
  const top =
    mode * Math.log1p((mean - mode) / mode) -
    (mean - mode) -
    0.5 * Math.log(2 * Math.PI * mode) -
    stirlingCorrection(mode);
  for (;;) {
    const u = openUniform(random) - 0.5;
    const v = openUniform(random);
    const edge = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / edge + b) * u + mean + 0.43);
    if (edge >= 0.07 && v <= squeeze) return count;
    if (count < 0 || (edge < 0.013 && v > edge)) continue;
    const bound = Math.log((v * alpha) / (a / (edge * edge) + b));
    if (bound <= top + (count - mode) * logMean + logFactorialRatio(mode, count)) return count;
  }
}

function searchPoisson(random: Uniform, mean: number): number {
  let chance = Math.exp(-mean);
  let left = openUniform(random);
  let count = 0;
  while (left > chance) {
    left -= chance;
    count += 1;
    chance *= mean / count;
    if (chance < 1e-20 && count > mean) return count;
  }
  return count;
}

/** ln(from!/to!) without the cancellation of two huge logarithms. */
function logFactorialRatio(from: number, to: number): number {
  // ln k! = (k + ½)·ln(k + 1) − (k + 1) + ½·ln 2π + Δ(k + 1).
  const distance = from - to;
  return (
    (from + 0.5) * Math.log1p(distance / (to + 1)) +
    distance * Math.log(to + 1) -
    distance +
    stirlingCorrection(from + 1) -
    stirlingCorrection(to + 1)
  );
}
