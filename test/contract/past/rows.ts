import type { HistoryRow } from "../../../src/control/store/store.ts";
import {
  encodeHistory,
  historyOf,
  type HistoryTotals,
} from "../../../src/core/telemetry/history.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import { seriesText } from "../../../src/core/telemetry/series-text.ts";
import type { SeriesDelta, SeriesKey } from "../../../src/core/telemetry/snapshot.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";

export const hourMs = 3_600_000;
/** Midnight, so that every resolution begins here. */
export const startMs = 20_000 * 24 * hourMs;

/** What a worker reports of so many requests. */
export function deltaOf(
  requests: number,
  key: Partial<SeriesKey> = {},
  users: readonly string[] = ["ada"],
): SeriesDelta {
  const recorder = createRecorder();
  const series = recorder.series(keyOf(key));
  for (let at = 0; at < requests; at += 1) {
    recordExchange(recorder, series, { user: users[at % users.length] ?? "ada" });
  }
  return recorder.snapshot(0, []).series[0] as SeriesDelta;
}

const nothing = historyOf(deltaOf(1));

export function totalsOf(requests: number): HistoryTotals {
  return { ...nothing, outcomes: [requests, 0, 0, 0, 0, 0, 0, 0] };
}

export function rowOf(atMs: number, requests: number, key: Partial<SeriesKey> = {}): HistoryRow {
  const counts = encodeHistory(totalsOf(requests));
  return { series: seriesText(keyOf(key)), atMs, resolutionMs: 10_000, counts };
}
