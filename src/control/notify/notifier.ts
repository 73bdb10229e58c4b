import type { AlertNotice } from "../../core/alerting/notice.ts";
import {
  alertSeverities,
  type AlertSeverity,
  type ChannelPolicy,
} from "../../core/alerting/policy.ts";
import { Channel, type ChannelDependencies, type ChannelState } from "./channel.ts";

export const notifierLimits = {
  /** Alerts that fire and are remembered until they are over; further ones are told and not remembered. */
  firingMax: 1000,
} as const;

/** Tells every channel what changed. */
export type Notifier = {
  readonly notify: (notice: AlertNotice) => void;
  /** Remembers alerts that were told before a restart: only who has to hear of them again and again does. */
  readonly restore: (notices: readonly AlertNotice[]) => void;
  /**
   * Takes over a configuration. A channel keeps what waits in it when it changes, as long as its name stays; what
   * waits in one that is gone is lost, and logged.
   */
  readonly configure: (channels: readonly ChannelPolicy[]) => void;
  readonly state: () => readonly ChannelState[];
  /**
   * Sends what waits, for at most `deadlineMs`; resolves to the notices that were lost, which it logs. Later notices
   * go nowhere.
   */
  readonly stop: (deadlineMs: number) => Promise<number>;
};

/** An alert that fires, and the gravest that it was told as: who has heard of it hears its end. */
type Firing = { readonly notice: AlertNotice; readonly gravest: AlertSeverity };

export function createNotifier(
  policies: readonly ChannelPolicy[],
  dependencies: Omit<ChannelDependencies, "firing">,
): Notifier {
  const { timers, log } = dependencies;
  const firing = new Map<string, Firing>();
  const own: ChannelDependencies = {
    ...dependencies,
    firing: (policy) =>
      [...firing.values()]
        .filter(({ gravest }) => isGraveEnough(gravest, policy))
        .map(({ notice }) => notice),
  };
  let channels = policies.map((policy) => new Channel(policy, [], own));
  let stopped: Promise<number> | null = null;

  function remember(notice: AlertNotice): Firing {
    const before = firing.get(notice.alert);
    const gravest = graver(notice.severity, before?.gravest ?? notice.severity);
    const next = { notice, gravest };
    if (notice.status === "resolved") firing.delete(notice.alert);
    else if (before !== undefined || firing.size < notifierLimits.firingMax) {
      firing.set(notice.alert, next);
    }
    return next;
  }

  function notify(notice: AlertNotice): void {
    const before = firing.get(notice.alert)?.notice;
    const { gravest } = remember(notice);
    // A reload may have changed the severity; what ends is what was told.
    const told =
      notice.status === "resolved" && before !== undefined
        ? { ...notice, severity: before.severity }
        : notice;
    for (const channel of channels) {
      if (isGraveEnough(gravest, channel.policy)) channel.notify(told);
    }
  }

  function configure(next: readonly ChannelPolicy[]): void {
    if (stopped !== null) return;
    const before = new Map(channels.map((channel) => [channel.policy.name, channel]));
    const kept = next.map((policy) => {
      const channel = before.get(policy.name);
      before.delete(policy.name);
      return { policy, channel };
    });
    channels = kept.map(({ policy, channel }) => {
      if (channel === undefined) return new Channel(policy, [], own);
      if (JSON.stringify(channel.policy) === JSON.stringify(policy)) return channel;
      return new Channel(policy, channel.end(), own);
    });
    for (const [name, channel] of before) {
      const { length: lost } = channel.end();
      if (lost > 0)
        log("warn", "alerts not delivered: their channel is gone", { channel: name, lost });
    }
  }

  async function stop(deadlineMs: number): Promise<number> {
    const deadline = Promise.withResolvers<void>();
    const cancel = timers.after(deadlineMs, deadline.resolve);
    await Promise.race([Promise.all(channels.map((channel) => channel.drain())), deadline.promise]);
    cancel();
    let lost = 0;
    for (const channel of channels) {
      const { length } = channel.end();
      lost += length;
      if (length === 0) continue;
      const { name } = channel.policy;
      log("error", "alerts not delivered before the end", { channel: name, lost: length });
    }
    await Promise.all(channels.map((channel) => channel.closed()));
    return lost;
  }

  return {
    notify,
    restore(notices) {
      for (const notice of notices) remember(notice);
    },
    configure,
    state: () => channels.map((channel) => channel.state()),
    stop: (deadlineMs) => (stopped ??= stop(deadlineMs)),
  };
}

function graver(one: AlertSeverity, other: AlertSeverity): AlertSeverity {
  return alertSeverities.indexOf(one) <= alertSeverities.indexOf(other) ? one : other;
}

function isGraveEnough(severity: AlertSeverity, { minSeverity }: ChannelPolicy): boolean {
  return graver(severity, minSeverity) === severity;
}
