import { inFlightAgeBoundsMs, type InFlightAges } from "./snapshot.ts";

/** An exchange that has not ended. */
export type InFlightOf<Series> = { readonly series: Series; readonly ageMs: number };

/** How many of each series are in flight, and for how long. */
export function agesBySeries<Series>(
  inFlight: readonly InFlightOf<Series>[],
): Map<Series, InFlightAges> {
  const ages = new Map<Series, { count: number; oldestMs: number; olderThan: number[] }>();
  for (const { series, ageMs } of inFlight) {
    let of = ages.get(series);
    if (of === undefined) {
      of = { count: 0, oldestMs: 0, olderThan: inFlightAgeBoundsMs.map(() => 0) };
      ages.set(series, of);
    }
    of.count += 1;
    of.oldestMs = Math.max(of.oldestMs, ageMs);
    for (const [at, boundMs] of inFlightAgeBoundsMs.entries()) {
      if (ageMs > boundMs) of.olderThan[at] = (of.olderThan[at] as number) + 1;
    }
  }
  return ages;
}

/** Of a series without any. */
export const noneInFlight: InFlightAges = {
  count: 0,
  oldestMs: 0,
  olderThan: inFlightAgeBoundsMs.map(() => 0),
};
