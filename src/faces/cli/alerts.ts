import { parseDurationMs } from "../../base/units.ts";
import { alertsSchema, type AlertsStatus } from "../../wire/alerts-api.ts";
import { ask, explain, type AdminCall } from "./admin-call.ts";
import { exitCodes, type CliIo } from "./io.ts";

export type AlertsArguments = {
  readonly action: "list" | "ack" | "silence" | "unsilence";
  /** The alert to acknowledge, or the silence to end. */
  readonly id: string;
  readonly kind: string | null;
  readonly experiment: string | null;
  readonly subject: string | null;
  /** How long a silence lasts, such as 1h. */
  readonly lasting: string;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly json: boolean;
};

/** `sluice alerts ACTION`. Exit 0 when it was done, 2 when it cannot be, 1 when Sluice cannot be reached. */
export async function runAlerts(
  arguments_: AlertsArguments,
  call: AdminCall,
  io: CliIo,
): Promise<number> {
  const body = commandOf(arguments_);
  if (typeof body === "string") {
    io.stderr(`sluice alerts: ${body}\n`);
    return exitCodes.invalid;
  }
  const answer = await ask(call, "/v1/alerts", body);
  if (answer.kind !== "answered") return explain("alerts", call, answer, io);
  if (arguments_.json) io.stdout(`${JSON.stringify(answer.body, null, 2)}\n`);
  else io.stdout(describeAlerts(alertsSchema.parse(answer.body)));
  return exitCodes.success;
}

/** The body to send; null to ask only, a text for what is wrong with the arguments. */
function commandOf(arguments_: AlertsArguments): object | null | string {
  const { action, id, kind, experiment, subject, lasting, reason, actor } = arguments_;
  const by = actor === null ? {} : { actor };
  if (action === "list") return null;
  if (action === "ack") return { command: "acknowledge", alert: id, ...by };
  if (action === "unsilence") return { command: "unsilence", silence: id, ...by };
  const forMs = parseDurationMs(lasting);
  if (forMs === null || forMs === 0) return `--for is no duration such as 1h: ${lasting}`;
  return {
    command: "silence",
    for_seconds: forMs / 1000,
    ...(kind !== null && { kind }),
    ...(experiment !== null && { experiment }),
    ...(subject !== null && { subject }),
    ...(reason !== null && { reason }),
    ...by,
  };
}

function describeAlerts({ alerts, resolved, silences, channels }: AlertsStatus): string {
  const firing = alerts.filter(({ status }) => status === "firing");
  const pending = alerts.filter(({ status }) => status === "pending");
  const lines = [firing.length === 0 ? "nothing fires" : `${firing.length} firing`];
  for (const alert of firing) lines.push(...describeAlert(alert));
  if (pending.length > 0) lines.push(`${pending.length} pending`);
  for (const alert of pending) lines.push(...describeAlert(alert));
  const last = resolved.slice(-5);
  if (last.length > 0) lines.push("resolved last");
  for (const alert of last) lines.push(...describeAlert(alert));
  if (silences.length > 0) lines.push("silences");
  for (const { silence, kind, experiment, subject, until, actor, reason } of silences) {
    const what = [kind, experiment, subject].filter((part) => part !== null).join(", ");
    const why = reason === null || reason === "" ? "" : `: ${reason}`;
    lines.push(
      `  ${silence}  ${what === "" ? "everything" : what} until ${until} by ${actor}${why}`,
    );
  }
  for (const { name, target, dropped, last_error: error } of channels) {
    if (error !== null) lines.push(`channel ${name} (${target}) fails: ${error}`);
    if (dropped > 0) lines.push(`channel ${name} (${target}) has lost ${dropped} notices`);
  }
  return `${lines.join("\n")}\n`;
}

function describeAlert(alert: AlertsStatus["alerts"][number]): string[] {
  const { severity, summary, started_at, ended_at, acknowledged_by } = alert;
  const since = started_at === null ? "" : ` since ${started_at.slice(0, 19)}Z`;
  const until = ended_at === null ? "" : ` until ${ended_at.slice(0, 19)}Z`;
  const by = acknowledged_by === null ? "" : `, acknowledged by ${acknowledged_by}`;
  return [`  ${severity.padEnd(8)}  ${alert.alert}${since}${until}${by}`, `            ${summary}`];
}
