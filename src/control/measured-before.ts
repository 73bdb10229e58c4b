import { addHistoryTotals, decodeHistory, type HistoryTotals } from "../core/telemetry/history.ts";
import { parseSeriesText } from "../core/telemetry/series-text.ts";
import type { SeriesKey } from "../core/telemetry/snapshot.ts";
import type { KeptEpochs } from "./epochs.ts";
import type { HeldHistory } from "./history-writer.ts";
import { historyResolutionsMs, type HistoryResolutionMs, type Store } from "./store/store.ts";

/** What one variant measured in its present epoch before this process began. */
export type MeasuredBefore = {
  readonly key: SeriesKey & { readonly experiment: string; readonly variant: string };
  readonly totals: HistoryTotals;
};

const [finestMs, minuteMs, hourMs] = historyResolutionsMs;
/** Turns of the store's roll-up at the start; what is not done then is read in too fine a resolution, or not at all. */
const startRollUpsMax = 200;
/** Later the main thread has others waiting, and another replica rolls up. */
const laterRollUpsMax = 2;

/**
 * What the history holds of the present epochs, so that an experiment goes on after a restart where it stood; of the last ten
 * seconds before a crash nothing. Whole hours are read as hours, whole minutes as minutes, and nothing is counted twice.
 */
export function readMeasuredBefore(
  store: Pick<Store, "readHistory" | "rollUp">,
  epochs: KeptEpochs,
  experiments: readonly string[],
  nowMs: number,
  rollUpsMax = startRollUpsMax,
): readonly MeasuredBefore[] {
  const wanted = new Map(experiments.map((key) => [key, epochs[key]]));
  const sinceMs = Math.min(...[...wanted.values()].map((each) => each?.sinceMs ?? Infinity));
  if (!(sinceMs < nowMs)) return [];
  for (let turn = 0; turn < rollUpsMax; turn += 1) {
    const rolled = store.rollUp(nowMs);
    if (!rolled.ok || rolled.value.isDone) break;
  }
  const hoursMs = Math.floor(nowMs / hourMs) * hourMs;
  const minutesMs = Math.floor(nowMs / minuteMs) * minuteMs;
  const sums = new Map<string, MeasuredBefore>();
  const add = (fromMs: number, toMs: number, resolutionMs: HistoryResolutionMs) => {
    for (const row of eachRow(store, fromMs, toMs, resolutionMs)) {
      const key = parseSeriesText(row.series);
      if (key === null || key.experiment === null || key.variant === null) continue;
      if (wanted.get(key.experiment)?.epoch !== key.epoch) continue;
      const decoded = decodeHistory(row.counts);
      if (!decoded.ok) continue;
      const { experiment, variant } = key;
      const id = idOf({ ...key, experiment, variant });
      const before = sums.get(id);
      const totals =
        before === undefined ? decoded.value : addHistoryTotals(before.totals, decoded.value);
      sums.set(id, { key: { ...key, experiment, variant }, totals });
    }
  };
  add(Math.floor(sinceMs / hourMs) * hourMs, hoursMs, hourMs);
  add(Math.max(hoursMs, Math.floor(sinceMs / minuteMs) * minuteMs), minutesMs, minuteMs);
  add(Math.max(minutesMs, Math.floor(sinceMs / finestMs) * finestMs), nowMs + finestMs, finestMs);
  return [...sums.values()];
}

/**
 * As `readMeasuredBefore`, with what this process holds back for the store: everything that is known of the present epochs
 * by a replica that missed what the others measured. Of their last ten seconds it knows nothing.
 */
export function measureAgain(
  store: Pick<Store, "readHistory" | "rollUp">,
  held: readonly HeldHistory[],
  epochs: KeptEpochs,
  experiments: readonly string[],
  nowMs: number,
): readonly MeasuredBefore[] {
  const sums = new Map(
    readMeasuredBefore(store, epochs, experiments, nowMs, laterRollUpsMax).map((each) => [
      idOf(each.key),
      each,
    ]),
  );
  for (const { series, totals } of held) {
    const key = parseSeriesText(series);
    if (key === null || key.experiment === null || key.variant === null) continue;
    if (epochs[key.experiment]?.epoch !== key.epoch) continue;
    const { experiment, variant } = key;
    const before = sums.get(idOf({ ...key, experiment, variant }));
    sums.set(idOf({ ...key, experiment, variant }), {
      key: { ...key, experiment, variant },
      totals: before === undefined ? totals : addHistoryTotals(before.totals, totals),
    });
  }
  return [...sums.values()];
}

function idOf({ experiment, variant, shadow }: MeasuredBefore["key"]): string {
  return `${experiment} ${variant} ${shadow}`;
}

function* eachRow(
  store: Pick<Store, "readHistory">,
  fromMs: number,
  toMs: number,
  resolutionMs: HistoryResolutionMs,
) {
  let nextMs: number | null = fromMs;
  while (nextMs !== null && nextMs < toMs) {
    const page = store.readHistory({ fromMs: nextMs, toMs, resolutionMs });
    if (!page.ok) return;
    yield* page.value.rows;
    nextMs = page.value.nextFromMs;
  }
}
