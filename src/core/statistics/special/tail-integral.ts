/**
 * Tails of densities by quadrature: Gauss-Legendre panels that follow the density's own scale outwards, until the
 * rest is below the last digit. All terms are positive, so that a tail keeps its relative precision however small
 * it is, and the cost does not grow with the parameters, which is where series and continued fractions end.
 */

/** A unimodal density by its logarithm; `slope` is the derivative of the logarithm. */
export type LogDensity = {
  readonly log: (x: number) => number;
  readonly slope: (x: number) => number;
  /** Distance over which it changes by its own measure at the mode, such as a standard deviation. */
  readonly scale: number;
  readonly low: number;
  readonly high: number;
};

const nodeCount = 20;
const panelsMax = 400;
const { nodes, weights } = gaussLegendre(nodeCount);

/** ∫ of the density from `from` outwards: up when `direction` is 1, down when it is −1. */
export function integrateTail(density: LogDensity, from: number, direction: 1 | -1): number {
  const { low, high } = density;
  const end = direction === 1 ? high : low;
  let at = Math.min(Math.max(from, low), high);
  let total = 0;
  for (let panel = 0; panel < panelsMax && at !== end; panel += 1) {
    const fall = Math.abs(density.slope(at));
    let width = Math.min(density.scale, 4 / fall) * direction;
    if ((at + width - end) * direction >= 0 || at + width === at) width = end - at;
    if (!Number.isFinite(width)) break;
    let sum = 0;
    for (let node = 0; node < nodeCount; node += 1) {
      const x = at + width * (nodes[node] as number);
      sum += (weights[node] as number) * Math.exp(density.log(x));
    }
    const part = sum * Math.abs(width);
    total += part;
    at += width;
    if (part <= total * 1e-18 && density.slope(at) * direction < 0) break;
  }
  return total;
}

/** Nodes and weights on [0, 1] (Newton on the Legendre polynomials; Abramowitz & Stegun 25.4.29). */
function gaussLegendre(count: number): { nodes: Float64Array; weights: Float64Array } {
  const at = new Float64Array(count);
  const weight = new Float64Array(count);
  for (let root = 0; root < count; root += 1) {
    let x = Math.cos((Math.PI * (root + 0.75)) / (count + 0.5));
    let slope = 0;
    for (let step = 0; step < 20; step += 1) {
      let last = 1;
      let value = x;
      for (let degree = 2; degree <= count; degree += 1) {
        [last, value] = [value, ((2 * degree - 1) * x * value - (degree - 1) * last) / degree];
      }
      slope = (count * (x * value - last)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-16) break;
    }
    at[root] = (1 - x) / 2;
    weight[root] = 1 / ((1 - x * x) * slope * slope);
  }
  return { nodes: at, weights: weight };
}
