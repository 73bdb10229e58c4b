import { retryMs } from "../../core/mirror/divergence.ts";
import type { Random, Timers } from "../../base/clock.ts";

/** What became of one attempt; `settled` ones need no other. */
export type Attempted = { readonly settled: boolean; readonly failure: string | null };

export type LineDependencies = {
  readonly timers: Timers;
  readonly random: Random;
  /** Sends the write; `attempt` counts from 0. Never rejects. */
  readonly send: (name: string, attempt: number) => Promise<Attempted>;
  /** The variant is through with it. */
  readonly settle: (name: string) => Promise<void>;
};

/** The writes that one variant is still to get: one after another in their order, tried until each is settled. */
export class VariantLine {
  readonly experiment: string;
  readonly variant: string;
  retried = 0;
  /** Why the last attempt failed, while it is tried again. */
  failure: string | null = null;
  /** Names, oldest first. */
  readonly #queue: string[] = [];
  readonly #dependencies: LineDependencies;
  /** An attempt is under way, or the next one waits for its time. */
  #isBusy = false;
  #isStopped = false;
  #attempt = 0;
  #cancel = () => {};

  constructor(experiment: string, variant: string, dependencies: LineDependencies) {
    this.experiment = experiment;
    this.variant = variant;
    this.#dependencies = dependencies;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** Null when none waits. */
  get oldest(): string | null {
    return this.#queue[0] ?? null;
  }

  /** Workers tell of their writes each on its own: one that is older than the last goes before it. */
  add(name: string): void {
    const at = this.#queue.findLastIndex((other) => other <= name);
    this.#queue.splice(at + 1, 0, name);
    void this.#next();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #next(): Promise<void> {
    const name = this.oldest;
    if (this.#isBusy || this.#isStopped || name === null) return;
    this.#isBusy = true;
    const { settled, failure } = await this.#dependencies.send(name, this.#attempt);
    if (settled) {
      this.#queue.splice(this.#queue.indexOf(name), 1);
      await this.#dependencies.settle(name);
    }
    if (this.#isStopped) return;
    this.failure = settled ? null : failure;
    this.#attempt = settled ? 0 : this.#attempt + 1;
    if (settled) {
      this.#goOn();
      return;
    }
    this.retried += 1;
    const { timers, random } = this.#dependencies;
    this.#cancel = timers.after(retryMs(this.#attempt, random.next()), () => this.#goOn());
  }

  #goOn(): void {
    this.#isBusy = false;
    void this.#next();
  }
}
