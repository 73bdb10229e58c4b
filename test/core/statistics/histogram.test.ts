import fc from "fast-check";
import { expect, test } from "vitest";
import {
  alignHistograms,
  histogramOfCounts,
  histogramOfValues,
  midpointsOf,
  totalOf,
} from "../../../src/core/statistics/histogram.ts";
import { createLatency, takeCounts } from "../../../src/core/telemetry/latency.ts";

const micros = fc.array(fc.oneof(fc.nat(5_000), fc.nat(2 ** 31 - 1)), { maxLength: 60 });

test.each([
  [0, 0],
  [2047, 2047],
  [2048, 2049],
  [4095, 4095],
  [4099, 4099],
  [1_000_000, 1_000_123],
  [2_147_483_646, 2_147_483_647],
])("an HDR bin reaches as far as the recorder's equivalent values: %i, %i", (first, second) => {
  const latency = createLatency();
  latency.recordValue(first);
  latency.recordValue(second);
  const next = (value: number) =>
    (latency as unknown as { nextNonEquivalentValue(from: number): number }).nextNonEquivalentValue(
      value,
    );
  const expected = [
    ...new Set([first, second].map((value) => latency.countsArrayIndex(value))),
  ].map((index) => {
    const low = latency.valueFromIndex(index);
    return [low, next(low) - 1];
  });
  const bins = histogramOfCounts(takeCounts(latency));
  expect(Array.from(bins.lowest, (low, bin) => [low, bins.highest[bin]])).toEqual(expected);
  expect(totalOf(bins.counts)).toBe(2);
});

test("every recorded value lies inside its bin, which is no wider than 0.1 %", () => {
  fc.assert(
    fc.property(micros, (values) => {
      const latency = createLatency();
      for (const value of values) latency.recordValue(value);
      const { lowest, highest, counts } = histogramOfCounts(takeCounts(latency));
      const inside = (bin: number) =>
        values.filter(
          (value) => value >= (lowest[bin] as number) && value <= (highest[bin] as number),
        ).length;
      expect(Array.from(lowest, (_, bin) => inside(bin))).toEqual(Array.from(counts));
      expect(totalOf(counts)).toBe(values.length);
      for (const [bin, low] of lowest.entries()) {
        expect((highest[bin] as number) - low).toBeLessThanOrEqual(low / 1000);
      }
    }),
  );
});

test("distinct values have a bin each, 0 and -0 the same", () => {
  const { lowest, counts } = histogramOfValues([3, -0, 2, 0, 3, -1]);
  expect(Array.from(lowest, (low) => low + 0)).toEqual([-1, 0, 2, 3]);
  expect(Array.from(counts)).toEqual([1, 2, 1, 2]);
  expect(histogramOfValues([]).counts).toHaveLength(0);
  expect(() => histogramOfValues([1, Number.NaN])).toThrow(RangeError);
});

test("aligned arms keep their counts and their bins", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30)), fc.array(fc.nat(30)), (x, y) => {
      const union = alignHistograms(histogramOfValues(x), histogramOfValues(y));
      const distinct = [...new Set([...x, ...y])].toSorted((left, right) => left - right);
      expect(Array.from(union.lowest)).toEqual(distinct);
      expect(Array.from(union.highest)).toEqual(distinct);
      const countsOf = (values: number[]) =>
        distinct.map((value) => values.filter((one) => one === value).length);
      expect(Array.from(union.x)).toEqual(countsOf(x));
      expect(Array.from(union.y)).toEqual(countsOf(y));
    }),
  );
});

test("bins that overlap become one", () => {
  const x = {
    lowest: Float64Array.of(0, 10, 20),
    highest: Float64Array.of(9, 19, 29),
    counts: Float64Array.of(1, 2, 3),
  };
  const y = {
    lowest: Float64Array.of(0, 15, 40),
    highest: Float64Array.of(9, 22, 49),
    counts: Float64Array.of(4, 5, 6),
  };
  expect(alignHistograms(x, y)).toEqual({
    lowest: Float64Array.of(0, 10, 40),
    highest: Float64Array.of(9, 29, 49),
    x: Float64Array.of(1, 5, 0),
    y: Float64Array.of(4, 5, 6),
  });
  expect(Array.from(midpointsOf(y))).toEqual([4.5, 18.5, 44.5]);
});

test("counters out of order or without a partner are refused", () => {
  expect(() => histogramOfCounts(Int32Array.of(3, 1, 2, 1))).toThrow(RangeError);
  expect(() => histogramOfCounts(Int32Array.of(3))).toThrow(RangeError);
  expect(() => histogramOfCounts(Int32Array.of(3, -1))).toThrow(RangeError);
});
