import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clusterOf, telemetryHash } from "../../../src/core/assignment/hash.ts";
import { clusterCount, createClusterSums } from "../../../src/core/telemetry/clusters.ts";
import {
  addSnapshot,
  createTotals,
  percentileMs,
  sumOf,
} from "../../../src/core/telemetry/merge.ts";
import { takeCounts } from "../../../src/core/telemetry/latency.ts";
import {
  createRecorder,
  metricsPerSeriesMax,
  seriesMax,
  urgentMin,
  type Series,
} from "../../../src/core/telemetry/recorder.ts";
import {
  inFlightAgeBoundsMs,
  type SeriesDelta,
  type TelemetrySnapshot,
} from "../../../src/core/telemetry/snapshot.ts";
import { outcomes } from "../../../src/core/traffic/outcome.ts";
import { anyExchange, keyOf, recordExchange, type Exchange } from "./exchanges.ts";

function only({ series }: TelemetrySnapshot): SeriesDelta {
  expect(series).toHaveLength(1);
  return series[0] as SeriesDelta;
}

/** What one recorder says of these exchanges, with a snapshot after each part. */
function totalsOf(...parts: readonly (readonly Exchange[])[]) {
  const recorder = createRecorder();
  const series = recorder.series(keyOf());
  const totals = createTotals();
  for (const part of parts) {
    for (const exchange of part) recordExchange(recorder, series, exchange);
    for (const delta of structuredClone(recorder.snapshot(0, [])).series)
      addSnapshot(totals, delta);
  }
  return totals;
}

function plain(totals: ReturnType<typeof createTotals>) {
  const { duration, firstByte, users, failingUsers, clusters, ...rest } = totals;
  return {
    ...rest,
    duration: takeCounts(duration),
    firstByte: takeCounts(firstByte),
    users: users.estimate(),
    failingUsers: failingUsers.estimate(),
    clusters: Array.from(clusters, (sum) => Number(sum.toPrecision(9))),
  };
}

describe("snapshots", () => {
  const exchanges = fc.array(anyExchange, { maxLength: 30 });

  test("deltas add up to the whole, wherever they are cut", () => {
    fc.assert(
      fc.property(exchanges, exchanges, exchanges, (a, b, c) => {
        expect(plain(totalsOf(a, b, c))).toEqual(plain(totalsOf([...a, ...b, ...c])));
      }),
      { numRuns: 40 },
    );
  });

  test("the merge of two workers is the union of what they saw", () => {
    fc.assert(
      fc.property(exchanges, exchanges, (a, b) => {
        const merged = createTotals();
        for (const part of [b, a]) {
          const recorder = createRecorder();
          for (const exchange of part) recordExchange(recorder, recorder.series(keyOf()), exchange);
          for (const delta of recorder.snapshot(0, []).series) addSnapshot(merged, delta);
        }
        expect(plain(merged)).toEqual(plain(totalsOf([...a, ...b])));
      }),
      { numRuns: 40 },
    );
  });

  test("cluster sums are the naive sums by cluster of the analysed exchanges with a user", () => {
    fc.assert(
      fc.property(fc.array(anyExchange, { maxLength: 60 }), (seen) => {
        const naive = createClusterSums();
        for (const { user, analysed, durationUs, outcome } of seen) {
          if (user === null || !analysed) continue;
          const at = clusterOf(telemetryHash(user)) * 4;
          const ms = durationUs / 1000;
          const failed = !["success", "client_error", "aborted"].includes(outcome);
          for (const [field, value] of [1, ms, ms * ms, failed ? 1 : 0].entries()) {
            naive[at + field] = (naive[at + field] as number) + value;
          }
        }
        const { clusters } = totalsOf(seen);
        expect(clusters).toHaveLength(clusterCount * 4);
        for (const [at, sum] of clusters.entries()) expect(sum).toBeCloseTo(naive[at] as number, 3);
      }),
      { numRuns: 60 },
    );
  });

  test("exchanges that are not analysed are traffic only", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    recordExchange(recorder, series, { analysed: false, outcome: "timeout", bytesIn: 7 });
    recordExchange(recorder, series, { user: null, durationUs: 5000 });
    const totals = createTotals();
    addSnapshot(totals, only(recorder.snapshot(0, [])));
    expect(sumOf(totals.outcomes)).toBe(2);
    expect([totals.analysed, sumOf(totals.analysedOutcomes)]).toEqual([1, 1]);
    expect(totals.bytes.in).toBe(17);
    expect(totals.duration.totalCount).toBe(1);
    expect(percentileMs(totals.duration, 50)).toBeCloseTo(5, 2);
    // Analysed, but nobody's: no user and no cluster.
    expect([totals.users.estimate(), totals.clusters.some((sum) => sum !== 0)]).toEqual([0, false]);
  });

  test.each(outcomes.map((outcome) => [outcome] as const))("failing users after %s", (outcome) => {
    const failing = { success: 0, client_error: 0, aborted: 0 }[outcome as string] ?? 1;
    const recorder = createRecorder();
    recordExchange(recorder, recorder.series(keyOf()), { outcome });
    const delta = only(recorder.snapshot(0, []));
    expect(delta.users?.kind === "exact" && delta.users.added.length).toBe(1);
    expect(delta.failingUsers === null ? 0 : 1).toBe(failing);
  });

  test("unknown methods share one name", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (const method of ["BREW", "get", "GET", "X".repeat(1000)]) {
      recordExchange(recorder, series, { method });
    }
    const { statuses } = only(recorder.snapshot(0, []));
    expect(statuses.map(({ method, server }) => [method, server.count])).toEqual([
      ["_OTHER", 3],
      ["GET", 1],
    ]);
  });

  test("durations count in the bucket whose bound they do not exceed", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (const durationUs of [0, 5000, 5001, 120_000_000, 120_000_001]) {
      recordExchange(recorder, series, { durationUs, upstreamUs: -1 });
    }
    const [cell] = only(recorder.snapshot(0, [])).statuses;
    expect(cell?.server.counts).toEqual([2, 1, ...Array.from({ length: 15 }, () => 0), 1, 1]);
    expect(cell?.server.sumUs).toBe(240_010_002);
    expect(cell?.client.count).toBe(0);
  });
});

