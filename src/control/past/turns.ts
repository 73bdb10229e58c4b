import type { Clock, Timers } from "../../base/clock.ts";

/** How long the main thread works on the past at a time, and then does whatever else there is. */
const turnMsMax = 4;
/** Rows of one turn, should the clock stand still. */
const turnRowsMax = 200;

/** Cuts long work into short turns. */
export type Turns = {
  /** To be asked after each piece of work; true when it is time to let others go first. */
  isOver(): boolean;
  next(): Promise<void>;
};

export function createTurns(clock: Pick<Clock, "monotonicMs">, timers: Timers): Turns {
  let startedMs = clock.monotonicMs();
  let pieces = 0;
  return {
    isOver() {
      pieces += 1;
      return pieces >= turnRowsMax || clock.monotonicMs() - startedMs >= turnMsMax;
    },
    async next() {
      await new Promise<void>((resolve) => timers.after(0, resolve));
      startedMs = clock.monotonicMs();
      pieces = 0;
    },
  };
}
