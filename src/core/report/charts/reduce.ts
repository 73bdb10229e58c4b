import type { ChartPoint } from "./chart.ts";

/**
 * Fewer points for the same picture: of every stretch of the axis the first, the lowest, the highest and the last value
 * stay (Jugel et al., "M4: a visualization-oriented time series data aggregation", VLDB 2014), so that no peak is lost and
 * no percentile is averaged. At most 4 values and 2 gaps a stretch.
 */
export function reducePoints(points: readonly ChartPoint[], stretchesMax: number): ChartPoint[] {
  if (points.length <= stretchesMax * 4) return [...points];
  const from = points[0]?.[0] ?? 0;
  const to = points.at(-1)?.[0] ?? 0;
  const width = Math.max(1, (to - from) / stretchesMax);
  const kept: ChartPoint[] = [];
  let start = 0;
  while (start < points.length) {
    const stretch = Math.floor(((points[start] as ChartPoint)[0] - from) / width);
    let end = start;
    while (end < points.length && inStretch(points[end] as ChartPoint, from, width) === stretch) {
      end += 1;
    }
    for (const at of telling(points, start, end)) kept.push(points[at] as ChartPoint);
    start = end;
  }
  return kept;
}

function inStretch([atMs]: ChartPoint, from: number, width: number): number {
  return Math.floor((atMs - from) / width);
}

/** Places of what must stay of `points[start, end)`, rising. */
function telling(points: readonly ChartPoint[], start: number, end: number): readonly number[] {
  const places = new Set<number>([start, end - 1]);
  let lowest = -1;
  let highest = -1;
  let gap = -1;
  for (let at = start; at < end; at += 1) {
    const value = (points[at] as ChartPoint)[1];
    if (value === null) {
      if (gap < 0) gap = at;
      continue;
    }
    if (lowest < 0 || value < ((points[lowest] as ChartPoint)[1] as number)) lowest = at;
    if (highest < 0 || value > ((points[highest] as ChartPoint)[1] as number)) highest = at;
  }
  for (const place of [lowest, highest, gap]) if (place >= 0) places.add(place);
  return [...places].toSorted((one, other) => one - other);
}

/** A column of history as points, with a gap where stretches are missing. */
export function pointsOf(
  atMs: readonly number[],
  values: readonly (number | null)[],
  stepMs: number,
): ChartPoint[] {
  const points: ChartPoint[] = [];
  let before = Number.POSITIVE_INFINITY;
  for (const [at, ms] of atMs.entries()) {
    if (ms - before > stepMs * 1.5) points.push([before + stepMs, null]);
    points.push([ms, values[at] ?? null]);
    before = ms;
  }
  return points;
}
