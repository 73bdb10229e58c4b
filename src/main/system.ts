import { randomFillSync } from "node:crypto";
import type { Clock, Random, Timers } from "../base/clock.ts";

/** The real clock, timers and chance; nothing else in Sluice touches them. */

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** The longest wait that Node's timers can hold, about 24.8 days; a longer one would fire at once. */
const timerMsMax = 2 ** 31 - 1;

export const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, timerMsMax));
    return () => clearTimeout(timer);
  },
  every(periodMs, run) {
    const timer = setInterval(run, Math.min(periodMs, timerMsMax));
    return () => clearInterval(timer);
  },
};

const hex32Digits = 32;

/** Random digits are drawn 32 KiB at a time: one system call and one string for 1024 identifiers. */
const pool = Buffer.alloc(16 * 1024);
let digits = "";
let digitsAt = 0;

export const realRandom: Random = {
  next: () => Math.random(),
  hex32() {
    if (digitsAt === digits.length) {
      digits = randomFillSync(pool).toString("hex");
      digitsAt = 0;
    }
    digitsAt += hex32Digits;
    return digits.slice(digitsAt - hex32Digits, digitsAt);
  },
};
