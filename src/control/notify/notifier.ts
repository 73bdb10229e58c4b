import { Agent } from "undici";
import type { AlertNotice } from "../../core/alerting/notice.ts";
import { alertSeverities, type ChannelPolicy } from "../../core/alerting/policy.ts";
import { Channel, type ChannelDependencies, type ChannelState } from "./channel.ts";

/** Tells every channel what changed. */
export type Notifier = {
  readonly notify: (notice: AlertNotice) => void;
  /** Takes over a configuration: unchanged channels keep what waits in them. */
  readonly configure: (channels: readonly ChannelPolicy[]) => void;
  readonly state: () => readonly ChannelState[];
  /** Sends what waits, for at most `deadlineMs`; resolves to the notices that were lost. */
  readonly stop: (deadlineMs: number) => Promise<number>;
};

export function createNotifier(
  policies: readonly ChannelPolicy[],
  dependencies: Omit<ChannelDependencies, "dispatcher">,
): Notifier {
  const dispatcher = new Agent({ connect: { timeout: 10_000 }, pipelining: 1, connections: 4 });
  const own = { ...dependencies, dispatcher };
  let channels = policies.map((policy) => new Channel(policy, own));
  return {
    notify(notice) {
      for (const channel of channels) {
        if (isGraveEnough(notice, channel.policy)) channel.notify(notice);
      }
    },
    configure(next) {
      const before = channels;
      channels = next.map(
        (policy) =>
          before.find((channel) => isSame(channel.policy, policy)) ?? new Channel(policy, own),
      );
      for (const channel of before) if (!channels.includes(channel)) channel.stop();
    },
    state: () => channels.map((channel) => channel.state()),
    async stop(deadlineMs) {
      const deadline = Promise.withResolvers<void>();
      const cancel = dependencies.timers.after(deadlineMs, deadline.resolve);
      await Promise.race([
        Promise.all(channels.map((channel) => channel.drained())),
        deadline.promise,
      ]);
      cancel();
      const lost = channels.reduce((sum, channel) => sum + channel.state().queued, 0);
      for (const channel of channels) channel.stop();
      await dispatcher.destroy();
      return lost;
    },
  };
}

function isGraveEnough({ severity }: AlertNotice, { minSeverity }: ChannelPolicy): boolean {
  return alertSeverities.indexOf(severity) <= alertSeverities.indexOf(minSeverity);
}

function isSame(one: ChannelPolicy, other: ChannelPolicy): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
