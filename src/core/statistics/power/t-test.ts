// Power of the two-sample t-test with pooled variance, exactly: under an effect of d standard deviations its
// statistic has the noncentral t distribution with n1 + n2 − 2 degrees of freedom and noncentrality
// d·√(n1·n2/(n1+n2)) (Cohen, "Statistical Power Analysis", 1988, chapter 2; the same as R's power.t.test with
// strict = TRUE, G*Power and statsmodels' TTestIndPower).
import type { Result } from "../../../base/result.ts";
import type { Alternative } from "../alternative.ts";
import { noncentralTCdf, noncentralTUpper } from "../distributions/noncentral-t.ts";
import { tUpperQuantile } from "../distributions/student-t.ts";
import type { DataFault } from "../fault.ts";
import { normalPower } from "./means.ts";
import {
  type ArmSizes,
  assertAlpha,
  assertPower,
  assertSizes,
  type Split,
  smallestEffect,
  smallestSizes,
} from "./split.ts";

/** From here on t and normal agree to 1e-7 and better in power, and the normal needs no series. */
const degreesOfFreedomMax = 1e7;

export type TTestDesign = {
  /** 0 < alpha < 1, both sides together. */
  readonly alpha: number;
  readonly alternative: Alternative;
};

/**
 * Chance that the t-test rejects when mean(x) − mean(y) is `effectSize` standard deviations (Cohen's d).
 * Sizes are at least 2 and may be fractions. Throws RangeError on invalid arguments.
 */
export function achievedPower(
  design: TTestDesign & { readonly effectSize: number; readonly sizes: ArmSizes },
): number {
  const { effectSize, sizes, alpha, alternative } = design;
  assertAlpha(alpha);
  assertSizes(sizes, 2);
  if (!Number.isFinite(effectSize)) {
    throw new RangeError(`effectSize must be finite, got ${effectSize}`);
  }
  const [x, y] = sizes;
  return noncentralPower(effectSize / Math.sqrt(1 / x + 1 / y), x + y - 2, alpha, alternative);
}

/**
 * The smallest arm sizes in the ratio of the split that reach `power`. `out_of_range` when the effect is 0,
 * points away from the alternative, or needs more than 1e12 observations.
 */
export function requiredSampleSize(
  design: TTestDesign & {
    readonly effectSize: number;
    readonly power: number;
    readonly split: Split;
  },
): Result<ArmSizes, DataFault> {
  assertPower(design.power, design.alpha);
  return smallestSizes(
    (sizes) => achievedPower({ ...design, sizes }),
    design.power,
    design.split,
    2,
  );
}

/** The smallest Cohen's d, negative for the alternative "less", that is found with chance `power`. */
export function minimumDetectableEffect(
  design: TTestDesign & { readonly power: number; readonly sizes: ArmSizes },
): number {
  assertPower(design.power, design.alpha);
  assertSizes(design.sizes, 2);
  const sign = design.alternative === "less" ? -1 : 1;
  const powerOf = (magnitude: number): number =>
    achievedPower({ ...design, effectSize: sign * magnitude });
  let largest = 1;
  while (powerOf(largest) < design.power && largest < 1e9) largest *= 2;
  return sign * (smallestEffect(powerOf, design.power, largest) ?? largest);
}

/** Chance that a noncentral t falls in the rejection region of a t-test with these degrees of freedom. */
export function noncentralPower(
  noncentrality: number,
  degreesOfFreedom: number,
  alpha: number,
  alternative: Alternative,
): number {
  if (degreesOfFreedom >= degreesOfFreedomMax) {
    return normalPower(noncentrality, alpha, alternative);
  }
  if (alternative === "less") {
    return noncentralPower(-noncentrality, degreesOfFreedom, alpha, "greater");
  }
  if (noncentrality === Infinity || (alternative === "two_sided" && noncentrality === -Infinity)) {
    return 1;
  }
  if (noncentrality === -Infinity) return 0;
  const critical = tUpperQuantile(alternative === "greater" ? alpha : alpha / 2, degreesOfFreedom);
  const upper = noncentralTUpper(critical, degreesOfFreedom, noncentrality);
  if (alternative === "greater") return upper;
  return Math.min(1, upper + noncentralTCdf(-critical, degreesOfFreedom, noncentrality));
}
