import { performance } from "node:perf_hooks";
import type { Config } from "../../../src/core/config/model.ts";
import { smallText, valid } from "../../core/config/texts.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { createSharedHub } from "../../support/shared-hub.ts";
import { createSimReplica, pass } from "./world.ts";

export type ScaleOptions = {
  readonly config: Config;
  readonly replicas: number;
  /** Each replica's. */
  readonly requestsPerSecond: number;
  readonly users: number;
  /** How long the climb is watched, in simulated seconds. */
  readonly seconds: number;
};

/** A climb to a half, with ten requests a second at each replica. */
export const scaleOfTests: Omit<ScaleOptions, "replicas"> = {
  config: valid(`${smallText}    rollout:
      steps:
        - { share: 5%, hold: 5s, min_requests: 20 }
        - { share: 25%, hold: 5s, min_requests: 20 }
        - { share: 50%, hold: 1h }
    guardrails: [ { metric: error_rate, max: 5% } ]
`),
  requestsPerSecond: 10,
  users: 5000,
  seconds: 30,
};

/** What so many replicas ask of one store, and what it costs. */
export type ScaleRow = {
  readonly replicas: number;
  /** From the bad answers' start on one replica to share 0 on each; null where it was never rolled back. */
  readonly lastAtControlMs: number | null;
  /** From the leader's death to another leader. */
  readonly newLeaderMs: number;
  /** Replicas that ever routed another share than the leader for longer than a second. */
  readonly stragglers: number;
  readonly steps: number;
  readonly perSecond: {
    readonly heartbeats: number;
    readonly parts: number;
    readonly partKilobytes: number;
    /** Parts read by all replicas. */
    readonly collected: number;
  };
  /** Of the climb: notices for each step, all replicas together. */
  readonly noticesPerStep: number;
  /** CPU that this simulation took for one simulated second of one replica, in milliseconds. */
  readonly cpuMsPerReplicaSecond: number;
};

/**
 * Replicas over one store: a climb with steady traffic to all, then the leader dies, then one replica's treatment fails.
 * Everything is the control plane's own code; only the store, the time and the traffic are made up.
 */
export async function simulateScale(options: ScaleOptions): Promise<ScaleRow> {
  const time = createFakeTime();
  const hub = createSharedHub(time);
  const replicas = Array.from({ length: options.replicas }, (_, at) => {
    const instance = `r${at}`;
    return createSimReplica(time, hub.open(instance), instance, options.config);
  });
  let user = 0;
  let failing = "";
  let due = 0;
  const traffic = (stepMs: number) => {
    due += (options.requestsPerSecond * stepMs) / 1000;
    for (; due >= 1; due -= 1) {
      for (const replica of replicas) {
        user += 1;
        replica.serve(
          `u${user % options.users}`,
          (variant) => variant === "new" && replica.instance === failing,
        );
      }
    }
  };
  const run = (ms: number) => pass(time, ms, traffic, 50);
  const alive = () => replicas.filter(({ instance }) => instance !== dead);
  let dead = "";
  await run(3000);
  const first = replicas.find(({ instance }) => instance === hub.leader()) ?? replicas[0];
  if (first === undefined) throw new Error("there are no replicas");
  first.rollouts.command("e", "start", "simulation");
  await run(1000);
  const before = { ...hub.counts };
  const cpuMs = performance.now();
  const seconds = options.seconds;
  let stragglers = 0;
  const late = new Map<string, number>();
  for (let second = 0; second < seconds; second += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await run(1000);
    const leading = first.routed().share;
    for (const replica of replicas) {
      const { instance } = replica;
      if (replica.routed().share === leading) late.delete(instance);
      else late.set(instance, (late.get(instance) ?? 0) + 1);
      if (late.get(instance) === 2) stragglers += 1;
    }
  }
  const tookMs = performance.now() - cpuMs;
  const after = { ...hub.counts };
  const kinds = hub.journal.map(({ kind }) => kind);
  const steps = kinds.filter((kind) => kind === "step").length;

  first.kill();
  dead = first.instance;
  const diedMs = time.clock.monotonicMs();
  while (hub.leader() === dead && time.clock.monotonicMs() - diedMs < 30_000) {
    // oxlint-disable-next-line no-await-in-loop
    await run(100);
  }
  const newLeaderMs = time.clock.monotonicMs() - diedMs;
  await run(2000);
  failing = alive()[1]?.instance ?? "";
  const brokenMs = time.clock.monotonicMs();
  const isOver = () => alive().every((each) => each.routed().share === 0);
  while (!isOver() && time.clock.monotonicMs() - brokenMs < 60_000) {
    // oxlint-disable-next-line no-await-in-loop
    await run(100);
  }
  const last = Math.max(...alive().map((each) => each.routed().atMs));
  const rate = (count: number) => Math.round((10 * count) / seconds) / 10;
  return {
    replicas: options.replicas,
    lastAtControlMs: isOver() ? Math.round(last - brokenMs) : null,
    newLeaderMs,
    stragglers,
    steps,
    perSecond: {
      heartbeats: rate(after.heartbeats - before.heartbeats),
      parts: rate(after.parts - before.parts),
      partKilobytes: rate((after.partBytes - before.partBytes) / 1024),
      collected: rate(after.collected - before.collected),
    },
    noticesPerStep: Math.round(
      (after.notices - before.notices) / Math.max(1, after.appends - before.appends),
    ),
    cpuMsPerReplicaSecond: Math.round((1000 * tookMs) / seconds / options.replicas) / 1000,
  };
}
