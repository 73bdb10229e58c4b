import { outcomes } from "../traffic/outcome.ts";
import {
  addCounts,
  createLatency,
  mergeCounts,
  type Latency,
  type SparseCounts,
} from "./latency.ts";
import { addNumbers, sumOf } from "./merge.ts";

/** The last minute in slots of one second, for rates and for percentiles of what is happening now. */

const slotMs = 1000;
const slotCount = 60;
/** The longest span that a window can tell about. */
const windowMsMax = slotMs * slotCount;

type Slot = {
  /** Which second this is; the slot is stale when it is not the one asked for. */
  readonly second: number;
  readonly outcomes: number[];
  duration: SparseCounts;
};

export type SlidingWindow = {
  readonly startMs: number;
  /** By second modulo their number; null before its first use. */
  readonly slots: (Slot | null)[];
};

/** `startMs` is when counting begins, on the same monotonic clock as every later `nowMs`. */
export function createWindow(startMs: number): SlidingWindow {
  return { startMs, slots: Array.from({ length: slotCount }, () => null) };
}

/** Counts what was reported at `nowMs`. */
export function addToWindow(
  { slots }: SlidingWindow,
  nowMs: number,
  counts: readonly number[],
  duration: SparseCounts,
): void {
  const second = Math.floor(nowMs / slotMs);
  const at = second % slotCount;
  let slot = slots[at] ?? null;
  if (slot?.second !== second) {
    slot = { second, outcomes: outcomes.map(() => 0), duration: new Int32Array(0) };
    slots[at] = slot;
  }
  addNumbers(slot.outcomes, counts);
  slot.duration = mergeCounts(slot.duration, duration);
}

export type WindowSums = {
  /** In the order of `outcomes`. */
  readonly outcomes: readonly number[];
  readonly requests: number;
  readonly perSecond: number;
};

/**
 * What the `spanMs` before `nowMs` hold: whole slots, the running second the last of them. Soon after the
 * start, the rate is over the time since then.
 */
export function sumWindow(window: SlidingWindow, nowMs: number, spanMs: number): WindowSums {
  const counts = outcomes.map(() => 0);
  for (const slot of slotsOf(window, nowMs, spanMs)) addNumbers(counts, slot.outcomes);
  const fromMs = Math.max(window.startMs, firstSecond(nowMs, spanMs) * slotMs);
  const coveredMs = Math.max(nowMs - fromMs, slotMs);
  const requests = sumOf(counts);
  return { outcomes: counts, requests, perSecond: (requests * 1000) / coveredMs };
}

/** The durations of enrolled exchanges in the same span. */
export function windowLatency(window: SlidingWindow, nowMs: number, spanMs: number): Latency {
  const latency = createLatency(64);
  for (const slot of slotsOf(window, nowMs, spanMs)) addCounts(latency, slot.duration);
  return latency;
}

function firstSecond(nowMs: number, spanMs: number): number {
  const slots = Math.ceil(Math.min(spanMs, windowMsMax) / slotMs);
  return Math.floor(nowMs / slotMs) - slots + 1;
}

function slotsOf({ slots }: SlidingWindow, nowMs: number, spanMs: number): Slot[] {
  const first = firstSecond(nowMs, spanMs);
  return slots.filter((slot): slot is Slot => slot !== null && slot.second >= first);
}
