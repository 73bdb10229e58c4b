import { describe, expect, it } from "vitest";
import { cutLine, ends, lineWidth, padLine, span } from "../../../src/faces/terminal/line.ts";
import {
  cut,
  left,
  neutralise,
  right,
  toAscii,
  widthOf,
  wrap,
} from "../../../src/faces/terminal/text.ts";

describe("text of others", () => {
  it.each([
    ["plain", "plain"],
    ["clear\u001B[2J", "clear�[2J"],
    ["title\u001B]0;owned\u0007", "title�]0;owned�"],
    ["\u009B31mred", "�31mred"],
    ["one\r\ntwo\tthree\u0000", "one��two�three�"],
    ["line\u2028break\u0085", "line�break�"],
    ["evil\u202Etxt.exe\u2066", "evil�txt.exe�"],
    ["zero\u200Bwidth\u200D\uFE0F", "zerowidth"],
    ["👩‍💻 dev", "👩 dev"],
    ["👍🏽 ok", "👍 ok"],
    ["❤️", "❤"],
    ["lone\uD800", "lone�"],
    [`z${"\u0300".repeat(50)}algo`, "z\u0300\u0300\u0300algo"],
    ["模型", "模型"],
    ["نموذج", "نموذج"],
  ])("%j reaches the terminal as %j", (text, expected) => {
    expect(neutralise(text)).toBe(expected);
  });

  it("is cut before it is measured when it is endless", () => {
    expect(neutralise("x".repeat(1_000_000))).toHaveLength(4096);
  });
});

describe("width", () => {
  it.each([
    ["abc", 3],
    ["模型", 4],
    ["👩", 2],
    ["é", 1],
    ["e\u0301", 1],
    ["نموذج", 5],
    ["", 0],
  ])("%j takes %i columns", (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });

  it.each([
    ["abcdef", 4, "abc…"],
    ["abcd", 4, "abcd"],
    ["模型模型", 5, "模型…"],
    // Half of a wide sign cannot be shown.
    ["模型模型", 4, "模…"],
    ["abc", 1, "…"],
    ["abc", 0, ""],
    ["👩👩👩", 4, "👩…"],
  ])("%j in %i columns is %j", (text, columns, expected) => {
    expect(cut(text, columns)).toBe(expected);
    expect(widthOf(cut(text, columns))).toBeLessThanOrEqual(columns);
  });

  it("is filled up at either side", () => {
    expect(left("模", 4)).toBe("模  ");
    expect(right("12", 4)).toBe("  12");
    expect(right("12345", 4)).toBe("123…");
  });

  it("breaks words into lines, and tells of what is left", () => {
    expect(wrap("one two three four", 9, 3)).toEqual(["one two", "three", "four"]);
    expect(wrap("one two three four", 9, 2)).toEqual(["one two", "three fo…"]);
    expect(wrap("unbreakable", 5, 2)).toEqual(["unbr…"]);
    expect(wrap("x", 0, 2)).toEqual([]);
  });
});

it("keeps columns when only ASCII can be shown", () => {
  expect(toAscii("5 % → 25 % … ≤ 3")).toBe("5 % > 25 % ~ < 3");
  expect(toAscii("模型 é")).toBe("???? ?");
});

describe("lines of several pieces", () => {
  const parts = [span("one"), span("two", "bad"), span("three")];

  it.each([
    [20, "onetwothree"],
    [11, "onetwothree"],
    [10, "onetwothr…"],
    [6, "onetw…"],
    [5, "onet…"],
    [3, "on…"],
    [0, ""],
  ])("are cut at %i columns", (columns, expected) => {
    const text = cutLine(parts, columns)
      .map((piece) => piece.text)
      .join("");
    expect(text).toBe(expected);
  });

  it("fill their width", () => {
    expect(lineWidth(padLine(parts, 15))).toBe(15);
    expect(
      ends([span("left side")], [span("right")], 12)
        .map(({ text }) => text)
        .join(""),
    ).toBe("left … right");
  });
});
