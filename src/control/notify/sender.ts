import type { Clock, Timers } from "../../base/clock.ts";
import { unreachable } from "../../base/result.ts";
import {
  alertmanagerPayload,
  genericPayload,
  slackPayload,
} from "../../core/alerting/notice-text.ts";
import type { AlertSeverity, ChannelPolicy } from "../../core/alerting/policy.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import type { SupervisorLog } from "../worker-slot.ts";
import { LineFile } from "./line-file.ts";
import type { Batch } from "./notice-queue.ts";
import { Webhook, type Delivery, type WebhookTarget } from "./webhook.ts";

export const senderLimits = {
  fileBytesMax: 10 * 1024 * 1024,
  /** Notices in one request to Alertmanager. */
  batchMax: 50,
  /** How long Alertmanager believes that an alert fires unless it hears so again. */
  holdMs: 300_000,
} as const;

/** One way out. */
export type Sender = {
  /** Where it goes, without what may be secret. */
  readonly target: string;
  /** How many notices one delivery takes. */
  readonly batchMax: number;
  /** One attempt. Never rejects. */
  deliver(notices: Batch, signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
};

export type SenderDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: SupervisorLog;
};

export function openSender(
  target: ChannelPolicy["target"],
  { clock, timers, log }: SenderDependencies,
): Sender {
  switch (target.kind) {
    case "webhook":
      return openWebhook(target, clock, timers);
    case "jsonl":
      return openFile(target.path, clock);
    case "log":
      return openLog(log);
    default:
      return unreachable(target);
  }
}

function openWebhook(target: WebhookTarget, clock: Clock, timers: Timers): Sender {
  const webhook = new Webhook(target, timers);
  return {
    // Paths of webhooks are keys as often as not, sometimes from their first segment on.
    target: new URL(target.url).origin,
    batchMax: target.shape === "alertmanager" ? senderLimits.batchMax : 1,
    deliver(notices, signal) {
      const wallMs = clock.wallMs();
      return webhook.post(payloadOf(target.shape, notices, wallMs), wallMs, signal);
    },
    close: () => webhook.close(),
  };
}

function payloadOf(shape: WebhookTarget["shape"], notices: Batch, wallMs: number): JsonValue {
  switch (shape) {
    case "generic":
      return genericPayload(notices[0]);
    case "slack":
      return slackPayload(notices[0]);
    case "alertmanager":
      return alertmanagerPayload(notices, wallMs, senderLimits.holdMs);
    default:
      return unreachable(shape);
  }
}

function openFile(path: string, clock: Clock): Sender {
  const file = new LineFile(path, senderLimits.fileBytesMax);
  return {
    target: path,
    batchMax: 1,
    async deliver(notices) {
      try {
        const at = new Date(clock.wallMs()).toISOString();
        for (const notice of notices) await file.append(JSON.stringify({ at, ...notice }));
        return { kind: "sent" };
      } catch (error) {
        return { kind: "failed", reason: (error as Error).message, retryAfterMs: null };
      }
    },
    close: () => Promise.resolve(),
  };
}

const levels = { critical: "error", warning: "warn", info: "info" } as const satisfies Record<
  AlertSeverity,
  string
>;

function openLog(log: SupervisorLog): Sender {
  return {
    target: "log",
    batchMax: 1,
    deliver(notices) {
      for (const { status, severity, summary, alert } of notices) {
        const level = status === "firing" ? levels[severity] : "info";
        log(level, `alert ${status}`, { alert, severity, summary });
      }
      return Promise.resolve({ kind: "sent" });
    },
    close: () => Promise.resolve(),
  };
}
