import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { err } from "../../../src/base/result.ts";
import { createHistoryWriter, historyLimits } from "../../../src/control/history-writer.ts";
import type { HistoryRow, Store } from "../../../src/control/store/store.ts";
import {
  addHistoryTotals,
  decodeHistory,
  type HistoryTotals,
} from "../../../src/core/telemetry/history.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import { parseSeriesText, seriesText } from "../../../src/core/telemetry/series-text.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { openStore, storePath, valueOf } from "../../support/store.ts";

const secondMs = 1000;

/** A writer over a real store, on fake time; the wall clock may be put back and forth. */
function open(store: Pick<Store, "addHistory" | "rollUp"> = openStore(storePath())) {
  const time = createFakeTime();
  const wall = { offsetMs: 1_700_000_000_000 };
  const logs: string[] = [];
  const writer = createHistoryWriter({
    clock: {
      monotonicMs: () => time.clock.monotonicMs(),
      wallMs: () => time.clock.monotonicMs() + wall.offsetMs,
    },
    timers: time.timers,
    store,
    log: (_level, message) => logs.push(message),
  });
  return { time, wall, logs, writer };
}

function deltas(count: number, route = "/x"): readonly SeriesDelta[] {
  const recorder = createRecorder();
  const series = recorder.series(keyOf({ route }));
  for (let at = 0; at < count; at += 1) recordExchange(recorder, series);
  return recorder.snapshot(0, []).series;
}

function rowsOf(store: Store): readonly HistoryRow[] {
  const query = { fromMs: 0, toMs: 2e12, resolutionMs: 10_000 } as const;
  return valueOf(store.readHistory(query)).rows;
}

function totalsOf(rows: readonly HistoryRow[]): HistoryTotals | null {
  return rows.reduce<HistoryTotals | null>((sum, { counts }) => {
    const decoded = decodeHistory(counts);
    if (!decoded.ok) throw new Error(decoded.error);
    return sum === null ? decoded.value : addHistoryTotals(sum, decoded.value);
  }, null);
}

describe("the history writer", () => {
  it("writes a stretch once it is over, as one row a series", () => {
    const store = openStore(storePath());
    const { time, writer } = open(store);
    writer.take(deltas(3));
    time.advance(4 * secondMs);
    writer.take(deltas(2));
    writer.take(deltas(1, "/y"));
    time.advance(6 * secondMs);
    expect(rowsOf(store)).toEqual([]);
    time.advance(historyLimits.graceMs + historyLimits.writeEveryMs);
    const rows = rowsOf(store);
    expect(rows.map(({ atMs, series }) => [atMs, parseSeriesText(series)?.route])).toEqual([
      [1_700_000_000_000, "/x"],
      [1_700_000_000_000, "/y"],
    ]);
    expect(totalsOf(rows)).toMatchObject({ analysed: 6 });
    expect(writer.state()).toEqual({ written: 2, dropped: 0, waiting: 0 });
  });

  it("what is read back is what was taken, whatever the clock does", () => {
    const happening = fc.record({
      count: fc.integer({ min: 1, max: 4 }),
      passMs: fc.nat(15 * secondMs),
      jumpMs: fc.constantFrom(0, 0, 0, -3_600_000, 3_600_000, -7),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 12 }), (happenings) => {
        const store = openStore(":memory:");
        const { time, wall, writer } = open(store);
        let taken = 0;
        for (const { count, passMs, jumpMs } of happenings) {
          writer.take(deltas(count));
          taken += count;
          wall.offsetMs += jumpMs;
          time.advance(passMs);
        }
        writer.stop();
        expect(totalsOf(rowsOf(store))?.analysed ?? 0).toBe(taken);
        expect(writer.state().waiting).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it("a store that fails is told once a minute, and gets everything when it is back", () => {
    const store = openStore(storePath());
    const broken = { isBroken: true };
    const fault = err({ code: "full", message: "no room" } as const);
    const { time, writer, logs } = open({
      addHistory: (rows) => (broken.isBroken ? fault : store.addHistory(rows)),
      rollUp: (nowMs) => (broken.isBroken ? fault : store.rollUp(nowMs)),
    });
    for (let stretch = 0; stretch < 10; stretch += 1) {
      writer.take(deltas(1));
      time.advance(10 * secondMs);
    }
    expect(logs.filter((message) => message === "telemetry history not written")).toHaveLength(2);
    expect(writer.state()).toMatchObject({ written: 0, waiting: 10 });
    broken.isBroken = false;
    time.advance(2 * secondMs);
    expect(writer.state()).toEqual({ written: 10, dropped: 0, waiting: 0 });
    expect(totalsOf(rowsOf(store))?.analysed).toBe(10);
  });

  it("holds so many rows and no more, and counts what it lost", () => {
    const fault = err({ code: "full", message: "no room" } as const);
    const { writer } = open({ addHistory: () => fault, rollUp: () => fault });
    const [one] = deltas(1);
    if (one === undefined) throw new Error("no delta");
    for (let route = 0; route < historyLimits.rowsMax + 5; route += 1) {
      writer.take([{ ...one, key: { ...one.key, route: `/${route}` } }]);
    }
    expect(writer.state()).toMatchObject({ waiting: historyLimits.rowsMax, dropped: 5 });
    expect([writer.droppedOf("models"), writer.droppedOf("other")]).toEqual([5, 0]);
  });

  it("writes in batches, and rolls up once a minute until all of it is done", () => {
    const sizes: number[] = [];
    const rolledAt: number[] = [];
    const left = [false, false, true];
    const { time, writer } = open({
      addHistory: (rows) => {
        sizes.push(rows.length);
        return { ok: true, value: undefined };
      },
      rollUp: () => {
        rolledAt.push(time.clock.monotonicMs());
        const isDone = left.shift() ?? true;
        return { ok: true, value: { merged: 0, deleted: 0, unreadable: 0, rows: 0, isDone } };
      },
    });
    const [one] = deltas(1);
    if (one === undefined) throw new Error("no delta");
    writer.take(
      Array.from({ length: 250 }, (_, route) =>
        Object.assign({}, one, { key: { ...one.key, route: `/${route}` } }),
      ),
    );
    time.advance(12 * secondMs);
    expect(sizes).toEqual([100, 100, 50]);
    time.advance(120 * secondMs);
    expect(rolledAt).toEqual([60_000, 60_250, 60_500, 120_500]);
  });

  it("a series' key comes back from its text, and from no other", () => {
    const text = fc.option(fc.string(), { nil: null });
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.string(),
        fc.nat(),
        fc.boolean(),
        fc.boolean(),
        (...parts) => {
          const [experiment, variant, upstream, route, epoch, randomised, shadow] = parts;
          const key = { experiment, variant, upstream, route, epoch, randomised, shadow };
          expect(parseSeriesText(seriesText(key))).toEqual(key);
        },
      ),
    );
    for (const other of ["", "x", "[]", "{}", '[null,null,null,"/",-1,true]', "null"]) {
      expect(parseSeriesText(other)).toBeNull();
    }
  });
});
