import { unreachable } from "../base/result.ts";
import type { ChannelState } from "../control/notify/channel.ts";
import type { AlertNotice } from "../core/alerting/notice.ts";
import type { Alert, AlertEvent, AlertsState } from "../core/alerting/state.ts";
import type { AlertCommandBody, AlertsStatus } from "../wire/alerts-api.ts";
import { realClock, realRandom } from "./system.ts";

type AlertStatus = AlertsStatus["alerts"][number];

/** Alerts as the admin API shows them. */
export function describeAlerts(
  { alerts, resolved, silences, withoutRoomTotal }: AlertsState,
  channels: readonly ChannelState[],
): AlertsStatus {
  return {
    alerts: Array.from(alerts.values(), describeAlert),
    resolved: resolved.map(describeResolved),
    silences: Array.from(silences.values(), ({ id, matcher, untilMs, actor, reason }) => ({
      silence: id,
      kind: matcher.kind ?? null,
      experiment: matcher.experiment ?? null,
      subject: matcher.subject ?? null,
      until: timeOf(untilMs),
      actor,
      reason,
    })),
    channels: channels.map(describeChannel),
    without_room: withoutRoomTotal,
  };
}

/** What a command of the admin API means to the alerts. */
export function alertEvent(
  command: AlertCommandBody,
  actor: string,
): Exclude<AlertEvent, { kind: "observe" }> {
  switch (command.command) {
    case "acknowledge":
      return { kind: "acknowledge", alert: command.alert, actor };
    case "unsilence":
      return { kind: "unsilence", id: command.silence, actor };
    case "silence": {
      const { kind, experiment, subject, for_seconds, reason = "" } = command;
      const matcher = {
        ...(kind !== undefined && { kind }),
        ...(experiment !== undefined && { experiment }),
        ...(subject !== undefined && { subject }),
      };
      const untilMs = Math.round(realClock.wallMs() + for_seconds * 1000);
      const id = realRandom.hex32().slice(0, 8);
      return { kind: "silence", id, matcher, untilMs, actor, reason };
    }
    default:
      return unreachable(command);
  }
}

function describeAlert({ id, phase, ...alert }: Alert): AlertStatus {
  const isFiring = phase.kind === "firing";
  return {
    ...alert,
    alert: id,
    status: phase.kind,
    started_at: isFiring ? timeOf(phase.startedAtMs) : null,
    ended_at: null,
    acknowledged_by: isFiring ? (phase.acknowledged?.actor ?? null) : null,
  };
}

function describeResolved(notice: AlertNotice): AlertStatus {
  const { alert, kind, severity, experiment, subject, summary, value, limit } = notice;
  return {
    alert,
    status: "resolved",
    kind,
    severity,
    experiment,
    subject,
    summary,
    value,
    limit,
    started_at: timeOf(notice.startedAtMs),
    ended_at: notice.endedAtMs === null ? null : timeOf(notice.endedAtMs),
    acknowledged_by: notice.acknowledgedBy,
  };
}

function describeChannel(channel: ChannelState): AlertsStatus["channels"][number] {
  const { name, kind, target, queued, sent, failed, dropped, lastError, lastSentAtMs } = channel;
  return {
    name,
    kind,
    target,
    queued,
    sent,
    failed,
    dropped,
    last_error: lastError,
    last_sent_at: lastSentAtMs === null ? null : timeOf(lastSentAtMs),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
