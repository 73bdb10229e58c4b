import type { Clock, Timers } from "../base/clock.ts";
import type { FromWorker, ToWorker, WorkerOptions } from "../wire/messages.ts";

/** A data-plane thread as the control plane holds it; a fake in tests. */
export type WorkerHandle = {
  post(message: ToWorker): void;
  /** Ends the thread at once; `onExit` follows. */
  terminate(): void;
};

export type WorkerEvents = {
  readonly onMessage: (message: FromWorker) => void;
  /** Exactly once, after the last message; `reason` is for the log. */
  readonly onExit: (reason: string) => void;
};

export type SpawnWorker = (options: WorkerOptions, events: WorkerEvents) => WorkerHandle;

export type SupervisorLog = (
  level: "info" | "warn" | "error",
  message: string,
  facts: Record<string, unknown>,
) => void;

export const restartLimits = {
  /** A worker that ran this long before it crashed is replaced at once. */
  stableMs: 10_000,
  backoffMsMin: 100,
  backoffMsMax: 5000,
  /** From a thread's start to its listener. */
  startMsMax: 20_000,
  /**
   * A worker that says nothing for so long, twice in a row, hangs: it sends a snapshot every 250 ms. Twice,
   * because after a pause of the whole process its messages come behind our timers.
   */
  silentMsMax: 5000,
  /** What a failing worker gets to end by itself. */
  failingMsMax: 5000,
  /** From the drain's deadline to the worker's answer. */
  drainAnswerMs: 2000,
} as const;

/** What one place among the workers is doing. */
export type WorkerPhase = "starting" | "listening" | "draining" | "waiting" | "stopped";

export type WorkerState = {
  readonly index: number;
  readonly phase: WorkerPhase;
  /** Workers replaced in this place since the start. */
  readonly restarts: number;
  /** Version of the routing table that the worker has confirmed; null before the first. */
  readonly routingVersion: number | null;
};

/** One thread: `incarnation` counts the threads of its slot from 0. */
export type WorkerSource = { readonly index: number; readonly incarnation: number };

type Occupant = {
  readonly source: WorkerSource;
  readonly startedMs: number;
  handle: WorkerHandle | null;
};

export type SlotOwner = {
  /** What a thread that starts now has to know. */
  options(index: number): WorkerOptions;
  onMessage(slot: WorkerSlot, message: FromWorker, source: WorkerSource): void;
  /** The slot's worker is no longer to be counted on; `reason` is for the log. */
  onLost(slot: WorkerSlot, reason: string): void;
  /** A thread has ended; nothing more comes from it. */
  onGone(slot: WorkerSlot, source: WorkerSource): void;
};

export type SlotDependencies = {
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: SupervisorLog;
};

/** Keeps one worker running: replaces it when it crashes, ever more slowly when it keeps crashing. */
export class WorkerSlot {
  readonly index: number;
  phase: WorkerPhase = "stopped";
  restarts = 0;
  routingVersion: number | null = null;
  readonly #owner: SlotOwner;
  readonly #dependencies: SlotDependencies;
  #occupant: Occupant | null = null;
  #incarnation = 0;
  /** Threads that were given up and have not ended yet. */
  readonly #leaving = new Map<Occupant, () => void>();
  #crashesInRow = 0;
  /** How often the watch looked since the last message. */
  #silentLooks = 0;
  #cancelTimer: () => void = () => {};

  constructor(index: number, owner: SlotOwner, dependencies: SlotDependencies) {
    this.index = index;
    this.#owner = owner;
    this.#dependencies = dependencies;
  }

  /** No thread of this slot is left, not even a former one. */
  get isEmpty(): boolean {
    return this.#occupant === null && this.#leaving.size === 0;
  }

  state(): WorkerState {
    const { index, phase, restarts, routingVersion } = this;
    return { index, phase, restarts, routingVersion };
  }

  start(): void {
    const { clock, timers, spawn } = this.#dependencies;
    const options = this.#owner.options(this.index);
    const source = { index: this.index, incarnation: this.#incarnation };
    const occupant: Occupant = { source, startedMs: clock.monotonicMs(), handle: null };
    this.#incarnation += 1;
    this.#occupant = occupant;
    this.phase = "starting";
    this.routingVersion = options.table.version;
    this.#cancelTimer = timers.after(restartLimits.startMsMax, () => {
      this.replace(`did not listen within ${restartLimits.startMsMax / 1000} s`);
    });
    try {
      occupant.handle = spawn(options, {
        onMessage: (message) => this.#receive(occupant, message),
        onExit: (reason) => this.#exited(occupant, reason),
      });
    } catch (error) {
      // The system has no thread to give: as a crash, but not before whoever started it has gone on.
      queueMicrotask(() => this.#exited(occupant, String(error)));
    }
  }

