import type { Values } from "./chart-model.ts";

/**
 * Fewer points that look the same: time is cut into as many pieces as can be told apart, and of each the least and the most of
 * every column is kept, in the order in which they came. No peak is lost; what is drawn is at most two points a piece.
 */
export type Thinned = {
  readonly atMs: readonly number[];
  readonly columns: readonly Values[];
  /** Of each point, which one of the original series it stands for. */
  readonly origin: readonly number[];
};

export function thinOut(
  atMs: readonly number[],
  columns: readonly Values[],
  piecesMax: number,
): Thinned {
  const { length } = atMs;
  const size = Math.ceil(length / piecesMax);
  if (size <= 2) return { atMs, columns, origin: Array.from(atMs, (_, at) => at) };
  // Pieces begin at multiples of their size in time, so that they stay the same while points come and go.
  const starts = startsOf(atMs, size);
  const origin: number[] = [];
  for (const [piece, start] of starts.entries()) {
    const end = starts[piece + 1] ?? length;
    origin.push(start);
    if (end - start > 1) origin.push(start + ((end - start) >> 1));
  }
  return {
    atMs: origin.map((at) => atMs[at] as number),
    columns: columns.map((values) => extremesOf(values, starts, length)),
    origin,
  };
}

function startsOf(atMs: readonly number[], size: number): number[] {
  const first = atMs[0] as number;
  const pieceMs = (((atMs.at(-1) as number) - first) / (atMs.length - 1)) * size;
  const starts: number[] = [];
  let present = Number.NaN;
  for (let at = 0; at < atMs.length; at += 1) {
    const piece = Math.floor((atMs[at] as number) / pieceMs);
    if (piece === present) continue;
    present = piece;
    starts.push(at);
  }
  return starts;
}

/** Two values a piece: the least and the most, whichever came first; null in a piece without any. */
function extremesOf(values: Values, starts: readonly number[], length: number): Values {
  const kept: (number | null)[] = [];
  for (let piece = 0; piece < starts.length; piece += 1) {
    const start = starts[piece] as number;
    const end = piece + 1 < starts.length ? (starts[piece + 1] as number) : length;
    let least: number | null = null;
    let most: number | null = null;
    let isRising = true;
    for (let at = start; at < end; at += 1) {
      const value = values[at] as number | null;
      if (value === null) continue;
      if (least === null || most === null) {
        least = value;
        most = value;
      } else if (value < least) {
        least = value;
        isRising = false;
      } else if (value > most) {
        most = value;
        isRising = true;
      }
    }
    kept.push(isRising ? least : most);
    if (end - start > 1) kept.push(isRising ? most : least);
  }
  return kept;
}