describe("series", () => {
  test("the same key has the same series; idle ones are left out", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    expect(recorder.series(keyOf())).toBe(series);
    expect(recorder.series(keyOf({ epoch: 2 }))).not.toBe(series);
    expect(recorder.snapshot(0, []).series).toEqual([]);
    recordExchange(recorder, series);
    expect(recorder.snapshot(0, []).series).toHaveLength(1);
    expect(recorder.snapshot(0, [])).toMatchObject({ series: [], seriesCount: 2, overflowed: 0 });
  });

  test("beyond the limit, exchanges count as overflow", () => {
    const recorder = createRecorder(2);
    const [first, second, third, fourth] = ["a", "b", "c", "d"].map((variant) =>
      recorder.series(keyOf({ variant })),
    ) as [Series, Series, Series, Series];
    expect(third).toBe(fourth);
    for (const series of [first, second, third, fourth]) recordExchange(recorder, series);
    const { series, seriesCount, overflowed } = recorder.snapshot(0, []);
    expect([seriesCount, overflowed]).toEqual([2, 2]);
    expect(series.map(({ key, outcomes }) => [key.route, sumOf(outcomes)])).toEqual([
      ["POST /embeddings", 1],
      ["POST /embeddings", 1],
      ["_overflow", 2],
    ]);
  });

  test("the limit is 4096 unless said otherwise", () => {
    const recorder = createRecorder();
    const routes = Array.from({ length: seriesMax + 1 }, (_, at) =>
      recorder.series(keyOf({ route: `/${at}` })),
    );
    expect(routes.at(-2)?.key.route).toBe(`/${seriesMax - 1}`);
    expect(routes.at(-1)?.key.route).toBe("_overflow");
  });

  test("exchanges in flight are seen until none is left", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    recorder.startInFlight(series);
    recorder.startInFlight(series);
    const ages = [
      { series, ageMs: 6000 },
      { series, ageMs: 20 },
    ];
    expect(only(recorder.snapshot(0, ages)).inFlight).toEqual({
      count: 2,
      oldestMs: 6000,
      olderThan: inFlightAgeBoundsMs.map((boundMs) => (boundMs < 6000 ? 1 : 0)),
    });
    recorder.endInFlight(series);
    recorder.endInFlight(series);
    expect(only(recorder.snapshot(0, [])).inFlight.count).toBe(0);
    expect(recorder.snapshot(0, []).series).toEqual([]);
  });

  test("a reload drops a series once it is idle and its last delta is sent", () => {
    const recorder = createRecorder();
    const old = recorder.series(keyOf());
    recorder.startInFlight(old);
    recorder.beginTable();
    recorder.series(keyOf({ epoch: 2 }));
    expect(recorder.snapshot(0, [{ series: old, ageMs: 1 }]).seriesCount).toBe(2);
    recorder.endInFlight(old);
    recordExchange(recorder, old);
    expect(sumOf(only(recorder.snapshot(0, [])).outcomes)).toBe(1);
    expect(recorder.snapshot(0, []).seriesCount).toBe(1);
  });

  test("a dropped series that is used again loses nothing", () => {
    const recorder = createRecorder(1);
    const old = recorder.series(keyOf());
    // A table that does not compile: the old one stays at work.
    recorder.beginTable();
    recorder.snapshot(0, []);
    recordExchange(recorder, old);
    expect(sumOf(only(recorder.snapshot(0, [])).outcomes)).toBe(1);
    // In flight is enough.
    recorder.snapshot(0, []);
    recorder.startInFlight(old);
    const ages = [{ series: old, ageMs: 5 }];
    expect(only(recorder.snapshot(0, ages)).inFlight.count).toBe(1);
    recorder.endInFlight(old);
    recorder.snapshot(0, []);
    // Its place was taken meanwhile.
    recorder.snapshot(0, []);
    recorder.series(keyOf({ epoch: 2 }));
    recordExchange(recorder, old);
    expect(only(recorder.snapshot(0, [])).key.route).toBe("_overflow");
    // Its successor is there: one series for one key.
    recorder.beginTable();
    recorder.snapshot(0, []);
    const successor = recorder.series(keyOf());
    recordExchange(recorder, old);
    recordExchange(recorder, successor);
    expect(sumOf(only(recorder.snapshot(0, [])).outcomes)).toBe(2);
  });
});

