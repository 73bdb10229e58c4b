import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  applyPatch,
  diffDocuments,
  isEmptyPatch,
} from "../../../src/core/telemetry/document-patch.ts";
import type { DocumentPatch, JsonObject } from "../../../src/core/telemetry/document-patch.ts";

/** JSON objects of few keys, so that two of them share some. */
const documents = fc.letrec<{ value: unknown; object: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1, "", "text"),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(
    fc.constantFrom("a", "b", "c", "__proto__", "set", "remove"),
    tie("value"),
    {
      maxKeys: 5,
      noNullPrototype: true,
    },
  ),
})).object as fc.Arbitrary<JsonObject>;

const sameJson = (one: JsonObject, other: JsonObject) => {
  expect(one).toEqual(other);
  // toEqual does not look at a key called __proto__.
  expect(sorted(one)).toBe(sorted(other));
};
const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? ["{", ...Object.entries(inner).toSorted(([one], [other]) => (one < other ? -1 : 1))]
      : inner,
  );

describe("a patch between two documents", () => {
  test("makes the one of the other, whatever they are, also through JSON text", () => {
    fc.assert(
      fc.property(documents, documents, (before, after) => {
        const text = JSON.stringify(diffDocuments(before, after));
        sameJson(applyPatch(before, JSON.parse(text) as DocumentPatch), after);
      }),
      { numRuns: 2000 },
    );
  });

  test("is empty exactly when they are the same", () => {
    fc.assert(
      fc.property(documents, documents, (before, after) => {
        const isSame = sorted(before) === sorted(after);
        expect(isEmptyPatch(diffDocuments(before, after))).toBe(isSame);
        expect(diffDocuments(before, structuredClone(before))).toEqual({});
      }),
      { numRuns: 1000 },
    );
  });

  test("leaves both arguments as they were", () => {
    fc.assert(
      fc.property(documents, documents, (before, after) => {
        const texts = [JSON.stringify(before), JSON.stringify(after)];
        applyPatch(before, diffDocuments(before, after));
        expect([JSON.stringify(before), JSON.stringify(after)]).toEqual(texts);
      }),
    );
  });

  test.each<[string, JsonObject, JsonObject, DocumentPatch]>([
    ["a null is a value", { a: 1 }, { a: null }, { set: { a: null } }],
    ["a null that stays is no change", { a: null }, { a: null }, {}],
    ["a member that goes is no null", { a: null, b: 1 }, { b: 1 }, { remove: ["a"] }],
    [
      "an object is gone into",
      { a: { b: 1, c: 2 } },
      { a: { b: 1, c: 3 } },
      { within: { a: { set: { c: 3 } } } },
    ],
    ["a new object comes whole", {}, { a: { b: null } }, { set: { a: { b: null } } }],
    [
      "an array comes whole",
      { a: [1, { b: 2 }] },
      { a: [1, { b: 3 }] },
      { set: { a: [1, { b: 3 }] } },
    ],
    ["an array that stays is no change", { a: [1, { b: null }] }, { a: [1, { b: null }] }, {}],
    ["an object and an array are different", { a: {} }, { a: [] }, { set: { a: [] } }],
    [
      "a key of every object is a key like any other",
      {},
      { constructor: 1 },
      { set: { constructor: 1 } },
    ],
  ])("%s", (_, before, after, expected) => {
    expect(diffDocuments(before, after)).toEqual(expected);
    expect(applyPatch(before, expected)).toEqual(after);
  });

  test("no key reaches a prototype", () => {
    const evil = JSON.parse('{"within":{"__proto__":{"set":{"polluted":1}}}}') as DocumentPatch;
    const document = applyPatch({}, evil);
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
    expect(JSON.stringify(document)).toBe('{"__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
