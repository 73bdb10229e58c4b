import { describe, expect, it } from "vitest";
import { bar, columnChart, sparkline, squeeze } from "../../../src/faces/terminal/charts.ts";
import { asciiGlyphs, unicodeGlyphs } from "../../../src/faces/terminal/glyphs.ts";
import {
  bytes,
  count,
  duration,
  inUnit,
  percent,
  plannedPercent,
  rate,
  span,
} from "../../../src/faces/terminal/numbers.ts";

describe("a bar", () => {
  it.each([
    [0, "░░░░"],
    [0.5, "██░░"],
    [0.3, "█▎░░"],
    // A little is not nothing, and nearly all is not all.
    [0.0001, "▏░░░"],
    [0.9999, "███▉"],
    [1, "████"],
    [7, "████"],
    [-1, "░░░░"],
    [Number.NaN, "░░░░"],
  ])("of %d", (share, expected) => {
    expect(bar(share, 4, unicodeGlyphs)).toBe(expected);
  });

  it("in ASCII, of any width", () => {
    expect(bar(0.5, 6, asciiGlyphs)).toBe("###...");
    expect(bar(0.5, 0, asciiGlyphs)).toBe("");
  });
});

describe("a sparkline", () => {
  it.each([
    [[0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"],
    [[1, 2], 4, "  ▅█"],
    [[9, 9, 1, 2], 2, "▅█"],
    [[1, null, 1], 3, "█ █"],
    [[0, 0], 2, "▁▁"],
    [[], 3, "   "],
    [[1], 0, ""],
  ])("of %j in %i columns is %j", (values, width, expected) => {
    expect(sparkline(values, width, unicodeGlyphs)).toBe(expected);
  });

  it("has the scale that it is given", () => {
    expect(sparkline([1, 2], 2, unicodeGlyphs, 8)).toBe("▂▃");
    expect(sparkline([0, 7], 2, asciiGlyphs)).toBe("_#");
  });

  it("shows a longer time by means, counted from the newest", () => {
    expect(squeeze([1, 3, 5, 7], 2)).toEqual([2, 6]);
    expect(squeeze([9, 1, 3, 5, 7], 2)).toEqual([5, 5]);
    expect(squeeze([null, null, 5, null], 2)).toEqual([null, 5]);
    expect(squeeze([1, 2], 5)).toEqual([1, 2]);
  });

  it("becomes a chart of several lines", () => {
    expect(columnChart([1, 2, 4], 3, 2, unicodeGlyphs)).toEqual(["  █", "▄██"]);
    expect(columnChart([], 2, 2, unicodeGlyphs)).toEqual(["  ", "  "]);
  });
});

describe("numbers", () => {
  it.each([
    [percent(0.7566), "75.7%"],
    [percent(1), "100%"],
    [percent(0.99999), "99.9%"],
    [percent(0.00042), "0.04%"],
    [percent(0.0000001), "<0.01%"],
    [percent(0), "0%"],
    [percent(null), "–"],
    [plannedPercent(0.05), "5%"],
    [plannedPercent(1 / 3), "33.33%"],
    [rate(0), "0"],
    [rate(0.04), "0.04"],
    [rate(15.188), "15.2"],
    [rate(12_345), "12.3k"],
    [duration(0.4211), "0.421 ms"],
    [duration(64.479), "64.5 ms"],
    [duration(1240), "1.24 s"],
    [duration(180_000), "3 min"],
    [duration(null), "–"],
    [count(9999), "9,999"],
    [count(1_240_000), "1.24M"],
    [bytes(192_000_000), "183 MiB"],
    [bytes(512), "512 B"],
    [span(4400), "4s"],
    [span(200_000), "3m 20s"],
    [span(7_500_000), "2h 5m"],
    [span(277_200_000), "3d 5h"],
    [span(-5), "0s"],
    [inUnit(0.004, "share"), "0.4%"],
    [inUnit(250, "ms"), "250 ms"],
    [inUnit(1.23456, "number"), "1.235"],
  ])("%s", (text, expected) => {
    expect(text).toBe(expected);
  });
});