test("users who met an exchange slower than a limit are told apart, once", () => {
  const recorder = createRecorder();
  const limits = [
    { of: "duration", limitUs: 1_000 },
    { of: "first_byte", limitUs: 500 },
  ] as const;
  const series = recorder.series(keyOf(), { slowLimits: limits, isUrgent: false });
  const exchange = (user: string, durationUs: number, firstByteUs: number) =>
    recordExchange(recorder, series, { user, durationUs, firstByteUs });
  exchange("ada", 1_000, 500);
  exchange("ada", 1_001, 500);
  exchange("bob", 5_000, 501);
  exchange("ada", 9_000, -1);
  recordExchange(recorder, series, { user: "eve", durationUs: 9_000, analysed: false });
  const hashes = (...users: string[]) => users.map(telemetryHash);
  const { slowUsers } = only(recorder.snapshot(0, []));
  expect(slowUsers.map((delta) => delta?.kind === "exact" && Array.from(delta.added))).toEqual([
    hashes("ada", "bob"),
    hashes("bob"),
  ]);
  exchange("ada", 9_000, 400);
  expect(only(recorder.snapshot(0, [])).slowUsers).toEqual([null, null]);
});

test("a few bad exchanges of a rollout ask for a snapshot, once until it is taken", () => {
  let asked = 0;
  const recorder = createRecorder(seriesMax, () => {
    asked += 1;
  });
  const urgent = recorder.series(keyOf(), { slowLimits: [], isUrgent: true });
  const other = recorder.series({ ...keyOf(), route: "/other" });
  const fail = (series: Series, count: number) => {
    for (let at = 0; at < count; at += 1) recordExchange(recorder, series, { outcome: "timeout" });
  };
  fail(other, 50);
  recordExchange(recorder, urgent);
  fail(urgent, urgentMin - 1);
  recordExchange(recorder, urgent, { outcome: "timeout", analysed: false });
  expect(asked).toBe(0);
  fail(urgent, 20);
  expect(asked).toBe(1);
  recorder.snapshot(0, []);
  fail(urgent, urgentMin);
  expect(asked).toBe(2);
});

describe("metrics", () => {
  test("are summed by cluster of their users, and each snapshot has what came since the last", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    recorder.recordMetric(series, "tokens_in", 10, 3);
    recorder.recordMetric(series, "tokens_in", 20, 3);
    recorder.recordMetric(series, "cost", 0.5, 7);
    expect(only(recorder.snapshot(0, [])).metrics).toEqual({
      tokens_in: Float64Array.of(3, 2, 30, 500, 0),
      cost: Float64Array.of(7, 1, 0.5, 0.25, 0),
    });
    recorder.recordMetric(series, "cost", 2, 0);
    expect(only(recorder.snapshot(0, [])).metrics).toEqual({
      cost: Float64Array.of(0, 1, 2, 4, 0),
    });
    expect(recorder.snapshot(0, []).series).toEqual([]);
  });

  test("without a user spread over all clusters", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (let at = 0; at < 2 * clusterCount; at += 1) recorder.recordMetric(series, "cost", 1, -1);
    const { cost } = only(recorder.snapshot(0, [])).metrics;
    expect(cost).toHaveLength(5 * clusterCount);
    expect(cost?.filter((_, at) => at % 5 === 1)).toEqual(new Float64Array(clusterCount).fill(2));
  });

  test("of more names than a series keeps are dropped and counted", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (let at = 0; at < metricsPerSeriesMax + 2; at += 1) {
      recorder.recordMetric(series, `metric_${at}`, 1, 0);
    }
    const snapshot = recorder.snapshot(0, []);
    expect(Object.keys(only(snapshot).metrics)).toHaveLength(metricsPerSeriesMax);
    expect(snapshot.metricsDropped).toBe(2);
  });

  test("and reasons of bad answers add up", () => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    const totals = createTotals();
    for (let turn = 0; turn < 2; turn += 1) {
      recorder.recordMetric(series, "cost", 3, 1);
      recorder.recordFailure(series, "no_context");
      addSnapshot(totals, only(recorder.snapshot(0, [])));
    }
    expect(totals.failures).toEqual(new Map([["no_context", 2]]));
    expect(Array.from(totals.metrics.get("cost")?.subarray(4, 8) ?? [])).toEqual([2, 6, 18, 0]);
  });
});
