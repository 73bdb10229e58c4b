import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addCounts,
  createLatency,
  mergeCounts,
  takeCounts,
} from "../../../src/core/telemetry/latency.ts";
import { percentileMs } from "../../../src/core/telemetry/merge.ts";

const durations = fc.array(fc.integer({ min: 1, max: 3_600_000_000 }), { maxLength: 200 });

function countsOf(values: readonly number[]) {
  const latency = createLatency();
  for (const value of values) latency.recordValue(value);
  return takeCounts(latency);
}

function totalsOf(...parts: readonly Int32Array[]) {
  const totals = createLatency(64);
  for (const part of parts) addCounts(totals, part);
  return totals;
}

describe("latency histograms", () => {
  test("percentiles are within three digits of the sorted values'", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3_600_000_000 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.1, 25, 50, 95, 99, 100),
        (values, percent) => {
          const sorted = values.toSorted((a, b) => a - b);
          const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length - 1e-9));
          const exact = (sorted[rank - 1] as number) / 1000;
          const measured = percentileMs(totalsOf(countsOf(values)), percent) as number;
          expect(Math.abs(measured - exact)).toBeLessThanOrEqual(exact * 0.001 + 1e-9);
        },
      ),
    );
  });

  test("nothing measured has no percentile", () => {
    expect(percentileMs(createLatency(), 50)).toBeNull();
  });

  test("taking leaves the histogram empty", () => {
    const latency = createLatency();
    latency.recordValue(7_000_000_000);
    expect(takeCounts(latency)).toHaveLength(2);
    expect(takeCounts(latency)).toHaveLength(0);
    latency.recordValue(3);
    expect([...takeCounts(latency)]).toEqual([3, 1]);
  });

  test("merging counts is the union, in any order and grouping", () => {
    fc.assert(
      fc.property(durations, durations, durations, (a, b, c) => {
        const union = countsOf([...a, ...b, ...c]);
        const [left, middle, right] = [countsOf(a), countsOf(b), countsOf(c)];
        expect(mergeCounts(mergeCounts(left, middle), right)).toEqual(union);
        expect(mergeCounts(right, mergeCounts(middle, left))).toEqual(union);
        expect(takeCounts(totalsOf(right, left, middle))).toEqual(union);
      }),
    );
  });

  test("totals count beyond 32 bits", () => {
    const most = Int32Array.of(5, 2 ** 31 - 1);
    const totals = totalsOf(most, most, most);
    expect(totals.totalCount).toBe(3 * (2 ** 31 - 1));
    expect(percentileMs(totals, 50)).toBe(0.005);
  });
});
