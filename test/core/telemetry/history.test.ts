import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mix32 } from "../../../src/core/assignment/hash.ts";
import { ByteReader, ByteWriter } from "../../../src/core/telemetry/byte-stream.ts";
import { DistinctUsers } from "../../../src/core/telemetry/distinct.ts";
import {
  addHistoryTotals,
  decodeHistory,
  encodeHistory,
  historyOf,
  historyUsersExactMax,
  mergeHistory,
  type HistoryTotals,
} from "../../../src/core/telemetry/history.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { anyExchange, keyOf, recordExchange, type Exchange } from "./exchanges.ts";

function deltaOf(exchanges: readonly Exchange[], users = 0): SeriesDelta {
  const recorder = createRecorder();
  const series = recorder.series(keyOf());
  for (const exchange of exchanges) recordExchange(recorder, series, exchange);
  for (let id = 0; id < users; id += 1) series.users.add(mix32(id));
  for (const { durationUs, bytesOut } of exchanges) {
    recorder.recordMetric(series, `metric_${durationUs % 3}`, bytesOut - 500, durationUs % 256);
    if (bytesOut % 4 === 0) recorder.recordFailure(series, "no_context");
  }
  recorder.startInFlight(series);
  return recorder.snapshot(0, []).series[0] as SeriesDelta;
}

/** A few of `anyExchange`'s forty users, or so many that they are a sketch. */
const anyTotals = fc
  .tuple(
    fc.array(anyExchange, { maxLength: 40 }),
    fc.constantFrom(0, 0, historyUsersExactMax, historyUsersExactMax + 1, 3000),
  )
  .map(([exchanges, users]) => historyOf(deltaOf(exchanges, users)));

function decoded(bytes: Uint8Array): HistoryTotals {
  const totals = decodeHistory(bytes);
  if (!totals.ok) throw new Error(totals.error);
  return totals.value;
}

function merged(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = mergeHistory(left, right);
  if (!bytes.ok) throw new Error(bytes.error);
  return bytes.value;
}

function estimate(totals: HistoryTotals): number {
  const users = new DistinctUsers();
  if (totals.users !== null) users.merge(totals.users);
  return users.estimate();
}

describe("encoded history", () => {
  test("says after decoding what it said before", () => {
    fc.assert(
      fc.property(anyTotals, (totals) => {
        expect(decoded(encodeHistory(totals))).toEqual(totals);
      }),
    );
  });

  test("merges to the encoding of the sum, in either order", () => {
    fc.assert(
      fc.property(anyTotals, anyTotals, (a, b) => {
        const bytes = merged(encodeHistory(a), encodeHistory(b));
        expect(bytes).toEqual(encodeHistory(addHistoryTotals(a, b)));
        expect(bytes).toEqual(merged(encodeHistory(b), encodeHistory(a)));
      }),
      { numRuns: 60 },
    );
  });

  test("of stretches sums to what one stretch of all would be", () => {
    const exchanges = fc.array(anyExchange, { maxLength: 30 });
    fc.assert(
      fc.property(exchanges, exchanges, (a, b) => {
        const parts = addHistoryTotals(historyOf(deltaOf(a)), historyOf(deltaOf(b)));
        const whole = historyOf(deltaOf([...a, ...b]));
        const rounded = ({ clusters, ...rest }: HistoryTotals) => ({
          ...rest,
          clusters: Array.from(clusters, (sum) => Number(sum.toPrecision(9))),
        });
        expect(rounded(parts)).toEqual(rounded(whole));
      }),
      { numRuns: 60 },
    );
  });

  test("counts the users of two stretches once, exactly to the bound and then as a sketch", () => {
    const all = historyOf(deltaOf([], historyUsersExactMax));
    expect(all.users?.kind).toBe("exact");
    expect(estimate(addHistoryTotals(all, all))).toBe(historyUsersExactMax);
    const more = historyOf(deltaOf([], historyUsersExactMax + 1));
    expect(more.users?.kind).toBe("sketch");
    const many = addHistoryTotals(more, historyOf(deltaOf([], 10_000)));
    expect(Math.abs(estimate(many) / 10_000 - 1)).toBeLessThan(0.065);
  });

  test("is small when little happened and bounded when much did", () => {
    const nothing = historyOf(deltaOf([]));
    expect(encodeHistory(nothing).length).toBeLessThan(32);
    const sketch = historyOf(deltaOf([], 100_000));
    expect(encodeHistory(sketch).length).toBeLessThan(2600);
  });

  test("is refused when it is cut short, has more behind it or is of another format", () => {
    fc.assert(
      fc.property(anyTotals, fc.nat(), (totals, cut) => {
        const bytes = encodeHistory(totals);
        expect(decodeHistory(bytes.slice(0, cut % bytes.length)).ok).toBe(false);
        expect(decodeHistory(Uint8Array.of(...bytes, 0)).ok).toBe(false);
        expect(decodeHistory(Uint8Array.of(3, ...bytes.slice(1)))).toEqual({
          ok: false,
          error: "history of an unknown format (3)",
        });
      }),
      { numRuns: 60 },
    );
  });

  test("never makes the reader throw or hang, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const totals = decodeHistory(Uint8Array.of(2, ...bytes));
        // What can be read can also be written.
        if (totals.ok) expect(decoded(encodeHistory(totals.value))).toEqual(totals.value);
      }),
      { numRuns: 2000 },
    );
    // A length beyond all memory.
    expect(decodeHistory(Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 15)).ok).toBe(false);
  });

  test("of an older Sluice that knew fewer outcomes has none of the others", () => {
    const bytes = encodeHistory({
      ...historyOf(deltaOf([])),
      outcomes: [3, 1],
      analysedOutcomes: [],
    });
    expect(decoded(bytes).outcomes).toEqual([3, 1, 0, 0, 0, 0, 0, 0]);
  });

  test("of an older Sluice that knew no metrics is read, too", () => {
    const { metrics, failures, ...totals } = historyOf(deltaOf([]));
    const bytes = encodeHistory({ ...totals, bytesIn: 7, metrics, failures });
    const older = Uint8Array.of(1, ...bytes.slice(1, -2));
    expect(decoded(older)).toEqual({ ...totals, bytesIn: 7, metrics: {}, failures: {} });
  });
});

describe("numbers in bytes", () => {
  test("come back as they were", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.double({ noNaN: true }), (count, double) => {
        const writer = new ByteWriter();
        writer.unsigned(count);
        writer.double(double);
        const reader = new ByteReader(writer.bytes());
        expect([reader.unsigned(), reader.double()]).toEqual([count, double]);
        expect([reader.left, reader.failed]).toEqual([0, false]);
      }),
    );
  });

  test.each([-1, 0.5, NaN, 2 ** 53])("%d is no count", (value) => {
    expect(() => new ByteWriter().unsigned(value)).toThrow(RangeError);
  });
});
