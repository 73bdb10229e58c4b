/** Which stretches a range of the past is told in, and which rows of the store are read for it. */

/** Lengths that divide evenly into what people read off a clock. */
const stepsMs = [
  1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
  3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
] as const;
const dayMs = 86_400_000;

/**
 * The shortest step, at least `finestMs` long, of which at most `points` make the range. Beyond a day it is whole days.
 */
export function stepFor(rangeMs: number, points: number, finestMs: number): number {
  const fitting = stepsMs.find((stepMs) => stepMs >= finestMs && rangeMs / stepMs <= points);
  return fitting ?? Math.ceil(rangeMs / points / dayMs) * dayMs;
}

/** The next longer step; null beyond the longest. */
export function longerStep(stepMs: number): number | null {
  return stepsMs.find((each) => each > stepMs) ?? null;
}

/** The longest of the resolutions whose stretches make up a step; the first one where none does. */
export function resolutionFor<Resolution extends number>(
  stepMs: number,
  resolutionsMs: readonly [Resolution, ...Resolution[]],
): Resolution {
  return resolutionsMs.findLast((each) => stepMs % each === 0) ?? resolutionsMs[0];
}

/**
 * The range as whole steps: the end rounded up, the start down, unless that makes more than `points` of them; then the
 * first one, which the range has only a part of, is left out.
 */
export function wholeSteps(
  { fromMs, toMs }: Range,
  stepMs: number,
  points: number,
): { readonly fromMs: number; readonly toMs: number } {
  const endMs = Math.ceil(toMs / stepMs) * stepMs;
  const startMs = Math.floor(fromMs / stepMs) * stepMs;
  return {
    fromMs: (endMs - startMs) / stepMs > points ? startMs + stepMs : startMs,
    toMs: endMs,
  };
}

export type Range = { readonly fromMs: number; readonly toMs: number };

/** A part of a range that is read in one resolution; it begins and ends at multiples of it. */
export type Segment<Resolution extends number> = Range & { readonly resolutionMs: Resolution };

/**
 * What to read from `range.fromMs` on, as far as one resolution goes: the longest stretches, up to `coarsestMs`, that lie in the
 * range, and at its ends shorter ones. Where a resolution's rows are deleted (all up to its cut may be) the next longer one
 * stands in, even where its stretch reaches beyond the range. `range` is whole stretches of the first resolution; every
 * resolution is a multiple of the one before.
 */
export function nextSegment<Resolution extends number>(
  { fromMs, toMs }: Range,
  resolutionsMs: readonly [Resolution, ...Resolution[]],
  coarsestMs: number,
  cuts: ReadonlyMap<number, number>,
): Segment<Resolution> {
  const fits = (at: number) => {
    const each = resolutionsMs[at] as number;
    return each <= coarsestMs && fromMs % each === 0 && fromMs + each <= toMs;
  };
  const cutOf = (at: number) => cuts.get(resolutionsMs[at] as number) ?? -Infinity;
  const last = resolutionsMs.length - 1;
  const kept = resolutionsMs.indexOf(finestKept(fromMs, resolutionsMs, cuts));
  let longest = 0;
  for (let at = 1; at <= last; at += 1) if (fits(at)) longest = at;
  const at = Math.max(kept, longest);
  const resolutionMs = resolutionsMs[at] as Resolution;
  const startMs = floor(fromMs, resolutionMs);
  let endMs = startMs + Math.ceil((toMs - startMs) / resolutionMs) * resolutionMs;
  // Of a resolution that was chosen for its length, only stretches that lie in the range.
  if (at > 0 && at === longest) endMs = startMs + floor(toMs - startMs, resolutionMs);
  // Back to the shorter one where that is kept.
  if (at > longest) endMs = Math.min(endMs, floor(cutOf(at - 1), resolutionMs) + resolutionMs);
  for (const longerMs of resolutionsMs.slice(at + 1)) {
    const boundaryMs = floor(startMs, longerMs) + longerMs;
    if (longerMs <= coarsestMs && boundaryMs + longerMs <= toMs) {
      endMs = Math.min(endMs, boundaryMs);
    }
  }
  return { fromMs: startMs, toMs: endMs, resolutionMs };
}

/** The shortest resolution whose rows are all there from `atMs` on; the longest where none is known to be. */
export function finestKept<Resolution extends number>(
  atMs: number,
  resolutionsMs: readonly [Resolution, ...Resolution[]],
  cuts: ReadonlyMap<number, number>,
): Resolution {
  const kept = resolutionsMs.find((each) => floor(atMs, each) > (cuts.get(each) ?? -Infinity));
  return kept ?? (resolutionsMs.at(-1) as Resolution);
}

function floor(ms: number, toMs: number): number {
  return Math.floor(ms / toMs) * toMs;
}
