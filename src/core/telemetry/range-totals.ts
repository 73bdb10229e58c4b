import { outcomes } from "../traffic/outcome.ts";
import type { HistoryTotals } from "./history.ts";
import { mergeCounts, takeCounts, type SparseCounts } from "./latency.ts";
import { addHistory, addNumbers, createTotals, type Totals } from "./merge.ts";

/** Rows of history of a range, added up by arm and by route. */
export type RangeTotals = Map<string, ArmTotals>;

export type ArmTotals = {
  readonly totals: Totals;
  readonly routes: Map<string, RouteTotals>;
};

export type RouteTotals = {
  /** In the order of `outcomes`. */
  readonly outcomes: number[];
  duration: SparseCounts;
};

export function createRangeTotals(): RangeTotals {
  return new Map();
}

export function createArmTotals(): ArmTotals {
  return { totals: createTotals(), routes: new Map() };
}

export function addToRange(
  range: RangeTotals,
  { arm, route }: { readonly arm: string; readonly route: string },
  history: HistoryTotals,
): void {
  let own = range.get(arm);
  if (own === undefined) {
    own = createArmTotals();
    range.set(arm, own);
  }
  addHistory(own.totals, history);
  const known = own.routes.get(route);
  const of = known ?? { outcomes: outcomes.map(() => 0), duration: new Int32Array(0) };
  if (known === undefined) own.routes.set(route, of);
  addNumbers(of.outcomes, history.outcomes);
  of.duration = mergeCounts(of.duration, history.duration);
}

/** Takes the histograms out of an arm's totals, which are empty of them afterwards. */
export function takeDurations({ totals }: ArmTotals): {
  readonly duration: SparseCounts;
  readonly firstByte: SparseCounts;
} {
  return { duration: takeCounts(totals.duration), firstByte: takeCounts(totals.firstByte) };
}
