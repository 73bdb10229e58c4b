import type { Clock, Random, Timers } from "../../base/clock.ts";

/** The browser's clock, timers and chance: the only file of the page that touches them. */

export const browserClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export const browserTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  every(periodMs, run) {
    const timer = setInterval(run, periodMs);
    return () => clearInterval(timer);
  },
};

export const browserRandom: Pick<Random, "next"> = { next: () => Math.random() };
