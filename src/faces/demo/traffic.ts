import { Agent } from "undici";
import type { Clock, Random, Timers } from "../../base/clock.ts";
import { questions } from "./questions.ts";

/** Simulated users who ask technical questions through the proxy, at an open pace: late answers slow nobody. */

export const trafficLimits = {
  users: 40,
  /** Questions per second. */
  rateMax: 1000,
  inFlightMax: 2000,
  /** What the pace may catch up after a pause of this process. */
  catchUpMs: 500,
} as const;

export type TrafficCounts = {
  readonly sent: number;
  /** Answered 2xx. */
  readonly answered: number;
  /** Answered otherwise, or the connection broke. */
  readonly failed: number;
  readonly inFlight: number;
  /** Due but not sent, because of a limit. */
  readonly skipped: number;
};

export type Traffic = {
  counts(): TrafficCounts;
  /** Sends nothing more and waits for the answers under way, at most `deadlineMs`. */
  settle(deadlineMs: number): Promise<void>;
  /** Breaks off what is still under way. */
  cut(): Promise<void>;
};

export type TrafficDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
};

const tickMs = 10;

export function startTraffic(
  { origin, rate }: { readonly origin: string; readonly rate: number },
  dependencies: TrafficDependencies,
): Traffic {
  return new PacedTraffic(origin, rate, dependencies);
}

class PacedTraffic implements Traffic {
  readonly #origin: string;
  readonly #rate: number;
  readonly #dependencies: TrafficDependencies;
  readonly #agent = new Agent({ connections: trafficLimits.inFlightMax, pipelining: 1 });
  readonly #endPace: () => void;
  #paceMs: number;
  #due = 0;
  #sent = 0;
  #answered = 0;
  #failed = 0;
  #skipped = 0;
  #onIdle: (() => void) | null = null;

  constructor(origin: string, rate: number, dependencies: TrafficDependencies) {
    this.#origin = origin;
    this.#rate = rate;
    this.#dependencies = dependencies;
    this.#paceMs = dependencies.clock.monotonicMs();
    this.#endPace = dependencies.timers.every(tickMs, () => this.#tick());
  }

  counts(): TrafficCounts {
    const [sent, answered, failed] = [this.#sent, this.#answered, this.#failed];
    return { sent, answered, failed, inFlight: sent - answered - failed, skipped: this.#skipped };
  }

  settle(deadlineMs: number): Promise<void> {
    this.#endPace();
    if (this.counts().inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#dependencies.timers.after(deadlineMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
  }

  async cut(): Promise<void> {
    this.#endPace();
    await this.#agent.destroy();
  }

  #tick(): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    this.#due += ((nowMs - this.#paceMs) / 1000) * this.#rate;
    this.#paceMs = nowMs;
    const burstMax = Math.max(1, (trafficLimits.catchUpMs / 1000) * this.#rate);
    for (let burst = 0; this.#due >= 1; this.#due -= 1, burst += 1) {
      if (burst >= burstMax || this.counts().inFlight >= trafficLimits.inFlightMax) {
        this.#skipped += 1;
      } else {
        void this.#ask();
      }
    }
  }

  async #ask(): Promise<void> {
    const { random } = this.#dependencies;
    const pick = (length: number) => Math.floor(random.next() * length);
    const user = `user-${String(pick(trafficLimits.users) + 1).padStart(2, "0")}`;
    const question = questions[pick(questions.length)] as string;
    // One in four speaks OpenAI, the rest the plain shape.
    const isOpenAi = pick(4) === 0;
    this.#sent += 1;
    try {
      const { statusCode, body } = await this.#agent.request({
        origin: this.#origin,
        path: isOpenAi ? "/v1/embeddings" : "/embeddings",
        method: "POST",
        headers: { "content-type": "application/json", "x-user-id": user },
        body: JSON.stringify(isOpenAi ? { input: question, model: "any" } : { text: question }),
      });
      await body.dump();
      if (statusCode >= 200 && statusCode < 300) this.#answered += 1;
      else this.#failed += 1;
    } catch {
      // Broken connections are a result here; why is seen on the proxy's side.
      this.#failed += 1;
    }
    if (this.counts().inFlight === 0) this.#onIdle?.();
  }
}
