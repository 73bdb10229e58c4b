import { describe, expect, it } from "vitest";
import { createDimensionMemory, dimensionKey } from "../../../src/core/inspection/dimension.ts";

describe("the usual length of vectors", () => {
  it("is learned from eight answers; then another one is wrong", () => {
    const memory = createDimensionMemory();
    for (let turn = 0; turn < 7; turn += 1) memory.isUsual("", 512);
    expect(memory.isUsual("", 256)).toBe(true);
    memory.isUsual("", 512);
    expect(memory.isUsual("", 256)).toBe(false);
    expect(memory.isUsual("", 512)).toBe(true);
  });

  it("is one for each kind of request", () => {
    const memory = createDimensionMemory();
    for (let turn = 0; turn < 20; turn += 1) memory.isUsual("a", 512);
    expect(memory.isUsual("b", 256)).toBe(true);
  });

  it("gives way to another one that comes instead of it for long", () => {
    const memory = createDimensionMemory();
    for (let turn = 0; turn < 1_000; turn += 1) memory.isUsual("", 512);
    const wrong = Array.from({ length: 200 }, () => memory.isUsual("", 256));
    expect(wrong.indexOf(true)).toBeGreaterThan(60);
    expect(wrong.at(-1)).toBe(true);
  });

  it("leaves answers alone beyond sixteen kinds of requests", () => {
    const memory = createDimensionMemory();
    for (let kind = 0; kind < 16; kind += 1) {
      for (let turn = 0; turn < 9; turn += 1) memory.isUsual(`kind ${kind}`, 512);
    }
    for (let turn = 0; turn < 9; turn += 1) memory.isUsual("one more", 512);
    expect(memory.isUsual("kind 15", 1)).toBe(false);
    expect(memory.isUsual("one more", 1)).toBe(true);
  });

  it("is looked at in the first 32 answers, then in one of 64, and in all after a wrong one", () => {
    const memory = createDimensionMemory();
    const looks = (count: number) =>
      Array.from({ length: count }, () => memory.wantsLook()).filter(Boolean).length;
    expect(looks(32)).toBe(32);
    expect(looks(640)).toBe(10);
    for (let turn = 0; turn < 9; turn += 1) memory.isUsual("", 512);
    memory.isUsual("", 511);
    expect(looks(32)).toBe(32);
  });
});

describe("what a request asks for", () => {
  it.each([
    [`{"input":"a","model":"m","dimensions":256}`, `"model":"m","dimensions":256`],
    [`{"input":"a"}`, ""],
    [`{ "model" : "n" }`, `"model" : "n"`],
  ])("%s", (body, key) => {
    expect(dimensionKey(body)).toBe(key);
  });
});
