import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import { problem, refusals, refuse, type RefusalCode } from "../../../src/core/traffic/refusal.ts";
import { mergePatch, rewritePath } from "../../../src/core/traffic/transform.ts";

describe("mergePatch", () => {
  // The test cases of RFC 7396, appendix A.
  test.each<readonly [JsonValue, JsonValue, JsonValue]>([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j by %j is %j", (target, patch, expected) => {
    const before = JSON.stringify([target, patch]);
    expect(mergePatch(target, patch)).toEqual(expected);
    expect(JSON.stringify([target, patch])).toBe(before);
  });

  test("__proto__ is a key like any other and reaches no prototype", () => {
    const evil = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    ) as JsonValue;
    const merged = mergePatch(evil, evil) as object;
    expect(JSON.stringify(merged)).toBe(JSON.stringify(evil));
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(JSON.stringify(mergePatch({}, evil))).toBe(JSON.stringify(evil));
  });

  test("merging twice changes nothing more, and untouched keys keep value and order", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (left, right) => {
          const [target, patch] = [left as JsonValue, right as JsonValue];
          const once = mergePatch(target, patch) as Record<string, JsonValue>;
          expect(JSON.stringify(mergePatch(once, patch))).toBe(JSON.stringify(once));
          const kept = Object.keys(left).filter((key) => !Object.hasOwn(right, key));
          expect(Object.keys(once).filter((key) => !Object.hasOwn(right, key))).toEqual(kept);
        },
      ),
    );
  });
});

describe("rewritePath", () => {
  test.each([
    ["/embeddings", "/embeddings", "/v1/embeddings", "/v1/embeddings"],
    ["/embeddings?x=/embeddings", "/embeddings", "/e", "/e?x=/embeddings"],
    ["/embeddings/a%2Fb", "/embeddings", "/e", "/e/a%2Fb"],
    ["/embeddingsx", "/embeddings", "/e", "/embeddingsx"],
    ["/x/embeddings", "/embeddings", "/e", "/x/embeddings"],
    ["/api/chat", "/api/", "/", "/chat"],
    ["/api", "/api", "/", "/"],
    ["/api?x", "/api", "/", "/?x"],
    ["/chat", "/", "/api", "/api/chat"],
    ["/chat", "/", "/api/", "/api/chat"],
    ["/", "/", "/api", "/api/"],
    ["*", "/", "/api", "*"],
  ])("%s from %s to %s is %s", (target, from, to, expected) => {
    expect(rewritePath(target, { from, to })).toBe(expected);
  });
});

describe("refusals", () => {
  test("a problem document as RFC 9457 wants it", () => {
    const { status, body, contentType, code } = refuse("no_route", "GET /x");
    expect([status, contentType, code]).toEqual([404, "application/problem+json", "no_route"]);
    expect(JSON.parse(body)).toEqual({
      type: "urn:sluice:problem:no_route",
      title: "No route matches",
      status: 404,
      code: "no_route",
      detail: "GET /x",
    });
    expect(JSON.parse(refuse("overloaded").body)).not.toHaveProperty("detail");
  });

  test("the body is ASCII whatever the detail, so that its length is its byte length", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (detail) => {
        const { body } = problem("x", 400, "X", detail);
        expect(body).toMatch(/^[\x20-\x7e]*$/);
        expect((JSON.parse(body) as { detail?: string }).detail ?? "").toBe(detail);
      }),
    );
  });

  test.each(Object.keys(refusals) as RefusalCode[])(
    "%s is an error status with a title",
    (code) => {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(refusals[code].status).toBeGreaterThanOrEqual(400);
      expect(refusals[code].status).toBeLessThanOrEqual(599);
      expect(refusals[code].title).not.toBe("");
    },
  );
});
