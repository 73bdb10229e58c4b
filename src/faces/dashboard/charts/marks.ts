import type { History } from "../../../wire/history-api.ts";
import { formatShare } from "../words/numbers.ts";
import { describeFacts, describeWhat } from "../words/journal.ts";
import type { ChartMark } from "./chart-model.ts";

type Entry = History["marks"][number];

/** What a controller decided because of what it saw. */
const verdicts: ReadonlySet<string> = new Set([
  "rolled_back",
  "breach",
  "promoted",
  "ended",
  "dry_run_breach",
]);

/** Journal entries as marks on the axis of time. */
export function marksOf(entries: readonly Entry[]): ChartMark[] {
  return entries.map(({ at, what, actor, facts, scope }) => {
    const share = facts["share"];
    const detail = describeFacts(facts);
    return {
      atMs: Date.parse(at),
      kind: kindOf(scope, what, share !== undefined),
      label: typeof share === "number" ? formatShare(share) : describeWhat(what),
      says: `${describeWhat(what)} by ${actor}${detail === "" ? "" : `: ${detail}`}`,
    };
  });
}

function kindOf(scope: string, what: string, hasShare: boolean): ChartMark["kind"] {
  if (scope === "alert") return "alert";
  if (verdicts.has(what)) return "verdict";
  return hasShare ? "split" : "command";
}
