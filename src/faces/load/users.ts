import type { ClosedModel } from "../../core/load/plan.ts";
import type { Pacer, PaceTime } from "./pacer.ts";

/** A user whose connection was lost waits so long, so that a target that is away is not asked as fast as possible. */
const lostPauseMs = 10;

/**
 * The users of a closed model: each asks again when it was answered. `send` answers false when there shall be no more
 * requests; `onEnd` is called when the time is over.
 */
export function startUsers(
  { users, rampUpMs, thinkMs }: ClosedModel,
  untilMs: number,
  { clock, timers, nextTurn }: PaceTime,
  send: (user: number, onEnd: (isLost: boolean) => void) => boolean,
  onEnd: () => void,
): Pacer {
  let isStopped = false;
  /** Of each user that waits for a time. */
  const cancels = new Map<number, () => void>();

  function askAfter(user: number, waitMs: number): void {
    cancels.set(
      user,
      timers.after(waitMs, () => ask(user)),
    );
  }

  function ask(user: number): void {
    cancels.delete(user);
    if (isStopped || clock.monotonicMs() >= untilMs) return;
    send(user, (isLost) => {
      if (isStopped) return;
      const waitMs = Math.max(thinkMs, isLost ? lostPauseMs : 0);
      if (waitMs > 0) askAfter(user, waitMs);
      // The client is done with the answer when the code that reads it has returned.
      else queueMicrotask(() => ask(user));
    });
  }

  for (let user = 1; user <= users; user += 1) {
    const waitMs = (rampUpMs * (user - 1)) / users;
    if (waitMs < 1) nextTurn(() => ask(user));
    else askAfter(user, waitMs);
  }
  const cancelEnd = timers.after(untilMs - clock.monotonicMs(), onEnd);
  return {
    stop() {
      isStopped = true;
      cancelEnd();
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
    },
  };
}
