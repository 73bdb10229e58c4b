import { deviance, stirlingCorrection } from "./gamma.ts";
import type { Tails } from "./incomplete-gamma.ts";
import { integrateTail } from "./tail-integral.ts";

/** With both parameters from here on the tails are integrated. */
const integrateFrom = 500;

/**
 * The regularised incomplete beta function I_x(a, b) and its complement, for a, b > 0 and 0 ≤ x ≤ 1. `y` is 1 − x,
 * which the caller often knows better than a subtraction does. Continued fraction DLMF 8.17.22 (modified Lentz),
 * on the side where it converges; quadrature of the density where both parameters are large.
 */
export function incompleteBeta(x: number, a: number, b: number, y = 1 - x): Tails {
  if (!(a > 0 && b > 0 && a < Infinity && b < Infinity)) {
    throw new RangeError(`incompleteBeta: a and b must be positive, not ${a}, ${b}`);
  }
  if (!(x >= 0 && x <= 1)) throw new RangeError(`incompleteBeta: x must be in [0, 1], not ${x}`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (y === 0) return { lower: 1, upper: 0 };
  if (Math.min(a, b) >= integrateFrom) return integrated(x, y, a, b);
  if (x * (a + b + 2) < a + 1) {
    const lower = Math.min(1, (Math.exp(logBetaFactor(x, y, a, b)) / a) * fraction(x, a, b));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, (Math.exp(logBetaFactor(y, x, b, a)) / b) * fraction(y, b, a));
  return { lower: 1 - upper, upper };
}

/** ln of x^a·y^b/B(a, b), y = 1 − x. */
export function logBetaFactor(x: number, y: number, a: number, b: number): number {
  const n = a + b;
  const corrections = stirlingCorrection(n) - stirlingCorrection(a) - stirlingCorrection(b);
  const spread = 0.5 * Math.log(((a / n) * b) / (2 * Math.PI));
  return spread + corrections - deviance(a, n * x) - deviance(b, n * y);
}

function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let value = d;
  for (let m = 1; m < 1_000_000; m += 1) {
    const a2m = a + 2 * m;
    const even = (m * (b - m) * x) / ((a2m - 1) * a2m);
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    value *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / (a2m * (a2m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    const change = c * d;
    value *= change;
    if (Math.abs(change - 1) < 3e-16) break;
  }
  return value;
}

function integrated(x: number, y: number, a: number, b: number): Tails {
  const n = a + b;
  const mean = a / n;
  // Around x, in steps from it: x and y both keep their digits.
  const density = {
    log: (step: number) => {
      const at = x + step;
      const rest = y - step;
      return logBetaFactor(at, rest, a, b) - Math.log(at) - Math.log(rest);
    },
    slope: (step: number) => (a - 1) / (x + step) - (b - 1) / (y - step),
    scale: Math.sqrt((mean * (b / n)) / n),
    low: -x,
    high: y,
  };
  if (x >= mean) {
    const upper = integrateTail(density, 0, 1);
    return { lower: 1 - upper, upper };
  }
  const lower = integrateTail(density, 0, -1);
  return { lower, upper: 1 - lower };
}
