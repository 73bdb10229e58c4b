import { describe, expect, test } from "vitest";
import { createCollector, experimentsMax, routesMax } from "../../../src/control/collector.ts";
import { cellsMax, labelSetsMax } from "../../../src/control/traffic-counts.ts";
import { endpointsMax } from "../../../src/control/worker-counts.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { quietEndpoint, reportOf } from "./reports.ts";

const startMs = 50_000;
const first = { index: 0, incarnation: 0 };
const second = { index: 1, incarnation: 0 };
const replacement = { index: 0, incarnation: 1 };

function collect() {
  return createCollector({ nowMs: startMs });
}

describe("experiments", () => {
  test("all workers' exchanges of a variant, on every route, are one arm", () => {
    const collector = collect();
    for (const source of [first, second]) {
      const recorder = createRecorder();
      const [embeddings, query, compact] = [
        recorder.series(keyOf()),
        recorder.series(keyOf({ route: "POST /query" })),
        recorder.series(keyOf({ variant: "compact" })),
      ];
      recordExchange(recorder, embeddings, { user: "ada", durationUs: 10_000 });
      recordExchange(recorder, query, { user: "ada", durationUs: 30_000, retries: 1 });
      recordExchange(recorder, query, { user: `bob ${source.index}`, outcome: "upstream_error" });
      recordExchange(recorder, query, { analysed: false });
      recordExchange(recorder, compact, { user: "eve" });
      collector.add(source, reportOf(recorder), startMs + 250);
    }
    const view = collector.view(startMs + 500);
    const experiment = view.experiments.get("models");
    expect(experiment).toMatchObject({ epoch: 1, randomised: false });
    const full = experiment?.variants.get("full");
    expect(full).toMatchObject({
      requests: 8,
      analysed: 6,
      perSecond: 8,
      successRate: 0.75,
      users: 3,
      failingUsers: 2,
      observedShare: 0.75,
      retries: 2,
      bytesIn: 80,
      bytesOut: 800,
      inFlight: 0,
      recent: { requests: 8, successRate: 0.75 },
    });
    expect(full?.outcomes).toMatchObject({ success: 6, upstream_error: 2, timeout: 0 });
    expect(full?.analysedOutcomes).toMatchObject({ success: 4, upstream_error: 2 });
    expect(full?.p50Ms).toBeCloseTo(10, 1);
    expect(full?.maxMs).toBeCloseTo(30, 1);
    expect(full?.recent.p95Ms).toBeCloseTo(30, 1);
    expect(full?.firstByteP50Ms).toBeCloseTo(1, 2);
    expect(experiment?.variants.get("compact")).toMatchObject({ requests: 2, observedShare: 0.25 });
    expect(view.routes.get("POST /query")).toMatchObject({ requests: 6, perSecond: 6 });
    expect(view.routes.get("POST /embeddings")?.outcomes.success).toBe(4);
  });

  test("a new epoch starts anew; stragglers of the old one are traffic only", () => {
    const collector = collect();
    const recorder = createRecorder();
    const old = recorder.series(keyOf());
    recordExchange(recorder, old);
    collector.add(first, reportOf(recorder), startMs);
    recordExchange(recorder, recorder.series(keyOf({ epoch: 2 })), { user: "bob" });
    recordExchange(recorder, old);
    collector.add(first, reportOf(recorder), startMs + 250);
    recordExchange(recorder, old);
    collector.add(first, reportOf(recorder), startMs + 500);
    const view = collector.view(startMs + 500);
    expect(view.experiments.get("models")?.epoch).toBe(2);
    expect(view.experiments.get("models")?.variants.get("full")).toMatchObject({
      requests: 1,
      users: 1,
    });
    expect(view.routes.get("POST /embeddings")?.requests).toBe(4);
    expect(view.traffic.map(({ outcomes }) => outcomes.success)).toEqual([4]);
  });

  test("names that JavaScript uses for itself are names like any other", () => {
    const collector = collect();
    const recorder = createRecorder();
    const key = keyOf({ experiment: "__proto__", variant: "constructor", route: "toString" });
    recordExchange(recorder, recorder.series(key));
    collector.add(first, reportOf(recorder), startMs);
    const view = collector.view(startMs);
    expect(view.experiments.get("__proto__")?.variants.get("constructor")?.requests).toBe(1);
    expect(view.routes.get("toString")?.requests).toBe(1);
  });

  test("nothing measured yet is null, not zero", () => {
    const collector = collect();
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    recorder.startInFlight(series);
    collector.add(first, reportOf(recorder, { inFlight: [{ series, ageMs: 1200 }] }), startMs);
    expect(collector.view(startMs).experiments.get("models")?.variants.get("full")).toMatchObject({
      requests: 0,
      successRate: null,
      p50Ms: null,
      maxMs: null,
      observedShare: null,
      inFlight: 1,
      oldestInFlightMs: 1200,
    });
  });

  test("rates fall to nothing when requests stop", () => {
    const collector = collect();
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (let ms = 0; ms < 20_000; ms += 250) {
      for (let each = 0; each < 25; each += 1) recordExchange(recorder, series);
      collector.add(first, reportOf(recorder), startMs + ms);
    }
    const rateAt = (ms: number) => {
      const view = collector.view(startMs + ms);
      const arm = view.experiments.get("models")?.variants.get("full");
      expect(view.routes.get("POST /embeddings")?.perSecond).toBe(arm?.perSecond);
      return arm?.perSecond;
    };
    expect(rateAt(19_999)).toBeCloseTo(100, 1);
    expect(rateAt(25_000)).toBeGreaterThan(40);
    expect(rateAt(25_000)).toBeLessThan(60);
    expect(rateAt(31_000)).toBe(0);
  });

  test("the experiment that was silent longest makes room", () => {
    const collector = collect();
    for (let at = 0; at <= experimentsMax; at += 1) {
      const recorder = createRecorder();
      // The very first speaks again, so that the second is the one to go.
      for (const experiment of at === experimentsMax - 1 ? ["e0", `e${at}`] : [`e${at}`]) {
        recordExchange(recorder, recorder.series(keyOf({ experiment })));
      }
      collector.add(first, reportOf(recorder), startMs + at);
    }
    const { experiments } = collector.view(startMs + experimentsMax);
    expect(experiments.size).toBe(experimentsMax);
    expect([experiments.has("e0"), experiments.has("e1")]).toEqual([true, false]);
  });
});

