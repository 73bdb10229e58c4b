import { describe, expect, it } from "vitest";
import {
  columnsOf,
  joinLive,
  mergeTail,
} from "../../src/faces/dashboard/charts/history-columns.ts";
import type { TrafficSample } from "../../src/faces/dashboard/live/recent-traffic.ts";
import { createRecentTraffic } from "../../src/faces/dashboard/live/recent-traffic.ts";
import type { History } from "../../src/wire/history-api.ts";
import type { LiveDocument } from "../../src/wire/live.ts";

const startMs = Date.parse("2026-11-28T12:00:00.000Z");
const iso = (ms: number) => new Date(ms).toISOString();

/** Stretches of ten seconds from `from` on, with these requests of variant a. */
function historyOf(
  from: number,
  requests: readonly number[],
  more: Partial<History> = {},
): History {
  const fromMs = startMs + from * 10_000;
  const nothing = requests.map(() => null);
  return {
    experiment: "x",
    from: iso(fromMs),
    to: iso(fromMs + requests.length * 10_000),
    source: "memory",
    step_seconds: 10,
    at_ms: requests.map((_, at) => fromMs + at * 10_000),
    variants: {
      a: {
        requests: [...requests],
        failures: requests.map((count) => (count > 0 ? 1 : 0)),
        p50_ms: requests.map((count) => (count > 0 ? count : null)),
        p95_ms: nothing,
        p99_ms: nothing,
        first_byte_p50_ms: nothing,
        first_byte_p95_ms: nothing,
        mean_ms: nothing,
        tokens_in: requests.map((count) => count * 2),
        tokens_out: nothing,
      },
    },
    marks: [],
    ...more,
  };
}

describe("history as columns", () => {
  it("makes rates of counts, and leaves unknown what is", () => {
    const { atMs, variants } = columnsOf(historyOf(0, [10, 20, 0]), startMs + 30_000);
    expect(atMs).toEqual([startMs, startMs + 10_000, startMs + 20_000]);
    expect(variants["a"]?.perSecond).toEqual([1, 2, 0]);
    expect(variants["a"]?.successRate).toEqual([0.9, 0.95, null]);
    expect(variants["a"]?.p50Ms).toEqual([10, 20, null]);
    expect(variants["a"]?.tokensInPerSecond).toEqual([2, 4, 0]);
    expect(variants["a"]?.tokensOutPerSecond).toEqual([null, null, null]);
  });

  it("divides a stretch that is under way by what has passed of it, and waits for its first second", () => {
    const history = historyOf(0, [10, 8]);
    expect(columnsOf(history, startMs + 14_000).variants["a"]?.perSecond).toEqual([1, 2]);
    expect(columnsOf(history, startMs + 10_900).variants["a"]?.perSecond).toEqual([1, null]);
  });

  it("breaks lines where nobody measured", () => {
    const history = historyOf(0, [10, 10, 10]);
    history.at_ms[2] = startMs + 60_000;
    const { atMs, variants } = columnsOf(history, startMs + 70_000);
    expect(atMs).toEqual([startMs, startMs + 10_000, startMs + 20_000, startMs + 60_000]);
    expect(variants["a"]?.perSecond).toEqual([1, 1, null, 1]);
  });

  it("takes shares of the last twenty seconds at least", () => {
    const history = historyOf(0, [10, 0, 0, 10]);
    const b = historyOf(0, [0, 10, 10, 10]).variants["a"] as History["variants"][string];
    history.variants["b"] = b;
    const { variants } = columnsOf(history, startMs + 40_000);
    expect(variants["a"]?.share).toEqual([1, 0.5, 0, 1 / 3]);
    expect(variants["b"]?.share).toEqual([0, 0.5, 1, 2 / 3]);
  });
});

