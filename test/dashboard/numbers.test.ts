import { describe, expect, it } from "vitest";
import {
  countOf,
  formatBytes,
  formatChange,
  formatCount,
  formatMs,
  formatNumber,
  formatProbability,
  formatShare,
  formatValue,
} from "../../src/faces/dashboard/words/numbers.ts";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [0.0004, "<0.001"],
    [-0.0004, "−<0.001"],
    [0.1234, "0.123"],
    [1.5, "1.5"],
    [12.34, "12.3"],
    [999.4, "999"],
    [1234.4, "1,234"],
    [12_345, "12.3k"],
    [-2_500_000, "−2.5M"],
    [3e9, "3G"],
  ])("%s is %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it.each([
    [0, "0 %"],
    [1, "100 %"],
    [0.5, "50 %"],
    [0.0534, "5.3 %"],
    [0.0012, "0.12 %"],
    [0.999, "99.9 %"],
    [0.99989, "99.99 %"],
    [0.999_999, ">99.99 %"],
    [0.000_001, "<0.01 %"],
    [-0.042, "−4.2 %"],
  ])("the share %s is %s", (value, text) => {
    expect(formatShare(value)).toBe(text);
  });

  it.each([
    [0.42, "0.42 ms"],
    [830, "830 ms"],
    [1250, "1.25 s"],
    [150_000, "2.5 min"],
    [7_200_000, "2 h"],
  ])("%s milliseconds are %s", (value, text) => {
    expect(formatMs(value)).toBe(text);
  });

  it("what is not known is a dash, never 0", () => {
    for (const unit of [
      "share",
      "ms",
      "number",
      "count",
      "per_second",
      "bytes",
      "seconds",
    ] as const) {
      expect(formatValue(null, unit)).toBe("–");
      expect(formatValue(undefined, unit)).toBe("–");
      expect(formatValue(Number.NaN, unit)).toBe("–");
    }
  });

  it("counts, bytes, changes and probabilities", () => {
    expect(formatCount(1_234_567)).toBe("1.23M");
    expect(formatCount(123_456)).toBe("123,456");
    expect(formatBytes(1536)).toBe("1.5 KiB");
    expect(formatBytes(12)).toBe("12 B");
    expect(formatChange(0.042, "share")).toBe("+4.2 %");
    expect(formatChange(-12, "ms")).toBe("−12 ms");
    expect(formatChange(0, "ms")).toBe("0 ms");
    expect(formatProbability(0.000_01)).toBe("<0.0001");
    expect(formatProbability(0.0312)).toBe("0.0312");
    expect(formatProbability(0.5)).toBe("0.5");
    expect(countOf(1, "user")).toBe("1 user");
    expect(countOf(1200, "user")).toBe("1,200 users");
  });
});
