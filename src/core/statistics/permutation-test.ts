import { err, ok, type Result } from "../../base/result.ts";
import type { Alternative } from "./alternative.ts";
import type { DataFault } from "./fault.ts";
import type { Uniform } from "./random.ts";
import { valuesFault } from "./superiority.ts";

export type PermutationOptions = {
  readonly random: Uniform;
  /** About x against y; default two_sided: twice the smaller one-sided p-value. */
  readonly alternative?: Alternative;
  /** From 100 to 100,000, default 10,000; all divisions when there are no more of them. */
  readonly resamples?: number;
};

export type PermutationTest = {
  /** mean of x − mean of y */
  readonly difference: number;
  readonly pValue: number;
  /** Whether every division of the values was tried; the p-value then has no error of chance. */
  readonly isExact: boolean;
  /** How many divisions were tried; fewer than asked for where that would take seconds. */
  readonly resamples: number;
};

const resamplesMin = 100;
const resamplesMax = 100_000;
/** Values moved in all divisions together, about half a second. */
const movesMax = 60_000_000;
/** Made at least, whatever they cost. */
const resamplesKept = 200;

/**
 * Could the difference of means come from dividing the same values between the arms by chance? (R. A. Fisher, 1935;
 * p-value of random divisions by B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", 2010:
 * (1 + as extreme)/(1 + divisions).) The null hypothesis is that both arms have the same distribution.
 */
export function permutationTest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { random, alternative = "two_sided", resamples: asked = 10_000 }: PermutationOptions,
): Result<PermutationTest, DataFault> {
  if (!(Number.isInteger(asked) && asked >= resamplesMin && asked <= resamplesMax)) {
    throw new RangeError(`resamples must be ${resamplesMin} to ${resamplesMax}, not ${asked}`);
  }
  const fault = valuesFault("x", x) ?? valuesFault("y", y);
  if (fault !== null) return err(fault);
  const [m, n] = [x.length, y.length];
  if (m === 0 || n === 0) return err({ code: "empty", message: "an arm has no values" });
  const isFewX = m <= n;
  const pool = centred(isFewX ? x : y, isFewX ? y : x);
  const few = Math.min(m, n);
  // The pool adds up to 0: the sum over one arm is the difference of means but for a factor.
  const observed = sumOf(pool, few);
  const slack = 1e-13 * pool.reduce((sum, value) => sum + Math.abs(value), 0);
  if (!Number.isFinite(slack)) {
    return err({ code: "out_of_range", message: "the values are too large to be summed up" });
  }
  const isExact = divisions(m + n, few) <= asked;
  const affordable = Math.max(resamplesKept, Math.floor(movesMax / few));
  const tally = isExact
    ? tallyAll(pool, few, observed, slack)
    : tallyRandom(pool, few, observed, slack, random, Math.min(asked, affordable));
  const extra = isExact ? 0 : 1;
  const upper = (tally.atLeast + extra) / (tally.tried + extra);
  const lower = (tally.atMost + extra) / (tally.tried + extra);
  const difference = (isFewX ? observed : -observed) * (1 / m + 1 / n);
  const pValue = pValueOf(alternative, isFewX ? upper : lower, isFewX ? lower : upper);
  return ok({ difference, pValue, isExact, resamples: tally.tried });
}

function pValueOf(alternative: Alternative, greater: number, less: number): number {
  switch (alternative) {
    case "two_sided":
      return Math.min(1, 2 * Math.min(greater, less));
    case "greater":
      return greater;
    case "less":
      return less;
  }
}

type Tally = { readonly atLeast: number; readonly atMost: number; readonly tried: number };

/** Every choice of `few` places, in lexicographic order. */
function tallyAll(pool: Float64Array, few: number, observed: number, slack: number): Tally {
  const chosen = Array.from({ length: few }, (_, at) => at);
  let atLeast = 0;
  let atMost = 0;
  let tried = 0;
  for (;;) {
    let sum = 0;
    for (const place of chosen) sum += pool[place] as number;
    if (sum >= observed - slack) atLeast += 1;
    if (sum <= observed + slack) atMost += 1;
    tried += 1;
    let at = few - 1;
    while (at >= 0 && chosen[at] === pool.length - few + at) at -= 1;
    if (at < 0) return { atLeast, atMost, tried };
    const from = (chosen[at] as number) + 1 - at;
    for (let next = at; next < few; next += 1) chosen[next] = from + next;
  }
}

/** The first `few` places are shuffled in (R. A. Fisher and F. Yates; R. Durstenfeld, 1964), again and again. */
function tallyRandom(
  pool: Float64Array,
  few: number,
  observed: number,
  slack: number,
  random: Uniform,
  resamples: number,
): Tally {
  let atLeast = 0;
  let atMost = 0;
  for (let tried = 0; tried < resamples; tried += 1) {
    let sum = 0;
    for (let at = 0; at < few; at += 1) {
      const from = at + Math.floor(random() * (pool.length - at));
      const value = pool[from] as number;
      pool[from] = pool[at] as number;
      pool[at] = value;
      sum += value;
    }
    if (sum >= observed - slack) atLeast += 1;
    if (sum <= observed + slack) atMost += 1;
  }
  return { atLeast, atMost, tried: resamples };
}

/** Both samples one behind the other, less their common mean. */
function centred(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const pool = new Float64Array(first.length + second.length);
  pool.set(first, 0);
  pool.set(second, first.length);
  const start = pool[0] as number;
  const rough = pool.map((value) => value - start);
  const mean = sumOf(rough, rough.length) / rough.length;
  return rough.map((value) => value - mean);
}

function sumOf(values: Float64Array, count: number): number {
  let sum = 0;
  for (let at = 0; at < count; at += 1) sum += values[at] as number;
  return sum;
}

function divisions(all: number, few: number): number {
  let product = 1;
  for (let at = 1; at <= few && product < Infinity; at += 1) product *= (all - few + at) / at;
  return Math.round(product);
}
