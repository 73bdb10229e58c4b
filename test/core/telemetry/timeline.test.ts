import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  distributionBucketsMax,
  distributionOf,
  durationFacts,
} from "../../../src/core/telemetry/durations.ts";
import {
  addHistoryTotals,
  historyOf,
  type HistoryTotals,
} from "../../../src/core/telemetry/history.ts";
import { addCounts, createLatency, takeCounts } from "../../../src/core/telemetry/latency.ts";
import { percentileMs } from "../../../src/core/telemetry/merge.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import {
  addToTimeline,
  appendStretch,
  createColumns,
  createTimeline,
  stretchesOf,
  type Columns,
} from "../../../src/core/telemetry/timeline.ts";
import { anyExchange, keyOf, recordExchange, type Exchange } from "./exchanges.ts";

function totalsOf(exchanges: readonly Partial<Exchange>[], tokens?: number): HistoryTotals {
  const recorder = createRecorder();
  const series = recorder.series(keyOf());
  for (const exchange of exchanges) recordExchange(recorder, series, exchange);
  if (tokens !== undefined) recorder.recordMetric(series, "tokens_in", tokens, 3);
  return historyOf(recorder.snapshot(0, []).series[0] as SeriesDelta);
}

function countsOf(valuesUs: readonly number[]): Int32Array {
  const latency = createLatency();
  for (const value of valuesUs) latency.recordValue(value);
  return takeCounts(latency);
}

type Row = { readonly atMs: number; readonly totals: HistoryTotals };

function columnsOf(
  rows: readonly Row[],
  stepMs: number,
): { at: readonly number[]; columns: Columns } {
  const timeline = createTimeline(stepMs);
  for (const { atMs, totals } of rows) addToTimeline(timeline, "a", atMs, totals);
  const columns = createColumns();
  const at = stretchesOf(timeline);
  for (const atMs of at) appendStretch(columns, timeline, "a", atMs);
  return { at, columns };
}

const durations = fc.array(fc.integer({ min: 1, max: 400_000_000 }), {
  minLength: 1,
  maxLength: 60,
});

describe("durations of sparse counts", () => {
  test("are the same as those of the histogram they came from", () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0.1, max: 100, noNaN: true }), (values, percent) => {
        const counts = countsOf(values);
        const latency = createLatency(64);
        addCounts(latency, counts);
        const facts = durationFacts(counts);
        for (const each of [percent, 50, 75, 90, 95, 99, 99.9, 100]) {
          expect(facts?.at(each)).toBe(percentileMs(latency, each));
        }
        expect(facts?.max).toBe(percentileMs(latency, 100));
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length / 1000;
        expect(Math.abs((facts?.mean ?? 0) - mean)).toBeLessThan(mean / 1000 + 0.001);
      }),
    );
  });

  test("are none without any", () => {
    expect(durationFacts(new Int32Array(0))).toBeNull();
  });
});

describe("the distribution", () => {
  test("has every duration of every arm once, in rising buckets of equal ratio", () => {
    fc.assert(
      fc.property(durations, durations, (one, other) => {
        const { boundsMs, counts } = distributionOf([
          countsOf(one),
          countsOf(other),
          new Int32Array(0),
        ]);
        expect(boundsMs.length).toBeLessThanOrEqual(distributionBucketsMax);
        expect(counts.map((each) => each.length)).toEqual([1, 1, 1].map(() => boundsMs.length));
        const sums = counts.map((each) => each.reduce((sum, count) => sum + count, 0));
        expect(sums).toEqual([one.length, other.length, 0]);
        const ratios = boundsMs.slice(1).map((bound, at) => bound / (boundsMs[at] as number));
        expect(Math.min(Infinity, ...ratios)).toBeGreaterThan(1);
        expect(Math.max(0, ...ratios) - Math.min(...ratios, Infinity)).toBeLessThan(1e-6);
      }),
    );
  });

  test("of one value is one bucket, of nothing none", () => {
    expect(distributionOf([countsOf([5000, 5000])]).counts).toEqual([[2]]);
    expect(distributionOf([new Int32Array(0)])).toEqual({ boundsMs: [], counts: [[]] });
  });
});

describe("columns", () => {
  test("count what finished and failed, and leave out stretches without anything", () => {
    const { at, columns } = columnsOf(
      [
        { atMs: 0, totals: totalsOf([{ durationUs: 1000 }, { outcome: "upstream_error" }], 5) },
        { atMs: 1000, totals: totalsOf([{ outcome: "client_error" }, { outcome: "aborted" }]) },
        { atMs: 30_000, totals: totalsOf([{ analysed: false }]) },
      ],
      10_000,
    );
    expect(at).toEqual([0, 30_000]);
    expect(columns).toMatchObject({
      requests: [4, 1],
      failures: [1, 0],
      tokensIn: [5, null],
      tokensOut: [null, null],
      p99: [2, null],
      mean: [expect.closeTo(1.75), null],
    });
  });

  test("of merged rows are those of the rows", () => {
    const row = fc.record({
      atMs: fc.nat(20).map((tens) => tens * 10_000),
      exchanges: fc.array(anyExchange, { minLength: 1, maxLength: 5 }),
      tokens: fc.option(fc.nat(100), { nil: undefined }),
    });
    const steps = fc.constantFrom(10_000, 20_000, 60_000);
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), steps, (written, stepMs) => {
        const rows = written.map(({ atMs, exchanges, tokens }) => {
          return { atMs, totals: totalsOf(exchanges, tokens) };
        });
        const merged = new Map<number, HistoryTotals>();
        for (const { atMs, totals } of rows) {
          const stretchMs = Math.floor(atMs / stepMs) * stepMs;
          const before = merged.get(stretchMs);
          merged.set(stretchMs, before === undefined ? totals : addHistoryTotals(before, totals));
        }
        const sums = Array.from(merged, ([atMs, totals]) => ({ atMs, totals }));
        expect(columnsOf(rows, stepMs)).toEqual(columnsOf(sums, stepMs));
      }),
      { numRuns: 60 },
    );
  });
});
