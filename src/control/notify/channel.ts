import type { Dispatcher } from "undici";
import type { Clock, Random, Timers } from "../../base/clock.ts";
import { formatDurationMs } from "../../base/units.ts";
import {
  alertmanagerPayload,
  genericPayload,
  slackPayload,
} from "../../core/alerting/notice-text.ts";
import type { AlertNotice } from "../../core/alerting/notice.ts";
import type { ChannelPolicy } from "../../core/alerting/policy.ts";
import type { SupervisorLog } from "../worker-slot.ts";
import { LineFile } from "./line-file.ts";
import { postJson, type Delivery } from "./webhook.ts";

export const channelLimits = {
  /** Notices that wait; the oldest goes when there is no room. */
  queueMax: 200,
  attemptsMax: 10,
  backoffMs: 1000,
  backoffMsMax: 60_000,
  /** How long a receiver may ask to be left alone. */
  retryAfterMsMax: 300_000,
  fileBytesMax: 10 * 1024 * 1024,
  /** Alertmanager forgets what is not sent again within five minutes. */
  resendEveryMs: 60_000,
  holdMs: 300_000,
} as const;

export type ChannelState = {
  readonly name: string;
  readonly kind: ChannelPolicy["target"]["kind"];
  /** Where it goes, without what may be secret. */
  readonly target: string;
  readonly queued: number;
  readonly sent: number;
  readonly failed: number;
  readonly dropped: number;
  readonly lastError: string | null;
  readonly lastSentAtMs: number | null;
};

export type ChannelDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: SupervisorLog;
  readonly dispatcher: Dispatcher;
};

/** Delivers notices to one place: in order, one at a time, again when that fails, and never in anybody's way. */
export class Channel {
  readonly policy: ChannelPolicy;
  readonly #dependencies: ChannelDependencies;
  readonly #queue: AlertNotice[] = [];
  readonly #file: LineFile | null;
  readonly #firing = new Map<string, AlertNotice>();
  readonly #abort = new AbortController();
  #endResend: () => void = () => {};
  #endWait: () => void = () => {};
  #isBusy = false;
  #attempts = 0;
  #counts = { sent: 0, failed: 0, dropped: 0 };
  #lastError: string | null = null;
  #lastSentAtMs: number | null = null;
  #idle: (() => void) | null = null;

