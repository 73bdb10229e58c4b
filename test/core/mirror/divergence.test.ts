import { describe, expect, it } from "vitest";
import {
  divergenceOf,
  isFinal,
  retryMs,
  type Divergence,
  type WriteAnswer,
} from "../../../src/core/mirror/divergence.ts";

function answer(status: number | null, says: string | null = null): WriteAnswer {
  return { status, says };
}

describe("the difference between two answers to one write", () => {
  const cases: readonly [string, WriteAnswer, WriteAnswer, Divergence | null][] = [
    ["both took it", answer(200, "success"), answer(200, "success"), null],
    ["both took it, without a word", answer(200), answer(204), null],
    ["only one says a word", answer(200, "success"), answer(200), null],
    ["refused", answer(200, "success"), answer(422), "refused"],
    ["refused, at an unknown outcome", answer(null), answer(404), "refused"],
    ["both refused", answer(422), answer(400), null],
    ["taken after the primary refused", answer(409), answer(200, "success"), "other_status"],
    ["failed", answer(200, "success"), answer(200, "failure"), "failed"],
    ["an error in the body", answer(200, "ok"), answer(200, "error"), "failed"],
    ["known before", answer(200, "success"), answer(200, "duplicated"), "duplicated"],
    ["known to both", answer(200, "duplicated"), answer(200, "duplicated"), null],
    ["known before, at an unknown outcome", answer(null), answer(200, "duplicated"), null],
    ["another word", answer(200, "success"), answer(200, "partial_success"), "other_status"],
    ["new here, known there", answer(200, "duplicated"), answer(200, "success"), "other_status"],
  ];
  it.each(cases)("%s", (_, primary, target, expected) => {
    expect(divergenceOf(primary, target, false)).toBe(expected);
  });

  it("is none when a write that may have arrived before is known", () => {
    const primary = answer(200, "success");
    expect(divergenceOf(primary, answer(200, "duplicated"), true)).toBe(null);
    expect(divergenceOf(primary, answer(200, "failure"), true)).toBe("failed");
    expect(divergenceOf(primary, answer(409), true)).toBe("refused");
  });
});

describe("an answer", () => {
  it.each([200, 204, 301, 400, 401, 404, 409, 413, 422])("of status %i is final", (status) => {
    expect(isFinal(status, 0)).toBe(true);
  });
  it.each([408, 425, 429, 500, 502, 503, 504])("of status %i is asked for again", (status) => {
    expect(isFinal(status, 0)).toBe(false);
  });
  it("of a failure is final after eight attempts, of a variant that is away never", () => {
    expect([6, 7].map((attempt) => isFinal(500, attempt))).toEqual([false, true]);
    expect(isFinal(503, 1000)).toBe(false);
  });
});

describe("the wait before the next attempt", () => {
  it("doubles from 250 ms to 30 s, and varies by a half", () => {
    const longest = Array.from({ length: 9 }, (_, at) => retryMs(at + 1, 1));
    expect(longest).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(retryMs(1, 0)).toBe(125);
    expect(retryMs(100_000, 0)).toBe(15_000);
  });
});
