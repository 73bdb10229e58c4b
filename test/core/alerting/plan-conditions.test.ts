import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultRules } from "../../../src/core/alerting/defaults.ts";
import type { PlanAlertFacts } from "../../../src/core/alerting/facts.ts";
import { powerCondition, sampleSizeCondition } from "../../../src/core/alerting/plan-conditions.ts";
import { achievedPower, requiredSampleSize } from "../../../src/core/statistics/power/means.ts";
import { experiment, plan } from "./facts.ts";

const day = 86_400_000;
const sampleSize = (fields: Partial<PlanAlertFacts>) =>
  sampleSizeCondition(defaultRules.sample_size, experiment({ plan: plan(fields) }));
const power = (fields: Partial<PlanAlertFacts>, limit: number | null = null) =>
  powerCondition({ ...defaultRules.power, limit }, experiment({ plan: plan(fields) }));

it("nothing is asked without a plan", () => {
  const unplanned = experiment({ plan: null });
  expect(sampleSizeCondition(defaultRules.sample_size, unplanned)).toBeNull();
  expect(powerCondition(defaultRules.power, unplanned)).toBeNull();
  const endless = { planned: null, plannedMs: null, collected: 1 };
  expect(sampleSize(endless)).toBeNull();
  expect(power(endless)).toBeNull();
});

describe("sample_size", () => {
  it.each<[string, Partial<PlanAlertFacts>, number | null]>([
    ["on its way to just enough", { collected: 1000 }, null],
    ["a little short", { collected: 999 }, 1998],
    ["without anybody", { collected: 0 }, 0],
    ["too young to tell", { collected: 1, ranMs: 1.3 * day }, null],
    ["old enough to tell", { collected: 1, ranMs: 1.41 * day }, 9],
    ["over its time, with enough", { collected: 2000, ranMs: 20 * day }, null],
    ["over its time, without", { collected: 1999, ranMs: 20 * day }, 1999],
    ["planned too small", { planned: 1500, plannedMs: null }, 1500],
    ["planned too small and too short", { planned: 1500, collected: 700 }, 1400],
    ["planned large enough", { planned: 2000, plannedMs: null, collected: 3 }, null],
    ["planned too small, and beyond it", { planned: 1500, collected: 2500 }, null],
    ["not started", { collected: 0, ranMs: 0 }, null],
  ])("%s", (_, fields, value) => {
    const found = sampleSize(fields);
    expect(found?.value ?? null).toBe(value);
    if (found !== null) expect(found).toMatchObject({ experiment: "e", limit: 2000 });
  });

  it("says what to expect, and how long it would take", () => {
    expect(sampleSize({ collected: 500 })?.summary).toBe(
      "e will have about 1,000 users in the smallest arm when its time is over, fewer than the 2,000 that 80 % power needs; at this pace they take 28d",
    );
    expect(sampleSize({ planned: 1500, plannedMs: null })?.summary).toBe(
      "e is planned to end with 1,500 users in the smallest arm, fewer than the 2,000 that 80 % power needs",
    );
    expect(sampleSize({ collected: 1, required: 1e12 })?.summary).toContain("they take years");
  });
});

describe("power", () => {
  it.each<[string, Partial<PlanAlertFacts>, boolean]>([
    ["early, though it is low", { ranMs: 12 * day }, false],
    ["late and low", { ranMs: 12.7 * day }, true],
    ["late with enough", { ranMs: 14 * day, collected: 2000 }, false],
    ["late with a little less", { ranMs: 14 * day, collected: 1990 }, true],
    ["late by number", { plannedMs: null, planned: 1100, collected: 1000 }, true],
    ["late without anybody", { ranMs: 14 * day, collected: 0 }, true],
  ])("%s", (_, fields, holds) => {
    expect(power(fields) !== null).toBe(holds);
  });

  it("is held against the rule's own limit where it has one", () => {
    const half = { ranMs: 14 * day, collected: 1000 };
    expect(power(half, 0.6)).toMatchObject({ limit: 0.6 });
    expect(power(half, 0.4)).toBeNull();
  });

  it("agrees with the power of the z-test", () => {
    const design = { alpha: 0.05, alternative: "two_sided", difference: 0.1 } as const;
    const arms = { ...design, standardDeviations: [1, 1] } as const;
    const needed = requiredSampleSize({ ...arms, power: 0.8, split: [1, 1] });
    if (!needed.ok) throw new Error(needed.error.message);
    const [required] = needed.value;
    for (const part of [0.1, 0.3, 0.5, 0.9]) {
      const collected = Math.round(required * part);
      const expected = achievedPower({ ...arms, sizes: [collected, collected] });
      const found = power({ ranMs: 14 * day, required, collected });
      expect(found?.value).toBeCloseTo(expected, 3);
    }
  });
});

it("more users never raise an alert, and nothing throws", () => {
  const count = fc.oneof(fc.nat(), fc.nat({ max: 5000 }));
  fc.assert(
    fc.property(
      fc.record({
        collected: count,
        required: fc.double({ min: 1, max: 1e13, noNaN: true }),
        planned: fc.option(fc.integer({ min: 1, max: 1e9 })),
        ranMs: fc.nat({ max: 400 * day }),
        plannedMs: fc.option(fc.integer({ min: 60_000, max: 365 * day })),
        alpha: fc.double({ min: 0.001, max: 0.4, noNaN: true }),
        power: fc.double({ min: 0.5, max: 0.99, noNaN: true }),
      }),
      count,
      (fields, more) => {
        const grown = { ...fields, collected: fields.collected + more };
        if (sampleSize(fields) === null) expect(sampleSize(grown)).toBeNull();
        const found = power(grown);
        if (found !== null) expect(found.value).toBeLessThan(fields.power);
        if (found !== null && power(fields) !== null) {
          expect(found.value).toBeGreaterThanOrEqual((power(fields)?.value ?? 0) - 1e-9);
        }
      },
    ),
  );
});
