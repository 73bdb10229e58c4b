import { GrowthBook } from "@growthbook/growthbook";
import { describe, expect, test } from "vitest";
import { assign } from "../../../src/core/assignment/assign.ts";
import { compileExperiment } from "../../../src/core/assignment/compile.ts";
import { experimentPolicy, requestOf, userIds } from "./policies.ts";

type Shape = {
  readonly weights: readonly number[];
  readonly coverage: number;
  readonly hashVersion: 1 | 2;
  readonly seed: string;
  readonly namespace: { readonly id: string; readonly range: readonly [number, number] } | null;
};

const half = { id: "ns", range: [0.25, 0.75] } as const;
const shapes: readonly Shape[] = [
  { weights: [0.5, 0.5], coverage: 1, hashVersion: 2, seed: "exp", namespace: null },
  { weights: [0.5, 0.5], coverage: 1, hashVersion: 1, seed: "exp", namespace: null },
  { weights: [0.1, 0.2, 0.7], coverage: 0.3, hashVersion: 2, seed: "a-b", namespace: null },
  { weights: [0.34, 0, 0.66], coverage: 0.8, hashVersion: 1, seed: "s", namespace: half },
  { weights: [0.9, 0.05, 0.05], coverage: 1, hashVersion: 2, seed: "ключ😀", namespace: half },
  { weights: [0.5, 0.5], coverage: 0, hashVersion: 2, seed: "exp", namespace: null },
];

describe("the GrowthBook SDK agrees on 10,000 users", () => {
  const users = userIds(10_000);
  test.each(shapes)("weights $weights, coverage $coverage, version $hashVersion", (shape) => {
    const { weights, namespace, ...assignment } = shape;
    const policy = experimentPolicy(weights, { ...assignment, namespace });
    const experiment = compileExperiment(policy);
    const theirs = new GrowthBook();
    const differing = users.filter((user) => {
      void theirs.setAttributes({ id: user });
      const result = theirs.run({
        key: "exp",
        seed: shape.seed,
        variations: weights.map((_, at) => at) as [number, number],
        weights: [...weights],
        coverage: shape.coverage,
        hashVersion: shape.hashVersion,
        ...(namespace === null
          ? {}
          : { namespace: [namespace.id, ...namespace.range] as [string, number, number] }),
      });
      const ours = assign(experiment, requestOf(user), 0);
      return ours.enrolled !== result.inExperiment || ours.variant !== result.variationId;
    });
    theirs.destroy();
    expect(differing).toEqual([]);
  });

  test("weights in any scale give the SDK's ranges for the normalised ones", () => {
    const scaled = compileExperiment(experimentPolicy([10, 20, 70], { coverage: 0.5 }));
    const unit = compileExperiment(experimentPolicy([0.1, 0.2, 0.7], { coverage: 0.5 }));
    for (const user of users) {
      expect(assign(scaled, requestOf(user), 0)).toEqual(assign(unit, requestOf(user), 0));
    }
  });
});
