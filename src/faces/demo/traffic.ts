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
  /** Answers by the variant that gave them. */
  readonly byVariant: Readonly<
    Record<string, { readonly answered: number; readonly failed: number }>
  >;
  /** Answers of the treatment that failed or took longer than `slowMs`, and questions that wait for longer. */
  readonly bad: { readonly count: number; readonly firstMs: number | null };
};

export type Traffic = {
  counts(): TrafficCounts;
  /** Sends nothing more and waits for the answers under way, at most `deadlineMs`. */
  settle(deadlineMs: number): Promise<void>;
  /** Breaks off what is still under way. */
  cut(): Promise<void>;
};

export type TrafficPlan = {
  readonly origin: string;
  /** Questions per second. */
  readonly rate: number;
  readonly treatment: string;
  /** What counts as a bad answer, by its time alone. */
  readonly slowMs: number;
};

export type TrafficDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
};

const tickMs = 10;

export function startTraffic(plan: TrafficPlan, dependencies: TrafficDependencies): Traffic {
  return new PacedTraffic(plan, dependencies);
}

class PacedTraffic implements Traffic {
  readonly #plan: TrafficPlan;
  /** When the questions under way were asked. */
  readonly #waiting = new Set<{ readonly sentMs: number }>();
  readonly #byVariant = new Map<string, { answered: number; failed: number }>();
  #bad = 0;
  #firstBadMs: number | null = null;
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

  constructor(plan: TrafficPlan, dependencies: TrafficDependencies) {
    this.#plan = plan;
    this.#dependencies = dependencies;
    this.#paceMs = dependencies.clock.monotonicMs();
    this.#endPace = dependencies.timers.every(tickMs, () => this.#tick());
  }

  counts(): TrafficCounts {
    const [sent, answered, failed] = [this.#sent, this.#answered, this.#failed];
    return {
      sent,
      answered,
      failed,
      inFlight: sent - answered - failed,
      skipped: this.#skipped,
      byVariant: Object.fromEntries(this.#byVariant),
      bad: this.#countBad(),
    };
  }

  #countBad(): TrafficCounts["bad"] {
    const { slowMs } = this.#plan;
    const nowMs = this.#dependencies.clock.monotonicMs();
    let count = this.#bad;
    let firstMs = this.#firstBadMs;
    for (const { sentMs } of this.#waiting) {
      if (nowMs - sentMs <= slowMs) continue;
      count += 1;
      firstMs = Math.min(firstMs ?? Infinity, sentMs + slowMs);
    }
    return { count, firstMs };
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
    this.#due += ((nowMs - this.#paceMs) / 1000) * this.#plan.rate;
    this.#paceMs = nowMs;
    const burstMax = Math.max(1, (trafficLimits.catchUpMs / 1000) * this.#plan.rate);
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
    const waiting = { sentMs: this.#dependencies.clock.monotonicMs() };
    this.#waiting.add(waiting);
    let variant = "";
    let isAnswered = false;
    try {
      const { statusCode, headers, body } = await this.#agent.request({
        origin: this.#plan.origin,
        path: isOpenAi ? "/v1/embeddings" : "/embeddings",
        method: "POST",
        headers: { "content-type": "application/json", "x-user-id": user },
        body: JSON.stringify(isOpenAi ? { input: question, model: "any" } : { text: question }),
      });
      await body.dump();
      variant = String(headers["x-sluice-variant"] ?? "");
      isAnswered = statusCode >= 200 && statusCode < 300;
    } catch {
      // Broken connections are a result here; why is seen on the proxy's side.
    }
    this.#waiting.delete(waiting);
    this.#count(variant, isAnswered, waiting.sentMs);
    if (this.counts().inFlight === 0) this.#onIdle?.();
  }

  #count(variant: string, isAnswered: boolean, sentMs: number): void {
    const of = this.#byVariant.get(variant) ?? { answered: 0, failed: 0 };
    this.#byVariant.set(variant, of);
    if (isAnswered) {
      this.#answered += 1;
      of.answered += 1;
    } else {
      this.#failed += 1;
      of.failed += 1;
    }
    const { slowMs, treatment } = this.#plan;
    const nowMs = this.#dependencies.clock.monotonicMs();
    const isSlow = nowMs - sentMs > slowMs;
    if ((isAnswered && !isSlow) || (variant !== treatment && variant !== "")) return;
    this.#bad += 1;
    this.#firstBadMs = Math.min(this.#firstBadMs ?? Infinity, isSlow ? sentMs + slowMs : nowMs);
  }
}