  post(message: ToWorker): void {
    this.#occupant?.handle?.post(message);
  }

  /** Ends the worker and starts another; `graceMs` is what it gets to end by itself. */
  replace(reason: string, graceMs = 0): void {
    const occupant = this.#occupant;
    if (occupant === null) return;
    this.#leave(occupant, graceMs);
    this.#lose(occupant, reason);
  }

  /** Tells the worker to finish; it is ended when it says that it is done, or at the deadline. */
  drain(deadlineMs: number): void {
    this.#cancelTimer();
    const occupant = this.#occupant;
    if (this.phase !== "listening" || occupant === null) return this.stop();
    this.phase = "draining";
    occupant.handle?.post({ kind: "drain", deadlineMs });
    const graceMs = deadlineMs + restartLimits.drainAnswerMs;
    this.#cancelTimer = this.#dependencies.timers.after(graceMs, () => this.stop());
  }

  /** Ends every thread of the slot at once, for good. */
  stop(): void {
    this.#cancelTimer();
    this.phase = "stopped";
    this.#occupant?.handle?.terminate();
    for (const [{ handle }, cancel] of this.#leaving) {
      cancel();
      handle?.terminate();
    }
  }

  #watch(): void {
    const { timers } = this.#dependencies;
    this.#silentLooks = 0;
    this.#cancelTimer = timers.every(restartLimits.silentMsMax, () => {
      this.#silentLooks += 1;
      if (this.#silentLooks <= 2) return;
      this.replace(`hung: silent for ${(2 * restartLimits.silentMsMax) / 1000} s`);
    });
  }

  #receive(occupant: Occupant, message: FromWorker): void {
    if (occupant === this.#occupant) {
      if (message.kind === "listening" && this.phase === "starting") {
        this.#cancelTimer();
        this.phase = "listening";
        this.#watch();
      }
      this.#silentLooks = 0;
      if (message.kind === "routing_applied") this.routingVersion = message.version;
      this.#owner.onMessage(this, message, occupant.source);
      if (message.kind === "listen_failed") this.replace(message.message);
      if (message.kind === "failing") this.replace(message.message, restartLimits.failingMsMax);
      if (message.kind === "drained") this.stop();
      return;
    }
    // What a thread on its way out measured still counts; what it says of itself does not.
    if (message.kind === "snapshot" || message.kind === "log") {
      this.#owner.onMessage(this, message, occupant.source);
    }
  }

  #exited(occupant: Occupant, reason: string): void {
    this.#leaving.get(occupant)?.();
    this.#leaving.delete(occupant);
    if (occupant === this.#occupant) this.#lose(occupant, reason);
    this.#owner.onGone(this, occupant.source);
  }

  #leave(occupant: Occupant, graceMs: number): void {
    if (graceMs === 0) {
      this.#leaving.set(occupant, () => {});
      occupant.handle?.terminate();
      return;
    }
    const end = () => occupant.handle?.terminate();
    this.#leaving.set(occupant, this.#dependencies.timers.after(graceMs, end));
  }

  #lose(occupant: Occupant, reason: string): void {
    this.#cancelTimer();
    this.#occupant = null;
    this.routingVersion = null;
    if (this.phase === "draining" || this.phase === "stopped") {
      this.phase = "stopped";
      return this.#owner.onLost(this, reason);
    }
    const { clock, timers, log } = this.#dependencies;
    const ranMs = clock.monotonicMs() - occupant.startedMs;
    if (ranMs >= restartLimits.stableMs) this.#crashesInRow = 0;
    const { backoffMsMin, backoffMsMax } = restartLimits;
    const again = this.#crashesInRow > 0;
    const backoffMs = Math.min(backoffMsMax, backoffMsMin * 2 ** (this.#crashesInRow - 1));
    const delayMs = again ? backoffMs : 0;
    this.#crashesInRow = Math.min(this.#crashesInRow + 1, 30);
    this.restarts += 1;
    log("error", "worker lost", { worker: this.index, reason, ranMs: Math.round(ranMs), delayMs });
    this.phase = "waiting";
    this.#owner.onLost(this, reason);
    // Whoever heard of the loss may have stopped everything.
    if (this.phase !== "waiting") return;
    if (delayMs === 0) this.start();
    else this.#cancelTimer = timers.after(delayMs, () => this.start());
  }
}
