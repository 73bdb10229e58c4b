import { err, ok, type Result } from "../../base/result.ts";
import type { Alternative } from "./alternative.ts";
import { normalCdf, normalUpper } from "./distributions/normal.ts";
import type { DataFault } from "./fault.ts";

export type WilcoxonOptions = {
  /** About x against y of each pair; default two_sided. */
  readonly alternative?: Alternative;
  /** `exact` needs at most `exactPairsMax` pairs without ties or zeros; `auto` (default) takes it there, as R does. */
  readonly method?: "auto" | "exact" | "asymptotic";
  /** Whether the normal approximation moves V by ½ towards its mean; default true, as in R. */
  readonly continuity?: boolean;
};

export type Wilcoxon = {
  /** V, as in R: the sum of the ranks, by size, of the differences above 0. SciPy's two-sided one is min(V, M − V). */
  readonly statistic: number;
  /** Pairs that differ. */
  readonly n: number;
  /** Pairs without a difference, which were left out. */
  readonly zeros: number;
  /** Of the normal approximation, also where the p-value is exact; above 0 where x is larger. */
  readonly z: number;
  readonly pValue: number;
  /** (2V − M)/M with M = n(n + 1)/2: −1 where y is always the larger one, 1 where x is (D. S. Kerby, 2014). */
  readonly rankBiserial: number;
  readonly method: "exact" | "asymptotic";
};

/** Up to this many pairs every count of the exact distribution is below 2^53. */
export const exactPairsMax = 50;

/**
 * Are the differences x − y of pairs symmetric about 0? (F. Wilcoxon, "Individual comparisons by ranking methods",
 * Biometrics Bulletin 1, 1945.) Zeros are dropped, as Wilcoxon did; tied sizes get their middle rank. `zero_variance`
 * where all differences are 0, `out_of_range` for the exact method with ties, zeros or too many pairs.
 */
export function wilcoxonSignedRank(
  differences: ArrayLike<number>,
  options: WilcoxonOptions = {},
): Result<Wilcoxon, DataFault> {
  const ranked = rank(differences);
  if (!ranked.ok) return ranked;
  const { statistic, n, zeros } = ranked.value;
  const { alternative = "two_sided", method = "auto" } = options;
  const why = inexactReason(ranked.value);
  if (method === "exact" && why !== null) {
    return err({ code: "out_of_range", message: `no exact Wilcoxon test: ${why}` });
  }
  const asymptotic = asymptoticOf(ranked.value, options);
  const most = (n * (n + 1)) / 2;
  const base = {
    statistic,
    n,
    zeros,
    z: asymptotic.z,
    rankBiserial: (2 * statistic - most) / most,
  };
  if (method === "asymptotic" || why !== null) {
    return ok({ ...base, pValue: asymptotic.pValue, method: "asymptotic" });
  }
  return ok({ ...base, pValue: exactPValue(statistic, n, alternative), method: "exact" });
}

/**
 * P(V ≤ v) for n pairs without ties when every sign is equally likely: the number of subsets of {1…n} with sum v is
 * the coefficient of q^v in Π (1 + q^i). Integers below 2^53 throughout. Throws RangeError for n outside
 * 1…`exactPairsMax` or v no integer of 0…n(n + 1)/2.
 */
export function signedRankLower(v: number, n: number): number {
  if (!(Number.isInteger(n) && n >= 1 && n <= exactPairsMax)) {
    throw new RangeError(`signedRankLower: n must be an integer of 1…${exactPairsMax}, not ${n}`);
  }
  const most = (n * (n + 1)) / 2;
  if (!(Number.isInteger(v) && v >= 0 && v <= most)) {
    throw new RangeError(`signedRankLower: v must be an integer of 0…${most}, not ${v}`);
  }
  const counts = new Float64Array(v + 1);
  counts[0] = 1;
  for (let i = 1; i <= n; i += 1) {
    for (let at = v; at >= i; at -= 1) {
      counts[at] = (counts[at] as number) + (counts[at - i] as number);
    }
  }
  let sum = 0;
  for (const count of counts) sum += count;
  return sum / 2 ** n;
}

type Ranked = {
  readonly statistic: number;
  readonly n: number;
  readonly zeros: number;
  /** Σ(t³ − t) over groups of t tied sizes. */
  readonly tiedCubes: number;
};

function rank(differences: ArrayLike<number>): Result<Ranked, DataFault> {
  if (differences.length === 0) return err({ code: "empty", message: "there are no pairs" });
  const nonZero: number[] = [];
  for (let at = 0; at < differences.length; at += 1) {
    const value = differences[at] as number;
    if (!Number.isFinite(value)) {
      const message = `difference ${at + 1} is ${value}, not a finite number`;
      return err({ code: "not_finite", message });
    }
    if (value !== 0) nonZero.push(value);
  }
  const n = nonZero.length;
  if (n === 0) return err({ code: "zero_variance", message: "all differences are 0" });
  const sorted = Float64Array.from(nonZero).toSorted((a, b) => Math.abs(a) - Math.abs(b));
  let statistic = 0;
  let tiedCubes = 0;
  for (let from = 0; from < n;) {
    const size = Math.abs(sorted[from] as number);
    let to = from;
    let positive = 0;
    while (to < n && Math.abs(sorted[to] as number) === size) {
      if ((sorted[to] as number) > 0) positive += 1;
      to += 1;
    }
    const tied = to - from;
    // The mean of the ranks from + 1 … to.
    statistic += positive * ((from + 1 + to) / 2);
    tiedCubes += tied * (tied - 1) * (tied + 1);
    from = to;
  }
  return ok({ statistic, n, zeros: differences.length - n, tiedCubes });
}

function inexactReason({ n, zeros, tiedCubes }: Ranked): string | null {
  if (tiedCubes > 0) return "the differences have ties";
  if (zeros > 0) return "some differences are 0";
  return n > exactPairsMax ? `${n} pairs are more than ${exactPairsMax}` : null;
}

function asymptoticOf(
  { statistic, n, tiedCubes }: Ranked,
  { alternative = "two_sided", continuity = true }: WilcoxonOptions,
): { readonly z: number; readonly pValue: number } {
  const excess = statistic - (n * (n + 1)) / 4;
  // All tied leaves n(n + 1)²/16: never 0, and nothing cancels.
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - tiedCubes / 48);
  const step = continuity ? 0.5 : 0;
  switch (alternative) {
    case "two_sided": {
      const z = (Math.sign(excess) * Math.max(0, Math.abs(excess) - step)) / deviation;
      return { z, pValue: Math.min(1, 2 * normalUpper(Math.abs(z))) };
    }
    case "greater": {
      const z = (excess - step) / deviation;
      return { z, pValue: normalUpper(z) };
    }
    case "less": {
      const z = (excess + step) / deviation;
      return { z, pValue: normalCdf(z) };
    }
  }
}

function exactPValue(v: number, n: number, alternative: Alternative): number {
  // The ranks below 0 have the same distribution: P(V ≥ v) = P(V ≤ M − v).
  const upper = signedRankLower((n * (n + 1)) / 2 - v, n);
  const lower = signedRankLower(v, n);
  switch (alternative) {
    case "two_sided":
      return Math.min(1, 2 * Math.min(upper, lower));
    case "greater":
      return upper;
    case "less":
      return lower;
  }
}
