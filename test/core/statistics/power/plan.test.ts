import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { achievedPower as proportionsPower } from "../../../../src/core/statistics/power/proportions.ts";
import {
  type ExperimentPlan,
  type ExperimentQuestion,
  planExperiment,
} from "../../../../src/core/statistics/power/plan.ts";

const question: ExperimentQuestion = {
  baseline: 0.1,
  minEffect: { kind: "relative", value: 0.2 },
  metric: { kind: "proportion" },
  alpha: 0.05,
  power: 0.8,
  split: [1, 1],
  alternative: "two_sided",
};

function plan(changes: Partial<ExperimentQuestion>): ExperimentPlan {
  const result = planExperiment({ ...question, ...changes });
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe("planExperiment", () => {
  it("asks for what R's power.prop.test does: .10 to .12, 3841 in each arm", () => {
    const expected = { perArm: [3841, 3841], total: 7682, designEffect: 1 };
    expect(plan({})).toMatchObject(expected);
    expect(plan({ minEffect: { kind: "absolute", value: 0.02 } })).toMatchObject(expected);
    expect(plan({}).difference).toBeCloseTo(0.02, 15);
    expect(plan({})).not.toHaveProperty("users");
    expect(plan({})).not.toHaveProperty("days");
  });

  it("asks for what R's power.t.test does: half a standard deviation, 64 in each arm", () => {
    const changes: Partial<ExperimentQuestion> = {
      baseline: 200,
      minEffect: { kind: "relative", value: -0.1 },
      metric: { kind: "mean", standardDeviation: 40 },
    };
    expect(plan(changes)).toMatchObject({ perArm: [64, 64], total: 128, difference: -20 });
    // One-sided: R power.t.test(delta = .5, power = .8, alternative = "one.sided") = 50.15.
    expect(plan({ ...changes, alternative: "less" })).toMatchObject({ perArm: [51, 51] });
  });

  it("puts the control first, as in the split, and reaches the power there", () => {
    const { perArm } = plan({ split: [95, 5] });
    const [control, treatment] = perArm;
    expect(control / treatment).toBeCloseTo(19, 1);
    const arms = {
      baseline: 0.1,
      difference: 0.02,
      alpha: 0.05,
      alternative: "two_sided",
    } as const;
    expect(proportionsPower({ ...arms, sizes: [treatment, control] })).toBeGreaterThanOrEqual(0.8);
    expect(proportionsPower({ ...arms, sizes: [treatment - 1, control - 19] })).toBeLessThan(0.8);
  });

  it("takes whole days", () => {
    expect(plan({ requestsPerDay: 7682 }).days).toBe(1);
    expect(plan({ requestsPerDay: 7681 }).days).toBe(2);
    expect(plan({ requestsPerDay: 1e9 }).days).toBe(1);
  });

  it("multiplies a proportion's sample by the design effect, in whole users", () => {
    const clustered = plan({ users: { requestsPerUser: 20, icc: 0.05 } });
    expect(clustered.designEffect).toBeCloseTo(1.95, 12);
    // 3841 · 1.95 / 20 = 374.5 users.
    expect(clustered.users).toEqual({ perArm: [375, 375], total: 750 });
    expect(clustered).toMatchObject({ perArm: [7500, 7500], total: 15_000 });
  });

  it("counts users for a mean by the t-test over users", () => {
    const metric = { kind: "mean", standardDeviation: 1 } as const;
    const minEffect = { kind: "absolute", value: 0.2 } as const;
    const clustered = plan({ metric, minEffect, users: { requestsPerUser: 20, icc: 0.05 } });
    expect(clustered.users).toEqual({ perArm: [40, 40], total: 80 });
    expect(clustered.total).toBe(1600);
  });

  it.each<[string, Partial<ExperimentQuestion>, string]>([
    ["alpha", { alpha: 0 }, "alpha"],
    ["power", { power: 1 }, "power"],
    ["power below alpha", { power: 0.01 }, "power"],
    ["split", { split: [1, 0] }, "split"],
    ["baseline", { baseline: NaN }, "baseline"],
    ["a proportion above 1", { baseline: 1.5 }, "proportion"],
    ["a proportion moved above 1", { baseline: 0.9 }, "out of"],
    [
      "standard deviation",
      { metric: { kind: "mean", standardDeviation: 0 } },
      "standard deviation",
    ],
    ["effect 0", { minEffect: { kind: "relative", value: 0 } }, "not 0"],
    ["effect NaN", { minEffect: { kind: "absolute", value: NaN } }, "finite"],
    ["effect against the alternative", { alternative: "less" }, "less"],
    ["traffic", { requestsPerDay: 0 }, "requests per day"],
    ["icc", { users: { requestsPerUser: 5, icc: 2 } }, "icc"],
    ["requests per user", { users: { requestsPerUser: 0, icc: 0 } }, "requests per user"],
    ["variation", { users: { requestsPerUser: 5, icc: 0, variation: NaN } }, "variation"],
    ["too small an effect", { minEffect: { kind: "absolute", value: 1e-8 } }, "too small"],
  ])("answers a bad %s with a sentence", (_name, changes, words) => {
    const result = planExperiment({ ...question, ...changes });
    if (result.ok) throw new Error("expected a fault");
    expect(result.error.code).toBe("out_of_range");
    expect(result.error.message).toContain(words);
  });

  it("does not ask for fewer users than a test needs", () => {
    const sure = plan({
      minEffect: { kind: "absolute", value: 0.9 },
      users: { requestsPerUser: 1000, icc: 0 },
    });
    expect(sure.users).toEqual({ perArm: [2, 2], total: 4 });
  });

  it("answers anything a person may type with whole numbers or a sentence", () => {
    const number = fc.oneof(
      fc.double(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1000, noNaN: true }),
    );
    const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(
        fc.record({
          baseline: number,
          minEffect: fc.record({ kind: fc.constantFrom("relative", "absolute"), value: number }),
          metric: fc.oneof(
            fc.constant({ kind: "proportion" as const }),
            number.map((standardDeviation) => ({ kind: "mean" as const, standardDeviation })),
          ),
          alpha: fc.oneof(share, number),
          power: fc.oneof(share, number),
          split: fc.tuple(number, number),
          alternative: fc.constantFrom("two_sided", "greater", "less"),
        }),
        fc.option(fc.record({ icc: number, requestsPerUser: number, variation: number })),
        (asked, users) => {
          const result = planExperiment(users === null ? asked : { ...asked, users });
          if (result.ok) {
            expect(result.value.perArm.every((size) => Number.isInteger(size) && size > 0)).toBe(
              true,
            );
          } else {
            expect(result.error.message).not.toBe("");
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });
});
