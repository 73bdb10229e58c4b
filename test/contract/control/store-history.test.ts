import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  historyBatchMax,
  historyReadMax,
  historyResolutionsMs,
  type HistoryResolutionMs,
  type HistoryRow,
  type RollUp,
  type Store,
  type VerdictRow,
} from "../../../src/control/store/store.ts";
import {
  decodeHistory,
  encodeHistory,
  historyOf,
  type HistoryTotals,
} from "../../../src/core/telemetry/history.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { useStoreKinds, type KindOptions } from "../../support/store-kinds.ts";
import { faultCode, valueOf } from "../../support/store.ts";

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Midnight, so that every resolution begins here. */
const startMs = 20_000 * dayMs;

const nothing = (() => {
  const recorder = createRecorder();
  recorder.startInFlight(recorder.series(keyOf()));
  return historyOf(recorder.snapshot(0, []).series[0] as SeriesDelta);
})();

function row(written: Partial<HistoryRow> & { readonly requests?: number } = {}): HistoryRow {
  const { requests = 1, ...rest } = written;
  const counts = encodeHistory({ ...nothing, outcomes: [requests, 0, 0, 0, 0, 0, 0] });
  return { series: "a", atMs: startMs, resolutionMs: 10_000, counts, ...rest };
}

function totalsOf(bytes: Uint8Array): HistoryTotals {
  const totals = decodeHistory(bytes);
  if (!totals.ok) throw new Error(totals.error);
  return totals.value;
}

/** [series, time, requests] of all rows of a resolution. */
function requestsOf(store: Store, resolutionMs: HistoryResolutionMs, series?: string) {
  const range = { fromMs: 0, toMs: 2 * startMs, resolutionMs };
  const { rows, nextFromMs } = valueOf(
    store.readHistory(series === undefined ? range : { ...range, series }),
  );
  expect(nextFromMs).toBeNull();
  return rows.map(({ series, atMs, counts }) => [
    series,
    atMs - startMs,
    totalsOf(counts).outcomes[0],
  ]);
}

function rollUpAll(store: Store, nowMs: number): RollUp[] {
  const done: RollUp[] = [];
  do done.push(valueOf(store.rollUp(nowMs)));
  while (done.at(-1)?.isDone === false);
  return done;
}

