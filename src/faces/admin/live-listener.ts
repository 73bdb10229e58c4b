import type { WebSocket } from "ws";
import type { Timers } from "../../base/clock.ts";
import { liveCloseCodes } from "../../wire/live.ts";
import type { Proof } from "./guard.ts";
import type { AdminLimits } from "./limits.ts";
import type { FrameBytes, LiveFeed } from "./live-feed.ts";

/** Since the start of the admin port. */
export type LiveCounters = {
  /** WebSockets opened. */
  opened: number;
  /** Upgrade requests refused because there are too many listeners, or the server ends. */
  refused: number;
  snapshotsSent: number;
  deltasSent: number;
  /** Deltas that a listener was not sent because it had not read the ones before. */
  deltasSkipped: number;
  /** Snapshots in place of skipped deltas; among those sent. */
  coalesced: number;
  closedTooSlow: number;
  closedMessageTooBig: number;
  closedTokenChanged: number;
  /** Times that the document could not be put together after it could. */
  faults: number;
};

type ListenerLimits = Pick<AdminLimits, "liveBufferedBytesMax" | "liveDrainMs" | "closeMsMax">;

/** One WebSocket of `/v1/live`: sends what it can take, and ends it when it takes too long. */
export class LiveListener {
  /** What let it in. */
  readonly proof: Proof;
  readonly #socket: WebSocket;
  readonly #limits: ListenerLimits;
  readonly #timers: Timers;
  readonly #counters: LiveCounters;
  /** When it was found to be behind; null while it follows. */
  #behindMs: number | null = null;
  #isClosing = false;

  constructor(
    socket: WebSocket,
    proof: Proof,
    limits: ListenerLimits,
    timers: Timers,
    counters: LiveCounters,
  ) {
    this.#socket = socket;
    this.proof = proof;
    this.#limits = limits;
    this.#timers = timers;
    this.#counters = counters;
  }

  /** The first frames: the deltas since it was here, when those are less than the whole would be allowed to be. */
  begin(feed: LiveFeed, missed: readonly FrameBytes[] | null): void {
    const bytes = missed?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    if (missed === null || bytes > this.#limits.liveBufferedBytesMax) this.#sendSnapshot(feed);
    else for (const delta of missed) this.#sendDelta(delta);
  }

  /** Once a tick; `delta` is null when there is nothing new. */
  follow(feed: LiveFeed, delta: FrameBytes | null, nowMs: number): void {
    if (this.#isClosing) return;
    const { bufferedAmount } = this.#socket;
    if (this.#behindMs !== null) {
      if (bufferedAmount === 0) {
        this.#behindMs = null;
        this.#counters.coalesced += 1;
        this.#sendSnapshot(feed);
      } else if (nowMs - this.#behindMs >= this.#limits.liveDrainMs) {
        this.#counters.closedTooSlow += 1;
        this.close(liveCloseCodes.tooSlow, "reads too slowly");
      } else if (delta !== null) {
        this.#counters.deltasSkipped += 1;
      }
    } else if (delta !== null) {
      if (bufferedAmount > this.#limits.liveBufferedBytesMax) {
        this.#behindMs = nowMs;
        this.#counters.deltasSkipped += 1;
      } else {
        this.#sendDelta(delta);
      }
    }
  }

  /** Answers a ping, unless it would pile up behind what the listener does not read. */
  answerPing(payload: Buffer): void {
    if (this.#socket.bufferedAmount <= this.#limits.liveBufferedBytesMax)
      this.#socket.pong(payload);
  }

  /** Says why, and waits for the other side no longer than `closeMsMax`; false when it is closing already. */
  close(code: number, reason: string): boolean {
    if (this.#isClosing) return false;
    this.#isClosing = true;
    const cancel = this.#timers.after(this.#limits.closeMsMax, () => this.#socket.terminate());
    this.#socket.once("close", cancel);
    this.#socket.close(code, reason);
    return true;
  }

  #sendSnapshot(feed: LiveFeed): void {
    this.#counters.snapshotsSent += 1;
    this.#socket.send(feed.snapshot(), { binary: false });
  }

  #sendDelta(delta: FrameBytes): void {
    this.#counters.deltasSent += 1;
    this.#socket.send(delta, { binary: false });
  }
}