  constructor(policy: ChannelPolicy, dependencies: ChannelDependencies) {
    this.policy = policy;
    this.#dependencies = dependencies;
    const { target } = policy;
    this.#file =
      target.kind === "jsonl" ? new LineFile(target.path, channelLimits.fileBytesMax) : null;
    if (target.kind === "webhook" && target.shape === "alertmanager") {
      this.#endResend = dependencies.timers.every(channelLimits.resendEveryMs, () => {
        for (const notice of this.#firing.values()) this.#push(notice);
        this.#work();
      });
    }
  }

  notify(notice: AlertNotice): void {
    if (notice.status === "resolved") this.#firing.delete(notice.alert);
    else this.#firing.set(notice.alert, notice);
    this.#push(notice);
    this.#work();
  }

  state(): ChannelState {
    const { name, target } = this.policy;
    return {
      name,
      kind: target.kind,
      target: describeTarget(target),
      queued: this.#queue.length,
      ...this.#counts,
      lastError: this.#lastError,
      lastSentAtMs: this.#lastSentAtMs,
    };
  }

  /** Resolves when nothing waits to be sent any more. */
  drained(): Promise<void> {
    if (this.#queue.length === 0 && !this.#isBusy) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Ends everything; what still waited is lost, and counted. */
  stop(): void {
    this.#endResend();
    this.#endWait();
    this.#abort.abort();
    this.#counts.dropped += this.#queue.length;
    this.#queue.length = 0;
  }

  #push(notice: AlertNotice): void {
    const waiting = this.#queue.findIndex(
      ({ alert, status }) => alert === notice.alert && status === notice.status,
    );
    // The first is perhaps on its way; a later one is the newer word about the same.
    if (waiting > 0) this.#queue.splice(waiting, 1);
    else if (this.#queue.length >= channelLimits.queueMax) {
      this.#queue.splice(this.#isBusy ? 1 : 0, 1);
      this.#counts.dropped += 1;
    }
    this.#queue.push(notice);
  }

  #work(): void {
    if (this.#isBusy) return;
    const [notice] = this.#queue;
    if (notice === undefined) {
      this.#idle?.();
      return;
    }
    this.#isBusy = true;
    void this.#deliver(notice).then((delivery) => this.#finish(notice, delivery));
  }

  #finish(notice: AlertNotice, delivery: Delivery): void {
    if (this.#abort.signal.aborted) return;
    this.#attempts += 1;
    const isLast = delivery.kind === "refused" || this.#attempts >= channelLimits.attemptsMax;
    if (delivery.kind === "sent") {
      this.#counts.sent += 1;
      this.#lastError = null;
      this.#lastSentAtMs = this.#dependencies.clock.wallMs();
    } else {
      this.#counts.failed += 1;
      this.#complain(notice, delivery.reason, isLast);
      if (isLast) this.#counts.dropped += 1;
      else {
        this.#wait(delivery.kind === "failed" ? delivery.retryAfterMs : null);
        return;
      }
    }
    this.#attempts = 0;
    const at = this.#queue.indexOf(notice);
    if (at !== -1) this.#queue.splice(at, 1);
    this.#isBusy = false;
    this.#work();
  }

  /** Tries again later: 1 s, doubling, spread by up to a half so that many channels do not knock together. */
  #wait(retryAfterMs: number | null): void {
    const { timers, random } = this.#dependencies;
    const { backoffMs, backoffMsMax, retryAfterMsMax } = channelLimits;
    const doubled = Math.min(backoffMsMax, backoffMs * 2 ** (this.#attempts - 1));
    const spread = doubled * (0.5 + 0.5 * random.next());
    const asked = Math.min(retryAfterMs ?? 0, retryAfterMsMax);
    this.#endWait = timers.after(Math.max(spread, asked), () => {
      this.#isBusy = false;
      this.#work();
    });
  }

  #complain({ alert }: AlertNotice, reason: string, isLast: boolean): void {
    const { log } = this.#dependencies;
    // The first failure of a row and its end; those between say the same.
    if (this.#lastError === null || isLast) {
      log(isLast ? "error" : "warn", isLast ? "alert not delivered" : "alert not delivered yet", {
        channel: this.policy.name,
        target: describeTarget(this.policy.target),
        alert,
        reason,
      });
    }
    this.#lastError = reason;
  }

  async #deliver(notice: AlertNotice): Promise<Delivery> {
    const { target } = this.policy;
    const { log, clock, dispatcher, timers } = this.#dependencies;
    if (target.kind === "log") {
      const { status, severity, summary, alert } = notice;
      const level = status !== "firing" ? "info" : severity === "info" ? "info" : "warn";
      log(level, `alert ${status}`, { alert, severity, summary });
      return { kind: "sent" };
    }
    if (target.kind === "jsonl") {
      try {
        this.#file?.append(
          JSON.stringify({ at: new Date(clock.wallMs()).toISOString(), ...notice }),
        );
        return { kind: "sent" };
      } catch (error) {
        return { kind: "failed", reason: String(error), retryAfterMs: null };
      }
    }
    const body =
      target.shape === "slack"
        ? slackPayload(notice)
        : target.shape === "alertmanager"
          ? alertmanagerPayload([notice], clock.wallMs(), channelLimits.holdMs)
          : genericPayload(notice);
    const timeOut = new AbortController();
    const cancel = timers.after(target.timeoutMs, () => {
      timeOut.abort(new Error(`no answer within ${formatDurationMs(target.timeoutMs)}`));
    });
    const signal = AbortSignal.any([timeOut.signal, this.#abort.signal]);
    const delivery = await postJson(target.url, target.headers, body, { dispatcher, signal });
    cancel();
    return delivery;
  }
}

/** An address without what may be secret in it: paths of webhooks are. */
function describeTarget(target: ChannelPolicy["target"]): string {
  if (target.kind === "log") return "log";
  return target.kind === "jsonl" ? target.path : new URL(target.url).origin;
}
