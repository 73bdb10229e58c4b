import { ok, type Result } from "../../base/result.ts";
import { decodeHistory, type HistoryTotals } from "../../core/telemetry/history.ts";
import { nextSegment, type Range } from "../../core/telemetry/past-plan.ts";
import { parseSeriesText } from "../../core/telemetry/series-text.ts";
import type { SeriesKey } from "../../core/telemetry/snapshot.ts";
import type { HistoryWriter } from "../history-writer.ts";
import { historyResolutionsMs, type Store, type StoreFault } from "../store/store.ts";
import type { Turns } from "./turns.ts";

/** Rows of one call of the store: a busy hour's take 100 kB each. */
const pageRows = 25;

export type PastStore = Pick<Store, "historySeries" | "historyCuts" | "countSeries" | "readSeries">;

/** A series of an experiment that users were answered by. */
export type PastSeries = {
  readonly text: string;
  readonly key: SeriesKey & { readonly variant: string };
  readonly firstMs: number;
};

export type PastRow = {
  readonly series: string;
  readonly key: PastSeries["key"];
  readonly atMs: number;
  readonly totals: HistoryTotals;
};

/** All series of an experiment but those of copies, whatever their epoch. */
export function seriesOf(
  store: PastStore,
  experiment: string,
): Result<readonly PastSeries[], StoreFault> {
  const found = store.historySeries(prefixOf(experiment));
  if (!found.ok) return found;
  return ok(
    found.value.flatMap(({ series: text, firstMs }) => {
      const key = usersSeries(text);
      return key === null ? [] : [{ text, key, firstMs }];
    }),
  );
}

/** What every text of the experiment's series begins with: see seriesText. */
function prefixOf(experiment: string): string {
  return `[${JSON.stringify(experiment)},`;
}

function usersSeries(text: string): PastSeries["key"] | null {
  const key = parseSeriesText(text);
  if (key === null || key.variant === null || key.shadow) return null;
  return { ...key, variant: key.variant };
}

/** Rows that a range would be read from, as far as they are at most `rowsMax`. */
export function countRows(
  store: PastStore,
  series: readonly PastSeries[],
  { fromMs, toMs }: Range,
  resolutionMs: (typeof historyResolutionsMs)[number],
  rowsMax: number,
): Result<number, StoreFault> {
  let sum = 0;
  for (const { text } of series) {
    const count = store.countSeries({ series: text, fromMs, toMs, resolutionMs });
    if (!count.ok) return count;
    sum += count.value;
    if (sum > rowsMax) break;
  }
  return ok(sum);
}

export type StoreRead = {
  readonly experiment: string;
  readonly series: readonly PastSeries[];
  /** Whole stretches of ten seconds. */
  readonly range: Range;
  /** The longest stretches that are of use. */
  readonly coarsestMs: number;
};

/**
 * Gives every request of the range once: from the store, and what the writer still holds. The newest part is read at
 * once with what is held, before anything of it can get into the store; the older part page by page, with turns for others
 * in between.
 */
export async function readRows(
  { store, writer, turns }: Dependencies,
  { experiment, series, range, coarsestMs }: StoreRead,
  visit: (row: PastRow) => void,
): Promise<Result<null, StoreFault>> {
  const { fromMs, toMs } = range;
  const prefix = prefixOf(experiment);
  const held = writer
    .held()
    .filter(({ series: text, atMs }) => text.startsWith(prefix) && atMs >= fromMs && atMs < toMs);
  const tailMs = held.reduce((first, { atMs }) => Math.min(first, atMs), toMs);
  const newest: Encoded[] = [];
  for (const one of series) {
    const tail = { fromMs: tailMs, toMs };
    for (const page of pagesOf(store, one, tail, coarsestMs)) {
      if (!page.ok) return page;
      newest.push(...page.value);
    }
  }
  for (const one of held) {
    const key = usersSeries(one.series);
    if (key !== null) visit({ series: one.series, key, atMs: one.atMs, totals: one.totals });
  }
  const show = async (rows: readonly Encoded[]) => {
    for (const { series: text, key, atMs, counts } of rows) {
      const totals = decodeHistory(counts);
      if (totals.ok) visit({ series: text, key, atMs, totals: totals.value });
      if (turns.isOver()) await turns.next();
    }
  };
  await show(newest);
  for (const one of series) {
    for (const page of pagesOf(store, one, { fromMs, toMs: tailMs }, coarsestMs)) {
      if (!page.ok) return page;
      await show(page.value);
    }
    if (turns.isOver()) await turns.next();
  }
  return ok(null);
}

type Dependencies = {
  readonly store: PastStore;
  readonly writer: Pick<HistoryWriter, "held">;
  readonly turns: Turns;
};

type Encoded = {
  readonly series: string;
  readonly key: PastSeries["key"];
  readonly atMs: number;
  readonly counts: Uint8Array;
};

/** Pages of a series; each is planned when it is read, for rows may be rolled up and deleted in between. */
function* pagesOf(
  store: PastStore,
  { text, key, firstMs }: PastSeries,
  { fromMs, toMs }: Range,
  coarsestMs: number,
): Generator<Result<readonly Encoded[], StoreFault>> {
  const [finestMs] = historyResolutionsMs;
  // Nothing is before the first row, which may be of an hour.
  let atMs = Math.max(fromMs, Math.floor(firstMs / finestMs) * finestMs);
  while (atMs < toMs) {
    const cuts = store.historyCuts();
    if (!cuts.ok) return yield cuts;
    const segment = nextSegment(
      { fromMs: atMs, toMs },
      historyResolutionsMs,
      coarsestMs,
      cuts.value,
    );
    const page = store.readSeries({ series: text, ...segment, limit: pageRows });
    if (!page.ok) return yield page;
    yield ok(
      page.value.rows.map(({ series, atMs: rowMs, counts }) => ({
        series,
        key,
        atMs: rowMs,
        counts,
      })),
    );
    atMs = page.value.nextFromMs ?? segment.toMs;
  }
}
