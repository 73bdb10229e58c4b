import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arrivalsOf,
  countArrivals,
  createSchedule,
  type Stage,
} from "../../../src/core/load/schedule.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";

const noChance = () => {
  throw new Error("even arrivals draw nothing");
};

function dueTimes(stages: readonly Stage[]): number[] {
  const schedule = createSchedule(stages, "constant", noChance);
  const times: number[] = [];
  for (let due = schedule.next(); due !== null; due = schedule.next()) times.push(due);
  return times;
}

const flat = (durationMs: number, rate: number): Stage => {
  return { durationMs, fromRate: rate, toRate: rate };
};

describe("a schedule of even arrivals", () => {
  it.each([
    [
      "10 a second for a second",
      [flat(1000, 10)],
      [0, 100, 200, 300, 400, 500, 600, 700, 800, 900],
    ],
    ["slower than one a second", [flat(5000, 0.4)], [0, 2500]],
    [
      "a rate that does not divide the time",
      [flat(1000, 3.5)],
      [0, 1000 / 3.5, 2000 / 3.5, 3000 / 3.5],
    ],
    ["two rates", [flat(1000, 2), flat(1000, 4)], [0, 500, 1000, 1250, 1500, 1750]],
    ["a pause", [flat(1000, 2), flat(1000, 0), flat(1000, 1)], [0, 500, 2000]],
    ["no rate at all", [flat(1000, 0)], []],
  ])("%s", (_name, stages, times) => {
    const due = dueTimes(stages);
    expect(due).toHaveLength(times.length);
    for (const [at, time] of times.entries()) expect(due[at]).toBeCloseTo(time, 6);
    expect(countArrivals(stages)).toBe(times.length);
  });

  it("a ramp from 0 to 100 over 10 s brings 500, the k-th at the root of k", () => {
    const due = dueTimes([{ durationMs: 10_000, fromRate: 0, toRate: 100 }]);
    expect(due).toHaveLength(500);
    for (const [at, time] of due.entries()) expect(time).toBeCloseTo(Math.sqrt(at / 5) * 1000, 6);
  });

  it("a ramp down is the ramp up, backwards", () => {
    const up = dueTimes([{ durationMs: 4000, fromRate: 10, toRate: 50 }]);
    const down = dueTimes([{ durationMs: 4000, fromRate: 50, toRate: 10 }]);
    expect(down).toHaveLength(up.length);
    for (const [at, time] of down.entries()) {
      if (at > 0) expect(time).toBeCloseTo(4000 - (up.at(-at) as number), 6);
    }
  });

  it("has no drift: the millionth request is due when a million would have come", () => {
    const schedule = createSchedule([flat(1_000_000, 1000)], "constant", noChance);
    let last = 0;
    for (let due = schedule.next(); due !== null; due = schedule.next()) last = due;
    expect(last).toBeCloseTo(999_999, 6);
  });
});

const stage = fc.record({
  durationMs: fc.integer({ min: 1, max: 5000 }),
  fromRate: fc.double({ min: 0, max: 200, noNaN: true }),
  toRate: fc.double({ min: 0, max: 200, noNaN: true }),
});

describe("any stages", () => {
  it("bring exactly as many as their area, in order, within their time, each where the area reaches its number", () => {
    fc.assert(
      fc.property(fc.array(stage, { minLength: 1, maxLength: 6 }), (stages) => {
        const due = dueTimes(stages);
        const total = stages.reduce((sum, one) => sum + arrivalsOf(one), 0);
        const totalMs = stages.reduce((sum, one) => sum + one.durationMs, 0);
        expect(Math.abs(due.length - Math.ceil(total))).toBeLessThanOrEqual(1);
        expect(due.length).toBe(countArrivals(stages));
        for (const [at, time] of due.entries()) {
          expect(time).toBeGreaterThanOrEqual(due[at - 1] ?? 0);
          expect(time).toBeLessThanOrEqual(totalMs);
          expect(areaUntil(stages, time)).toBeCloseTo(at, 5);
        }
      }),
    );
  });
});

function areaUntil(stages: readonly Stage[], untilMs: number): number {
  let area = 0;
  let beginMs = 0;
  for (const { durationMs, fromRate, toRate } of stages) {
    const passedMs = Math.min(durationMs, untilMs - beginMs);
    if (passedMs <= 0) break;
    const rate = fromRate + ((toRate - fromRate) * passedMs) / durationMs;
    area += (((fromRate + rate) / 2) * passedMs) / 1000;
    beginMs += durationMs;
  }
  return area;
}

describe("Poisson arrivals", () => {
  it("are as many on average, with gaps as spread as their mean, the same for the same seed", () => {
    const draw = (seed: number) => {
      const schedule = createSchedule([flat(100_000, 100)], "poisson", createRandom(seed));
      const times: number[] = [];
      for (let due = schedule.next(); due !== null; due = schedule.next()) times.push(due);
      return times;
    };
    const times = draw(7);
    // Five standard deviations of a Poisson count with mean 10,000.
    expect(Math.abs(times.length - 10_000)).toBeLessThan(500);
    const gaps = times.map((time, at) => time - (times[at - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
    expect(draw(7)).toEqual(times);
    expect(draw(8)).not.toEqual(times);
  });
});
