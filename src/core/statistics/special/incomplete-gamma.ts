import { integrateTail } from "./tail-integral.ts";
import { deviance, logGamma, stirlingCorrection } from "./gamma.ts";

/** Both tails of a distribution at one point; each keeps its own relative precision. */
export type Tails = { readonly lower: number; readonly upper: number };

/** From here on the tails are integrated: the series needs a number of terms that grows with √a. */
const integrateFrom = 1000;

/**
 * The regularised incomplete gamma functions P(a, x) and Q(a, x) for a > 0, x ≥ 0. Series DLMF 8.11.4 below the mean,
 * the continued fraction DLMF 8.9.2 (modified Lentz) above, quadrature of the density for large a.
 */
export function incompleteGamma(a: number, x: number): Tails {
  if (!(a > 0 && a < Infinity))
    throw new RangeError(`incompleteGamma: a must be positive, not ${a}`);
  if (!(x >= 0)) throw new RangeError(`incompleteGamma: x must not be negative, not ${x}`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (x === Infinity) return { lower: 1, upper: 0 };
  if (a >= integrateFrom) return integrated(a, x);
  if (x < a + 1) {
    const lower = Math.min(1, (Math.exp(logGammaFactor(a, x)) / a) * series(a, x));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, Math.exp(logGammaFactor(a, x)) * fraction(a, x));
  return { lower: 1 - upper, upper };
}

/** ln of x^a·e^(−x)/Γ(a). */
export function logGammaFactor(a: number, x: number): number {
  if (a < 1) return a * Math.log(x) - x - logGamma(a);
  return 0.5 * Math.log(a / (2 * Math.PI)) - deviance(a, x) - stirlingCorrection(a);
}

function series(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; term > 1e-17 * sum; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** Γ(a, x)/(x^a·e^(−x)) */
function fraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / (b === 0 ? tiny : b);
  let value = d;
  for (let n = 1; n < 100_000; n += 1) {
    const numerator = n * (a - n);
    b += 2;
    d = numerator * d + b;
    if (Math.abs(d) < tiny) d = tiny;
    c = b + numerator / c;
    if (Math.abs(c) < tiny) c = tiny;
    d = 1 / d;
    const change = c * d;
    value *= change;
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return value;
}

function integrated(a: number, x: number): Tails {
  const density = {
    log: (at: number) => (at === 0 ? -Infinity : logGammaFactor(a, at) - Math.log(at)),
    slope: (at: number) => (at === 0 ? Infinity : (a - 1 - at) / at),
    scale: Math.sqrt(a),
    low: 0,
    high: Infinity,
  };
  if (x >= a) {
    const upper = integrateTail(density, x, 1);
    return { lower: 1 - upper, upper };
  }
  const lower = integrateTail(density, x, -1);
  return { lower, upper: 1 - lower };
}
