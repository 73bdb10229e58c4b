import { expect, it } from "vitest";
import {
  simulateFixedQuantiles,
  simulateQuantileSequences,
  simulateQuantileTests,
  simulateRateSequences,
} from "../../../sim/statistics/sequential-quantiles.ts";
import { isWithinBound } from "../../../sim/statistics/simulation-row.ts";

it.each([
  [simulateRateSequences, 60],
  [simulateQuantileSequences, 40],
  [simulateFixedQuantiles, 2000],
  [simulateQuantileTests, 60],
])("%o keeps its guarantees", (simulate, runs) => {
  const rows = simulate(runs, 1906_09712);
  expect(rows.length).toBeGreaterThan(1);
  expect(rows.filter((row) => !isWithinBound(row))).toEqual([]);
});
