import { expect, test } from "vitest";
import { assign } from "../../../src/core/assignment/assign.ts";
import { compileExperiment } from "../../../src/core/assignment/compile.ts";
import { issueCookie } from "../../../src/core/assignment/cookie.ts";
import { explainAssignment } from "../../../src/core/assignment/explain.ts";
import type { AssignmentPolicy } from "../../../src/core/assignment/policy.ts";
import type { ExperimentPolicy } from "../../../src/core/experiment/policy.ts";
import { experimentPolicy, requestOf } from "./policies.ts";

function explained(
  assignment: Partial<AssignmentPolicy>,
  rest: Partial<ExperimentPolicy>,
  request = requestOf("ann"),
): string[] {
  const experiment = compileExperiment(experimentPolicy([1, 3], assignment, rest));
  return explainAssignment(experiment, request.user, assign(experiment, request, 0.3));
}

const forced = { header: "x-force", cookie: "force", from: "anyone" } as const;

test("by hash: bucket, seed and ranges", () => {
  expect(explained({}, {})).toEqual([
    'exp: user "ann" gets v1 (enrolled, analysed)',
    "why: its bucket lies in the range of v1",
    'bucket: 0.8249 (hash version 2, seed "exp")',
    "ranges: v0: [0, 0.25), v1: [0.25, 1)",
  ]);
});

test("outside the coverage", () => {
  expect(explained({ coverage: 0.1 }, {})).toEqual([
    'exp: user "ann" gets v0 (not enrolled, not analysed)',
    "why: outside the coverage of 10%, so the control",
    'bucket: 0.8249 (hash version 2, seed "exp")',
    "ranges: v0: [0, 0.025), v1: [0.25, 0.325)",
  ]);
});

test.each([
  [
    {},
    { disabled: true },
    requestOf("ann"),
    "the experiment is disabled, everybody gets the control",
  ],
  [
    { forced },
    {},
    requestOf("ann", ["x-force", "v1"]),
    "the request asks for v1 by header x-force or cookie force, and may",
  ],
  [
    { rules: [{ when: [], variant: "v1" }] },
    {},
    requestOf("ann"),
    "a targeting rule sends it to v1",
  ],
  [
    { rules: [{ when: [], variant: null }] },
    {},
    requestOf("ann"),
    "a targeting rule leaves it out, so it gets the control",
  ],
  [
    { namespace: { id: "ns", range: [0, 0] } },
    {},
    requestOf("ann"),
    "outside the namespace ns [0, 0), so the control",
  ],
  [{}, {}, requestOf(null), "no user key was found, so the control"],
  [{ strategy: "random" }, {}, requestOf(null), "each request is drawn at random"],
  [{ strategy: "round_robin" }, {}, requestOf(null), "each request takes the next turn"],
] as const)("%j %j", (assignment, rest, request, reason) => {
  expect(explained(assignment as Partial<AssignmentPolicy>, rest, request)[1]).toBe(
    `why: ${reason}`,
  );
});

test("the issued cookie", () => {
  const policy = { name: "sluice_uid", maxAgeSeconds: 3600 };
  expect(issueCookie(policy, "0af7", false)).toBe(
    "sluice_uid=0af7; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
  );
  expect(issueCookie(policy, "0af7", true)).toBe(
    "sluice_uid=0af7; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure",
  );
});
