import { describe, expect, it } from "vitest";
import {
  simulateErrorRates,
  simulateRateRatios,
  simulateSampleRatios,
  simulateStickyErrors,
  simulateStickyRamps,
} from "../../../sim/statistics/sequential-errors.ts";
import { isWithinBound } from "../../../sim/statistics/simulation-row.ts";

describe("what is looked at all the time", () => {
  it("raises few false alarms about errors, and finds what is there", () => {
    const rows = simulateErrorRates(150, 2011_03567);
    expect(rows.filter((row) => !isWithinBound(row))).toEqual([]);
    const finds = rows.find((row) => row.scenario === "two-sided finds 1 → 2 %");
    expect(finds?.medianRequests).toBeGreaterThan(5000);
    expect(finds?.medianRequests).toBeLessThan(10_000);
  });

  it("covers the ratio of error rates over a ramp", () => {
    const rows = simulateRateRatios(80, 4);
    expect(rows.filter((row) => !isWithinBound(row))).toEqual([]);
  });

  it("needs first errors where users stick", () => {
    const [naive, raw, first] = simulateStickyErrors(400, 5);
    expect(naive!.hits / naive!.runs).toBeGreaterThan(0.35);
    expect(raw!.hits / raw!.runs).toBeGreaterThan(0.1);
    expect(first!.hits / first!.runs).toBeLessThan(0.02);
  });

  it("needs them over a ramp too, where users change arms", () => {
    const rows = simulateStickyRamps(150, 8);
    expect(rows).toHaveLength(2);
    expect(rows.filter((row) => !isWithinBound(row))).toEqual([]);
  });

  it("raises few false alarms about sample ratios, and finds lost users", () => {
    const rows = simulateSampleRatios(100, 6);
    expect(rows.filter((row) => !isWithinBound(row))).toEqual([]);
  });
});

describe("isWithinBound", () => {
  it.each([
    [{ runs: 400, hits: 20, expected: "at_most", bound: 0.05 }, true],
    [{ runs: 400, hits: 45, expected: "at_most", bound: 0.05 }, false],
    [{ runs: 100, hits: 85, expected: "at_least", bound: 0.9 }, true],
    [{ runs: 100, hits: 70, expected: "at_least", bound: 0.9 }, false],
  ] as const)("%o: %s", (row, expected) => {
    expect(isWithinBound({ scenario: "", ...row })).toBe(expected);
  });
});
