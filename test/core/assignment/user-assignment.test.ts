import { describe, expect, it } from "vitest";
import { assignUser } from "../../../src/core/assignment/user-assignment.ts";
import { bucketOf } from "../../../src/core/assignment/hash.ts";
import type { ExperimentPolicy } from "../../../src/core/experiment/policy.ts";
import { valid } from "../config/texts.ts";

const policyOf = (more: string): ExperimentPolicy => {
  const config = valid(`
upstreams: { a: { url: "http://127.0.0.1:1" }, b: { url: "http://127.0.0.1:2" } }
routes: [ { match: "GET /x", experiment: e } ]
experiments:
  e:
    variants: { control: { upstream: a }, other: { upstream: b } }
    ${more}
`);
  return config.experiments["e"] as ExperimentPolicy;
};

describe("a user's assignment", () => {
  it("is by the bucket, which is told", () => {
    const found = assignUser(policyOf(""), "ada");
    const bucket = bucketOf("ada", "e", 2);
    expect(found).toMatchObject({ reason: "hash", enrolled: true, bucket });
    expect(found.variant).toBe(bucket < 0.5 ? "control" : "other");
    expect(found.says[0]).toContain('user "ada" gets');
  });

  it("of requests that are drawn one by one is none", () => {
    const found = assignUser(policyOf("assignment: { strategy: random }"), "ada");
    expect(found).toMatchObject({ variant: null, reason: "random", bucket: null, enrolled: true });
    expect(found.says).toEqual(["e: strategy random decides per request, not per user"]);
  });

  it("of a disabled experiment is the control, whatever the strategy", () => {
    const found = assignUser(
      policyOf("assignment: { strategy: random }\n    disabled: true"),
      "ada",
    );
    expect(found).toMatchObject({ variant: "control", reason: "disabled", enrolled: false });
  });

  it("says where a rule may decide otherwise", () => {
    const rules = "rules: [ { when: [ { header: x-team, in: [ a ] } ], variant: other } ]";
    const found = assignUser(policyOf(`assignment: { ${rules} }`), "ada");
    expect(found.says.at(-1)).toContain("a targeting rule may decide otherwise");
  });
});
