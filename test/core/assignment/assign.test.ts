import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  assign,
  type Assignment,
  type AssignRequest,
} from "../../../src/core/assignment/assign.ts";
import { compileExperiment } from "../../../src/core/assignment/compile.ts";
import { bucketOf } from "../../../src/core/assignment/hash.ts";
import type { AssignmentPolicy } from "../../../src/core/assignment/policy.ts";
import type { ExperimentPolicy } from "../../../src/core/experiment/policy.ts";
import { binomialBound, experimentPolicy, requestOf, userIds, variantPolicy } from "./policies.ts";

const anyone = { header: "X-Force", cookie: "force", from: "anyone" } as const;
const trustedOnly = { ...anyone, from: "trusted" } as const;
const vip = {
  on: { kind: "header", name: "X-Plan" },
  test: { kind: "equals", value: "vip" },
} as const;
const toTreatment = { when: [vip], variant: "v1" } as const;
const leaveOut = { when: [vip], variant: null } as const;
const nobody = { id: "ns", range: [0, 0] } as const;
const everybody = { id: "ns", range: [0, 1] } as const;
const forceTreatment = ["x-force", "v1"];
const both = [...forceTreatment, "x-plan", "vip"];
const disabled = { disabled: true } as const;
const shareZero = { rolloutShare: 0 } as const;

type Row = readonly [
  name: string,
  assignment: Partial<AssignmentPolicy>,
  experiment: Partial<ExperimentPolicy>,
  request: AssignRequest,
  expected: Pick<Assignment, "variant" | "enrolled" | "reason">,
];

function got(variant: number, enrolled: boolean, reason: Assignment["reason"]): Row[4] {
  return { variant, enrolled, reason };
}

