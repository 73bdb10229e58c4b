import type { Clock, Timers } from "../../src/base/clock.ts";

/** Time that passes only when the test says so. */
export type FakeTime = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Lets `ms` pass: timers run in the order of their deadlines, each at its own time. */
  advance(ms: number): void;
  /** Timers that wait. */
  pending(): number;
};

export function createFakeTime(): FakeTime {
  let nowMs = 0;
  const waiting = new Set<{ atMs: number; run: () => void }>();
  const after = (delayMs: number, run: () => void) => {
    const timer = { atMs: nowMs + delayMs, run };
    waiting.add(timer);
    return () => void waiting.delete(timer);
  };
  const every = (periodMs: number, run: () => void) => {
    let cancel = after(periodMs, again);
    function again() {
      cancel = after(periodMs, again);
      run();
    }
    return () => cancel();
  };
  return {
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    timers: { after, every },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        let next: { atMs: number; run: () => void } | undefined;
        for (const timer of waiting) if (next === undefined || timer.atMs < next.atMs) next = timer;
        if (next === undefined || next.atMs > untilMs) break;
        nowMs = next.atMs;
        waiting.delete(next);
        next.run();
      }
      nowMs = untilMs;
    },
    pending: () => waiting.size,
  };
}
