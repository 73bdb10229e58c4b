import { line, padLine, span, type Line, type Tone } from "./line.ts";
import type { Alert, Model } from "./model.ts";
import { span as formatSpan } from "./numbers.ts";
import type { Panel } from "./panel.ts";
import { neutralise } from "./text.ts";

const severityTones: Readonly<Record<Alert["severity"], Tone>> = {
  critical: "bad",
  warning: "warn",
  info: "calm",
};

/** What is wrong, gravest first; below it what was, as far as there is room. */
export function drawAlerts(model: Model, columns: number, rows: number): Panel {
  const { alerts, document, ui } = model;
  const resolved = document.alerts.resolved.toReversed();
  const firing = alerts.filter(({ status }) => status === "firing").length;
  const silences = Object.keys(document.alerts.silences).length;
  const words = [
    `${firing} firing`,
    ...(alerts.length > firing ? [`${alerts.length - firing} pending`] : []),
    ...(silences > 0 ? [`${silences} ${silences === 1 ? "silence" : "silences"}`] : []),
  ];
  const title: Line = [span("Alerts", "title"), span(`  ${words.join(", ")}`, "dim")];
  const all = [...alerts, ...resolved];
  if (all.length === 0) return { title, lines: [line("  Nothing fires, nothing did", "dim")] };
  const at = ui.focus === "alerts" ? focusedAlert(alerts, ui.alert) : 0;
  const from = Math.max(0, Math.min(at - Math.floor(rows / 2), all.length - rows));
  const lines = all.slice(from, from + Math.max(0, rows)).map((alert, index) => {
    const isFocused = ui.focus === "alerts" && from + index === at && at < alerts.length;
    const drawn = drawAlert(alert, model, isFocused);
    return isFocused ? padLine(drawn, columns).map(({ text }) => span(text, "selected")) : drawn;
  });
  return { title, lines };
}

/** Where the alert that keys act on stands. */
function focusedAlert(alerts: readonly Alert[], name: string | null): number {
  return Math.max(
    0,
    alerts.findIndex(({ alert }) => alert === name),
  );
}

function drawAlert(alert: Alert, { nowMs, glyphs }: Model, isFocused: boolean): Line {
  const { status, severity, started_at, ended_at, acknowledged_by: by, summary } = alert;
  const isOver = status === "resolved";
  const head = isFocused ? `${glyphs.cursor} ` : "  ";
  const since = isOver ? ended_at : started_at;
  const age =
    since === null ? "" : ` ${isOver ? "" : "for "}${ago(nowMs - Date.parse(since), isOver)}`;
  const seen = by === null ? "" : ` (seen by ${neutralise(by)})`;
  return [
    span(head, "key"),
    span(isOver ? "resolved" : severity.padEnd(8), isOver ? "dim" : severityTones[severity]),
    span(`  ${neutralise(summary)}`, isOver ? "dim" : "plain"),
    span(`  ${status === "pending" ? "pending" : ""}${age}${seen}`, "dim"),
  ];
}

function ago(ms: number, isOver: boolean): string {
  return isOver ? `${formatSpan(ms)} ago` : formatSpan(ms);
}
