import { advance, begin, idOf, noticeOf, type Holding } from "./episode.ts";
import type { AlertNotice } from "./notice.ts";
import { alertSeverities, type AlertPolicy, type AlertRule } from "./policy.ts";
import { expireSilences, isSilenced, onSilence, onUnsilence } from "./silence.ts";
import {
  alertLimits,
  type Alert,
  type AlertCommand,
  type AlertEvent,
  type AlertsState,
  type AlertStepResult,
  type AlertTime,
} from "./state.ts";

/** Who acts when nobody was asked. */
const controller = "controller";

/** No alerts and no silences. */
export function createAlerts(): AlertsState {
  return {
    alerts: new Map(),
    resolved: [],
    silences: new Map(),
    owed: new Map(),
    withoutRoom: 0,
    withoutRoomTotal: 0,
  };
}

/**
 * One event of all alerts. A condition that lasts fires once, is told once (and again at the policy's pace until
 * somebody acknowledges it), and is resolved once it has been gone for long enough. A silence holds notices back and
 * nothing else. `nowMs` of `time` never falls; `atMs` may jump.
 */
export function stepAlerts(
  policy: AlertPolicy,
  state: AlertsState,
  event: AlertEvent,
  time: AlertTime,
): AlertStepResult {
  const expired = expireSilences(state, time.nowMs);
  const { next, commands, refused } = apply(policy, expired.next, event, time);
  const told = tell(policy, next, time.nowMs);
  return {
    next: told.next,
    commands: [...expired.commands, ...commands, ...told.commands],
    refused,
  };
}

function apply(
  policy: AlertPolicy,
  state: AlertsState,
  event: AlertEvent,
  time: AlertTime,
): AlertStepResult {
  switch (event.kind) {
    case "observe":
      return onObserve(policy, state, event, time);
    case "acknowledge":
      return onAcknowledge(state, event, time);
    case "silence":
      return onSilence(state, event, time);
    case "unsilence":
      return onUnsilence(state, event);
  }
}

function onObserve(
  policy: AlertPolicy,
  state: AlertsState,
  { conditions }: Extract<AlertEvent, { kind: "observe" }>,
  time: AlertTime,
): AlertStepResult {
  const rules = new Map(policy.rules.map((rule) => [rule.kind, rule]));
  const holding = holdingById(rules, conditions);
  const commands: AlertCommand[] = [];
  const alerts = new Map<string, Alert>();
  const owed = new Map(state.owed);
  const ended: AlertNotice[] = [];

  for (const alert of state.alerts.values()) {
    const next = advance(alert, holding.get(alert.id) ?? null, rules.get(alert.kind) ?? null, time);
    if (next !== null) {
      alerts.set(alert.id, next);
      if (next.phase.kind !== alert.phase.kind) commands.push(journalOf("fired", next));
    } else if (alert.phase.kind === "firing") {
      const notice = noticeOf(alert, alert.phase, "resolved", time.atMs);
      ended.push(notice);
      commands.push(journalOf("resolved", alert));
      // Who was never told that it fires is not told that it ended. Silences are looked at when notices are sent.
      if (alert.phase.toldMs !== null) owed.set(alert.id, notice);
    }
  }

  let withoutRoom = 0;
  for (const [id, { condition, rule }] of holding) {
    if (alerts.has(id)) continue;
    if (alerts.size + owed.size >= alertLimits.alertsMax) {
      withoutRoom += 1;
      continue;
    }
    const alert = begin(id, condition, rule, time);
    alerts.set(id, alert);
    if (alert.phase.kind === "firing") commands.push(journalOf("fired", alert));
  }

  const newlyWithout = Math.max(0, withoutRoom - state.withoutRoom);
  const next: AlertsState = {
    ...state,
    alerts,
    owed,
    resolved: [...state.resolved, ...ended].slice(-alertLimits.resolvedMax),
    withoutRoom,
    withoutRoomTotal: state.withoutRoomTotal + newlyWithout,
  };
  return { next, commands, refused: null };
}

/** The conditions that have a rule, the gravest first: where room is short it is theirs. */
function holdingById(
  rules: ReadonlyMap<string, AlertRule>,
  conditions: Extract<AlertEvent, { kind: "observe" }>["conditions"],
): ReadonlyMap<string, Holding> {
  const ruled = conditions.flatMap((condition): Holding[] => {
    const rule = rules.get(condition.kind);
    return rule === undefined ? [] : [{ condition, rule }];
  });
  const holding = new Map<string, Holding>();
  for (const each of ruled.toSorted((one, other) => gravityOf(one) - gravityOf(other))) {
    const id = idOf(each.condition);
    if (!holding.has(id)) holding.set(id, each);
  }
  return holding;
}

/** 0 for the gravest. */
function gravityOf({ rule }: Holding): number {
  return alertSeverities.indexOf(rule.severity);
}

function onAcknowledge(
  state: AlertsState,
  { alert: id, actor }: Extract<AlertEvent, { kind: "acknowledge" }>,
  { atMs }: AlertTime,
): AlertStepResult {
  const alert = state.alerts.get(id);
  if (alert?.phase.kind !== "firing") {
    return {
      next: state,
      commands: [],
      refused: `no alert ${id} is firing: nothing to acknowledge`,
    };
  }
  const { phase } = alert;
  if (phase.acknowledged !== null) return { next: state, commands: [], refused: null };
  const firing = { ...phase, acknowledged: { actor, atMs } };
  const acknowledged: Alert = { ...alert, phase: firing };
  const commands: AlertCommand[] = [journalOf("acknowledged", acknowledged, actor)];
  if (phase.toldMs !== null && !isSilenced(state, alert)) {
    const notice = noticeOf(acknowledged, firing, "acknowledged", null);
    commands.push({ kind: "notify", notice });
  }
  const alerts = new Map(state.alerts).set(id, acknowledged);
  return { next: { ...state, alerts }, commands, refused: null };
}

/** Sends whatever is due and not silenced: first notices, repeats, and resolutions. */
function tell(
  { repeatMs }: AlertPolicy,
  state: AlertsState,
  nowMs: number,
): Pick<AlertStepResult, "next" | "commands"> {
  const commands: AlertCommand[] = [];
  const alerts = new Map(state.alerts);
  const owed = new Map(state.owed);
  for (const alert of state.alerts.values()) {
    const { phase } = alert;
    if (phase.kind !== "firing" || isSilenced(state, alert)) continue;
    const isRepeat =
      repeatMs !== null &&
      phase.toldMs !== null &&
      phase.acknowledged === null &&
      phase.goneSinceMs === null &&
      nowMs - phase.toldMs >= repeatMs;
    if (phase.toldMs !== null && !isRepeat) continue;
    const firing = { ...phase, toldMs: nowMs };
    alerts.set(alert.id, { ...alert, phase: firing });
    // Its new episode says more than that the one before is over.
    owed.delete(alert.id);
    commands.push({ kind: "notify", notice: noticeOf(alert, firing, "firing", null) });
  }
  for (const [id, notice] of owed) {
    if (isSilenced(state, notice)) continue;
    owed.delete(id);
    commands.push({ kind: "notify", notice });
  }
  if (commands.length === 0) return { next: state, commands };
  return { next: { ...state, alerts, owed }, commands };
}

function journalOf(
  what: "fired" | "resolved" | "acknowledged",
  { id, severity, value, limit, summary }: Alert,
  actor = controller,
): AlertCommand {
  return { kind: "journal", what, actor, subject: id, facts: { severity, value, limit, summary } };
}