describe("in flight", () => {
  test("is what running workers said last", () => {
    const collector = collect();
    const [one, other] = [createRecorder(), createRecorder()];
    const [oneSeries, otherSeries] = [one.series(keyOf()), other.series(keyOf())];
    one.startInFlight(oneSeries);
    other.startInFlight(otherSeries);
    collector.add(first, reportOf(one, { inFlight: [{ series: oneSeries, ageMs: 9 }] }), startMs);
    collector.add(
      second,
      reportOf(other, { inFlight: [{ series: otherSeries, ageMs: 70 }] }),
      startMs,
    );
    const inFlight = () => {
      const view = collector.view(startMs);
      const arm = view.experiments.get("models")?.variants.get("full");
      return [view.traffic[0]?.inFlight, arm?.inFlight, arm?.oldestInFlightMs];
    };
    expect(inFlight()).toEqual([2, 2, 70]);
    collector.workerGone(second);
    expect(inFlight()).toEqual([1, 1, 9]);
    one.endInFlight(oneSeries);
    collector.add(first, reportOf(one), startMs);
    expect(inFlight()).toEqual([0, 0, 0]);
  });
});

function report(accepted: number, refused: number, cpuUs: number) {
  const counters = {
    connectionsAccepted: accepted,
    connectionsOpen: 1,
    refused: refused === 0 ? {} : { no_route: refused },
  };
  return reportOf(createRecorder(), { counters, cpuUs });
}

