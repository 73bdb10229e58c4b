import type { Clock } from "../../base/clock.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decodeHistory } from "../../core/telemetry/history.ts";
import {
  finestKept,
  longerStep,
  resolutionFor,
  stepFor,
  wholeSteps,
  type Range,
} from "../../core/telemetry/past-plan.ts";
import type { HistoryWriter } from "../history-writer.ts";
import { recentLevels, type RecentHistory } from "../recent-history.ts";
import { historyResolutionsMs } from "../store/store.ts";
import type { PastFault, PastRange } from "./fault.ts";
import {
  countRows,
  readRows,
  seriesOf,
  type PastRow,
  type PastSeries,
  type PastStore,
} from "./store-rows.ts";
import type { Turns } from "./turns.ts";

/** Rows that one question may read; with more, stretches get longer. */
export const pastRowsMax = 12_000;

const [secondMs, tenSecondsMs] = recentLevels.map(({ resolutionMs }) => resolutionMs) as [
  number,
  number,
];
const hourMs = historyResolutionsMs[2];

/** Where rows of the past come from: memory as far as it reaches, else the store and what waits for it. */
export type PastTelemetry = {
  readonly clock: Clock;
  readonly recent: RecentHistory;
  /** Null without a store. */
  readonly kept: { readonly store: PastStore; readonly writer: Pick<HistoryWriter, "held"> } | null;
  /** When this process began to measure, wall time. */
  readonly startedMs: number;
  /** Experiments that others had measured before this process began. */
  readonly measuredBefore: ReadonlySet<string>;
};

/** What is known of an experiment's past before anything of it is read. */
export type KnownPast = {
  /** Null where memory is all there is. */
  readonly series: readonly PastSeries[] | null;
  readonly cuts: ReadonlyMap<number, number>;
};

/** How a range is read: `range` is whole steps, or whole rows where there are none. */
export type PastPlan = {
  readonly source: "memory" | "store";
  readonly range: Range;
  readonly stepMs: number;
  /** Rows are of this length, or up to it. */
  readonly resolutionMs: number;
};

/** A store that cannot be read is as good as none: memory tells what it can. */
export function lookUp({ kept }: PastTelemetry, experiment: string): KnownPast {
  const series = kept === null ? null : seriesOf(kept.store, experiment);
  const cuts = kept === null ? null : kept.store.historyCuts();
  if (series?.ok !== true || cuts?.ok !== true) return { series: null, cuts: new Map() };
  return { series: series.value, cuts: cuts.value };
}

/** The range as far as anything is known of it, and who knows it; null when that is nothing. */
function reach(
  past: PastTelemetry,
  experiment: string,
  { series }: KnownPast,
  { fromMs, toMs }: Range,
): (Range & { readonly source: PastPlan["source"] }) | null {
  const memoryMs = past.recent.completeFromMs(tenSecondsMs);
  const storedMs = (series ?? []).reduce((first, each) => Math.min(first, each.firstMs), Infinity);
  // The first row of a young process begins before it, but holds nothing from then.
  const isAllInMemory = memoryMs <= past.startedMs && !past.measuredBefore.has(experiment);
  const firstMs = series === null || isAllInMemory ? memoryMs : Math.min(storedMs, memoryMs);
  const knownFromMs = Math.max(fromMs, firstMs);
  const knownToMs = Math.min(toMs, past.clock.wallMs());
  if (knownFromMs >= knownToMs) return null;
  const source = series === null || memoryMs <= knownFromMs ? "memory" : "store";
  return { fromMs: knownFromMs, toMs: knownToMs, source };
}

/** In stretches: the shortest of which `points` make the range, and that are read from no more rows than may be. */
export function planTimeline(
  past: PastTelemetry,
  experiment: string,
  known: KnownPast,
  { points, ...asked }: PastRange,
): Result<PastPlan | null, PastFault> {
  const reached = reach(past, experiment, known, asked);
  if (reached === null) return ok(null);
  const { source, fromMs, toMs } = reached;
  if (source === "memory") {
    const isFine = past.recent.completeFromMs(secondMs) <= fromMs;
    const finestMs = isFine ? secondMs : tenSecondsMs;
    const stepMs = stepFor(toMs - fromMs, points, finestMs);
    const resolutionMs = isFine ? resolutionFor(stepMs, [secondMs, tenSecondsMs]) : tenSecondsMs;
    return ok({ source, stepMs, resolutionMs, range: wholeSteps(reached, stepMs, points) });
  }
  const { kept } = past;
  const finestMs = finestKept(fromMs, historyResolutionsMs, known.cuts);
  if (kept === null) return ok(null);
  let stepMs: number | null = stepFor(toMs - fromMs, points, finestMs);
  while (stepMs !== null) {
    const resolutionMs = resolutionFor(stepMs, historyResolutionsMs);
    const range = wholeSteps(reached, stepMs, points);
    const rows = countRows(kept.store, known.series ?? [], range, resolutionMs, pastRowsMax);
    if (rows.ok && rows.value <= pastRowsMax) return ok({ source, stepMs, resolutionMs, range });
    stepMs = longerStep(stepMs);
  }
  return tooWide;
}

/** As a whole: the longest rows that lie in the range, and shorter ones at its ends. */
export function planTotals(
  past: PastTelemetry,
  experiment: string,
  known: KnownPast,
  asked: Range,
): Result<PastPlan | null, PastFault> {
  const reached = reach(past, experiment, known, asked);
  if (reached === null) return ok(null);
  const { source, fromMs, toMs } = reached;
  if (source === "memory") {
    const isFine = past.recent.completeFromMs(secondMs) <= fromMs;
    const resolutionMs = isFine ? secondMs : tenSecondsMs;
    const range = wholeSteps(reached, resolutionMs, Infinity);
    return ok({ source, range, stepMs: resolutionMs, resolutionMs });
  }
  const finestMs = finestKept(fromMs, historyResolutionsMs, known.cuts);
  const range = {
    fromMs: Math.floor(fromMs / finestMs) * finestMs,
    toMs: Math.ceil(toMs / tenSecondsMs) * tenSecondsMs,
  };
  const { kept } = past;
  const rows =
    kept === null ? null : countRows(kept.store, known.series ?? [], range, hourMs, pastRowsMax);
  if (rows?.ok === true && rows.value > pastRowsMax) return tooWide;
  return ok({ source, range, stepMs: finestMs, resolutionMs: hourMs });
}

const tooWide: Result<never, PastFault> = err({
  code: "range_too_wide",
  message: `the range has more than ${pastRowsMax} rows of history even by the hour; ask for a shorter one`,
});

/** Gives every row of a plan, and turns to others in between. */
export async function visitRows(
  past: PastTelemetry,
  experiment: string,
  { series }: KnownPast,
  { source, range, resolutionMs }: PastPlan,
  turns: Turns,
  visit: (row: PastRow) => void,
): Promise<void> {
  const { kept, recent } = past;
  if (source === "store" && kept !== null) {
    const read = { experiment, series: series ?? [], range, coarsestMs: resolutionMs };
    await readRows({ ...kept, turns }, read, visit);
    return;
  }
  for (const row of recent.rows(experiment, resolutionMs, range.fromMs, range.toMs)) {
    const { key, atMs, counts, series: text } = row;
    const totals = counts instanceof Uint8Array ? decodeHistory(counts) : ok(counts);
    if (totals.ok && key.variant !== null) {
      visit({ series: text, key: { ...key, variant: key.variant }, atMs, totals: totals.value });
    }
    if (turns.isOver()) await turns.next();
  }
}
