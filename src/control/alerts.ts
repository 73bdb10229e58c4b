import type { Clock, Timers } from "../base/clock.ts";
import { conditionsOf } from "../core/alerting/conditions.ts";
import type { AlertFacts } from "../core/alerting/facts.ts";
import type { AlertNotice } from "../core/alerting/notice.ts";
import type { AlertPolicy, ChannelPolicy } from "../core/alerting/policy.ts";
import { restoreAlerts, saveAlerts } from "../core/alerting/saved.ts";
import { noticeOf } from "../core/alerting/episode.ts";
import type { Alert, AlertEvent, AlertsState, AlertTime } from "../core/alerting/state.ts";
import { createAlerts, stepAlerts } from "../core/alerting/step.ts";
import { leftUnshared, withUnshared, type UnsharedAlerts } from "../core/alerting/unshared.ts";
import { readStates } from "./kept.ts";
import { isOutdated, outdatedTriesMax, type Authority, type Sharing } from "./replica/sharing.ts";
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
    /** Takes over all that fires and was told by others or before this process began; what else fired is over. */
    restore(notices: readonly AlertNotice[]): void;
    /** What lasts is told again only as long as this holds. */
    resendWhile(isOurs: () => boolean): void;
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
  const stored =
    sharing === undefined
      ? readStates(store, "alert", log).get(subject)
      : sharing.latest("alert", subject);
  let state = (stored === undefined ? null : restoreAlerts(stored, timeNow())) ?? createAlerts();

  /** What this replica told and could not write down. */
  let unshared: UnsharedAlerts = new Map();
  let authority: Authority | null = null;

  if (sharing !== undefined) notifier.resendWhile(() => sharing.authority() !== "follow");
  notifier.restore([...state.alerts.values()].flatMap(noticeOfTold));

  function feed(event: AlertEvent, tries = outdatedTriesMax): string | null {
    takeRole();
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
    let isShared = authority !== "cut_off";
    if (entries.length > 0) {
      const kept = store?.append(entries, [
        { scope: "alert", subject, state: saveAlerts(next, now.nowMs) },
      ]);
      if (kept?.ok === false && isOutdated(kept.error)) {
        adopt();
        return tries > 0 ? feed(event, tries - 1) : kept.error.message;
      }
      isShared = kept?.ok !== false;
      if (isShared) unshared = new Map();
    }
    state = next;
    for (const command of commands) if (command.kind === "notify") tell(command.notice, isShared);
    return refused;
  }

  /** A leader tells the end of what it finds in the store, also for one that follows. */
  function tell(notice: AlertNotice, isShared: boolean): void {
    const told = new Map(unshared);
    if (notice.status === "resolved") told.delete(notice.alert);
    else if (!isShared && authority !== "follow") told.set(notice.alert, notice);
    unshared = told;
    notifier.notify(notice);
  }

  /** One that comes to follow never looks again by itself: only what the store has goes on. */
  function takeRole(): void {
    const before = authority;
    authority = sharing?.authority() ?? null;
    if (authority === "follow" && before !== "follow") adopt();
  }

  /** Who leads next knows what was told; what resolved without it, it has not told. What only this one told stays its. */
  function adopt(): void {
    const shared = sharing?.latest("alert", subject);
    const read = shared === undefined ? createAlerts() : restoreAlerts(shared, timeNow());
    if (read === null) return;
    const left = leftUnshared(unshared, read);
    const isFollowing = sharing?.authority() === "follow";
    const { next, withoutRoom } = isFollowing
      ? { next: read, withoutRoom: left }
      : withUnshared(read, state, left);
    state = next;
    unshared = left;
    for (const notice of withoutRoom.values()) {
      const endedAtMs = Math.max(notice.startedAtMs, timeNow().atMs);
      tell({ ...notice, status: "resolved", endedAtMs }, true);
    }
    notifier.restore([...state.alerts.values()].flatMap(noticeOfTold));
  }

  const cancel = timers.every(lookEveryMs, () => {
    takeRole();
    if (authority === "follow") return;
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