describe("workers' own counts", () => {
  test("a restart neither loses nor repeats any, whichever order it comes in", () => {
    const collector = collect();
    collector.add(first, report(10, 2, 1e6), startMs);
    collector.add(second, report(5, 0, 4e6), startMs);
    collector.add(first, report(12, 3, 2e6), startMs);
    // The replacement speaks before the worker that it replaces has ended.
    collector.add(replacement, report(1, 1, 5e5), startMs);
    collector.add(first, report(13, 3, 3e6), startMs);
    collector.workerGone(first);
    collector.add(replacement, report(4, 1, 1e6), startMs);
    const { counters, cpuSeconds } = collector.view(startMs);
    expect(counters).toMatchObject({
      connectionsAccepted: 13 + 5 + 4,
      connectionsOpen: 2,
      refused: { no_route: 4 },
    });
    expect([...cpuSeconds]).toEqual([
      [0, 4],
      [1, 4],
    ]);
  });

  test("finished exchanges stay when their worker is gone", () => {
    const collector = collect();
    const recorder = createRecorder();
    recordExchange(recorder, recorder.series(keyOf()));
    collector.add(first, reportOf(recorder), startMs);
    collector.workerGone(first);
    const fresh = createRecorder();
    recordExchange(fresh, fresh.series(keyOf()));
    collector.add(replacement, reportOf(fresh), startMs);
    const view = collector.view(startMs);
    expect(view.experiments.get("models")?.variants.get("full")).toMatchObject({
      requests: 2,
      users: 1,
    });
    expect(view.series).toEqual({ held: 1, overflowed: 0 });
  });

  test("overflow is counted once, over workers and restarts", () => {
    const collector = collect();
    const recorder = createRecorder(0);
    const overflow = recorder.series(keyOf());
    for (const source of [first, replacement]) {
      recordExchange(recorder, overflow);
      collector.add(source, reportOf(recorder), startMs);
      collector.add(source, reportOf(recorder), startMs);
    }
    expect(collector.view(startMs).series.overflowed).toBe(1 + 2);
  });

  test("endpoints add up; their counts outlive a reload and a restart", () => {
    const collector = collect();
    const state = { ...quietEndpoint, connectionsOpen: 2, connectFailures: 3, ejections: 1 };
    collector.add(first, reportOf(createRecorder(), { endpoints: [state] }), startMs);
    collector.add(
      second,
      reportOf(createRecorder(), {
        endpoints: [{ ...state, ejected: true, pending: 4, exchangesInFlight: 5 }],
      }),
      startMs,
    );
    expect(collector.view(startMs).endpoints).toEqual([
      {
        upstream: "full",
        origin: quietEndpoint.origin,
        ejectedBy: 1,
        connectionsOpen: 4,
        exchangesInFlight: 5,
        pending: 4,
        connectFailures: 6,
        ejections: 2,
      },
    ]);
    // A reload made the endpoint anew on one worker; the other one ends.
    collector.add(
      first,
      reportOf(createRecorder(), { endpoints: [{ ...quietEndpoint, connectFailures: 1 }] }),
      startMs,
    );
    collector.workerGone(second);
    expect(collector.view(startMs).endpoints).toMatchObject([
      { ejectedBy: 0, connectionsOpen: 0, connectFailures: 7, ejections: 2 },
    ]);
    collector.add(first, reportOf(), startMs);
    expect(collector.view(startMs).endpoints).toEqual([]);
  });

  test("counts of removed endpoints are kept up to the limit", () => {
    const collector = collect();
    const busy = { ...quietEndpoint, origin: "http://127.0.0.1:65535", ejections: 9 };
    collector.add(second, reportOf(createRecorder(), { endpoints: [busy] }), startMs);
    const report = (at: number) => {
      const endpoint = { ...quietEndpoint, origin: `http://127.0.0.1:${at}`, ejections: 1 };
      collector.add(
        { index: 0, incarnation: at },
        reportOf(createRecorder(), { endpoints: [endpoint] }),
        startMs,
      );
      const view = collector
        .view(startMs)
        .endpoints.find(({ origin }) => origin === endpoint.origin);
      collector.workerGone({ index: 0, incarnation: at });
      return view?.ejections;
    };
    for (let at = 0; at < endpointsMax - 1; at += 1) report(at);
    expect(report(1)).toBe(2);
    expect(report(endpointsMax)).toBe(1);
    // Its place went to the newest one.
    expect(report(0)).toBe(1);
    // The first of all is still there, and keeps its place.
    expect(collector.view(startMs).endpoints).toMatchObject([{ ejections: 9 }]);
  });
});

describe("label sets", () => {
  test("beyond the limit share one", () => {
    const collector = collect();
    const recorder = createRecorder(labelSetsMax + 1);
    for (let at = 0; at <= labelSetsMax; at += 1) {
      const key = keyOf({ experiment: null, variant: null, route: `/${at}` });
      recordExchange(recorder, recorder.series(key));
    }
    collector.add(first, reportOf(recorder), startMs);
    const { traffic, routes } = collector.view(startMs);
    expect(routes.size).toBe(routesMax);
    expect(traffic).toHaveLength(labelSetsMax);
    expect(traffic.find(({ route }) => route === "_overflow")?.outcomes.success).toBe(2);
    expect(traffic.find(({ route }) => route === "/0")).toMatchObject({
      experiment: "",
      variant: "",
    });
  });

  test("methods and statuses beyond the limit share one cell", () => {
    const collector = collect();
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (let status = 200; status < 200 + cellsMax + 10; status += 1) {
      recordExchange(recorder, series, { status });
    }
    collector.add(first, reportOf(recorder), startMs);
    const [traffic] = collector.view(startMs).traffic;
    expect(traffic?.cells).toHaveLength(cellsMax);
    expect(traffic?.cells.at(-1)).toMatchObject({
      method: "_OTHER",
      status: 0,
      server: { count: 11 },
    });
  });
});
