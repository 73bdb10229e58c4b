import type { ChartPoint } from "./chart.ts";

/** A column of history: a value for each stretch that begins at `atMs`, which rises. */
export type Column = {
  readonly atMs: readonly number[];
  readonly values: readonly (number | null)[];
  readonly stepMs: number;
};

/**
 * Fewer points for the same picture: of every stretch of the axis the first, the lowest, the highest and the last value
 * stay (Jugel et al., "M4: a visualization-oriented time series data aggregation", VLDB 2014), so that no peak is lost and
 * no percentile is averaged. At most 4 values and 2 gaps a stretch. A week has sixty thousand points: none but those that
 * stay is kept.
 */
export function reduceColumn(column: Column, stretchesMax: number): ChartPoint[] {
  const { atMs } = column;
  if (atMs.length <= stretchesMax * 4) return [...pointsOf(column)];
  const from = atMs[0] ?? 0;
  const width = Math.max(1, ((atMs.at(-1) ?? 0) - from) / stretchesMax);
  const kept: ChartPoint[] = [];
  let stretch: Stretch | null = null;
  let place = 0;
  for (const point of pointsOf(column)) {
    const at = Math.floor((point[0] - from) / width);
    if (stretch === null || at !== place) {
      if (stretch !== null) keepTelling(stretch, kept);
      stretch = { first: point, last: point, lowest: null, highest: null, gap: null };
      place = at;
    }
    take(stretch, point);
  }
  if (stretch !== null) keepTelling(stretch, kept);
  return kept;
}

type Stretch = {
  readonly first: ChartPoint;
  last: ChartPoint;
  lowest: ChartPoint | null;
  highest: ChartPoint | null;
  /** The first of those without a value. */
  gap: ChartPoint | null;
};

function take(stretch: Stretch, point: ChartPoint): void {
  const [, value] = point;
  stretch.last = point;
  if (value === null) {
    stretch.gap ??= point;
    return;
  }
  const { lowest, highest } = stretch;
  if (lowest === null || value < (lowest[1] as number)) stretch.lowest = point;
  if (highest === null || value > (highest[1] as number)) stretch.highest = point;
}

/** What must stay, in the order of time. */
function keepTelling({ first, last, lowest, highest, gap }: Stretch, kept: ChartPoint[]): void {
  const points = new Set([first, lowest, highest, gap, last]);
  points.delete(null);
  const telling = [...points] as ChartPoint[];
  kept.push(...telling.toSorted(([one], [other]) => one - other));
}

/** With a gap where stretches are missing. */
export function* pointsOf({ atMs, values, stepMs }: Column): Generator<ChartPoint> {
  let before = Number.POSITIVE_INFINITY;
  for (let at = 0; at < atMs.length; at += 1) {
    const ms = atMs[at] as number;
    if (ms - before > stepMs * 1.5) yield [before + stepMs, null];
    yield [ms, values[at] ?? null];
    before = ms;
  }
}
