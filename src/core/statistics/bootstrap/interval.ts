import type { Alternative } from "../alternative.ts";
import { normalCdf, normalQuantile } from "../distributions/normal.ts";
import type { Interval } from "../interval.ts";
import type { BootstrapArm } from "./arm.ts";

/** How two arms are compared. */
export type Contrast = "difference" | "ratio";

export function contrastOf(contrast: Contrast, x: number, y: number): number {
  return contrast === "difference" ? x - y : x / y;
}

/** The quantile p of sorted numbers, interpolated (R's type 7). */
export function sortedQuantile(sorted: Float64Array, p: number): number {
  const exact = (sorted.length - 1) * p;
  const rank = Math.floor(exact);
  const low = sorted[rank] as number;
  const high = sorted[Math.min(sorted.length - 1, rank + 1)] as number;
  return low + (exact - rank) * (high - low);
}

/** Between the quantiles of the replicates at both ends of `confidence`. */
export function percentileInterval(
  sorted: Float64Array,
  confidence: number,
  alternative: Alternative,
): Interval {
  return intervalAt(sorted, confidence, alternative, (level) => level);
}

/**
 * Bias-corrected and accelerated (B. Efron, "Better bootstrap confidence intervals", JASA 82, 1987; Efron and
 * Tibshirani, "An introduction to the bootstrap", 1993, §14.3): the percentiles are moved by how far the replicates'
 * median is off the estimate and by how the standard error changes with it.
 */
export function bcaInterval(
  sorted: Float64Array,
  estimate: number,
  acceleration: number,
  confidence: number,
  alternative: Alternative,
): Interval {
  let below = 0;
  for (const replicate of sorted) {
    if (replicate < estimate) below += 1;
    else if (replicate === estimate) below += 0.5;
  }
  // Kept off 0 and 1, where the correction would be infinite.
  const share = Math.min(sorted.length - 0.5, Math.max(0.5, below)) / sorted.length;
  const bias = normalQuantile(share);
  return intervalAt(sorted, confidence, alternative, (level) => {
    const moved = bias + normalQuantile(level);
    const scale = 1 - acceleration * moved;
    // Beyond its pole the formula would turn round.
    if (scale <= 0) return moved > 0 ? 1 : 0;
    return normalCdf(bias + moved / scale);
  });
}

/** Acceleration of the contrast of two arms by the jackknife over both (Efron and Tibshirani 1993, eq. 15.36). */
export function accelerationOf(contrast: Contrast, x: BootstrapArm, y: BootstrapArm): number {
  const changes = [
    ...influence(x, (estimate) => contrastOf(contrast, estimate, y.estimate)),
    ...influence(y, (estimate) => contrastOf(contrast, x.estimate, estimate)),
  ];
  const spread = Math.sqrt(
    changes.reduce((sum, { change, count }) => sum + count * change * change, 0),
  );
  if (spread === 0) return 0;
  return changes.reduce((sum, { change, count }) => sum + count * (change / spread) ** 3, 0) / 6;
}

type Influence = { readonly change: number; readonly count: number };

/** How far the statistic moves with each value, and how many values move it as far. */
function influence(
  { n, leftOut: { estimates, counts } }: BootstrapArm,
  statistic: (estimate: number) => number,
): Influence[] {
  const values = Array.from(estimates, statistic);
  const mean = values.reduce((sum, value, at) => sum + (counts[at] as number) * (value / n), 0);
  return values.map((value, at) => ({
    change: ((n - 1) / n) * (mean - value),
    count: counts[at] as number,
  }));
}

function intervalAt(
  sorted: Float64Array,
  confidence: number,
  alternative: Alternative,
  levelOf: (level: number) => number,
): Interval {
  const tail = alternative === "two_sided" ? (1 - confidence) / 2 : 1 - confidence;
  return {
    low: alternative === "less" ? -Infinity : sortedQuantile(sorted, levelOf(tail)),
    high: alternative === "greater" ? Infinity : sortedQuantile(sorted, levelOf(1 - tail)),
  };
}
