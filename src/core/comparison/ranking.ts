/**
 * How much of an infinite ranking's weight lies at its top: 0.9 gives 86 % to the first ten ranks (W. Webber,
 * A. Moffat and J. Zobel, 2010), which is about what a language model is given to read.
 */
export const persistence = 0.9;

/** Ranked ids beyond this many are left out: rank 1,000 weighs 1e-46. */
export const rankedIdsMax = 1_000;

export type RankedComparison = {
  /** Ids that both have, by ids that either has; 0…1. */
  readonly jaccard: number;
  /** Rank-biased overlap, extrapolated; 0…1: agreement at the top counts most. */
  readonly rankOverlap: number;
};

/**
 * What two variants retrieved for one query, best first. Repeated ids count at their best rank. Null where neither
 * found anything: two empty lists neither agree nor disagree.
 */
export function compareRetrieval(
  control: readonly string[],
  treatment: readonly string[],
): RankedComparison | null {
  const left = distinct(control);
  const right = distinct(treatment);
  const jaccard = jaccardOf(left, right);
  if (jaccard === null) return null;
  return { jaccard, rankOverlap: rankBiasedOverlap([...left], [...right], persistence) };
}

/** |A ∩ B| / |A ∪ B|, null for two empty sets. */
export function jaccardOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number | null {
  let both = 0;
  for (const id of a) if (b.has(id)) both += 1;
  const either = a.size + b.size - both;
  return either === 0 ? null : both / either;
}

/**
 * RBO_ext of two rankings without repeated ids, of any lengths (W. Webber, A. Moffat and J. Zobel, "A similarity
 * measure for indefinite rankings", ACM TOIS 28(4), 2010, equation 32): the overlap X_d of the first d ranks is
 * averaged with weights p^d, taking the shorter ranking, s ranks long, to go on as it was seen to agree, and both to
 * go on so for ever beyond the longer one's l ranks:
 *
 *   (1 − p)/p · [Σ_{d=1…l} X_d/d·p^d + Σ_{d=s+1…l} X_s(d − s)/(s·d)·p^d] + [(X_l − X_s)/l + X_s/s]·p^l
 *
 * 1 for equal rankings, 0 where nothing is shared or one is empty. p lies between 0 and 1.
 */
export function rankBiasedOverlap(
  one: readonly string[],
  other: readonly string[],
  p: number,
): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`p must lie between 0 and 1, not ${p}`);
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  const s = short.length;
  const l = long.length;
  if (s === 0) return 0;
  const seen = new Set<string>();
  let overlap = 0;
  let overlapShort = 0;
  let sum = 0;
  let weight = 1;
  for (let d = 1; d <= l; d += 1) {
    // Each id comes at most twice, once in each ranking: the second time it is shared.
    for (const ranking of d <= s ? [short, long] : [long]) {
      const id = ranking[d - 1] as string;
      if (seen.has(id)) overlap += 1;
      else seen.add(id);
    }
    if (d === s) overlapShort = overlap;
    weight *= p;
    const beyond = d > s ? (overlapShort * (d - s)) / s : 0;
    sum += ((overlap + beyond) / d) * weight;
  }
  const tail = ((overlap - overlapShort) / l + overlapShort / s) * weight;
  return Math.min(1, ((1 - p) / p) * sum + tail);
}

function distinct(ids: readonly string[]): ReadonlySet<string> {
  return new Set(ids.slice(0, rankedIdsMax));
}
