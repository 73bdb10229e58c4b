/** Histograms whose buckets have equal ratios, drawn on a logarithmic axis. */

export type Histogram = {
  /** Upper ends, rising. */
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
};

/** The part of the buckets in which anything is, with one more on each side. */
export type Span = { readonly from: number; readonly to: number };

export function spanOf(histograms: readonly Histogram[]): Span | null {
  let from = Number.POSITIVE_INFINITY;
  let to = -1;
  for (const { counts } of histograms) {
    for (const [at, count] of counts.entries()) {
      if (count === 0) continue;
      from = Math.min(from, at);
      to = Math.max(to, at);
    }
  }
  if (to < 0) return null;
  const last = (histograms[0]?.boundsMs.length ?? 1) - 1;
  return { from: Math.max(0, from - 1), to: Math.min(last, to + 1) };
}

/** Each bucket's share of all, within the span. */
export function sharesOf({ counts }: Histogram, { from, to }: Span): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.slice(from, to + 1).map((count) => (total === 0 ? 0 : count / total));
}

/** A stepped outline in a box of the given size; `most` is the share that reaches its top. */
export function outlineOf(
  shares: readonly number[],
  most: number,
  size: { readonly width: number; readonly height: number },
): string {
  const stepWidth = size.width / shares.length;
  const y = (share: number) => (size.height * (1 - (most === 0 ? 0 : share / most))).toFixed(1);
  const steps = shares.map(
    (share, at) =>
      `L${(at * stepWidth).toFixed(1)} ${y(share)}L${((at + 1) * stepWidth).toFixed(1)} ${y(share)}`,
  );
  return `M0 ${size.height}${steps.join("")}L${size.width} ${size.height}`;
}

/** Round values for the axis, with where they are between 0 and 1. */
export function ticksOf(
  boundsMs: readonly number[],
  { from, to }: Span,
): { readonly ms: number; readonly at: number }[] {
  const lowest = boundsMs[from - 1] ?? (boundsMs[from] as number) / 1.5;
  const highest = boundsMs[to] as number;
  const range = Math.log(highest / lowest);
  const decades = range / Math.LN10;
  const factors = decades > 4 ? [1] : decades > 1.6 ? [1, 3] : [1, 2, 5];
  const ticks: { ms: number; at: number }[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.log10(highest); power += 1) {
    for (const factor of factors) {
      const ms = factor * 10 ** power;
      const at = Math.log(ms / lowest) / range;
      if (at >= 0 && at <= 1) ticks.push({ ms, at });
    }
  }
  return ticks;
}
