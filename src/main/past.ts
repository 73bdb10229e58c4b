import type { HistoryWriter } from "../control/history-writer.ts";
import type { JournalStore } from "../control/past/memory-journal.ts";
import { createPast, type Past } from "../control/past/past.ts";
import type { VerdictLog } from "../control/past/verdict-log.ts";
import type { RecentHistory } from "../control/recent-history.ts";
import type { Config } from "../core/config/model.ts";
import { parseSeriesText } from "../core/telemetry/series-text.ts";
import type { KeptStore } from "./kept-store.ts";
import { realClock, realTimers } from "./system.ts";

export type PastParts = {
  readonly config: () => Config;
  readonly journal: JournalStore;
  readonly recent: RecentHistory;
  readonly verdicts: VerdictLog;
  /** Null without a store. */
  readonly kept: { readonly store: KeptStore; readonly writer: HistoryWriter } | null;
};

/** Answers what was; to be made when the process begins, before it measures anything. */
export function createProcessPast({ config, journal, recent, verdicts, kept }: PastParts): Past {
  const store = kept?.store ?? null;
  const shared = { clock: realClock, startedMs: recent.startedMs };
  // Every text of a series begins so.
  const series = store?.historySeries("[");
  const measured = series?.ok === true ? series.value : [];
  const measuredBefore = new Set(
    measured.map((each) => parseSeriesText(each.series)?.experiment ?? ""),
  );
  const judgedBefore = new Set(
    Object.keys(config().experiments).filter((key) => {
      const first = store?.firstVerdictMs(key);
      return first?.ok === true && first.value !== null;
    }),
  );
  return createPast({
    clock: realClock,
    timers: realTimers,
    config,
    journal,
    telemetry: { ...shared, recent, kept, measuredBefore },
    verdicts: { ...shared, log: verdicts, store, judgedBefore },
  });
}
