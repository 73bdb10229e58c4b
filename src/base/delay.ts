import type { Timers } from "./clock.ts";

/** One wait at a time that can be cut short. */
export type Delay = {
  /** Resolves after `delayMs`, or when somebody is in a hurry. */
  wait(delayMs: number): Promise<void>;
  /** Ends the wait under way; false when there is none. */
  hurry(): boolean;
};

export function createDelay(timers: Timers): Delay {
  let end: (() => void) | null = null;
  const hurry = () => {
    const ended = end;
    end = null;
    ended?.();
    return ended !== null;
  };
  return {
    hurry,
    wait: (delayMs) =>
      new Promise((resolve) => {
        const cancel = timers.after(delayMs, hurry);
        end = () => {
          cancel();
          resolve();
        };
      }),
  };
}
