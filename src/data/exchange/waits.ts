import type { Deadline } from "../timer-wheel.ts";
import type { WorkerContext } from "../worker-context.ts";

/** How long an exchange waits: for the next byte, and in all. */
export class Waits {
  readonly #context: WorkerContext;
  readonly #deadline: Deadline;
  #totalAtMs = Infinity;

  constructor(context: WorkerContext, deadline: Deadline) {
    this.#context = context;
    this.#deadline = deadline;
  }

  /** From here on it may take so long in all, since `startedMs`; null is no limit. */
  limit(startedMs: number, totalMs: number | null): void {
    this.#totalAtMs = startedMs + (totalMs ?? Infinity);
  }

  /** Waits so long for the next byte. */
  forNext(waitMs: number): void {
    const { wheel, nowMs } = this.#context;
    wheel.set(this.#deadline, Math.min(nowMs() + waitMs, this.#totalAtMs));
  }

  /** Waits for nothing but the end. */
  forEnd(): void {
    this.#context.wheel.set(this.#deadline, this.#totalAtMs);
  }

  isTotalOver(nowMs: number): boolean {
    return nowMs >= this.#totalAtMs;
  }

  stop(): void {
    this.#context.wheel.set(this.#deadline, Infinity);
  }
}
