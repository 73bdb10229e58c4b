import type { Clock, Timers } from "../../base/clock.ts";
import type { Schedule } from "../../core/load/schedule.ts";

/**
 * Starts requests when they are due. Node's timers are up to 2 ms late, so a timer is only used until shortly before;
 * then the event loop turns without sleeping until the time has come. In between it takes care of its sockets.
 */

export type PaceTime = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Runs something in the event loop's next turn, after the sockets that are ready. */
  readonly nextTurn: (run: () => void) => void;
};

/** A timer that is set for less would be late. */
const turnBelowMs = 2.5;
/** How much earlier than the due time a timer is set. */
const timerAheadMs = 1.5;
/** Starts in one turn, so that a burst does not keep answers waiting. */
const startsPerTurnMax = 64;

export type Pacer = { stop(): void };

/**
 * Calls `start` for each time of the schedule, in milliseconds of the monotonic clock, and `onEnd` after the last one;
 * nothing is called once it is stopped.
 */
export function pace(
  schedule: Schedule,
  beginMs: number,
  { clock, timers, nextTurn }: PaceTime,
  start: (dueMs: number) => void,
  onEnd: () => void,
): Pacer {
  let isStopped = false;
  let cancel: (() => void) | null = null;
  let due = schedule.next();

  function turn(): void {
    cancel = null;
    for (let started = 0; due !== null; started += 1) {
      if (isStopped) return;
      const waitMs = beginMs + due - clock.monotonicMs();
      if (waitMs > turnBelowMs) {
        cancel = timers.after(Math.floor(waitMs - timerAheadMs), turn);
        return;
      }
      if (waitMs > 0 || started >= startsPerTurnMax) return nextTurn(turn);
      start(beginMs + due);
      due = schedule.next();
    }
    if (!isStopped) onEnd();
  }

  nextTurn(turn);
  return {
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}
