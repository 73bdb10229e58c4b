import { describe, expect, it } from "vitest";
import {
  batchVectorsMax,
  compareBatches,
  compareNorms,
  compareVectors,
} from "../../../src/core/comparison/embedding.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";

const vector = (...values: number[]) => Float64Array.from(values);

function compared(control: Float64Array, treatment: Float64Array) {
  const found = compareVectors(control, treatment);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

describe("two vectors of one model", () => {
  it("3-4-5: by hand", () => {
    const { cosine, normRatio, maxAbsDifference } = compared(vector(3, 4), vector(4, 3));
    expect(cosine).toBeCloseTo(24 / 25, 15);
    expect(normRatio).toBe(1);
    expect(maxAbsDifference).toBe(1);
  });

  it("a vector and itself have cosine 1, exactly; and its opposite −1", () => {
    const random = createRandom(5);
    for (let turn = 0; turn < 500; turn += 1) {
      const one = Float64Array.from({ length: 1 + Math.floor(random() * 300) }, () => {
        return (random() - 0.5) * 10 ** Math.floor(random() * 200 - 100);
      });
      expect(compared(one, one)).toEqual({ cosine: 1, normRatio: 1, maxAbsDifference: 0 });
      expect(
        compared(
          one,
          one.map((value) => -value),
        ).cosine,
      ).toBe(-1);
    }
  });

  it("scaling changes the lengths' ratio alone; order of the two changes the cosine not at all", () => {
    const random = createRandom(6);
    for (let turn = 0; turn < 200; turn += 1) {
      const one = Float64Array.from({ length: 64 }, () => random() - 0.5);
      const other = Float64Array.from({ length: 64 }, () => random() - 0.5);
      const { cosine } = compared(one, other);
      expect(compared(other, one).cosine).toBeCloseTo(cosine, 14);
      const scaled = compared(
        one,
        other.map((value) => 8 * value),
      );
      expect(scaled.cosine).toBeCloseTo(cosine, 14);
      expect(scaled.normRatio).toBeCloseTo(8 * compared(one, other).normRatio, 12);
    }
  });

  it.each([
    ["empty", vector(), vector(1)],
    ["dimension", vector(1, 2), vector(1)],
    ["not_finite", vector(1, Number.NaN), vector(1, 1)],
    ["not_finite", vector(1, 1), vector(Infinity, 1)],
    ["no_direction", vector(0, 0), vector(1, 1)],
    ["out_of_range", vector(1e-300, 1e-300), vector(1e300, 1e300)],
  ])("%s is refused", (code, control, treatment) => {
    expect(compareVectors(control, treatment)).toMatchObject({ ok: false, error: { code } });
  });
});

describe("batches", () => {
  it("mean and worst of their vectors", () => {
    const found = compareBatches([vector(1, 0), vector(1, 0)], [vector(1, 0), vector(0, 2)]);
    expect(found).toEqual({
      ok: true,
      value: { vectors: 2, cosine: 0.5, cosineMin: 0, normRatio: 1.5, maxAbsDifference: 2 },
    });
  });

  it("of other lengths, empty, or with one broken vector are refused", () => {
    const codeOf = (found: ReturnType<typeof compareBatches>) =>
      found.ok ? null : found.error.code;
    expect(codeOf(compareBatches([vector(1)], []))).toBe("batch_size");
    expect(codeOf(compareBatches([], []))).toBe("empty");
    expect(codeOf(compareBatches([vector(1), vector(1)], [vector(1), vector(Number.NaN)]))).toBe(
      "not_finite",
    );
    const many = Array.from({ length: batchVectorsMax + 1 }, () => vector(1));
    expect(codeOf(compareBatches(many, many))).toBe("batch_too_large");
    expect(codeOf(compareBatches(many.slice(1), many.slice(1)))).toBeNull();
  });

  it("of different dimensions still have lengths", () => {
    expect(compareNorms([vector(3, 4)], [vector(10)])).toEqual({ ok: true, value: 2 });
  });
});
