import type { AlertNotice } from "../../../src/core/alerting/notice.ts";
import { defaultRules } from "../../../src/core/alerting/defaults.ts";
import type { AlertPolicy } from "../../../src/core/alerting/policy.ts";
import type {
  AlertCommand,
  AlertCondition,
  AlertEvent,
  AlertsState,
} from "../../../src/core/alerting/state.ts";
import { createAlerts, stepAlerts } from "../../../src/core/alerting/step.ts";

/** Error rates wait 60 s to fire and 60 s to clear; rollbacks do neither; upstreams are warnings. */
export const policy: AlertPolicy = {
  rules: [
    { ...defaultRules.error_rate, forMs: 60_000, clearMs: 60_000 },
    { ...defaultRules.rollback, forMs: 0, clearMs: 0 },
    { ...defaultRules.upstream_unhealthy, forMs: 0, clearMs: 30_000 },
  ],
  channels: [],
  repeatMs: null,
};

export const wallStartMs = 1_700_000_000_000;

export function condition(fields: Partial<AlertCondition> = {}): AlertCondition {
  return {
    kind: "error_rate",
    experiment: "e",
    subject: "new",
    value: 0.2,
    limit: 0.1,
    summary: "new of e failed 20 %",
    ...fields,
  };
}

export const rollback = condition({
  kind: "rollback",
  subject: null,
  value: null,
  limit: null,
  summary: "e was rolled back",
});

type Journal = Extract<AlertCommand, { kind: "journal" }>;

/** All alerts on clocks of their own; what they command is written down. */
export class Desk {
  state: AlertsState = createAlerts();
  nowMs = 0;
  /** Wall clock minus monotonic clock. */
  wallMs = wallStartMs;
  readonly policy: AlertPolicy;
  readonly notices: AlertNotice[] = [];
  readonly journal: Journal[] = [];
  refused: string | null = null;

  constructor(changes: Partial<AlertPolicy> = {}) {
    this.policy = { ...policy, ...changes };
  }

  get atMs(): number {
    return this.wallMs + this.nowMs;
  }

  feed(event: AlertEvent, passedMs = 0): readonly AlertCommand[] {
    this.nowMs += passedMs;
    const time = { nowMs: this.nowMs, atMs: this.atMs };
    const { next, commands, refused } = stepAlerts(this.policy, this.state, event, time);
    this.state = next;
    this.refused = refused;
    for (const command of commands) {
      if (command.kind === "notify") this.notices.push(command.notice);
      else this.journal.push(command);
    }
    return commands;
  }

  /** One look, `passedMs` after the last event. */
  look(passedMs: number, ...conditions: AlertCondition[]): void {
    this.feed({ kind: "observe", conditions }, passedMs);
  }

  acknowledge(alert: string, actor = "ann"): void {
    this.feed({ kind: "acknowledge", alert, actor });
  }

  silence(lastsMs: number, fields: Partial<Extract<AlertEvent, { kind: "silence" }>> = {}): void {
    const untilMs = this.atMs + lastsMs;
    const silence = { id: "s", matcher: {}, untilMs, actor: "ann", reason: "maintenance" };
    this.feed({ kind: "silence", ...silence, ...fields });
  }

  /** What was told since the last call, as `status alert`. */
  told(): string[] {
    return this.notices.splice(0).map(({ status, alert }) => `${status} ${alert}`);
  }

  /** What was journalled since the last call. */
  written(): string[] {
    return this.journal.splice(0).map(({ what, subject, actor }) => `${what} ${subject} ${actor}`);
  }

  phases(): Record<string, string> {
    return Object.fromEntries(
      [...this.state.alerts.values()].map(({ id, phase }) => [id, phase.kind]),
    );
  }
}
