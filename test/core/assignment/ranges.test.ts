import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  inNamespace,
  rangeIndex,
  rolloutRanges,
  weightedRanges,
} from "../../../src/core/assignment/ranges.ts";

describe("weightedRanges", () => {
  // GrowthBook's shared SDK test cases (`cases.json`, getBucketRange), weights relative here.
  test.each([
    [
      [1, 1],
      1,
      [
        [0, 0.5],
        [0.5, 1],
      ],
    ],
    [
      [1, 1],
      0.5,
      [
        [0, 0.25],
        [0.5, 0.75],
      ],
    ],
    [
      [0.4, 0.6],
      1,
      [
        [0, 0.4],
        [0.4, 1],
      ],
    ],
    [
      [20, 80],
      0.2,
      [
        [0, 0.04],
        [0.2, 0.36],
      ],
    ],
    [
      [1, 0, 3],
      0.4,
      [
        [0, 0.1],
        [0.25, 0.25],
        [0.25, 0.55],
      ],
    ],
    [
      [1, 1],
      0,
      [
        [0, 0],
        [0.5, 0.5],
      ],
    ],
  ])("weights %j, coverage %d", (weights, coverage, expected) => {
    const ranges = weightedRanges(weights, coverage);
    expect(ranges).toHaveLength(expected.length);
    for (const [at, [start, end]] of ranges.entries()) {
      expect(start).toBeCloseTo(expected[at]?.[0] as number, 12);
      expect(end).toBeCloseTo(expected[at]?.[1] as number, 12);
    }
  });

  test("raising the coverage adds users and moves none", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const weights = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(weights, share, share, share, (weights, left, right, bucket) => {
        fc.pre(weights.some((weight) => weight > 0));
        const before = rangeIndex(weightedRanges(weights, Math.min(left, right)), bucket);
        const after = rangeIndex(weightedRanges(weights, Math.max(left, right)), bucket);
        expect(before === -1 || after === before).toBe(true);
      }),
    );
  });
});

test("rolloutRanges: treatment below the share, control above", () => {
  expect(rolloutRanges(0.05, 1)).toEqual([
    [0, 0.05],
    [0.05, 1],
  ]);
  expect(rolloutRanges(0, 1)).toEqual([
    [0, 0],
    [0, 1],
  ]);
  expect(rolloutRanges(1, 1)).toEqual([
    [0, 1],
    [1, 1],
  ]);
  expect(rolloutRanges(0.5, 0.5)).toEqual([
    [0, 0.25],
    [0.25, 0.5],
  ]);
});

describe("inNamespace", () => {
  test("disjoint ranges share no user, and together hold everybody", () => {
    for (let at = 0; at < 5_000; at += 1) {
      const low = inNamespace(`u${at}`, { id: "ns", range: [0, 0.4] });
      const high = inNamespace(`u${at}`, { id: "ns", range: [0.4, 1] });
      expect(low).toBe(!high);
    }
  });
});
