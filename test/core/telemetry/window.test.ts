import { describe, expect, test } from "vitest";
import { createLatency, takeCounts } from "../../../src/core/telemetry/latency.ts";
import { percentileMs } from "../../../src/core/telemetry/merge.ts";
import {
  addToWindow,
  createWindow,
  sumWindow,
  windowLatency,
} from "../../../src/core/telemetry/window.ts";
import { outcomes } from "../../../src/core/traffic/outcome.ts";

const startMs = 7_000_000;
const none = new Int32Array(0);

function counts(success: number, timeout = 0): number[] {
  return outcomes.map((outcome) => ({ success, timeout })[outcome as string] ?? 0);
}

function durations(...valuesMs: number[]) {
  const latency = createLatency();
  for (const ms of valuesMs) latency.recordValue(ms * 1000);
  return takeCounts(latency);
}

/** A window after ten requests every 100 ms, for so long. */
function steady(elapsedMs: number) {
  const window = createWindow(startMs);
  for (let ms = 100; ms <= elapsedMs; ms += 100) {
    addToWindow(window, startMs + ms, counts(10), none);
  }
  return window;
}

describe("a sliding window", () => {
  test.each([
    { elapsedMs: 500, spanMs: 10_000, requests: 50, perSecond: 50 },
    { elapsedMs: 2000, spanMs: 10_000, requests: 200, perSecond: 100 },
    { elapsedMs: 9900, spanMs: 10_000, requests: 990, perSecond: 100 },
    // The running second is the last slot, so just after a full second it covers nine.
    { elapsedMs: 20_000, spanMs: 10_000, requests: 910, perSecond: 910 / 9 },
    { elapsedMs: 20_900, spanMs: 10_000, requests: 1000, perSecond: 1000 / 9.9 },
    { elapsedMs: 20_000, spanMs: 60_000, requests: 2000, perSecond: 100 },
    { elapsedMs: 200_900, spanMs: 60_000, requests: 6000, perSecond: 6000 / 59.9 },
    { elapsedMs: 200_900, spanMs: 3_600_000, requests: 6000, perSecond: 6000 / 59.9 },
  ])(
    "$elapsedMs ms of 100/s over $spanMs ms: $requests",
    ({ elapsedMs, spanMs, requests, perSecond }) => {
      const sums = sumWindow(steady(elapsedMs), startMs + elapsedMs, spanMs);
      expect(sums.requests).toBe(requests);
      expect(sums.perSecond).toBeCloseTo(perSecond, 6);
    },
  );

  test("forgets what is too old, though its slot was not used again", () => {
    const window = steady(1000);
    expect(sumWindow(window, startMs + 10_900, 10_000).requests).toBe(10);
    expect(sumWindow(window, startMs + 11_000, 10_000).requests).toBe(0);
    expect(sumWindow(window, startMs + 11_000, 60_000).requests).toBe(100);
    expect(sumWindow(window, startMs + 3_600_000, 60_000).requests).toBe(0);
  });

  test("a slot that comes round again starts anew", () => {
    const window = createWindow(startMs);
    addToWindow(window, startMs, counts(5), durations(10));
    addToWindow(window, startMs + 60_000, counts(0, 1), durations(30));
    const sums = sumWindow(window, startMs + 60_000, 60_000);
    expect(sums.outcomes).toEqual(counts(0, 1));
    expect(windowLatency(window, startMs + 60_000, 60_000).totalCount).toBe(1);
  });

  test("percentiles are of the span alone", () => {
    const window = createWindow(startMs);
    addToWindow(window, startMs, counts(2), durations(900, 800));
    addToWindow(window, startMs + 20_000, counts(1), durations(10));
    addToWindow(window, startMs + 20_000, counts(2), durations(20, 30));
    const recent = windowLatency(window, startMs + 20_000, 10_000);
    expect(percentileMs(recent, 50)).toBeCloseTo(20, 1);
    expect(percentileMs(recent, 100)).toBeCloseTo(30, 1);
    expect(percentileMs(windowLatency(window, startMs + 20_000, 60_000), 100)).toBeCloseTo(900, 0);
  });
});
