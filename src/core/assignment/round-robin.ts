/**
 * Smooth weighted round-robin, the algorithm of nginx (commit 52327e0627f4, Maxim Dounin): at each turn every
 * current value grows by its weight, the largest is picked and shrinks by the total. The sequence repeats after
 * as many turns as the weights' sum in lowest terms (the period), and every window of that length holds each
 * index exactly as often as its weight.
 */
export type RoundRobin = {
  /** Whole numbers in lowest terms. */
  readonly weights: readonly number[];
  /** Turns after which the sequence repeats. */
  readonly period: number;
  /** Changes with every turn. */
  readonly current: number[];
};

/** Weights with more digits than this many parts of one are rounded. */
const resolution = 1_000_000;
const wholeMax = 1_000_000_000;

/** Starts a sequence. Weights are relative, ≥ 0, and not all zero; a zero weight never gets a turn. */
export function startRoundRobin(weights: readonly number[]): RoundRobin {
  const whole = wholeWeights(weights);
  return {
    weights: whole,
    period: whole.reduce((sum, weight) => sum + weight, 0),
    current: whole.map(() => 0),
  };
}

/** The index whose turn it is; moves the sequence on by one. */
export function takeTurn(robin: RoundRobin): number {
  const { weights, current } = robin;
  let best = 0;
  for (let at = 0; at < weights.length; at += 1) {
    current[at] = (current[at] as number) + (weights[at] as number);
    if ((current[at] as number) > (current[best] as number)) best = at;
  }
  current[best] = (current[best] as number) - robin.period;
  return best;
}

function wholeWeights(weights: readonly number[]): number[] {
  const whole = decimalWeights(weights) ?? roundedWeights(weights);
  const divisor = whole.reduce(greatestCommonDivisor, 0);
  return divisor === 0 ? whole : whole.map((weight) => weight / divisor);
}

/** The weights times the smallest power of ten that makes all of them whole, or null. */
function decimalWeights(weights: readonly number[]): number[] | null {
  for (let scale = 1; scale <= resolution; scale *= 10) {
    const scaled = weights.map((weight) => Math.round(weight * scale));
    const areWhole = weights.every(
      (weight, at) => Math.abs(weight * scale - (scaled[at] as number)) < 1e-6,
    );
    if (areWhole && scaled.every((weight) => weight <= wholeMax)) return scaled;
  }
  return null;
}

function roundedWeights(weights: readonly number[]): number[] {
  const largest = Math.max(...weights);
  return weights.map((weight) =>
    weight === 0 ? 0 : Math.max(1, Math.round((weight / largest) * resolution)),
  );
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}