// The treatment has all the weight, so that whoever gets the control was left out.
const precedence: readonly Row[] = [
  ["nothing special", {}, {}, requestOf("u"), got(1, true, "hash")],
  [
    "kill switch beats a forced variant",
    { forced: anyone, rules: [toTreatment] },
    disabled,
    requestOf("u", both),
    got(0, false, "disabled"),
  ],
  [
    "kill switch beats trust",
    { forced: trustedOnly },
    disabled,
    requestOf("u", forceTreatment, { trusted: true }),
    got(0, false, "disabled"),
  ],
  [
    "forced beats rules",
    { forced: anyone, rules: [leaveOut] },
    {},
    requestOf("u", both),
    got(1, false, "forced"),
  ],
  [
    "forced beats namespace and coverage",
    { forced: anyone, namespace: nobody, coverage: 0 },
    {},
    requestOf("u", forceTreatment),
    got(1, false, "forced"),
  ],
  [
    "forced works without a user",
    { forced: anyone },
    {},
    requestOf(null, forceTreatment),
    got(1, false, "forced"),
  ],
  [
    "forced by cookie",
    { forced: anyone },
    {},
    requestOf("u", ["Cookie", "a=b; force=v0"]),
    got(0, false, "forced"),
  ],
  [
    "forced header before forced cookie",
    { forced: anyone },
    {},
    requestOf("u", ["cookie", "force=v0", ...forceTreatment]),
    got(1, false, "forced"),
  ],
  [
    "forced reaches a rollout at share 0",
    { forced: anyone },
    shareZero,
    requestOf("u", forceTreatment),
    got(1, false, "forced"),
  ],
  [
    "forced by an untrusted peer is not heard",
    { forced: trustedOnly, rules: [leaveOut] },
    {},
    requestOf("u", both),
    got(0, false, "rule_excluded"),
  ],
  [
    "forced by a trusted peer",
    { forced: trustedOnly },
    {},
    requestOf("u", forceTreatment, { trusted: true }),
    got(1, false, "forced"),
  ],
  [
    "forced when not allowed",
    {},
    shareZero,
    requestOf("u", forceTreatment, { trusted: true }),
    got(0, true, "hash"),
  ],
  [
    "forced to an unknown variant",
    { forced: anyone },
    shareZero,
    requestOf("u", ["x-force", "nope"]),
    got(0, true, "hash"),
  ],
  [
    "rule beats namespace and coverage",
    { rules: [toTreatment], namespace: nobody, coverage: 0 },
    {},
    requestOf("u", both),
    got(1, false, "rule"),
  ],
  [
    "the first rule that holds",
    { rules: [leaveOut, toTreatment] },
    {},
    requestOf("u", both),
    got(0, false, "rule_excluded"),
  ],
  [
    "a rule that does not hold",
    { rules: [leaveOut] },
    {},
    requestOf("u", ["x-plan", "free"]),
    got(1, true, "hash"),
  ],
  [
    "rule without a user",
    { rules: [toTreatment] },
    {},
    requestOf(null, both),
    got(1, false, "rule"),
  ],
  ["no user", {}, {}, requestOf(null), got(0, false, "no_user")],
  ["outside the namespace", { namespace: nobody }, {}, requestOf("u"), got(0, false, "namespace")],
  ["inside the namespace", { namespace: everybody }, {}, requestOf("u"), got(1, true, "hash")],
  [
    "namespace before coverage",
    { namespace: nobody, coverage: 0 },
    {},
    requestOf("u"),
    got(0, false, "namespace"),
  ],
  ["outside the coverage", { coverage: 0 }, {}, requestOf("u"), got(0, false, "coverage")],
  ["rollout at share 0", {}, shareZero, requestOf("u"), got(0, true, "hash")],
  ["rollout at share 1", {}, { rolloutShare: 1 }, requestOf("u"), got(1, true, "hash")],
  ["random needs no user", { strategy: "random" }, {}, requestOf(null), got(1, true, "random")],
  [
    "random in a namespace needs one",
    { strategy: "random", namespace: everybody },
    {},
    requestOf(null),
    got(0, false, "no_user"),
  ],
  [
    "random outside the coverage",
    { strategy: "random", coverage: 0 },
    {},
    requestOf("u"),
    got(0, false, "coverage"),
  ],
  ["round-robin", { strategy: "round_robin" }, {}, requestOf(null), got(1, true, "round_robin")],
  [
    "round-robin outside the coverage",
    { strategy: "round_robin", coverage: 0 },
    {},
    requestOf("u"),
    got(0, false, "coverage"),
  ],
  [
    "forced with random",
    { strategy: "random", forced: anyone },
    {},
    requestOf("u", ["x-force", "v0"]),
    got(0, false, "forced"),
  ],
];

test.each(precedence)("precedence: %s", (_, assignment, rest, request, expected) => {
  const experiment = compileExperiment(experimentPolicy([0, 1], assignment, rest));
  expect(assign(experiment, request, 0.5)).toMatchObject(expected);
});

test("only a draw by hash carries a bucket", () => {
  const byHash = compileExperiment(experimentPolicy([1, 1]));
  expect(assign(byHash, requestOf("u"), 0).bucket).toBe(bucketOf("u", "exp", 2));
  const left = compileExperiment(experimentPolicy([1, 1], { coverage: 0 }));
  expect(assign(left, requestOf("u"), 0).bucket).toBe(bucketOf("u", "exp", 2));
  const random = compileExperiment(experimentPolicy([1, 1], { strategy: "random" }));
  expect(assign(random, requestOf("u"), 0).bucket).toBeNull();
});

