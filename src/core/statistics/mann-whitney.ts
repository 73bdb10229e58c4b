import { err, ok, type Result } from "../../base/result.ts";
import type { Alternative } from "./alternative.ts";
import { normalCdf, normalUpper } from "./distributions/normal.ts";
import type { DataFault } from "./fault.ts";
import type { AlignedHistograms, Histogram } from "./histogram.ts";
import { isExactFeasible, mannWhitneyLower } from "./mann-whitney-exact.ts";
import { alignBins, alignValues, superiorityOf, type Superiority } from "./superiority.ts";

export type MannWhitneyOptions = {
  /** About x against y; default two_sided. */
  readonly alternative?: Alternative;
  /**
   * `exact` needs samples without ties; `auto` (default) takes it where the smaller one has at most 8 values, as
   * SciPy does.
   */
  readonly method?: "auto" | "exact" | "asymptotic";
  /** Whether the normal approximation moves U by ½ towards its mean; default true, as in SciPy and R. */
  readonly continuity?: boolean;
};

export type MannWhitney = Pick<Superiority, "theta" | "binningError"> & {
  /** U of x: the pairs in which x is larger, ties counted half. */
  readonly statistic: number;
  /** Of the normal approximation, also where the p-value is exact; above 0 where x is larger, 0 if all are tied. */
  readonly z: number;
  readonly pValue: number;
  readonly method: "exact" | "asymptotic";
};

/**
 * Is one of two independent samples the larger one? (H. B. Mann and D. R. Whitney, 1947.) The null hypothesis is that
 * both have the same distribution; under unequal spread use the Brunner-Munzel test. `out_of_range` for the
 * exact method with ties or with samples too large for it.
 */
export function mannWhitney(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  options: MannWhitneyOptions = {},
): Result<MannWhitney, DataFault> {
  const aligned = alignValues(x, y, 1);
  if (!aligned.ok) return aligned;
  const { alternative = "two_sided", method = "auto" } = options;
  const isTied = aligned.value.x.some((count, bin) => count + (aligned.value.y[bin] as number) > 1);
  const isFeasible = !isTied && isExactFeasible(x.length, y.length);
  if (method === "exact" && !isFeasible) {
    const why = isTied ? "the values have ties" : "the samples are too large";
    return err({ code: "out_of_range", message: `no exact Mann-Whitney test: ${why}` });
  }
  const asymptotic = asymptoticOf(aligned.value, options);
  const isSmall = Math.min(x.length, y.length) <= 8;
  if (method === "asymptotic" || (method === "auto" && !(isSmall && isFeasible))) {
    return ok(asymptotic);
  }
  const pValue = exactPValue(asymptotic.statistic, x.length, y.length, alternative);
  return ok({ ...asymptotic, pValue, method: "exact" });
}

/** The asymptotic test from counts in O(bins); values in the same bin are tied. */
export function mannWhitneyBinned(
  x: Histogram,
  y: Histogram,
  options: Omit<MannWhitneyOptions, "method"> = {},
): Result<MannWhitney, DataFault> {
  const aligned = alignBins(x, y, 1);
  return aligned.ok ? ok(asymptoticOf(aligned.value, options)) : aligned;
}

function asymptoticOf(
  bins: AlignedHistograms,
  { alternative = "two_sided", continuity = true }: MannWhitneyOptions,
): MannWhitney {
  const { m, n, wins, excess, theta, binningError } = superiorityOf(bins);
  const deviation = uDeviation(bins, m, n);
  const step = continuity ? 0.5 : 0;
  const base = { statistic: wins, theta, binningError, method: "asymptotic" } as const;
  if (deviation === 0) return { ...base, z: 0, pValue: 1 };
  switch (alternative) {
    case "two_sided": {
      const z = (Math.sign(excess) * Math.max(0, Math.abs(excess) - step)) / deviation;
      return { ...base, z, pValue: Math.min(1, 2 * normalUpper(Math.abs(z))) };
    }
    case "greater": {
      const z = (excess - step) / deviation;
      return { ...base, z, pValue: normalUpper(z) };
    }
    case "less": {
      const z = (excess + step) / deviation;
      return { ...base, z, pValue: normalCdf(z) };
    }
  }
}

/**
 * Standard deviation of U under the null. Var = mn/12·[N + 1 − Σ(t³ − t)/(N(N − 1))] for ties of t values, here as the
 * sum of t(N − t)(N + t), which keeps its digits when nearly all values are tied.
 */
export function uDeviation({ x, y }: AlignedHistograms, m: number, n: number): number {
  const all = m + n;
  let sum = 0;
  for (let bin = 0; bin < x.length; bin += 1) {
    const tied = (x[bin] as number) + (y[bin] as number);
    sum += tied * (all - tied) * (all + tied);
  }
  return Math.sqrt(((m * n) / 12) * (sum / all / (all - 1)));
}

function exactPValue(u: number, m: number, n: number, alternative: Alternative): number {
  // U of y has the same distribution: P(U ≥ u) = P(U ≤ mn − u).
  const upper = mannWhitneyLower(m * n - u, m, n);
  const lower = mannWhitneyLower(u, m, n);
  switch (alternative) {
    case "two_sided":
      return Math.min(1, 2 * Math.min(upper, lower));
    case "greater":
      return upper;
    case "less":
      return lower;
  }
}
