import { expect, it, onTestFinished } from "vitest";
import { createAlertRunner } from "../../../src/control/alerts.ts";
import { channelLimits } from "../../../src/control/notify/channel.ts";
import { createNotifier } from "../../../src/control/notify/notifier.ts";
import { createReplica, type Replica } from "../../../src/control/replica/replica.ts";
import { defaultAlerts } from "../../../src/core/alerting/defaults.ts";
import type { AlertFacts } from "../../../src/core/alerting/facts.ts";
import type { ChannelPolicy } from "../../../src/core/alerting/policy.ts";
import { pass } from "../../sim/replicas/world.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { createSharedHub } from "../../support/shared-hub.ts";
import { startUpstream } from "../../support/upstream.ts";

const calm: AlertFacts = {
  experiments: [],
  upstreams: [],
  rollouts: [],
  reloadFault: null,
  storeFault: null,
  mirrors: [],
};
const cutOff = { storeFault: "cut off" };
const badFile = { reloadFault: "line 3" };
/** Until the lease is over, and all know. */
const leaseMs = 5000;
/** Until an alert about the store is over. */
const clearMs = 35_000;
const { resendEveryMs } = channelLimits;

/** Replicas that share a store, with their alerts; the first to join leads. */
function open({ repeatMs = null as number | null } = {}) {
  const time = createFakeTime();
  const hub = createSharedHub(time);

  function join(instance: string, ...channels: ChannelPolicy[]) {
    const told: string[] = [];
    let facts = calm;
    const store = hub.open(instance);
    const dependencies = { ...time, log: () => {} };
    const replica: Replica = createReplica({
      ...dependencies,
      shared: store,
      store,
      report: () => {
        const version = "0.1.0";
        return { instance, name: instance, version, startedMs: 0, adminUrl: null, configHash: "c" };
      },
      hooks: {
        onKnown: () => {},
        onLead: () => {},
        onHeard: () => {},
        onStates: (changed) => changed.has("alert") && alerts.adopt(),
        onTelemetry: () => {},
        onWorkerGone: () => {},
        onMissed: () => {},
      },
    });
    const random = { next: () => 1, hex32: () => "" };
    const notifier = createNotifier(channels, { ...dependencies, random });
    const alerts = createAlertRunner(
      { ...defaultAlerts, repeatMs },
      {
        ...dependencies,
        store: replica.store,
        sharing: replica.sharing,
        notifier: {
          ...notifier,
          notify(notice) {
            told.push(`${notice.alert} ${notice.status}`);
            notifier.notify(notice);
          },
        },
        facts: () => facts,
      },
    );
    return {
      alerts,
      notifier,
      told,
      authority: () => replica.sharing.authority(),
      see: (seen: Partial<AlertFacts>) => void (facts = { ...calm, ...seen }),
      cut() {
        hub.cut(instance);
        this.see(cutOff);
      },
      mend() {
        hub.mend(instance);
        this.see({});
      },
      async leave() {
        alerts.stop();
        const left = replica.stop();
        await pass(time, 100);
        await left;
      },
    };
  }
  return { hub, join, run: (ms: number) => pass(time, ms) };
}

it("what lasts is sent again by who leads or is cut off, and by nobody once it is over", async () => {
  const receiver = await startUpstream();
  onTestFinished(() => receiver.close());
  const { join, run } = open();
  const sentBy = (name: string) => receiver.requests.filter(({ url }) => url === `/${name}`).length;
  const channel = (name: string): ChannelPolicy => {
    const url = `${receiver.url}/${name}`;
    // Time passes here faster than anybody answers.
    const rest = { shape: "alertmanager", headers: {}, timeoutMs: 3_600_000 } as const;
    return { name, minSeverity: "info", target: { kind: "webhook", url, ...rest } };
  };
  const first = join("first", channel("first"));
  await run(1000);
  const second = join("second", channel("second"));
  await run(2000);
  expect([first.authority(), second.authority()]).toEqual(["lead", "follow"]);

  first.see(badFile);
  await run(1000);
  await expect.poll(() => sentBy("first")).toBe(1);
  await run(resendEveryMs);
  await expect.poll(() => sentBy("first")).toBe(2);
  expect(second.alerts.state().alerts.has("reload_failed")).toBe(true);

  second.cut();
  second.see(badFile);
  await run(leaseMs + resendEveryMs);
  expect(second.authority()).toBe("cut_off");
  await expect.poll(() => [sentBy("first"), sentBy("second")]).toEqual([3, 1]);
  second.mend();
  await run(2000);

  first.see({});
  await run(2000);
  await expect.poll(() => sentBy("first")).toBe(4);
  await first.leave();
  await run(leaseMs);
  expect(second.authority()).toBe("lead");
  await run(3 * resendEveryMs);
  await Promise.all([first.notifier.stop(1000), second.notifier.stop(1000)]);
  expect([first.told, second.told]).toEqual([
    ["reload_failed firing", "reload_failed resolved"],
    [],
  ]);
  expect([sentBy("first"), sentBy("second")]).toEqual([4, 1]);
});

