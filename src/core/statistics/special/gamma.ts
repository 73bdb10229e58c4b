/**
 * The logarithms of the gamma and beta functions, and the parts of them that stay exact for large arguments.
 *
 * Γ(x) = √(2π)·x^(x−½)·e^(−x)·e^Δ(x), with Stirling's correction Δ (DLMF 5.11.1). Products of powers and gamma
 * functions are put together from Δ and deviances, never as differences of huge logarithms (C. Loader, "Fast and
 * accurate computation of binomial probabilities", 2000).
 */

const halfLogTwoPi = 0.9189385332046727;
const eulerGamma = 0.5772156649015329;
/** From here on the asymptotic series of Δ is exact to the last digit. */
const stirlingFrom = 15;

/** ζ(k) − 1 for k = 2…40. */
const zetaMinusOne = Array.from({ length: 39 }, (_, at) => sumZeta(at + 2));

function sumZeta(power: number): number {
  // Euler-Maclaurin from 20 on (DLMF 25.2.9).
  const cut = 40;
  let sum = 0;
  for (let n = cut - 1; n >= 2; n -= 1) sum += n ** -power;
  const last = cut ** -power;
  const b2 = power / 12;
  const b4 = (power * (power + 1) * (power + 2)) / 720;
  const b6 = (b4 * (power + 3) * (power + 4)) / 42;
  const tail = cut / (power - 1) + 0.5 + b2 / cut - b4 / cut ** 3 + b6 / cut ** 5;
  return sum + last * tail;
}

/** ln Γ(x) for x > 0. Throws RangeError for anything else. */
export function logGamma(x: number): number {
  if (!(x > 0)) throw new RangeError(`logGamma: x must be positive, not ${x}`);
  if (x === Infinity) return Infinity;
  if (x >= stirlingFrom) return (x - 0.5) * Math.log(x) - x + halfLogTwoPi + stirlingSeries(x);
  if (x < 0.5) return logGammaNearOne(x) - Math.log(x);
  if (x < 1.5) return logGammaNearOne(x - 1);
  let product = 1;
  let at = x;
  while (at > 2.5) {
    at -= 1;
    product *= at;
  }
  return Math.log(product) + logGammaNearTwo(at - 2);
}

/** ln Γ(1 + z) for −½ ≤ z ≤ ½: Γ(1+z) = Γ(2+z)/(1+z). */
function logGammaNearOne(z: number): number {
  return logGammaNearTwo(z) - Math.log1p(z);
}

/** ln Γ(2 + z) for |z| ≤ ½ (DLMF 5.7.3). */
function logGammaNearTwo(z: number): number {
  let sum = 0;
  for (let at = zetaMinusOne.length - 1; at >= 0; at -= 1) {
    const power = at + 2;
    sum = ((zetaMinusOne[at] as number) / power - sum) * z;
  }
  return (1 - eulerGamma + sum) * z;
}

/** Δ(x) = ln Γ(x) − (x − ½)·ln x + x − ½·ln 2π for x > 0; about 1/(12x). */
export function stirlingCorrection(x: number): number {
  if (x >= stirlingFrom) return stirlingSeries(x);
  return logGamma(x) - (x - 0.5) * Math.log(x) + x - halfLogTwoPi;
}

/** Coefficients B(2k)/(2k(2k−1)), DLMF 5.11.1. */
const stirlingCoefficients = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
] as const;

function stirlingSeries(x: number): number {
  const square = 1 / (x * x);
  let sum = 0;
  for (let at = stirlingCoefficients.length - 1; at >= 0; at -= 1) {
    sum = sum * square + (stirlingCoefficients[at] as number);
  }
  return sum / x;
}

/** ln B(a, b) for a, b > 0 without the cancellation of ln Γ(a) + ln Γ(b) − ln Γ(a + b). */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  if (!(small > 0)) throw new RangeError(`logBeta: a and b must be positive, not ${a}, ${b}`);
  if (large === Infinity) return -Infinity;
  const share = small / (small + large);
  if (small >= stirlingFrom) {
    const correction =
      stirlingSeries(small) + stirlingSeries(large) - stirlingSeries(small + large);
    return (
      halfLogTwoPi -
      0.5 * Math.log(large) +
      correction +
      (small - 0.5) * Math.log(share) +
      large * Math.log1p(-share)
    );
  }
  if (large >= stirlingFrom) {
    const correction = stirlingSeries(large) - stirlingSeries(small + large);
    return (
      logGamma(small) +
      correction +
      small -
      small * Math.log(small + large) +
      (large - 0.5) * Math.log1p(-share)
    );
  }
  return logGamma(small) + logGamma(large) - logGamma(small + large);
}

/** ln of the binomial coefficient "n over k" for 0 ≤ k ≤ n, real arguments allowed. */
export function logChoose(n: number, k: number): number {
  if (!(k >= 0 && k <= n)) {
    throw new RangeError(`logChoose: k must be in [0, n], not k = ${k}, n = ${n}`);
  }
  if (k === 0 || k === n) return 0;
  return -Math.log(n + 1) - logBeta(n - k + 1, k + 1);
}

/** ln(1 + u) − u without cancellation for |u| up to about ½. */
function log1pMinus(u: number): number {
  // ln(1+u) = 2(r + r³/3 + r⁵/5 + …) with r = u/(2+u), and 2r − u = −ur.
  const r = u / (2 + u);
  const square = r * r;
  let sum = 0;
  for (let odd = 41; odd >= 3; odd -= 2) sum = sum * square + 1 / odd;
  return r * (2 * square * sum - u);
}

/** Deviance x·ln(x/m) + m − x ≥ 0 for x > 0, m > 0: how far a mean m is from x. */
export function deviance(x: number, m: number): number {
  const u = (m - x) / x;
  return u > 0.6 || u < -0.45 ? x * Math.log(x / m) + m - x : -x * log1pMinus(u);
}
