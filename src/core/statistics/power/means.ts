// Power of the z-test for a difference of means whose standard deviations are known (or estimated from so
// many observations that it makes no difference). Normal theory: Chow, Shao & Wang, "Sample Size
// Calculations in Clinical Research" (2008), section 3.2; at equal deviations the same numbers as
// statsmodels' NormalIndPower with effect size difference/standardDeviation.
import type { Result } from "../../../base/result.ts";
import type { Alternative } from "../alternative.ts";
import { normalUpper, normalUpperQuantile } from "../distributions/normal.ts";
import type { DataFault } from "../fault.ts";
import {
  type ArmSizes,
  assertAlpha,
  assertPower,
  assertSizes,
  type Split,
  smallestEffect,
  smallestSizes,
} from "./split.ts";

export type MeansDesign = {
  /** Of one observation, in arm x and arm y; above 0, in the unit of the difference. */
  readonly standardDeviations: readonly [number, number];
  /** 0 < alpha < 1, both sides together. */
  readonly alpha: number;
  readonly alternative: Alternative;
};

/** Chance that the test rejects when mean(x) − mean(y) is `difference`. Throws RangeError on invalid arguments. */
export function achievedPower(
  design: MeansDesign & { readonly difference: number; readonly sizes: ArmSizes },
): number {
  const { difference, sizes, standardDeviations: deviations, alpha, alternative } = design;
  assertAlpha(alpha);
  assertSizes(sizes, 1);
  if (!deviations.every((deviation) => deviation > 0 && deviation < Infinity)) {
    throw new RangeError(
      `standardDeviations must be above 0 and finite, got ${deviations.join(", ")}`,
    );
  }
  if (!Number.isFinite(difference)) {
    throw new RangeError(`difference must be finite, got ${difference}`);
  }
  const standardError = Math.hypot(
    deviations[0] / Math.sqrt(sizes[0]),
    deviations[1] / Math.sqrt(sizes[1]),
  );
  return normalPower(difference / standardError, alpha, alternative);
}

/**
 * The smallest arm sizes in the ratio of the split that reach `power`. `out_of_range` when the effect is 0,
 * points away from the alternative, or needs more than 1e12 observations.
 */
export function requiredSampleSize(
  design: MeansDesign & {
    readonly difference: number;
    readonly power: number;
    readonly split: Split;
  },
): Result<ArmSizes, DataFault> {
  assertPower(design.power, design.alpha);
  return smallestSizes(
    (sizes) => achievedPower({ ...design, sizes }),
    design.power,
    design.split,
    1,
  );
}

/** The smallest difference, negative for the alternative "less", that is found with chance `power`. */
export function minimumDetectableEffect(
  design: MeansDesign & { readonly power: number; readonly sizes: ArmSizes },
): number {
  assertPower(design.power, design.alpha);
  assertSizes(design.sizes, 1);
  const sign = design.alternative === "less" ? -1 : 1;
  const scale = Math.max(...design.standardDeviations);
  // Sixty standard errors have power 1 at any alpha a double can hold.
  const largest = 60 * scale * Math.sqrt(1 / design.sizes[0] + 1 / design.sizes[1]);
  const found = smallestEffect(
    (magnitude) => achievedPower({ ...design, difference: sign * magnitude }),
    design.power,
    largest,
  );
  return sign * (found ?? largest);
}

/** Chance that a z-statistic with mean `shift` and deviation 1 falls in the rejection region. */
export function normalPower(shift: number, alpha: number, alternative: Alternative): number {
  if (alternative === "greater") return normalUpper(normalUpperQuantile(alpha) - shift);
  if (alternative === "less") return normalUpper(normalUpperQuantile(alpha) + shift);
  const critical = normalUpperQuantile(alpha / 2);
  return Math.min(1, normalUpper(critical - shift) + normalUpper(critical + shift));
}