describe.each(useStoreKinds())("$name", ({ name, isThere, newPlace }) => {
  describe.skipIf(!isThere)("keeps history, which", () => {
    const open = async (options?: KindOptions) => (await newPlace()).open(options);

    test("is read by time and series, from the start of the range and up to its end", async () => {
      const store = await open();
      valueOf(
        store.addHistory([
          row({ atMs: startMs + 20_000, requests: 3 }),
          row({ series: "b", requests: 2 }),
          row(),
          row({ resolutionMs: minuteMs, requests: 9 }),
        ]),
      );
      expect(requestsOf(store, 10_000)).toEqual([
        ["a", 0, 1],
        ["b", 0, 2],
        ["a", 20_000, 3],
      ]);
      expect(requestsOf(store, 10_000, "a")).toEqual([
        ["a", 0, 1],
        ["a", 20_000, 3],
      ]);
      expect(requestsOf(store, minuteMs)).toEqual([["a", 0, 9]]);
      const range = { fromMs: startMs, toMs: startMs + 20_000, resolutionMs: 10_000 } as const;
      expect(valueOf(store.readHistory(range)).rows.map(({ series }) => series)).toEqual([
        "a",
        "b",
      ]);
    });

    test("of the same series and time adds up, also after a restart and off the boundary", async () => {
      const place = await newPlace();
      const store = place.open();
      valueOf(store.addHistory([row({ requests: 5 })]));
      store.close();
      const again = place.open();
      valueOf(
        again.addHistory([row({ requests: 2, atMs: startMs + 9_999 }), row({ requests: 1 })]),
      );
      expect(requestsOf(again, 10_000)).toEqual([["a", 0, 8]]);
    });

    test("six stretches make the minute, with everything that they hold", async () => {
      const store = await open();
      const recorder = createRecorder();
      const series = recorder.series(keyOf());
      for (let at = 0; at < 6; at += 1) {
        for (let of = 0; of <= at; of += 1) {
          recordExchange(recorder, series, { durationUs: 1000 * (at + 1), user: `u${of}` });
        }
        const delta = recorder.snapshot(0, []).series[0] as SeriesDelta;
        const counts = encodeHistory(historyOf(delta));
        valueOf(store.addHistory([row({ atMs: startMs + at * 10_000, counts })]));
      }
      expect(valueOf(store.rollUp(startMs + minuteMs - 1)).merged).toBe(0);
      expect(valueOf(store.rollUp(startMs + minuteMs)).merged).toBe(6);
      const range = { fromMs: startMs, toMs: startMs + 1, resolutionMs: minuteMs } as const;
      const [minute] = valueOf(store.readHistory(range)).rows;
      const totals = totalsOf(minute?.counts ?? new Uint8Array());
      expect(totals).toMatchObject({ outcomes: [21, 0, 0, 0, 0, 0, 0, 0], analysed: 21 });
      // 1 of 1 ms, 2 of 2 ms … 6 of 6 ms.
      expect(totals.duration.filter((_, at) => at % 2 === 1)).toEqual(
        Int32Array.of(1, 2, 3, 4, 5, 6),
      );
      expect(totals.users?.kind === "exact" && totals.users.added.length).toBe(6);
    });

    test("rolled up at any times, with latecomers, is the same sums", async () => {
      const added = fc.record({
        series: fc.constantFrom("a", "b"),
        atMs: fc.nat(3 * hourMs).map((ms) => startMs + ms),
        requests: fc.integer({ min: 1, max: 1000 }),
      });
      const steps = fc.array(fc.oneof(added, fc.nat(4 * hourMs)), { maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(steps, async (steps) => {
          const store = await open();
          const sums = new Map<string, number>();
          for (const step of steps) {
            if (typeof step === "number") valueOf(store.rollUp(startMs + step));
            else {
              valueOf(store.addHistory([row(step)]));
              for (const resolutionMs of historyResolutionsMs) {
                const atMs = Math.floor(step.atMs / resolutionMs) * resolutionMs - startMs;
                const key = JSON.stringify([resolutionMs, step.series, atMs]);
                sums.set(key, (sums.get(key) ?? 0) + step.requests);
              }
            }
          }
          rollUpAll(store, startMs + 4 * hourMs);
          const found = new Map(
            historyResolutionsMs.flatMap((resolutionMs) =>
              requestsOf(store, resolutionMs).map(([series, atMs, requests]) => [
                JSON.stringify([resolutionMs, series, atMs]),
                requests,
              ]),
            ) as [string, number][],
          );
          expect(found).toEqual(sums);
          store.close();
        }),
        { numRuns: name === "SQLite" ? 60 : 4 },
      );
    });

    test("is deleted after a day, a week and the retention, and the sums stay until then", async () => {
      const store = await open({ historyRetentionMs: 10 * dayMs });
      valueOf(store.addHistory([row({ requests: 7 })]));
      const counts = (nowMs: number) => {
        rollUpAll(store, startMs + nowMs);
        return historyResolutionsMs.map((resolutionMs) => requestsOf(store, resolutionMs).length);
      };
      expect(counts(dayMs + 9_999)).toEqual([1, 1, 1]);
      expect(counts(dayMs + 10_000)).toEqual([0, 1, 1]);
      expect(counts(7 * dayMs + minuteMs - 1)).toEqual([0, 1, 1]);
      expect(counts(7 * dayMs + minuteMs)).toEqual([0, 0, 1]);
      expect(requestsOf(store, hourMs)).toEqual([["a", 0, 7]]);
      expect(counts(10 * dayMs + hourMs - 1)).toEqual([0, 0, 1]);
      expect(counts(10 * dayMs + hourMs)).toEqual([0, 0, 0]);
    });

    test("is gone after 168 hours unless told, and with it the names of series", async () => {
      const store = await open();
      valueOf(store.addHistory([row(), row({ series: "b", atMs: startMs + 10 * dayMs })]));
      // It was never rolled up while it was fresh.
      rollUpAll(store, startMs + 168 * hourMs + hourMs);
      expect(requestsOf(store, hourMs, "a")).toEqual([]);
      expect(valueOf(store.historySeries("a"))).toEqual([]);
      expect(valueOf(store.historySeries("b"))).toHaveLength(1);
    });

    test("a shorter retention holds for every resolution", async () => {
      const store = await open({ historyRetentionMs: hourMs });
      valueOf(store.addHistory([row(), row({ atMs: startMs + hourMs })]));
      rollUpAll(store, startMs + 2 * hourMs - 1);
      expect(requestsOf(store, 10_000)).toEqual([["a", hourMs, 1]]);
      expect(requestsOf(store, minuteMs)).toEqual([["a", hourMs, 1]]);
      expect(requestsOf(store, hourMs)).toEqual([["a", 0, 1]]);
      rollUpAll(store, startMs + 2 * hourMs);
      expect(requestsOf(store, hourMs)).toEqual([["a", hourMs, 1]]);
    });

    test("beyond the rows' limit the oldest of the finest go first", async () => {
      const store = await open({ historyRowsMax: 4 });
      valueOf(store.addHistory([0, 1, 2, 3, 4].map((at) => row({ atMs: startMs + at * 10_000 }))));
      // Nothing goes that is not yet in a longer stretch.
      expect(valueOf(store.rollUp(startMs))).toMatchObject({ deleted: 0, rows: 5 });
      expect(valueOf(store.rollUp(startMs + minuteMs))).toMatchObject({ deleted: 2, rows: 4 });
      expect(requestsOf(store, 10_000).map(([, atMs]) => atMs)).toEqual([20_000, 30_000, 40_000]);
      expect(requestsOf(store, minuteMs)).toEqual([["a", 0, 5]]);
    });

    test("one call's work is bounded, and further calls end it", async () => {
      const store = await open();
      const rows = Array.from({ length: 1080 }, (_, at) => row({ atMs: startMs + at * 10_000 }));
      valueOf(store.addHistory(rows));
      const calls = [
        ...rollUpAll(store, startMs + 4 * hourMs),
        ...rollUpAll(store, startMs + 8 * dayMs),
      ];
      expect(Math.max(...calls.map(({ merged }) => merged))).toBe(50);
      expect(Math.max(...calls.map(({ deleted }) => deleted))).toBe(500);
      expect(calls.reduce((sum, { merged }) => sum + merged, 0)).toBe(1080 + 180);
      expect(calls.at(-1)?.rows).toBe(0);
    });

    test("bytes that nobody can read are counted and hold up nothing", async () => {
      const store = await open();
      const counts = Uint8Array.of(99);
      valueOf(store.addHistory([row({ counts }), row({ atMs: startMs + 10_000, requests: 4 })]));
      expect(valueOf(store.rollUp(startMs + minuteMs))).toMatchObject({ merged: 2, unreadable: 1 });
      expect(requestsOf(store, minuteMs)).toEqual([["a", 0, 4]]);
    });

    test("more rows at once than the limit are refused whole", async () => {
      const store = await open();
      const rows = Array.from({ length: historyBatchMax + 1 }, () => row());
      expect(faultCode(store.addHistory(rows))).toBe("too_large");
      expect(requestsOf(store, 10_000)).toEqual([]);
      valueOf(store.addHistory(rows.slice(1)));
      expect(requestsOf(store, 10_000)).toEqual([["a", 0, historyBatchMax]]);
    });

    test("comes in pages of whole stretches", async () => {
      const store = await open();
      const perStretch = 4000;
      for (let at = 0; at < 4; at += 1) {
        valueOf(
          store.addHistory(
            Array.from({ length: perStretch }, (_, series) =>
              row({ series: `s${series}`, atMs: startMs + at * 10_000 }),
            ),
          ),
        );
      }
      const range = { toMs: startMs + hourMs, resolutionMs: 10_000 } as const;
      const first = valueOf(store.readHistory({ ...range, fromMs: startMs }));
      expect(first.rows).toHaveLength(2 * perStretch);
      expect(first.nextFromMs).toBe(startMs + 20_000);
      const second = valueOf(store.readHistory({ ...range, fromMs: startMs + 20_000 }));
      expect(second.rows).toHaveLength(2 * perStretch);
      expect(second.nextFromMs).toBeNull();
    });

    test("a stretch with more series than a page comes whole", async () => {
      const store = await open();
      for (const half of [0, 1]) {
        valueOf(
          store.addHistory(
            Array.from({ length: historyBatchMax }, (_, series) =>
              row({ series: `s${half} ${series}` }),
            ),
          ),
        );
      }
      valueOf(store.addHistory([row(), row({ atMs: startMs + 10_000 })]));
      const range = { toMs: startMs + hourMs, resolutionMs: 10_000 } as const;
      const page = valueOf(store.readHistory({ ...range, fromMs: startMs }));
      expect(page.rows).toHaveLength(historyReadMax + 1);
      expect(page.nextFromMs).toBe(startMs + 10_000);
      const next = valueOf(store.readHistory({ ...range, fromMs: startMs + 10_000 }));
      expect([next.rows.length, next.nextFromMs]).toEqual([1, null]);
    });
  });

  describe.skipIf(!isThere)("keeps verdicts, of which", () => {
    const of = { experiment: "e", guardrail: "g", unit: "share", onBreach: "pause" } as const;
    const verdictAt = (at: number, verdict: VerdictRow["verdict"], value = 0): VerdictRow => ({
      of: { ...of, dryRun: false },
      atMs: startMs + at * 10_000,
      verdict,
      value,
      control: null,
      limit: 1,
      low: null,
      high: 2.5,
      requests: 7,
      pValue: 1e-12,
    });
    const query = { experiment: "e", guardrail: "g", fromMs: 0, toMs: 2 * startMs };

    test("the graver one stays, and of equal ones the later", async () => {
      const store = (await newPlace()).open();
      valueOf(store.addVerdicts([verdictAt(0, "breach", 1), verdictAt(0, "ok", 2)]));
      valueOf(store.addVerdicts([verdictAt(0, "breach", 3), verdictAt(1, "ok", 4)]));
      // Waiting is no graver than being right.
      valueOf(store.addVerdicts([verdictAt(1, "wait", 5), verdictAt(2, "error", 6)]));
      const read = (stepMs: number) =>
        valueOf(store.readVerdicts({ ...query, stepMs })).map(({ atMs, verdict, value }) => [
          (atMs - startMs) / 10_000,
          verdict,
          value,
        ]);
      expect(read(10_000)).toEqual([
        [0, "breach", 3],
        [1, "wait", 5],
        [2, "error", 6],
      ]);
      expect(read(20_000)).toEqual([
        [0, "breach", 3],
        [2, "error", 6],
      ]);
      const { of: _, ...first } = verdictAt(0, "breach", 3);
      expect(valueOf(store.readVerdicts({ ...query, stepMs: 10_000 }))[0]).toEqual(first);
      expect(valueOf(store.judgedGuardrails("e"))).toEqual([{ ...of, dryRun: false }]);
      expect([valueOf(store.firstVerdictMs("e")), valueOf(store.firstVerdictMs("f"))]).toEqual([
        startMs,
        null,
      ]);
    });

    test("the oldest go, breaches last, and with the last one its guardrail", async () => {
      const store = (await newPlace()).open();
      const rows = (["ok", "breach", "ok", "ok"] as const).map((verdict, at) =>
        verdictAt(at, verdict),
      );
      valueOf(store.addVerdicts(rows));
      const left = (rowsMax: number, nowMs = startMs) => {
        const trimmed = valueOf(store.trimVerdicts(nowMs, { retentionMs: hourMs, rowsMax }));
        expect(trimmed.isDone).toBe(true);
        const kept = valueOf(store.readVerdicts({ ...query, stepMs: 10_000 }));
        return kept.map(({ atMs }) => (atMs - startMs) / 10_000);
      };
      expect(left(4)).toEqual([0, 1, 2, 3]);
      expect(left(2)).toEqual([1, 3]);
      expect(left(1)).toEqual([1]);
      expect(left(1, startMs + hourMs + 20_000)).toEqual([]);
      expect(valueOf(store.judgedGuardrails("e"))).toEqual([]);
    });
  });
});
