import type { AlertNotice } from "../../core/alerting/notice.ts";
import type { ChannelPolicy } from "../../core/alerting/policy.ts";
import { Channel, type ChannelDependencies, type ChannelState } from "./channel.ts";
import { FiringAlerts, isWanted } from "./firing-alerts.ts";

/** Tells every channel what changed. */
export type Notifier = {
  readonly notify: (notice: AlertNotice) => void;
  /**
   * Takes over all that fires, told before a restart or by another replica: only who has to hear of it again and again
   * does, and of nothing else.
   */
  readonly restore: (notices: readonly AlertNotice[]) => void;
  /** What fires is sent again and again only as long as this holds. Default: always. */
  readonly resendWhile: (isOurs: () => boolean) => void;
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

export function createNotifier(
  policies: readonly ChannelPolicy[],
  dependencies: Omit<ChannelDependencies, "firing">,
): Notifier {
  const { timers, log } = dependencies;
  const firing = new FiringAlerts();
  let isResentHere: (() => boolean) | null = null;
  const own: ChannelDependencies = {
    ...dependencies,
    firing: (policy) => ((isResentHere?.() ?? true) ? firing.for(policy) : []),
  };
  let channels = policies.map((policy) => new Channel(policy, [], own));
  let stopped: Promise<number> | null = null;

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
      if (lost === 0) continue;
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
    notify(notice) {
      const told = firing.take(notice);
      for (const channel of channels) {
        if (isWanted(told, channel.policy)) channel.notify(told.notice);
      }
    },
    restore: (notices) => firing.replace(notices),
    resendWhile(isOurs) {
      isResentHere = isOurs;
    },
    configure,
    state: () => channels.map((channel) => channel.state()),
    stop: (deadlineMs) => (stopped ??= stop(deadlineMs)),
  };
}
