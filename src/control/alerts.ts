import type { Clock, Timers } from "../base/clock.ts";
import { conditionsOf } from "../core/alerting/conditions.ts";
import type { AlertFacts } from "../core/alerting/facts.ts";
import type { AlertNotice } from "../core/alerting/notice.ts";
import type { AlertPolicy, ChannelPolicy } from "../core/alerting/policy.ts";
import { restoreAlerts, saveAlerts } from "../core/alerting/saved.ts";
import { noticeOf } from "../core/alerting/episode.ts";
import type { Alert, AlertEvent, AlertsState, AlertTime } from "../core/alerting/state.ts";
import { createAlerts, stepAlerts } from "../core/alerting/step.ts";
import { readStates } from "./kept.ts";
import { isOutdated, outdatedTriesMax, type Sharing } from "./replica/sharing.ts";
import type { Store } from "./store/store.ts";
import type { SupervisorLog } from "./worker-slot.ts";

/** How often it is looked whether something holds that people ought to know. */
export const lookEveryMs = 1000;

/** The one subject under which the state is kept. */
const subject = "alerts";

export type AlertsDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: Pick<Store, "append" | "states"> | null;
  /** Set where several replicas share the store: the leader watches and tells for all. */
  readonly sharing?: Sharing;
  readonly notifier: {
    notify(notice: AlertNotice): void;
    /** Takes over what fired before this process began, so that its end, and that it lasts, is told. */
    restore(notices: readonly AlertNotice[]): void;
    configure(channels: readonly ChannelPolicy[]): void;
  };
  readonly facts: () => AlertFacts;
  readonly log: SupervisorLog;
};

/** Watches over everything, tells what changed, and remembers who has seen it. */
export type Alerts = {
  configure(policy: AlertPolicy): void;
  /** Null when it was done, else why not. */
  command(event: Exclude<AlertEvent, { kind: "observe" }>): string | null;
  /** Another replica has changed the alerts. */
  adopt(): void;
  state(): AlertsState;
  stop(): void;
};

export function createAlertRunner(
  initial: AlertPolicy,
  { clock, timers, store, sharing, notifier, facts, log }: AlertsDependencies,
): Alerts {
  const timeNow = (): AlertTime => ({
    nowMs: clock.monotonicMs(),
    atMs: Math.round(clock.wallMs()),
  });
  let policy = initial;
  const stored = readStates(store, "alert", log).get(subject);
  let state = (stored === undefined ? null : restoreAlerts(stored, timeNow())) ?? createAlerts();

  notifier.restore([...state.alerts.values()].flatMap(noticeOfTold));

  function feed(event: AlertEvent, tries = outdatedTriesMax): string | null {
    const now = timeNow();
    const { next, commands, refused } = stepAlerts(policy, state, event, now);
    const entries = commands.flatMap((command) =>
      command.kind === "journal"
        ? {
            atMs: now.atMs,
            actor: command.actor,
            scope: "alert" as const,
            subject: command.subject,
            kind: command.what,
            facts: command.facts,
          }
        : [],
    );
    // What cannot be written down is told all the same; that the store fails is an alert itself.
    if (entries.length > 0) {
      const kept = store?.append(entries, [
        { scope: "alert", subject, state: saveAlerts(next, now.nowMs) },
      ]);
      if (kept?.ok === false && isOutdated(kept.error)) {
        adopt();
        return tries > 0 ? feed(event, tries - 1) : kept.error.message;
      }
    }
    state = next;
    for (const command of commands) if (command.kind === "notify") notifier.notify(command.notice);
    return refused;
  }

  /** Who leads next knows what was told; what resolved without it, it has not told. */
  function adopt(): void {
    const shared = sharing?.latest("alert", subject);
    const read = shared === undefined ? null : restoreAlerts(shared, timeNow());
    if (read === null) return;
    state = read;
    notifier.restore([...state.alerts.values()].flatMap(noticeOfTold));
  }

  const cancel = timers.every(lookEveryMs, () => {
    if (sharing?.authority() === "follow") return;
    feed({ kind: "observe", conditions: conditionsOf(policy, facts()) });
  });
  return {
    configure(next) {
      policy = next;
      notifier.configure(next.channels);
    },
    command: (event) => feed(event),
    adopt,
    state: () => state,
    stop: cancel,
  };
}

/** What channels were told of an alert that fires; none where they were not. */
function noticeOfTold(alert: Alert): AlertNotice[] {
  const { phase } = alert;
  if (phase.kind !== "firing" || phase.toldMs === null) return [];
  const status = phase.acknowledged === null ? "firing" : "acknowledged";
  return [noticeOf(alert, phase, status, null)];
}
