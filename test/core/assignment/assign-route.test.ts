import { describe, expect, test } from "vitest";
import { assign, assignRoute } from "../../../src/core/assignment/assign.ts";
import { compileExperiment } from "../../../src/core/assignment/compile.ts";
import type { ExperimentPolicy } from "../../../src/core/experiment/policy.ts";
import { binomialBound, experimentPolicy, requestOf, userIds, variantPolicy } from "./policies.ts";

describe("assignRoute", () => {
  const low = { id: "route", range: [0, 0.5] } as const;
  const high = { id: "route", range: [0.5, 1] } as const;
  const forced = { header: "x-force", cookie: null, from: "anyone" } as const;
  const first = experimentPolicy([1, 1], { namespace: low, forced }, { key: "first" });
  const second = experimentPolicy(
    [1, 1],
    { namespace: high, forced, seed: "second" },
    { key: "second" },
  );

  test("each user is in the experiment whose namespace range holds it", () => {
    const experiments = [compileExperiment(first), compileExperiment(second)];
    const enrolled = [0, 0];
    for (const user of userIds(5_000)) {
      const { experiment, assignment } = assignRoute(experiments, requestOf(user), 0);
      expect(assignment.enrolled).toBe(true);
      expect(assignment).toEqual(
        assign(
          compileExperiment([first, second][experiment] as ExperimentPolicy),
          requestOf(user),
          0,
        ),
      );
      enrolled[experiment] = (enrolled[experiment] as number) + 1;
    }
    expect(Math.min(...enrolled)).toBeGreaterThan(2_000);
  });

  test("whoever no experiment enrols gets the first one's control", () => {
    const outside = { id: "route", range: [1, 1] } as const;
    const none = experimentPolicy([1, 1], { namespace: outside });
    const experiments = [compileExperiment(none), compileExperiment(none)];
    expect(assignRoute(experiments, requestOf("u"), 0)).toEqual({
      experiment: 0,
      assignment: { variant: 0, enrolled: false, reason: "namespace", bucket: null },
    });
  });

  test("a forced variant of the second experiment wins over the first one's namespace", () => {
    const renamed = {
      ...second,
      variants: [variantPolicy("w0", 1, true), variantPolicy("w1", 1)],
    };
    const everyone = experimentPolicy([1, 1], { forced });
    const experiments = [compileExperiment(everyone), compileExperiment(renamed)];
    const { experiment, assignment } = assignRoute(
      experiments,
      requestOf("u", ["x-force", "w1"]),
      0,
    );
    expect([experiment, assignment.variant, assignment.reason]).toEqual([1, 1, "forced"]);
    const dead = compileExperiment({ ...renamed, disabled: true });
    const spared = assignRoute([experiments[0]!, dead], requestOf("u", ["x-force", "w1"]), 0);
    expect([spared.experiment, spared.assignment.reason]).toEqual([0, "hash"]);
  });

  test("the second random experiment is not biased by the first one's coverage", () => {
    const random = { strategy: "random", coverage: 0.5 } as const;
    const experiments = [
      compileExperiment(experimentPolicy([1, 0], random)),
      compileExperiment(experimentPolicy([1, 1], { strategy: "random" })),
    ];
    const draws = 20_000;
    const seconds = Array.from({ length: draws }, (_, at) =>
      assignRoute(experiments, requestOf(null), (at + 0.5) / draws),
    ).filter(({ experiment }) => experiment === 1);
    expect(Math.abs(seconds.length - draws / 2)).toBeLessThan(binomialBound(draws, 0.5));
    const ones = seconds.filter(({ assignment }) => assignment.variant === 1).length;
    expect(Math.abs(ones - seconds.length / 2)).toBeLessThan(binomialBound(seconds.length, 0.5));
  });
});