describe("hash", () => {
  const userId = fc.string({ unit: "binary", minLength: 1 });

  test("the same user always gets the same variant, whatever the chance and the copy", () => {
    fc.assert(
      fc.property(
        userId,
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (user, chances) => {
          const policy = experimentPolicy([3, 2, 5], { coverage: 0.8 });
          const first = assign(compileExperiment(policy), requestOf(user), 0);
          const copy = compileExperiment(structuredClone(policy));
          for (const chance of chances) {
            expect(assign(copy, requestOf(user), chance)).toEqual(first);
          }
        },
      ),
    );
  });

  test("raising a rollout's share only moves users from control to treatment", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(userId, share, share, share, fc.boolean(), (user, left, right, coverage, v1) => {
        const at = (rolloutShare: number): Assignment => {
          const policy = experimentPolicy(
            [1, 1],
            { coverage, hashVersion: v1 ? 1 : 2 },
            { rolloutShare },
          );
          return assign(compileExperiment(policy), requestOf(user), 0);
        };
        const [before, after] = [at(Math.min(left, right)), at(Math.max(left, right))];
        expect(after.enrolled).toBe(before.enrolled);
        expect(before.variant === 0 || after.variant === 1).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a rollout takes [0, share) whichever variant is written first", () => {
    const policy = experimentPolicy([1, 1], {}, { rolloutShare: 0.25 });
    const swapped = { ...policy, variants: policy.variants.toReversed() };
    const [experiment, mirrored] = [compileExperiment(policy), compileExperiment(swapped)];
    for (const user of userIds(2_000)) {
      const isTreated = bucketOf(user, "exp", 2) < 0.25;
      expect(assign(experiment, requestOf(user), 0).variant).toBe(isTreated ? 1 : 0);
      expect(assign(mirrored, requestOf(user), 0).variant).toBe(isTreated ? 0 : 1);
    }
  });

  test.each([
    [[50, 50], 1],
    [[1, 9], 1],
    [[5, 3, 2], 0.4],
  ])(
    "observed split of weights %j, coverage %d lies in the binomial 99.9%% bound",
    (weights, coverage) => {
      const users = userIds(50_000);
      const experiment = compileExperiment(experimentPolicy(weights, { coverage }));
      const counts = weights.map(() => 0);
      for (const user of users) {
        const { variant, enrolled } = assign(experiment, requestOf(user), 0);
        if (enrolled) counts[variant] = (counts[variant] as number) + 1;
      }
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [at, count] of counts.entries()) {
        const share = ((weights[at] as number) / total) * coverage;
        const off = Math.abs(count - users.length * share);
        expect(off).toBeLessThan(binomialBound(users.length, share));
      }
    },
  );
});

describe("strategies that randomise requests", () => {
  test("random follows the chance, with GrowthBook's ranges", () => {
    const experiment = compileExperiment(
      experimentPolicy([1, 3], { strategy: "random", coverage: 0.5 }),
    );
    const variants = [0, 0.124, 0.125, 0.25, 0.62, 0.63].map((chance) => {
      const { variant, enrolled } = assign(experiment, requestOf("u"), chance);
      return enrolled ? variant : null;
    });
    expect(variants).toEqual([0, 0, null, 1, 1, null]);
  });

  test("round-robin is exact over every period, also for a rollout's share", () => {
    const policy = experimentPolicy([1, 1], { strategy: "round_robin" }, { rolloutShare: 0.05 });
    const experiment = compileExperiment(policy);
    for (let window = 0; window < 5; window += 1) {
      const variants = Array.from(
        { length: 20 },
        () => assign(experiment, requestOf(null), 0).variant,
      );
      expect(variants.filter((variant) => variant === 1)).toHaveLength(1);
    }
  });
});

describe("compileExperiment refuses what the configuration would have refused", () => {
  const noControl = [variantPolicy("v0", 1), variantPolicy("v1", 1)];
  test.each([
    ["no control", experimentPolicy([1, 1], {}, { variants: noControl }), /no control/],
    ["no weight", experimentPolicy([0, 0]), /no weight/],
    ["a rollout of three", experimentPolicy([1, 1, 1], {}, { rolloutShare: 0.1 }), /two variants/],
    [
      "a rule for an unknown variant",
      experimentPolicy([1, 1], { rules: [{ when: [], variant: "x" }] }),
      /unknown variant/,
    ],
  ])("%s", (_, policy, expected) => {
    expect(() => compileExperiment(policy)).toThrow(expected);
  });
});
