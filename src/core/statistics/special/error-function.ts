/**
 * Error function and complement. Below 2: erf(x) = (2x/√π)·e^(−x²)·Σ (2x²)ⁿ/(1·3·…·(2n+1)), all terms positive
 * (DLMF 7.6.2). From 2 on: the continued fraction of erfc, DLMF 7.9.2, evaluated backwards.
 */

const twoOverRootPi = 1.1283791670955126;
const rootPi = 1.772453850905516;
const seriesBelow = 2;

/** erf(x), to 1e-15 of its value. */
export function erf(x: number): number {
  requireNumber("erf", x);
  if (x < 0) return -erf(-x);
  return x < seriesBelow ? erfSeries(x) : 1 - erfc(x);
}

/** erfc(x) = 1 − erf(x), to 1e-13 of its value down to the smallest numbers (x ≈ 26.5). */
export function erfc(x: number): number {
  requireNumber("erfc", x);
  if (x < seriesBelow) return 1 - erf(x);
  return x > 28 ? 0 : (gaussian(x) * fraction(x)) / rootPi;
}

/** ln erfc(x), also where erfc(x) is smaller than any number. */
export function logErfc(x: number): number {
  requireNumber("logErfc", x);
  if (x < 0) return Math.log1p(erf(-x));
  if (x < seriesBelow) return Math.log1p(-erfSeries(x));
  return Math.log(fraction(x) / rootPi) - x * x;
}

function erfSeries(x: number): number {
  const step = 2 * x * x;
  let term = 1;
  let sum = 1;
  for (let odd = 3; term > 1e-17 * sum; odd += 2) {
    term *= step / odd;
    sum += term;
  }
  return twoOverRootPi * x * Math.exp(-x * x) * sum;
}

/** e^(−x²) with the rounding of x² taken out (W. J. Cody, 1969): the square of the head of x is exact. */
function gaussian(x: number): number {
  const head = Math.trunc(x * 16) / 16;
  return Math.exp(-head * head) * Math.exp(-(x - head) * (x + head));
}

/** 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))) */
function fraction(x: number): number {
  if (x === Infinity) return 0;
  const terms = x < 3 ? 90 : x < 6 ? 45 : 20;
  let below = x;
  for (let at = terms; at >= 1; at -= 1) below = x + at / 2 / below;
  return 1 / below;
}

function requireNumber(name: string, x: number): void {
  if (Number.isNaN(x)) throw new RangeError(`${name}: x is not a number`);
}
