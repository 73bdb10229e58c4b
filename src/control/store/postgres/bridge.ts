import { MessageChannel, receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { Clock, Timers } from "../../../base/clock.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { StateVersion } from "../shared-store.ts";
import type { StoreFault } from "../store.ts";
import {
  flag,
  type BlockingOperations,
  type FromThread,
  type LaterOperations,
  type ThreadOptions,
} from "./messages.ts";

/** Starts the thread that talks to the server; `port` and `flags` are its end of the bridge. */
export type SpawnStoreThread = (options: ThreadOptions, onExit: (reason: string) => void) => void;

export type BridgeOptions = Omit<ThreadOptions, "port" | "flags"> & {
  /** For messages. */
  readonly placeName: string;
};

export type BridgeDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly spawn: SpawnStoreThread;
};

/** A thread that ended is started again after so long. */
const respawnMs = 1000;
/** What a thread needs to start, on a busy machine. */
const startMsMax = 5000;

type Answer = Extract<FromThread, { kind: "answer" | "fault" }>;

/**
 * The main thread's end: asks the other thread, and stands still for the answer or not. While the server is known to be gone
 * nobody stands still, so that an outage costs one deadline at most.
 */
export class Bridge {
  readonly #options: BridgeOptions;
  readonly #dependencies: BridgeDependencies;
  readonly #flags = new Int32Array(
    new SharedArrayBuffer(flag.count * Int32Array.BYTES_PER_ELEMENT),
  );
  readonly #later = new Map<number, (answer: Answer) => void>();
  #port: MessagePort;
  #ids = 0;
  /** Undefined before the thread has tried. */
  #down: StoreFault | null | undefined;
  #isClosed = false;
  onChange: (changed: StateVersion) => void = () => {};

  /** Starts the thread and waits until it has tried to connect, so that a server that is there can be asked at once. */
  constructor(options: BridgeOptions, dependencies: BridgeDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#port = this.#spawn();
    this.#waitFor(startMsMax + options.deadlineMs, () => this.#down !== undefined);
  }

  get isUp(): boolean {
    return !this.#isClosed && Atomics.load(this.#flags, flag.isUp) === 1;
  }

  /** Stands still until the answer is there or the deadline has passed. Nothing that the thread met throws here. */
  ask<Name extends keyof BlockingOperations>(
    name: Name,
    ...values: Parameters<BlockingOperations[Name]>
  ): Result<ReturnType<BlockingOperations[Name]>, StoreFault> {
    if (this.#isClosed) return err(this.#closedFault());
    if (!this.isUp) return err(this.#downFault());
    const { deadlineMs } = this.#options;
    const id = this.#post(name, values);
    let answer: Answer | undefined;
    this.#later.set(id, (given) => void (answer = given));
    this.#waitFor(deadlineMs, () => answer !== undefined);
    this.#later.delete(id);
    if (answer !== undefined) return resultOf(answer);
    // The thread corrects it when the server is there after all.
    Atomics.store(this.#flags, flag.isUp, 0);
    return err(this.#fault(`does not answer (nothing in ${deadlineMs} ms)`));
  }

  /** Resolves with the answer; never rejects for what the thread met. */
  askLater<Name extends keyof LaterOperations>(
    name: Name,
    ...values: Parameters<LaterOperations[Name]>
  ): Promise<Result<ReturnType<LaterOperations[Name]>, StoreFault>> {
    if (this.#isClosed) return Promise.resolve(err(this.#closedFault()));
    if (!this.isUp) return Promise.resolve(err(this.#downFault()));
    return new Promise((resolve) => {
      const id = this.#post(name, values);
      // The process does not end before the answer.
      this.#port.ref();
      this.#later.set(id, (answer) => {
        this.#later.delete(id);
        if (this.#later.size === 0) this.#port.unref();
        resolve(resultOf(answer));
      });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#port.postMessage({ kind: "close" });
    this.#refuseAll(this.#closedFault());
  }

  #post(name: string, values: readonly unknown[]): number {
    this.#ids += 1;
    this.#port.postMessage({ kind: "call", id: this.#ids, name, values });
    return this.#ids;
  }

  #spawn(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    port1.on("message", (message: FromThread) => this.#take(message));
    port1.unref();
    const { placeName: _, ...options } = this.#options;
    this.#dependencies.spawn({ ...options, port: port2, flags: this.#flags.buffer }, (reason) => {
      port1.close();
      if (this.#isClosed) return;
      Atomics.store(this.#flags, flag.isUp, 0);
      this.#down = this.#fault(`cannot be asked: its thread ended (${reason})`);
      this.#refuseAll(this.#down);
      this.#dependencies.timers.after(respawnMs, () => {
        if (!this.#isClosed) this.#port = this.#spawn();
      });
    });
    return port1;
  }

  #refuseAll(fault: StoreFault): void {
    for (const [id, settle] of this.#later) settle({ kind: "fault", id, fault });
  }

  /** Takes messages, standing still, until `isDone` or the time is over. */
  #waitFor(waitMs: number, isDone: () => boolean): void {
    const { clock } = this.#dependencies;
    const endMs = clock.monotonicMs() + waitMs;
    for (;;) {
      const seen = Atomics.load(this.#flags, flag.wake);
      for (;;) {
        const received = receiveMessageOnPort(this.#port);
        if (received === undefined) break;
        this.#take(received.message as FromThread);
      }
      const leftMs = endMs - clock.monotonicMs();
      if (isDone() || leftMs <= 0) return;
      Atomics.wait(this.#flags, flag.wake, seen, leftMs);
    }
  }

  /** An answer that nobody waits for any more is dropped. */
  #take(message: FromThread): void {
    if (message.kind === "status") this.#down = message.down;
    else if (message.kind === "changed") {
      // It may have come while somebody stands still: it is told when that is over.
      queueMicrotask(() => this.onChange(message.changed));
    } else this.#later.get(message.id)?.(message);
  }

  #downFault(): StoreFault {
    return this.#down ?? this.#fault("does not answer");
  }

  #closedFault(): StoreFault {
    return { code: "io", message: `the store ${this.#options.placeName} is closed` };
  }

  #fault(what: string): StoreFault {
    return { code: "unreachable", message: `the store ${this.#options.placeName} ${what}` };
  }
}

function resultOf<Value>(answer: Answer): Result<Value, StoreFault> {
  return answer.kind === "answer" ? ok(answer.value as Value) : err(answer.fault);
}