it("one that was cut off and follows again tells once that what only it told is over", async () => {
  const { join, run } = open();
  const first = join("first");
  await run(1000);
  const second = join("second");
  await run(2000);
  second.cut();
  second.see({ ...cutOff, ...badFile });
  first.see(badFile);
  await run(leaseMs);
  const alone = ["reload_failed firing", "store_unavailable firing"];
  expect(second.told.toSorted()).toEqual(alone);

  second.mend();
  await run(2000);
  expect(second.authority()).toBe("follow");
  expect(second.told.slice(2)).toEqual(["store_unavailable resolved"]);
  expect([...second.alerts.state().alerts.keys()]).toEqual(["reload_failed"]);
  first.see({});
  await run(clearMs);
  expect(second.told.slice(2)).toEqual(["store_unavailable resolved"]);
  expect(first.told).toEqual(["reload_failed firing", "reload_failed resolved"]);
});

it("so does one where the others have told nothing meanwhile, or ever", async () => {
  const { join, run, hub } = open();
  join("first");
  await run(1000);
  const second = join("second");
  await run(2000);
  for (const times of [1, 2]) {
    second.cut();
    // oxlint-disable-next-line no-await-in-loop
    await run(leaseMs);
    second.mend();
    // oxlint-disable-next-line no-await-in-loop
    await run(clearMs);
    const once = ["store_unavailable firing", "store_unavailable resolved"];
    expect(second.told).toEqual(Array.from({ length: times }, () => once).flat());
    expect(second.alerts.state().alerts.size).toBe(0);
  }
  expect(hub.journal).toEqual([]);
});

it("a leader that told something just before it lost the lead tells its end when it follows", async () => {
  const { join, run } = open();
  const first = join("first");
  await run(1000);
  const second = join("second");
  await run(2000);
  first.cut();
  await run(1000);
  expect([first.authority(), first.told]).toEqual(["lead", ["store_unavailable firing"]]);
  await run(leaseMs);
  expect(second.authority()).toBe("lead");
  first.mend();
  await run(clearMs);
  expect(first.authority()).toBe("follow");
  expect(first.told).toEqual(["store_unavailable firing", "store_unavailable resolved"]);
});

it("one that was cut off and leads goes on with its own alerts beside those of the others", async () => {
  const { join, run } = open();
  const first = join("first");
  await run(1000);
  const second = join("second");
  await run(2000);
  first.cut();
  await run(leaseMs);
  second.see(badFile);
  await run(2000);
  expect(second.told).toEqual(["reload_failed firing"]);
  await second.leave();
  first.mend();
  first.see(badFile);
  await run(2000);
  expect(first.authority()).toBe("lead");
  expect([...first.alerts.state().alerts.keys()].toSorted()).toEqual([
    "reload_failed",
    "store_unavailable",
  ]);
  expect(first.told).toEqual(["store_unavailable firing"]);
  await run(clearMs);
  first.see({});
  await run(2000);
  expect(first.told).toEqual([
    "store_unavailable firing",
    "store_unavailable resolved",
    "reload_failed resolved",
  ]);
});

it("what a leader could not write down is written with its next change, and told by nobody again", async () => {
  const { join, run, hub } = open();
  const first = join("first");
  await run(2000);
  first.cut();
  await run(leaseMs);
  expect([first.authority(), first.told]).toEqual(["cut_off", ["store_unavailable firing"]]);
  expect(hub.state("alert", "alerts")).toBeUndefined();

  first.mend();
  first.see(badFile);
  await run(2000);
  expect(first.authority()).toBe("lead");
  expect(first.told).toEqual(["store_unavailable firing", "reload_failed firing"]);
  const written = JSON.stringify(hub.state("alert", "alerts"));
  expect(written).toContain("store_unavailable");

  const second = join("second");
  second.see(badFile);
  await run(2000);
  first.cut();
  first.see({ ...cutOff, ...badFile });
  await run(leaseMs + clearMs);
  expect(second.authority()).toBe("lead");
  expect(second.told).toEqual(["store_unavailable resolved"]);
  first.mend();
  await run(clearMs);
  expect(first.authority()).toBe("follow");
  expect(first.told).toHaveLength(2);
});

it("what one repeats while it is cut off, though it is over for the others, it tells the end of", async () => {
  const { join, run } = open({ repeatMs: 20_000 });
  const first = join("first");
  await run(1000);
  const second = join("second");
  await run(2000);
  first.see(badFile);
  await run(2000);
  second.cut();
  second.see(badFile);
  await run(leaseMs);
  first.see({});
  await run(20_000);
  expect(second.told).toEqual(["reload_failed firing"]);
  second.mend();
  await run(clearMs);
  expect(second.told).toEqual(["reload_failed firing", "reload_failed resolved"]);
});

it("what people do at one that follows is not its own to end, written down or not", async () => {
  const { hub, join, run } = open();
  const first = join("first");
  await run(1000);
  const second = join("second");
  await run(2000);
  first.see(badFile);
  await run(2000);
  hub.cut("second");
  expect(second.alerts.command({ kind: "acknowledge", alert: "reload_failed", actor: "ann" })).toBe(
    null,
  );
  expect(second.authority()).toBe("follow");
  hub.mend("second");
  first.see({});
  await run(clearMs);
  expect(second.told).toEqual(["reload_failed acknowledged"]);
  expect(first.told).toEqual(["reload_failed firing", "reload_failed resolved"]);
});
