import { expect, it } from "vitest";
import { simulateFixedSamples } from "../../sim/statistics/fixed-sample.ts";
import { isWithinBound, type SimulationRow } from "../../sim/statistics/simulation-row.ts";
import { simulateStickyCoverage, simulateStickyUsers } from "../../sim/statistics/sticky-users.ts";

/** Rows that chance does not explain. */
const beyond = (rows: readonly SimulationRow[]) => rows.filter((row) => !isWithinBound(row));

it("fixed-sample tests keep their false alarms, their power and their coverage", () => {
  const rows = simulateFixedSamples(2_000, 1);
  expect(rows.length).toBeGreaterThan(20);
  expect(beyond(rows)).toEqual([]);
});

it("sticky users: requests alarm in a third of all runs, users do not", () => {
  const rows = simulateStickyUsers(400, 2);
  expect(beyond(rows)).toEqual([]);
  expect((rows[0]?.hits ?? 0) / 400).toBeGreaterThan(0.35);
});

it("sticky users: the interval of the lift covers it", () => {
  expect(beyond(simulateStickyCoverage(300, 3))).toEqual([]);
});

it("the bounds themselves notice a test that alarms too often, or finds too little", () => {
  expect(
    isWithinBound({ scenario: "", runs: 2000, hits: 160, expected: "at_most", bound: 0.05 }),
  ).toBe(false);
  expect(
    isWithinBound({ scenario: "", runs: 2000, hits: 1400, expected: "at_least", bound: 0.8 }),
  ).toBe(false);
});
