import { deviance, stirlingCorrection } from "./gamma.ts";
import type { Tails } from "./incomplete-gamma.ts";
import { integrateTail } from "./tail-integral.ts";

/** With both parameters from here on the tails are integrated. */
const integrateFrom = 500;

/**
 * The regularised incomplete beta function I_x(a, b) and its complement, for a, b > 0 and 0 ≤ x ≤ 1. `y` is 1 − x,
 * which the caller often knows better than a subtraction does. Continued fraction of A. R. DiDonato and A. H. Morris
 * (ACM TOMS 18, 1992, eq. 9), on the side of the mean where it converges fast and does not cancel; quadrature of the
 * density where both parameters are large.
 */
export function incompleteBeta(x: number, a: number, b: number, y = 1 - x): Tails {
  if (!(a > 0 && b > 0 && a < Infinity && b < Infinity)) {
    throw new RangeError(`incompleteBeta: a and b must be positive, not ${a}, ${b}`);
  }
  if (!(x >= 0 && x <= 1)) throw new RangeError(`incompleteBeta: x must be in [0, 1], not ${x}`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (y === 0) return { lower: 1, upper: 0 };
  if (Math.min(a, b) >= integrateFrom) return integrated(x, y, a, b);
  if (a * y + 1 > (b + 2) * x) {
    const lower = Math.min(1, Math.exp(logBetaFactor(x, y, a, b)) / fraction(x, y, a, b));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, Math.exp(logBetaFactor(y, x, b, a)) / fraction(y, x, b, a));
  return { lower: 1 - upper, upper };
}

/** ln of x^a·y^b/B(a, b), y = 1 − x. */
export function logBetaFactor(x: number, y: number, a: number, b: number): number {
  const n = a + b;
  const corrections = stirlingCorrection(n) - stirlingCorrection(a) - stirlingCorrection(b);
  const spread = 0.5 * Math.log(((a / n) * b) / (2 * Math.PI));
  return spread + corrections - deviance(a, n * x) - deviance(b, n * y);
}

/** The denominator of I_x(a, b)·B(a, b)/(x^a·y^b) as a continued fraction, by the modified Lentz method. */
function fraction(x: number, y: number, a: number, b: number): number {
  const tiny = 1e-300;
  const gap = a * y - b * x + 1;
  let value = (a * gap) / (a + 1);
  if (value === 0) value = tiny;
  let c = value;
  let d = 0;
  for (let m = 1; m < 1_000_000; m += 1) {
    const odd = a + 2 * m - 1;
    const step = (m * (b - m) * x) / odd;
    const above = (((a + m - 1) * (a + b + m - 1)) / odd) * step * x;
    const below = m + step + ((a + m) * (gap + m * (1 + y))) / (odd + 2);
    d = below + above * d;
    d = 1 / (d === 0 ? tiny : d);
    c = below + above / c;
    if (c === 0) c = tiny;
    const change = c * d;
    value *= change;
    if (Math.abs(change - 1) < 2.3e-16) break;
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
