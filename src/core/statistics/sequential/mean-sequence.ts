// A mean, or a difference of means, that may be looked at after every observation. The running sum, divided
// by its standard deviation, behaves like Brownian motion (a strong approximation); mixing the likelihood
// ratio of its drift over a normal prior of scale ρ gives a martingale, and Ville's inequality turns that
// into an interval that holds at all sample sizes at once. ρ decides where the interval is tightest.
//
// Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic
// confidence sequences" (arXiv 2103.06476v7): two-sided eq. 9, one-sided eq. 134, e-value eq. 155, ρ eq. 161.
// The guarantee is asymptotic: it needs the same "large enough" start as a z-test, but only at the start.
import { err, ok, type Result } from "../../../base/result.ts";
import type { Alternative } from "../alternative.ts";
import type { DataFault } from "../fault.ts";
import type { Interval } from "../interval.ts";

/** What is known at one look. */
export type MeanEstimate = {
  /** The mean, or the difference of means. */
  readonly estimate: number;
  /** Its standard error, cluster-robust where units are clusters. Above 0. */
  readonly standardError: number;
  /** Independent units behind it, of all arms together: requests, or users where users repeat. At least 2. */
  readonly units: number;
};

export type MeanSequenceOptions = {
  /** Chance, over the whole run, that the interval ever misses the truth: 0 < alpha < 1 (one-sided: < 0.5). */
  readonly alpha: number;
  /** The number of units at which the interval is to be tightest; fixed before the first look. */
  readonly plannedUnits: number;
  readonly alternative: Alternative;
  /** The value that the p-value tests. Default 0. */
  readonly nullValue?: number;
};

export type MeanSequence = {
  /** Holds the truth at all looks together with probability 1 − alpha. */
  readonly interval: Interval;
  /** Always valid: the chance that it ever falls to a or below under the null is at most a. */
  readonly pValue: number;
  /** The mixture's scale ρ. */
  readonly scale: number;
};

/**
 * The scale ρ that makes the interval (nearly) tightest at `plannedUnits` units. One-sided intervals have
 * the ρ of a two-sided interval at 2·alpha. Throws RangeError on arguments outside their range.
 */
export function mixtureScale(
  alpha: number,
  plannedUnits: number,
  alternative: Alternative = "two_sided",
): number {
  const alphaMax = alternative === "two_sided" ? 1 : 0.5;
  if (!(alpha > 0 && alpha < alphaMax)) {
    throw new RangeError(`alpha must lie between 0 and ${alphaMax} (${alternative}), got ${alpha}`);
  }
  if (!(plannedUnits >= 1 && plannedUnits < Infinity)) {
    throw new RangeError(`plannedUnits must be at least 1 and finite, got ${plannedUnits}`);
  }
  const evidence = -2 * Math.log(alternative === "two_sided" ? alpha : 2 * alpha);
  return Math.sqrt((evidence + Math.log1p(evidence)) / plannedUnits);
}

/**
 * The confidence sequence and the always-valid p-value of one look. For a difference of two arms `units`
 * counts both arms, whose shares must not change during the run. Throws RangeError on invalid options.
 */
export function meanConfidenceSequence(
  data: MeanEstimate,
  options: MeanSequenceOptions,
): Result<MeanSequence, DataFault> {
  const { alpha, plannedUnits, alternative, nullValue = 0 } = options;
  const scale = mixtureScale(alpha, plannedUnits, alternative);
  if (!Number.isFinite(nullValue)) {
    throw new RangeError(`nullValue must be finite, got ${nullValue}`);
  }
  const fault = findFault(data);
  if (fault !== null) return err(fault);

  const { estimate, standardError, units } = data;
  const precision = units * scale * scale; // Nρ²
  const spread = 0.5 * Math.log1p(precision); // ln √(Nρ²+1)
  const shrink = precision / (2 * (precision + 1));
  const z = (estimate - nullValue) / standardError;
  if (alternative === "two_sided") {
    const halfWidth = standardError * Math.sqrt((spread - Math.log(alpha)) / shrink);
    return ok({
      interval: { low: estimate - halfWidth, high: estimate + halfWidth },
      pValue: Math.min(1, Math.exp(spread - shrink * z * z)),
      scale,
    });
  }
  const halfWidth = standardError * Math.sqrt(Math.log1p(Math.exp(spread) / (2 * alpha)) / shrink);
  const toward = alternative === "greater" ? z : -z;
  return ok({
    interval:
      alternative === "greater"
        ? { low: estimate - halfWidth, high: Infinity }
        : { low: -Infinity, high: estimate + halfWidth },
    pValue: toward <= 0 ? 1 : oneSidedPValue(spread, shrink * toward * toward),
    scale,
  });
}

/** √(Nρ²+1) / (2(e^gain − 1)), without overflow. */
function oneSidedPValue(spread: number, gain: number): number {
  const logP = spread - Math.LN2 - gain - Math.log(-Math.expm1(-gain));
  return Math.min(1, Math.exp(logP));
}

function findFault({ estimate, standardError, units }: MeanEstimate): DataFault | null {
  if (!Number.isFinite(estimate) || !Number.isFinite(standardError) || !Number.isFinite(units)) {
    return {
      code: "not_finite",
      message: "the estimate, its standard error and the number of units must be finite",
    };
  }
  if (units < 2) return { code: "too_few", message: `needs at least 2 units, got ${units}` };
  if (standardError < 0) {
    return { code: "out_of_range", message: `the standard error is negative: ${standardError}` };
  }
  if (standardError === 0) {
    return { code: "zero_variance", message: "the standard error is 0: all values are equal" };
  }
  return null;
}
