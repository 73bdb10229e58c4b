import { describe, expect, it } from "vitest";
import { createNeighbourWindow } from "../../../src/core/comparison/neighbours.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";

function randomVector(random: () => number, dimension: number): Float64Array {
  return Float64Array.from({ length: dimension }, () => random() - 0.5);
}

/** The overlap as its definition says, without any of the window's tricks. */
function overlapByDefinition(
  control: readonly Float64Array[],
  treatment: readonly Float64Array[],
  k: number,
): number {
  const cosine = (x: Float64Array, y: Float64Array) => {
    let [xy, xx, yy] = [0, 0, 0];
    for (const [at, value] of x.entries()) {
      xy += value * (y[at] as number);
      xx += value * value;
      yy += (y[at] as number) ** 2;
    }
    return xy / Math.sqrt(xx * yy);
  };
  const last = control.length - 1;
  const nearest = (vectors: readonly Float64Array[]) =>
    vectors
      .slice(0, last)
      .map((vector, at) => ({ at, near: cosine(vector, vectors[last] as Float64Array) }))
      .toSorted((one, other) => other.near - one.near)
      .slice(0, k)
      .map(({ at }) => at);
  const left = new Set(nearest(control));
  return nearest(treatment).filter((at) => left.has(at)).length / k;
}

describe("neighbour overlap", () => {
  it("is what its definition says, over models of different dimensions", () => {
    const random = createRandom(11);
    const window = createNeighbourWindow({ size: 100, k: 10 });
    const controls: Float64Array[] = [];
    const treatments: Float64Array[] = [];
    let compared = 0;
    for (let key = 0; key < 100; key += 1) {
      const control = randomVector(random, 24);
      const treatment = Float64Array.from({ length: 16 }, (_, at) => {
        return (control[at] as number) + (random() - 0.5) * 0.5;
      });
      controls.push(control);
      treatments.push(treatment);
      const found = window.add(key, control, treatment);
      expect(found.kind).toBe(key < 50 ? "filling" : "compared");
      if (found.kind !== "compared") continue;
      compared += 1;
      expect(found.overlap).toBeCloseTo(overlapByDefinition(controls, treatments, 10), 12);
    }
    expect(compared).toBe(50);
  });

  it("a model and itself agree on all; models that have nothing to do with each other on k of the others", () => {
    const random = createRandom(12);
    const same = createNeighbourWindow();
    const strangers = createNeighbourWindow();
    let sum = 0;
    let compared = 0;
    for (let key = 0; key < 600; key += 1) {
      const vector = randomVector(random, 32);
      const self = same.add(key, vector, vector);
      expect(self.kind === "compared" ? self.overlap : 1).toBe(1);
      const found = strangers.add(key, vector, randomVector(random, 20));
      if (key < 300 || found.kind !== "compared") continue;
      sum += found.overlap;
      compared += 1;
    }
    // 10 of 199 by chance.
    expect(sum / compared).toBeGreaterThan(0.03);
    expect(sum / compared).toBeLessThan(0.075);
  });

  it("holds no more than its size; a repeated input replaces itself; another dimension begins anew", () => {
    const window = createNeighbourWindow({ size: 5, k: 1, dimensionMax: 3 });
    const one = Float64Array.of(1, 2);
    for (let key = 0; key < 9; key += 1) window.add(key % 7, one, one);
    expect(window.counts()).toEqual({ held: 5, restarts: 0, bytes: 2 * 4 * 5 * 2 });
    window.add(99, Float64Array.of(1, 2, 3), one);
    expect(window.counts()).toMatchObject({ held: 1, restarts: 1 });
    const long = Float64Array.of(1, 2, 3, 4);
    expect(window.add(1, long, one)).toMatchObject({
      kind: "refused",
      fault: { code: "dimension" },
    });
  });
});
