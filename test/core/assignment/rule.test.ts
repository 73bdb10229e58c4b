import { expect, test } from "vitest";
import type { Condition } from "../../../src/core/assignment/policy.ts";
import { allHold, compileCondition, matchedCharsMax } from "../../../src/core/assignment/rule.ts";
import { requestOf } from "./policies.ts";

const header = { kind: "header", name: "X-Plan" } as const;
const cookie = { kind: "cookie", name: "plan" } as const;
const query = { kind: "query", name: "plan" } as const;
const path = { kind: "path" } as const;
const plan = (value: string): readonly string[] => ["x-PLAN", value];

type Row = readonly [Condition["on"], Condition["test"], readonly string[], string, boolean];

test.each<Row>([
  [header, { kind: "equals", value: "vip" }, plan("vip"), "/", true],
  [header, { kind: "equals", value: "vip" }, plan("VIP"), "/", false],
  [header, { kind: "equals", value: "vip" }, [], "/", false],
  [header, { kind: "equals", value: "é" }, plan("\u00c3\u00a9"), "/", true],
  [header, { kind: "in", values: ["a", "b"] }, plan("b"), "/", true],
  [header, { kind: "in", values: ["a", "b"] }, plan("c"), "/", false],
  [header, { kind: "prefix", value: "v" }, plan("vip"), "/", true],
  [header, { kind: "prefix", value: "v" }, [], "/", false],
  [header, { kind: "matches", pattern: "^v.p$" }, plan("vip"), "/", true],
  [header, { kind: "matches", pattern: "^.*$" }, [], "/", false],
  [header, { kind: "matches", pattern: "^a*$" }, plan("a".repeat(matchedCharsMax)), "/", true],
  [header, { kind: "matches", pattern: "^a*$" }, plan("a".repeat(matchedCharsMax + 1)), "/", false],
  [header, { kind: "present", present: true }, plan(""), "/", true],
  [header, { kind: "present", present: true }, [], "/", false],
  [header, { kind: "present", present: false }, [], "/", true],
  [header, { kind: "present", present: false }, plan("x"), "/", false],
  [cookie, { kind: "equals", value: "vip" }, ["cookie", 'a=1; plan="vip"'], "/", true],
  [cookie, { kind: "equals", value: "vip" }, ["cookie", "xplan=vip"], "/", false],
  [query, { kind: "equals", value: "v p" }, [], "/x?plan=v+p", true],
  [query, { kind: "present", present: true }, [], "/x?a=plan", false],
  [path, { kind: "prefix", value: "/api/" }, [], "/api/chat?x=/no", true],
  [path, { kind: "prefix", value: "/admin" }, [], "/api/%2e%2e/admin", true],
  [path, { kind: "prefix", value: "/api/" }, [], "/api/%2e%2e/admin", false],
])("%j %j on %j %s: %s", (on, condition, headers, target, expected) => {
  const compiled = compileCondition({ on, test: condition });
  expect(allHold([compiled], requestOf(null, headers, { target }).head)).toBe(expected);
});

test("all conditions must hold; none at all hold", () => {
  const conditions = [
    compileCondition({ on: header, test: { kind: "equals", value: "vip" } }),
    compileCondition({ on: path, test: { kind: "equals", value: "/x" } }),
  ];
  expect(allHold(conditions, requestOf(null, plan("vip"), { target: "/x" }).head)).toBe(true);
  expect(allHold(conditions, requestOf(null, plan("vip"), { target: "/y" }).head)).toBe(false);
  expect(allHold([], requestOf(null).head)).toBe(true);
});
