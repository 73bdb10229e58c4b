import { createDelay, type Delay } from "../../base/delay.ts";
import type { Random } from "../../base/clock.ts";
import type { AlertNotice } from "../../core/alerting/notice.ts";
import type { ChannelPolicy } from "../../core/alerting/policy.ts";
import { NoticeQueue, type Batch } from "./notice-queue.ts";
import { retryDelayMs } from "./retry.ts";
import { openSender, type Sender, type SenderDependencies } from "./sender.ts";

export const channelLimits = {
  /** Notices that wait. */
  queueMax: 200,
  /** Alertmanager forgets what is not sent again within five minutes. */
  resendEveryMs: 60_000,
  /** What goes wrong again and again is logged once in this time; all of it is counted. */
  complainEveryMs: 60_000,
} as const;

export type ChannelState = {
  readonly name: string;
  readonly kind: ChannelPolicy["target"]["kind"];
  /** Where it goes, without what may be secret. */
  readonly target: string;
  readonly queued: number;
  /** Notices that arrived, those sent again included. */
  readonly sent: number;
  /** Attempts that did not succeed. */
  readonly failed: number;
  /** Notices given up. */
  readonly dropped: number;
  /** Why the last attempt failed; null when it did not. */
  readonly lastError: string | null;
  /** Wall time. */
  readonly lastSentAtMs: number | null;
};

export type ChannelDependencies = SenderDependencies & {
  readonly random: Random;
  /** The alerts that fire now and that this channel hears about. */
  readonly firing: (policy: ChannelPolicy) => readonly AlertNotice[];
};

/** Delivers notices to one place: in order, one request at a time, again when that fails, and in nobody's way. */
export class Channel {
  readonly policy: ChannelPolicy;
  readonly #dependencies: ChannelDependencies;
  readonly #sender: Sender;
  readonly #queue: NoticeQueue;
  readonly #abort = new AbortController();
  readonly #complainedAtMs = new Map<string, number>();
  #endResend: () => void = () => {};
  /** What is left of the round of alerts that are sent again. */
  #resend: readonly AlertNotice[] = [];
  readonly #pause: Delay;
  #isBusy = false;
  #closed: Promise<void> = Promise.resolve();
  #counts = { sent: 0, failed: 0, dropped: 0 };
  #lastError: string | null = null;
  #lastSentAtMs: number | null = null;
  #idle: (() => void) | null = null;

