import { err, ok, type Result } from "../../../base/result.ts";
import { normalUpperQuantile } from "../distributions/normal.ts";
import type { DataFault } from "../fault.ts";
import type { Interval } from "../interval.ts";
import { countFault, newcombeInterval, type Count } from "../z-test.ts";
import { cohensH, type EffectSize } from "./standardised.ts";

/** A mean or a rate with its standard error. */
export type Estimate = { readonly value: number; readonly standardError: number };

/**
 * What E. C. Fieller's theorem (1954) says of a ratio. When the denominator is not clearly different from 0 the set
 * of ratios that fit is everything outside an interval, or everything.
 */
export type FiellerSet =
  | { readonly kind: "interval"; readonly interval: Interval }
  /** All ratios below `low` and above `high`. */
  | { readonly kind: "outside"; readonly low: number; readonly high: number }
  | { readonly kind: "everything" };

/**
 * Relative lift (x − y)/|y| with the delta-method interval: Var(x/y) ≈ V_x/y² + V_y·x²/y⁴ for independent arms.
 * `out_of_range` when y is 0. The critical value is the normal one unless `critical` is given.
 */
export function relativeLift(
  x: Estimate,
  y: Estimate,
  confidence = 0.95,
  critical = normalUpperQuantile((1 - confidence) / 2),
): Result<EffectSize & { readonly standardError: number }, DataFault> {
  if (y.value === 0) return err(zeroBase);
  const base = Math.abs(y.value);
  const estimate = (x.value - y.value) / base;
  const standardError = Math.hypot(x.standardError, (y.standardError * x.value) / y.value) / base;
  const half = critical * standardError;
  return ok({ estimate, standardError, interval: { low: estimate - half, high: estimate + half } });
}

/** Fieller's set for the relative lift (x − y)/y of independent arms. */
export function fiellerLift(
  x: Estimate,
  y: Estimate,
  confidence = 0.95,
  critical = normalUpperQuantile((1 - confidence) / 2),
): FiellerSet {
  // All ρ with (x − ρy)² ≤ c²(V_x + ρ²V_y): a·ρ² − 2b·ρ + d ≤ 0.
  const square = critical * critical;
  const a = y.value * y.value - square * y.standardError ** 2;
  const b = x.value * y.value;
  const d = x.value * x.value - square * x.standardError ** 2;
  const inside = b * b - a * d;
  if (a > 0) {
    const root = Math.sqrt(Math.max(0, inside));
    return { kind: "interval", interval: { low: (b - root) / a - 1, high: (b + root) / a - 1 } };
  }
  if (a === 0 || inside <= 0) return { kind: "everything" };
  const root = Math.sqrt(inside);
  return { kind: "outside", low: (b + root) / a - 1, high: (b - root) / a - 1 };
}

/** Difference of two rates with Newcombe's interval. */
export function riskDifference(
  x: Count,
  y: Count,
  confidence = 0.95,
): Result<EffectSize, DataFault> {
  const fault = countFault(x) ?? countFault(y);
  if (fault !== null) return err(fault);
  const estimate = x.successes / x.n - y.successes / y.n;
  return ok({ estimate, interval: newcombeInterval(x, y, { confidence }) });
}

/**
 * Ratio of two rates with D. Katz's interval on the logarithm (Biometrics 34, 1978). Half a success is added to both
 * arms, and one to the trials, when an arm has none (S. D. Walter, 1975); `adjusted` says so.
 */
export function riskRatio(
  x: Count,
  y: Count,
  confidence = 0.95,
): Result<EffectSize & { readonly adjusted: boolean }, DataFault> {
  const fault = countFault(x) ?? countFault(y);
  if (fault !== null) return err(fault);
  const adjusted = x.successes === 0 || y.successes === 0;
  const [a, b] = adjusted ? [addHalf(x), addHalf(y)] : [x, y];
  const estimate = a.successes / a.n / (b.successes / b.n);
  const error = Math.sqrt(1 / a.successes - 1 / a.n + 1 / b.successes - 1 / b.n);
  return ok({ estimate, adjusted, interval: aroundLog(estimate, error, confidence) });
}

/** Ratio of odds with B. Woolf's interval (1955); half of one is added to each cell when one is empty. */
export function oddsRatio(
  x: Count,
  y: Count,
  confidence = 0.95,
): Result<EffectSize & { readonly adjusted: boolean }, DataFault> {
  const fault = countFault(x) ?? countFault(y);
  if (fault !== null) return err(fault);
  const cells = [x.successes, x.n - x.successes, y.successes, y.n - y.successes];
  const adjusted = cells.includes(0);
  const [a, b, c, d] = cells.map((cell) => (adjusted ? cell + 0.5 : cell)) as [
    number,
    number,
    number,
    number,
  ];
  const estimate = (a * d) / (b * c);
  const error = Math.sqrt(1 / a + 1 / b + 1 / c + 1 / d);
  return ok({ estimate, adjusted, interval: aroundLog(estimate, error, confidence) });
}

/** Cohen's h of two counts, with the interval of its variance-stabilised scale. */
export function proportionEffect(
  x: Count,
  y: Count,
  confidence = 0.95,
): Result<EffectSize, DataFault> {
  const fault = countFault(x) ?? countFault(y);
  if (fault !== null) return err(fault);
  const estimate = cohensH(x.successes / x.n, y.successes / y.n);
  const half = normalUpperQuantile((1 - confidence) / 2) * Math.sqrt(1 / x.n + 1 / y.n);
  return ok({ estimate, interval: { low: estimate - half, high: estimate + half } });
}

const zeroBase: DataFault = {
  code: "out_of_range",
  message: "the control's value is 0, so there is no relative difference from it",
};

function addHalf({ successes, n }: Count): Count {
  return { successes: successes + 0.5, n: n + 1 };
}

function aroundLog(estimate: number, error: number, confidence: number): Interval {
  const factor = Math.exp(normalUpperQuantile((1 - confidence) / 2) * error);
  return { low: estimate / factor, high: estimate * factor };
}
