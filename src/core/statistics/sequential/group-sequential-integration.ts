// The distribution of a test statistic that was looked at before and did not cross its boundary.
//
// Z(t) = B(t)/√t with B Brownian motion of drift δ, so increments are independent and
//   g_k(z) = ∫ g_{k-1}(u) √(t_k/Δ) φ((z√t_k − u√t_{k-1} − δΔ)/√Δ) du  over the continuation region,
// Δ = t_k − t_{k-1} (Armitage, McPherson & Rowe, JRSS A 132:235, 1969). The integrals use the grid of Jennison
// & Turnbull, "Group Sequential Methods" (2000), section 19.2: 6r−1 points around the mean, evenly spaced in
// ±3 and logarithmically outside, cut at the boundaries. Their Simpson's rule leaves errors near 1e-7 at this
// density; three Gauss-Legendre nodes in each interval, for half as much work again, leave 1e-10.
import { normalPdf, normalUpper } from "../distributions/normal.ts";

/** The statistic at one look, on the part of the line where the run went on; total mass below 1. */
export type Continuation = {
  /** Information fraction of the look. */
  readonly time: number;
  /** Where the density is held, ascending. */
  readonly points: Float64Array;
  /** Density times integration weight at each point: sums to the chance to go on. */
  readonly masses: Float64Array;
};

/** Grid intervals across the narrowest transition, in its standard deviations; found by measurement. */
const stepsPerTransition = 4;
const gridMin = 24;
/** The finest grid has about 18·gridMax points. */
const gridMax = 512;
/** φ beyond this many standard deviations is below 1e-32: not worth its exponential. */
const kernelReach = 12;

/** The J&T grid parameter r that resolves the narrowest step between the given information fractions. */
export function gridResolution(times: readonly number[]): number {
  let narrowest = Infinity;
  for (let look = 1; look < times.length; look += 1) {
    narrowest = Math.min(narrowest, Math.sqrt(times[look]! / times[look - 1]! - 1));
  }
  const wanted = Math.ceil((0.75 * stepsPerTransition) / narrowest);
  return Math.min(gridMax, Math.max(gridMin, wanted));
}

/** The statistic after the first look, kept where low < Z < high. */
export function firstContinuation(
  time: number,
  drift: number,
  region: { readonly low: number; readonly high: number },
  resolution: number,
): Continuation {
  const mean = drift * Math.sqrt(time);
  const { points, weights } = quadratureGrid(mean, region, resolution);
  const masses = weights.map((weight, index) => weight * normalPdf(points[index]! - mean));
  return { time, points, masses };
}

/** The statistic after the next look, kept where low < Z < high. */
export function nextContinuation(
  previous: Continuation,
  time: number,
  drift: number,
  region: { readonly low: number; readonly high: number },
  resolution: number,
): Continuation {
  const { points, weights } = quadratureGrid(drift * Math.sqrt(time), region, resolution);
  const masses = weights.map((weight, index) =>
    weight === 0 ? 0 : weight * densityAt(previous, time, drift, points[index]!),
  );
  return { time, points, masses };
}

/** Density of Z at `time` for a run that went on after `previous`. */
export function densityAt(previous: Continuation, time: number, drift: number, z: number): number {
  const { points, masses } = previous;
  const increment = time - previous.time;
  const slope = Math.sqrt(previous.time / increment);
  const target = (z * Math.sqrt(time) - drift * increment) / Math.sqrt(increment);
  let density = 0;
  for (
    let index = firstAtLeast(points, (target - kernelReach) / slope);
    index < points.length;
    index += 1
  ) {
    const deviation = target - points[index]! * slope;
    if (deviation < -kernelReach) break;
    density += masses[index]! * Math.exp(-0.5 * deviation * deviation);
  }
  return density * Math.sqrt(time / increment / (2 * Math.PI));
}

/** Chance that a run went on after `previous` and then has Z above `boundary` at `time`. */
export function upperExit(
  previous: Continuation,
  time: number,
  drift: number,
  boundary: number,
): number {
  if (boundary === Infinity) return 0;
  const { points, masses } = previous;
  const increment = time - previous.time;
  const slope = Math.sqrt(previous.time / increment);
  const target = (boundary * Math.sqrt(time) - drift * increment) / Math.sqrt(increment);
  let chance = 0;
  for (let index = 0; index < points.length; index += 1) {
    chance += masses[index]! * normalUpper(target - points[index]! * slope);
  }
  return chance;
}

/** Chance that a run went on after `previous` and then has Z below `boundary` at `time`. */
export function lowerExit(
  previous: Continuation,
  time: number,
  drift: number,
  boundary: number,
): number {
  const points = previous.points.map((point) => -point);
  return upperExit({ ...previous, points }, time, -drift, -boundary);
}

function quadratureGrid(
  mean: number,
  region: { readonly low: number; readonly high: number },
  resolution: number,
): { points: Float64Array; weights: Float64Array } {
  const knots = gridKnots(mean, region, resolution);
  const size = Math.max(0, 3 * (knots.length - 1));
  const points = new Float64Array(size);
  const weights = new Float64Array(size);
  for (let interval = 0; 3 * interval < size; interval += 1) {
    const half = (knots[interval + 1]! - knots[interval]!) / 2;
    const middle = knots[interval]! + half;
    for (let node = 0; node < 3; node += 1) {
      points[3 * interval + node] = middle + half * Math.sqrt(0.6) * (node - 1);
      weights[3 * interval + node] = (half * (node === 1 ? 8 : 5)) / 9;
    }
  }
  return { points, weights };
}

/** The J&T points inside the region, with the region's own ends where they cut the grid. */
function gridKnots(
  mean: number,
  { low, high }: { readonly low: number; readonly high: number },
  r: number,
): number[] {
  const tail = 3 + 4 * Math.log(r);
  const from = Math.max(low, mean - tail);
  const to = Math.min(high, mean + tail);
  if (!(from < to)) return [];
  const knots = [from];
  for (let index = 1; index <= 6 * r - 1; index += 1) {
    const knot = mean + gridOffset(index, r);
    if (knot > from && knot < to) knots.push(knot);
  }
  knots.push(to);
  return knots;
}

function gridOffset(index: number, r: number): number {
  if (index < r) return -3 - 4 * Math.log(r / index);
  if (index <= 5 * r) return -3 + (3 * (index - r)) / (2 * r);
  return 3 + 4 * Math.log(r / (6 * r - index));
}

function firstAtLeast(points: Float64Array, value: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (points[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
