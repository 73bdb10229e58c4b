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

const byteHex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hex32Bytes = 16;

/** Random bytes are drawn 16 KiB at a time: one system call for 1024 identifiers. */
const pool = new Uint8Array(16 * 1024);
let poolAt = pool.length;

export const realRandom: Random = {
  next: () => Math.random(),
  hex32() {
    if (poolAt === pool.length) {
      randomFillSync(pool);
      poolAt = 0;
    }
    let text = "";
    for (const end = poolAt + hex32Bytes; poolAt < end; poolAt += 1) {
      text += byteHex[pool[poolAt] as number] as string;
    }
    return text;
  },
};
