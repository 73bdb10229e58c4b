import { describe, expect, it } from "vitest";
import { issuesOf, withParts } from "./texts.ts";

const rule = (condition: string, variant = "new") =>
  withParts({
    experiment: `assignment: { rules: [ { when: [ ${condition} ], variant: ${variant} } ] }`,
  });
const assignment = (fields: string) => withParts({ experiment: `assignment: { ${fields} }` });
const headers = (changes: string) =>
  withParts({
    variants: `{ control: { upstream: a }, new: { upstream: b, headers: ${changes} } }`,
  });

describe("one mistake in an experiment, one issue", () => {
  it.each<[string, string, string, string]>([
    [
      withParts({ variants: "{ control: { upstream: c }, new: { upstream: b } }" }),
      "experiments.e.variants.control.upstream",
      "unknown_upstream",
      "known: a, b",
    ],
    [
      withParts({ variants: "{ x: { upstream: a }, y: { upstream: b } }" }),
      "experiments.e.variants",
      "control",
      "no variant is the control",
    ],
    [
      withParts({ variants: "{ control: { upstream: a, control: false }, y: { upstream: b } }" }),
      "experiments.e.variants",
      "control",
      "no variant is the control",
    ],
    [
      withParts({
        variants: "{ x: { upstream: a, control: true }, y: { upstream: b, control: true } }",
      }),
      "experiments.e.variants.y.control",
      "control",
      "x is it already",
    ],
    [
      withParts({ variants: "{ control: { upstream: a } }" }),
      "experiments.e.variants",
      "variants",
      "at least two",
    ],
    [
      withParts({
        variants: "{ control: { upstream: a, weight: 0 }, new: { upstream: b, weight: 0 } }",
      }),
      "experiments.e.variants",
      "weight_sum",
      "add up to 0",
    ],
    [
      withParts({ variants: "{ control: { upstream: a, weight: -1 }, new: { upstream: b } }" }),
      "experiments.e.variants.control.weight",
      "invalid_value",
      "0…",
    ],
    [
      withParts({ variants: "{ control: { upstream: a }, 1x: { upstream: b } }" }),
      "experiments.e.variants.1x",
      "invalid_name",
      "starts with a letter",
    ],
    [
      withParts({ variants: "{ control: { upstream: a }, constructor: { upstream: b } }" }),
      "experiments.e.variants.constructor",
      "invalid_name",
      "reserved",
    ],
    [
      withParts({
        experiment: "rollout: { share: 5% }",
        variants: "{ control: { upstream: a }, x: { upstream: b }, y: { upstream: b } }",
      }),
      "experiments.e.variants",
      "rollout_variants",
      "two variants",
    ],
    [
      withParts({
        experiment: "rollout: { share: 5% }",
        variants: "{ control: { upstream: a, weight: 9 }, x: { upstream: b } }",
      }),
      "experiments.e.variants.control.weight",
      "weight_unused",
      "share decides",
    ],
    [
      withParts({ experiment: "rollout: { share: 5%, steps: [] }" }),
      "experiments.e.rollout.steps",
      "invalid_value",
      "at least one step",
    ],
    [
      withParts({ experiment: "analysis: { primary: latency_p95 }" }),
      "experiments.e.analysis.primary",
      "invalid_value",
      "latency_mean, error_rate",
    ],
    [
      withParts({ experiment: "ends: { decision: true }" }),
      "experiments.e.ends.decision",
      "analysis_missing",
      "finds the winner",
    ],
    [
      withParts({ experiment: "rollout: { share: 5% }, state: draft" }),
      "experiments.e.state",
      "rollout_field",
      "inside rollout",
    ],
    [
      withParts({
        experiment: "analysis: { primary: error_rate }, auto_rollout: { share: 5% }",
      }),
      "experiments.e.auto_rollout",
      "invalid_value",
      "needs steps",
    ],
    [
      withParts({ experiment: "guardrails: [ { metric: error_rate, max: 5% } ]" }),
      "experiments.e.guardrails",
      "guardrails_unused",
      "rollouts with steps",
    ],
    [
      withParts({ experiment: "on_unavailable: contrl" }),
      "experiments.e.on_unavailable",
      "invalid_value",
      '"control"',
    ],
    [
      headers("{ set: { Content-Length: 1 } }"),
      "experiments.e.variants.new.headers.set.Content-Length",
      "invalid_value",
      "frames or routes",
    ],
    [
      headers("{ set: { 'a b': 1 } }"),
      'experiments.e.variants.new.headers.set["a b"]',
      "invalid_value",
      "header name",
    ],
    [
      headers('{ set: { a: "x\\r\\ny" } }'),
      "experiments.e.variants.new.headers.set.a",
      "invalid_value",
      "header value",
    ],
    [
      headers("{ set: { a: 1, A: 2 } }"),
      "experiments.e.variants.new.headers.set.A",
      "invalid_value",
      "another case",
    ],
    [
      headers("{ set: { a: 1 }, remove: [ A ] }"),
      "experiments.e.variants.new.headers",
      "invalid_value",
      "both set and removed",
    ],
    [
      headers("{ remove: [ transfer-encoding ] }"),
      "experiments.e.variants.new.headers.remove[0]",
      "invalid_value",
      "frames or routes",
    ],
    [
      withParts({
        variants: "{ control: { upstream: a, body: { x: .nan } }, new: { upstream: b } }",
      }),
      "experiments.e.variants.control.body",
      "invalid_value",
      "not JSON",
    ],
    [assignment("strategy: hsah"), "experiments.e.assignment.strategy", "invalid_value", '"hash"'],
    [assignment("seed: 1"), "experiments.e.assignment.seed", "invalid_type", "quote numbers"],
    [
      assignment("hash_version: 3"),
      "experiments.e.assignment.hash_version",
      "invalid_type",
      "1 or 2",
    ],
    [assignment("user: []"), "experiments.e.assignment.user", "invalid_value", "at least one"],
    [
      assignment("user: [ 'heder:x' ]"),
      "experiments.e.assignment.user[0]",
      "invalid_value",
      '"header"',
    ],
    [
      assignment("user: [ 'ip:x' ]"),
      "experiments.e.assignment.user[0]",
      "invalid_value",
      "takes no name",
    ],
    [
      assignment("user: [ 'body:a..b' ]"),
      "experiments.e.assignment.user[0]",
      "invalid_value",
      "body:FIELD",
    ],
    [assignment("cookie: true"), "experiments.e.assignment.cookie", "invalid_type", "false"],
    [
      assignment("cookie: { nme: x }"),
      "experiments.e.assignment.cookie.nme",
      "unknown_key",
      '"name"',
    ],
    [
      assignment("namespace: { id: n, range: [ 0.5, 0.5 ] }"),
      "experiments.e.assignment.namespace",
      "invalid_value",
      "start below",
    ],
    [
      assignment("namespace: { id: n, range: [ 0.5 ] }"),
      "experiments.e.assignment.namespace.range",
      "invalid_value",
      "[FROM, TO]",
    ],
    [
      assignment("forced: {}"),
      "experiments.e.assignment.forced",
      "invalid_value",
      "header or a cookie",
    ],
    [
      rule("{ header: a, matches: '(' }"),
      "experiments.e.assignment.rules[0].when[0].matches",
      "invalid_value",
      "regular expression",
    ],
    [
      rule("{ header: a }"),
      "experiments.e.assignment.rules[0].when[0]",
      "invalid_value",
      "exactly one of equals",
    ],
    [
      rule("{ header: a, path: true, equals: x }"),
      "experiments.e.assignment.rules[0].when[0]",
      "invalid_value",
      "exactly one of header",
    ],
    [
      rule("{ header: a, equals: x }", "nwe"),
      "experiments.e.assignment.rules[0].variant",
      "unknown_variant",
      '"new"',
    ],
  ])("%#", (text, path, code, message) => {
    const issues = issuesOf(text);
    const [issue] = issues;
    expect(issue).toMatchObject({ path, code });
    expect(issue?.message).toContain(message);
    expect(issue?.line).toBeGreaterThan(0);
    expect(issues).toHaveLength(1);
  });
});
