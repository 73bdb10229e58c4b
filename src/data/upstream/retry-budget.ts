import type { Retries } from "../../core/traffic/policy.ts";

const windowSeconds = 10;

/**
 * Keeps retries a bounded share of the requests of the last ten seconds, so that retries cannot finish
 * off an upstream that is already down (the budget of Finagle and Linkerd).
 */
export class RetryBudget {
  readonly #requests = new Uint32Array(windowSeconds);
  readonly #retries = new Uint32Array(windowSeconds);
  #second = 0;
  denied = 0;
  spent = 0;

  countRequest(nowMs: number): void {
    this.#advance(nowMs);
    const slot = this.#second % windowSeconds;
    this.#requests[slot] = (this.#requests[slot] as number) + 1;
  }

  /** Takes one retry from the budget; false when it is used up. */
  take(policy: Retries, nowMs: number): boolean {
    this.#advance(nowMs);
    const allowed = Math.max(
      policy.budgetMinPerSecond * windowSeconds,
      policy.budgetRatio * sum(this.#requests),
    );
    if (sum(this.#retries) + 1 > allowed) {
      this.denied += 1;
      return false;
    }
    const slot = this.#second % windowSeconds;
    this.#retries[slot] = (this.#retries[slot] as number) + 1;
    this.spent += 1;
    return true;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) return;
    const from = Math.max(this.#second + 1, second - windowSeconds + 1);
    for (let at = from; at <= second; at += 1) {
      this.#requests[at % windowSeconds] = 0;
      this.#retries[at % windowSeconds] = 0;
    }
    this.#second = second;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
