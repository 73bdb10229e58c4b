// How far an empirical distribution function can be from the true one, at all values at once. For plots: the
// interval of a named quantile (quantile-sequence.ts, fixed-quantile.ts) is much tighter in the tails.
//
// Fixed n: Dvoretzky, Kiefer, Wolfowitz with Massart's constant (Ann. Probab. 18:1269, 1990): √(ln(2/α)/2n).
// At all n ≥ n₀ at once: A·√((ln(1 + ln(n/n₀)) + C)/n), Howard and Ramdas (arXiv 1906.09712): for A > 1/√2
// the chance to leave the band is at most min over η of 4·exp(−γ²C)·(1 + 1/((γ²−1)·ln η)), where
// γ² = (2/η)·(A − √(2(η−1)/C))² must exceed 1; C is the number that makes it α. A = 0.85 is theirs.
import { bisect } from "./beta-binomial.ts";

const spread = 0.85;

/** Half the width of the band (in probability) after `count` values, if their number was fixed beforehand. */
export function distributionBand(count: number, alpha: number): number {
  check(count, alpha);
  return Math.min(1, Math.sqrt(Math.log(2 / alpha) / (2 * count)));
}

/**
 * The constant C of the band that holds at all looks together with probability 1 − alpha. It does not depend on the
 * data: compute it once. Throws RangeError on alpha outside (0, 1).
 */
export function distributionBandConstant(alpha: number): number {
  check(1, alpha);
  return bisect(5_000, 2, (constant) => logMissChance(constant) >= Math.log(alpha));
}

/**
 * Half the width of the band after `count` values at any look from `firstCount` values on, which are fixed beforehand;
 * 1 (no band) before. `constant` comes from `distributionBandConstant(alpha)`.
 */
export function distributionBandSequence(
  count: number,
  firstCount: number,
  constant: number,
): number {
  if (!(count >= 0 && count < Infinity)) {
    throw new RangeError(`count must be a finite number from 0, got ${count}`);
  }
  if (!(firstCount >= 1 && firstCount < Infinity)) {
    throw new RangeError(`firstCount must be a finite number from 1, got ${firstCount}`);
  }
  if (!(constant > 0)) throw new RangeError(`constant must be above 0, got ${constant}`);
  if (count < firstCount) return 1;
  const growth = Math.log1p(Math.log(count / firstCount));
  return Math.min(1, spread * Math.sqrt((growth + constant) / count));
}

/** The logarithm of the least bound over η on the chance to leave the band, by golden section: it has one minimum. */
function logMissChance(constant: number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  // γ² falls in η; beyond the root of γ² = 1 there is no bound.
  const end = bisect(1, 2 * spread * spread, (eta) => gammaSquare(constant, eta) <= 1);
  let low = 1;
  let high = end;
  for (let step = 0; step < 90; step += 1) {
    const left = high - golden * (high - low);
    const right = low + golden * (high - low);
    if (logMissBound(constant, left) <= logMissBound(constant, right)) high = right;
    else low = left;
  }
  return logMissBound(constant, low + (high - low) / 2);
}

function gammaSquare(constant: number, eta: number): number {
  const root = spread - Math.sqrt((2 * (eta - 1)) / constant);
  return root <= 0 ? 0 : (2 / eta) * root * root;
}

function logMissBound(constant: number, eta: number): number {
  const square = gammaSquare(constant, eta);
  if (!(square > 1 && eta > 1)) return Infinity;
  return Math.log(4) - square * constant + Math.log1p(1 / ((square - 1) * Math.log(eta)));
}

function check(count: number, alpha: number): void {
  if (!(count >= 1 && count < Infinity)) {
    throw new RangeError(`count must be a finite number from 1, got ${count}`);
  }
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha must lie between 0 and 1, got ${alpha}`);
  }
}