describe("a newer end put over a history", () => {
  it("replaces what both have, drops what is too old, and keeps the rest", () => {
    const merged = mergeTail(
      historyOf(0, [1, 2, 3, 4]),
      historyOf(2, [30, 40, 50]),
      startMs + 10_000,
    );
    expect(merged?.at_ms).toEqual([1, 2, 3, 4].map((at) => startMs + at * 10_000));
    expect(merged?.variants["a"]?.requests).toEqual([2, 30, 40, 50]);
    expect(merged?.variants["a"]?.p50_ms).toEqual([2, 30, 40, 50]);
  });

  it("knows variants that one of the two does not have", () => {
    const before = historyOf(0, [1, 2]);
    const after = historyOf(1, [5, 6]);
    after.variants["b"] = after.variants["a"] as History["variants"][string];
    const merged = mergeTail(before, after, startMs);
    expect(merged?.variants["b"]?.requests).toEqual([0, 5, 6]);
    expect(merged?.variants["b"]?.p50_ms).toEqual([null, 5, 6]);
  });

  it("keeps marks once", () => {
    const mark = (at: number) => ({
      at: iso(startMs + at * 10_000),
      what: "step",
      actor: "ann",
      facts: {},
      scope: "rollout",
    });
    const merged = mergeTail(
      historyOf(0, [1, 2, 3], { marks: [mark(0), mark(1), mark(2)] }),
      historyOf(1, [2, 3, 4], { marks: [mark(1), mark(2), mark(3)] }),
      startMs + 5000,
    );
    expect(merged?.marks).toEqual([mark(1), mark(2), mark(3)]);
  });

  it("does not fit with other steps, or with a hole between", () => {
    const before = historyOf(0, [1, 2]);
    expect(mergeTail(before, historyOf(1, [1], { step_seconds: 20 }), startMs)).toBeNull();
    expect(mergeTail(before, historyOf(5, [1]), startMs)).toBeNull();
  });
});

describe("live points after a history", () => {
  const sample = (second: number, requests: number, failures = 0, epoch = 1): TrafficSample => ({
    atMs: startMs + second * 1000,
    epoch,
    requests,
    failures,
    perSecond: 0,
    configuredShare: 0.5,
    observedShare: null,
  });

  it("come from what was counted between samples", () => {
    const history = columnsOf(historyOf(0, [10]), startMs + 10_000);
    const joined = joinLive(
      history,
      { a: [sample(9, 9), sample(10, 10), sample(11, 14, 1), sample(12, 14, 1)] },
      startMs + 10_000,
    );
    expect(joined.atMs).toEqual([0, 11, 12].map((second) => startMs + second * 1000));
    expect(joined.variants["a"]?.perSecond).toEqual([1, 4, 0]);
    expect(joined.variants["a"]?.successRate).toEqual([0.9, 0.75, null]);
    expect(joined.variants["a"]?.p50Ms).toEqual([10, null, null]);
  });

  it("never come from counts of different splits", () => {
    const history = columnsOf(historyOf(0, [10]), startMs + 10_000);
    const joined = joinLive(
      history,
      { a: [sample(10, 500), sample(11, 3, 0, 2), sample(12, 5, 0, 2)] },
      startMs + 10_000,
    );
    expect(joined.atMs.slice(1)).toEqual([startMs + 12_000]);
    expect(joined.variants["a"]?.perSecond).toEqual([1, 2]);
  });
});

describe("what the page saw of late", () => {
  const outcomes = {
    success: 1,
    client_error: 2,
    upstream_error: 3,
    proxy_error: 0,
    timeout: 4,
    truncated: 0,
    aborted: 5,
    bad_answer: 0,
  };
  const documentOf = (requests: number) =>
    ({
      traffic: {
        x: { epoch: 1, variants: { a: { requests, outcomes, requests_per_second: 1 } } },
      },
    }) as unknown as LiveDocument;

  it("is a sample a second, ten minutes of them, and failures as Sluice counts them", () => {
    const recent = createRecentTraffic();
    for (let at = 0; at < 2800; at += 1) recent.look(documentOf(at), startMs + at * 250);
    const samples = recent.samples("x", "a");
    expect(samples.length).toBe(600);
    expect(samples.at(-1)?.requests).toBe(2796);
    expect(samples.at(-1)?.failures).toBe(7);
    expect((samples[1] as TrafficSample).atMs - (samples[0] as TrafficSample).atMs).toBe(1000);
  });

  it("forgets experiments that are gone, and begins anew when the clock is set back", () => {
    const recent = createRecentTraffic();
    recent.look(documentOf(1), startMs);
    recent.look(documentOf(2), startMs - 3_600_000);
    expect(recent.samples("x", "a").map(({ requests }) => requests)).toEqual([2]);
    recent.look({ traffic: {} } as unknown as LiveDocument, startMs);
    expect(recent.samples("x", "a")).toEqual([]);
  });
});
