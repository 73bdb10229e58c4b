import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  finestKept,
  nextSegment,
  resolutionFor,
  stepFor,
  wholeSteps,
} from "../../../src/core/telemetry/past-plan.ts";

const resolutions = [10_000, 60_000, 3_600_000] as const;
const hourMs = 3_600_000;

describe("the step", () => {
  test.each([
    [60_000, 300, 1000, 1000],
    [300_000, 300, 1000, 1000],
    [300_001, 300, 1000, 2000],
    [hourMs, 300, 1000, 20_000],
    [hourMs, 2000, 10_000, 10_000],
    [7 * 24 * hourMs, 300, 10_000, hourMs],
    [7 * 24 * hourMs, 2000, 10_000, 600_000],
    [24 * hourMs, 300, hourMs, hourMs],
    [365 * 24 * hourMs, 10, 10_000, 37 * 24 * hourMs],
  ])("of %d ms in %d points, of %d ms at least, is %d ms", (rangeMs, points, finestMs, stepMs) => {
    expect(stepFor(rangeMs, points, finestMs)).toBe(stepMs);
  });

  test.each([
    [10_000, 10_000],
    [20_000, 10_000],
    [60_000, 60_000],
    [600_000, 60_000],
    [hourMs, hourMs],
    [24 * hourMs, hourMs],
  ])("of %d ms is read in rows of %d ms", (stepMs, resolutionMs) => {
    expect(resolutionFor(stepMs, resolutions)).toBe(resolutionMs);
  });

  test("whole steps are never more than the points, and leave out a step at most", () => {
    const range = fc.record({ fromMs: fc.nat(1e9), lengthMs: fc.integer({ min: 1, max: 1e9 }) });
    fc.assert(
      fc.property(range, fc.integer({ min: 10, max: 2000 }), ({ fromMs, lengthMs }, points) => {
        const toMs = fromMs + lengthMs;
        const stepMs = stepFor(lengthMs, points, 1000);
        const whole = wholeSteps({ fromMs, toMs }, stepMs, points);
        expect((whole.toMs - whole.fromMs) / stepMs).toBeLessThanOrEqual(points);
        expect(whole.fromMs - fromMs).toBeLessThan(stepMs);
        expect(whole.toMs).toBeGreaterThanOrEqual(toMs);
      }),
    );
  });
});

describe("segments", () => {
  const segmentsOf = (
    fromMs: number,
    toMs: number,
    coarsestMs: number,
    cuts: ReadonlyMap<number, number> = new Map(),
  ) => {
    const segments = [];
    let atMs = fromMs;
    while (atMs < toMs) {
      const segment = nextSegment({ fromMs: atMs, toMs }, resolutions, coarsestMs, cuts);
      segments.push(segment);
      expect(segment.toMs).toBeGreaterThan(atMs);
      atMs = segment.toMs;
    }
    return segments;
  };
  const shown = (segments: ReturnType<typeof segmentsOf>) =>
    segments.map(({ fromMs, toMs, resolutionMs }) => [fromMs, toMs, resolutionMs]);

  test("hours in the middle, minutes and tens of seconds at the ends", () => {
    expect(shown(segmentsOf(hourMs - 130_000, 3 * hourMs + 70_000, hourMs))).toEqual([
      [hourMs - 130_000, hourMs - 120_000, 10_000],
      [hourMs - 120_000, hourMs, 60_000],
      [hourMs, 3 * hourMs, hourMs],
      [3 * hourMs, 3 * hourMs + 60_000, 60_000],
      [3 * hourMs + 60_000, 3 * hourMs + 70_000, 10_000],
    ]);
  });

  test("nothing longer than is of use", () => {
    expect(shown(segmentsOf(0, 2 * hourMs, 60_000))).toEqual([[0, 2 * hourMs, 60_000]]);
    expect(shown(segmentsOf(0, 30_000, 10_000))).toEqual([[0, 30_000, 10_000]]);
  });

  test("what is deleted is read in the next longer one", () => {
    const cuts = new Map([[10_000, 95_000]]);
    expect(shown(segmentsOf(30_000, 180_000, 10_000, cuts))).toEqual([
      [0, 120_000, 60_000],
      [120_000, 180_000, 10_000],
    ]);
    expect(finestKept(95_000, resolutions, cuts)).toBe(60_000);
    expect(finestKept(100_000, resolutions, cuts)).toBe(10_000);
  });

  test("lie end to end, at multiples of their resolution, and what is deleted is not in them", () => {
    const ten = fc.nat(40_000).map((tens) => tens * 10_000);
    const cut = fc.option(ten);
    fc.assert(
      fc.property(
        ten,
        ten,
        fc.constantFrom(...resolutions),
        cut,
        cut,
        (one, other, coarsestMs, finest, minute) => {
          const [fromMs, toMs] = [Math.min(one, other), Math.max(one, other)];
          // Longer stretches are kept for longer.
          const minuteCut = finest === null || minute === null ? null : Math.min(minute, finest);
          const cuts = new Map<number, number>();
          if (finest !== null) cuts.set(10_000, finest);
          if (minuteCut !== null) cuts.set(60_000, minuteCut);
          let atMs: number | null = null;
          for (const segment of segmentsOf(fromMs, toMs, coarsestMs, cuts)) {
            const { resolutionMs } = segment;
            expect(segment.fromMs % resolutionMs).toBe(0);
            expect(segment.toMs % resolutionMs).toBe(0);
            if (atMs === null) expect(segment.fromMs).toBeLessThanOrEqual(fromMs);
            else expect(segment.fromMs).toBe(atMs);
            expect(segment.fromMs).toBeGreaterThan(cuts.get(resolutionMs) ?? -Infinity);
            atMs = segment.toMs;
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