  /** `waiting`: what a channel before it had not delivered. */
  constructor(
    policy: ChannelPolicy,
    waiting: readonly AlertNotice[],
    dependencies: ChannelDependencies,
  ) {
    this.policy = policy;
    this.#dependencies = dependencies;
    this.#pause = createDelay(dependencies.timers);
    this.#sender = openSender(policy.target, dependencies);
    this.#queue = new NoticeQueue(channelLimits.queueMax, waiting);
    const { target } = policy;
    if (target.kind === "webhook" && target.shape === "alertmanager") {
      this.#endResend = dependencies.timers.every(channelLimits.resendEveryMs, () => {
        this.#resend = dependencies.firing(policy);
        this.#work();
      });
    }
    this.#work();
  }

  notify(notice: AlertNotice): void {
    if (this.#abort.signal.aborted) return;
    const displaced = this.#queue.push(notice);
    if (displaced !== null) {
      this.#drop(1, displaced.alert, `more than ${channelLimits.queueMax} notices wait`);
    }
    this.#work();
  }

  state(): ChannelState {
    return {
      name: this.policy.name,
      kind: this.policy.target.kind,
      target: this.#sender.target,
      queued: this.#queue.length,
      ...this.#counts,
      lastError: this.#lastError,
      lastSentAtMs: this.#lastSentAtMs,
    };
  }

  /** Resolves when nothing waits any more. What waits for its next attempt has it now: there may be no later. */
  drain(): Promise<void> {
    this.#endResend();
    this.#resend = [];
    this.#pause.hurry();
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Ends what is under way and all that follows; returns what was not delivered. */
  end(): readonly AlertNotice[] {
    this.#endResend();
    this.#abort.abort();
    this.#pause.hurry();
    this.#closed = this.#sender.close();
    return this.#queue.clear();
  }

  /** Resolves when its connections are closed, once it has ended. */
  closed(): Promise<void> {
    return this.#closed;
  }

  #work(): void {
    if (this.#isBusy || this.#abort.signal.aborted) return;
    this.#isBusy = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const waiting = this.#queue.hold(this.#sender.batchMax);
      const again = waiting === null ? this.#nextAgain() : null;
      if (waiting !== null) await this.#deliver(waiting);
      else if (again !== null) await this.#remind(again);
      else break;
    }
    this.#isBusy = false;
    this.#idle?.();
  }

  /** Tries until it is delivered or hopeless. */
  async #deliver(batch: Batch): Promise<void> {
    const { clock, random } = this.#dependencies;
    const startedMs = clock.monotonicMs();
    for (let made = 1; ; made += 1) {
      const delivery = await this.#attempt(batch);
      if (this.#abort.signal.aborted) return;
      if (delivery.kind === "sent") break;
      const [{ alert }] = batch;
      const { reason } = delivery;
      const spentMs = clock.monotonicMs() - startedMs;
      const delayMs =
        delivery.kind === "refused"
          ? null
          : retryDelayMs({ made, spentMs, retryAfterMs: delivery.retryAfterMs }, random.next());
      if (delayMs === null) {
        this.#drop(batch.length, alert, reason);
        break;
      }
      this.#complain("warn", "alert not delivered yet", { alert, reason });
      await this.#pause.wait(delayMs);
      if (this.#abort.signal.aborted) return;
    }
    this.#queue.release();
  }

  /** One attempt at what is sent again; when it fails, the next round is soon enough. */
  async #remind(batch: Batch): Promise<void> {
    const delivery = await this.#attempt(batch);
    if (delivery.kind === "sent" || this.#abort.signal.aborted) return;
    this.#resend = [];
    const [{ alert }] = batch;
    this.#complain("warn", "alert not sent again", { alert, reason: delivery.reason });
  }

  async #attempt(batch: Batch) {
    const delivery = await this.#sender.deliver(batch, this.#abort.signal);
    if (this.#abort.signal.aborted) return delivery;
    if (delivery.kind === "sent") {
      this.#counts.sent += batch.length;
      this.#lastError = null;
      this.#lastSentAtMs = this.#dependencies.clock.wallMs();
    } else {
      this.#counts.failed += 1;
      this.#lastError = delivery.reason;
    }
    return delivery;
  }

  /** The next of what is sent again and has not ended meanwhile. */
  #nextAgain(): Batch | null {
    if (this.#resend.length === 0) return null;
    const firing = new Set(this.#dependencies.firing(this.policy).map(({ alert }) => alert));
    const left = this.#resend.filter(({ alert }) => firing.has(alert));
    this.#resend = left.slice(this.#sender.batchMax);
    const [first, ...rest] = left.slice(0, this.#sender.batchMax);
    return first === undefined ? null : [first, ...rest];
  }

  #drop(count: number, alert: string, reason: string): void {
    this.#counts.dropped += count;
    this.#complain("error", "alert not delivered", { alert, reason });
  }

  #complain(level: "warn" | "error", message: string, facts: Record<string, string>): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    const { complainEveryMs } = channelLimits;
    if (nowMs - (this.#complainedAtMs.get(message) ?? -complainEveryMs) < complainEveryMs) return;
    this.#complainedAtMs.set(message, nowMs);
    this.#dependencies.log(level, message, {
      channel: this.policy.name,
      target: this.#sender.target,
      ...facts,
      dropped: this.#counts.dropped,
    });
  }
}
