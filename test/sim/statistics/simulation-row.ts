import { binomialCdf, binomialUpper } from "../../../src/core/statistics/distributions/binomial.ts";

/** What one scenario of a simulation found, against what it should find. */
export type SimulationRow = {
  readonly scenario: string;
  readonly runs: number;
  /** Runs in which it happened: an alarm, a detection, a miss. */
  readonly hits: number;
  /** The chance of a hit is to be at most, or at least, `bound`. */
  readonly expected: "at_most" | "at_least";
  readonly bound: number;
};

/** Whether chance explains the distance to the bound: false one time in 100,000 for a true chance at the bound. */
export function isWithinBound({ runs, hits, expected, bound }: SimulationRow): boolean {
  const surprise =
    expected === "at_most" ? binomialUpper(hits - 1, runs, bound) : binomialCdf(hits, runs, bound);
  return surprise > 1e-5;
}
