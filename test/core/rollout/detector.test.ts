import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createDetector,
  detectorPValue,
  observe,
  type Detector,
} from "../../../src/core/rollout/detector.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";
import { binomialVariate, poissonVariate } from "../../../src/core/statistics/random-variates.ts";
import { binomialUpper } from "../../../src/core/statistics/distributions/binomial.ts";

const random = createRandom(20261123);
const alpha = 0.001;

/** Ticks of a quarter of a second at ten requests a second until the alarm; null without one. */
function ticksToAlarm(
  rate: (tick: number) => number,
  limit: number,
  ticksMax: number,
): number | null {
  let detector = createDetector(limit);
  for (let tick = 0; tick < ticksMax; tick += 1) {
    const count = poissonVariate(random, 2.5);
    detector = observe(detector, binomialVariate(random, count, rate(tick)), count);
    if (detectorPValue(detector) <= alpha) return tick + 1;
  }
  return null;
}

describe("the detector", () => {
  it("is, for one tick, the mixture of likelihood ratios (by hand)", () => {
    const seen = observe(createDetector(0.1), 2, 3);
    const factors = [1.5, 2, 3, 5, 10, 30, 100, 1000, 1e5];
    const ratios = factors.map((factor) => {
      const q = factor / 9 / (1 + factor / 9);
      return (q / 0.1) ** 2 * ((1 - q) / 0.9);
    });
    const mixture = 0.5 * (ratios.reduce((sum, ratio) => sum + ratio, 0) / factors.length);
    expect(Math.exp(seen.logPeak)).toBeCloseTo(mixture, 10);
  });

  it("rarely alarms at its very limit, over twenty minutes of looks each quarter of a second", () => {
    const runs = 300;
    let alarms = 0;
    for (let run = 0; run < runs; run += 1) {
      if (ticksToAlarm(() => 0.05, 0.05, 4800) !== null) alarms += 1;
    }
    expect(binomialUpper(alarms - 1, runs, alpha)).toBeGreaterThan(1e-5);
  });

  it.each([
    ["everything fails from the start", 0, 1, 4],
    ["everything fails after ten minutes", 2400, 1, 6],
    ["a third fails after ten minutes", 2400, 0.3, 60],
  ])("finds it: %s", (_name, onset, rate, withinTicks) => {
    const delays = Array.from({ length: 40 }, () => {
      const found = ticksToAlarm((tick) => (tick < onset ? 0.005 : rate), 0.05, onset + 400);
      return (found ?? Infinity) - onset;
    });
    expect(delays.every((delay) => delay > 0)).toBe(true);
    expect(delays.toSorted((one, other) => one - other)[20]).toBeLessThanOrEqual(withinTicks);
  });

  const tick = fc
    .integer({ min: 0, max: 50 })
    .chain((count) => fc.tuple(fc.integer({ min: 0, max: count }), fc.constant(count)));

  it("never takes an alarm back, and more bad events never weigh less", () => {
    fc.assert(
      fc.property(
        fc.array(tick, { maxLength: 60 }),
        fc.double({ min: 0.001, max: 0.9, noNaN: true }),
        (ticks, limit) => {
          let detector = createDetector(limit);
          let worse: Detector = detector;
          for (const [bad, count] of ticks) {
            const before = detectorPValue(detector);
            detector = observe(detector, bad, count);
            worse = observe(worse, count, count);
            expect(detectorPValue(detector)).toBeLessThanOrEqual(before);
            expect(detectorPValue(worse)).toBeLessThanOrEqual(detectorPValue(detector));
            expect(Number.isNaN(detectorPValue(detector))).toBe(false);
          }
        },
      ),
      { seed: 1 },
    );
  });

  it("does not move without events, and refuses what cannot be", () => {
    const detector = createDetector(0.05);
    expect(observe(detector, 0, 0)).toBe(detector);
    expect(detectorPValue(detector)).toBe(1);
    expect(() => observe(detector, 2, 1)).toThrow(RangeError);
    expect(() => observe(detector, -1, 1)).toThrow(RangeError);
    expect(() => createDetector(0)).toThrow(RangeError);
    expect(() => createDetector(1)).toThrow(RangeError);
    const flooded = observe(detector, 1e9, 1e9);
    expect(detectorPValue(flooded)).toBe(0);
  });
});
