import type { JsonValue } from "../experiment/policy.ts";
import type { AlertNotice } from "./notice.ts";

/** What webhooks are sent, in the shapes that receivers know. */

/** Sluice's own shape: the notice with readable times. */
export function genericPayload(notice: AlertNotice): JsonValue {
  const { startedAtMs, endedAtMs, acknowledgedBy, ...rest } = notice;
  return {
    ...rest,
    started_at: timeOf(startedAtMs),
    ended_at: endedAtMs === null ? null : timeOf(endedAtMs),
    acknowledged_by: acknowledgedBy,
  };
}

const colours = { critical: "#c62828", warning: "#ef6c00", info: "#1565c0" } as const;

/** An incoming webhook of Slack, Mattermost or Discord's `/slack`. */
export function slackPayload(notice: AlertNotice): JsonValue {
  const { status, severity, kind, summary, startedAtMs, endedAtMs, acknowledgedBy } = notice;
  const head = status === "firing" ? severity : status;
  const text = `*${head}* ${kind.replaceAll("_", " ")}: ${escapeSlack(summary)}`;
  const by = acknowledgedBy === null ? "" : `, acknowledged by ${escapeSlack(acknowledgedBy)}`;
  const until = endedAtMs === null ? "" : ` until ${timeOf(endedAtMs)}`;
  return {
    text,
    attachments: [
      {
        color: status === "firing" ? colours[severity] : "#2e7d32",
        fallback: text,
        footer: `Sluice: since ${timeOf(startedAtMs)}${until}${by}`,
      },
    ],
  };
}

/** Slack reads `<…>` as links and mentions, which nobody is to trigger through a summary. */
function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * `POST /api/v2/alerts` of Prometheus' Alertmanager. One that fires ends by itself after `holdMs`, so that Alertmanager
 * does not keep it for ever when Sluice is gone; it is sent again before that.
 */
export function alertmanagerPayload(
  notices: readonly AlertNotice[],
  nowMs: number,
  holdMs: number,
): JsonValue {
  return notices.map((notice) => {
    const { alert, kind, severity, experiment, subject, summary, value, limit } = notice;
    const { startedAtMs, endedAtMs } = notice;
    return {
      labels: {
        alertname: `sluice_${kind}`,
        alert,
        severity,
        ...(experiment !== null && { experiment }),
        ...(subject !== null && { subject }),
      },
      annotations: {
        summary,
        description: describe(notice),
        ...(value !== null && { value: String(value) }),
        ...(limit !== null && { limit: String(limit) }),
      },
      startsAt: timeOf(startedAtMs),
      // One that ends before it starts is refused, and the wall clock may have been set back.
      endsAt: timeOf(Math.max(startedAtMs, endedAtMs ?? nowMs + holdMs)),
    };
  });
}

function describe({ alert, startedAtMs, endedAtMs, acknowledgedBy }: AlertNotice): string {
  const until = endedAtMs === null ? "" : ` until ${timeOf(endedAtMs)}`;
  const by = acknowledgedBy === null ? "" : `, acknowledged by ${acknowledgedBy}`;
  return `${alert} of Sluice, since ${timeOf(startedAtMs)}${until}${by}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
