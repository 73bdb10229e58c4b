import type { Timers } from "../../../src/base/clock.ts";
import { ok } from "../../../src/base/result.ts";
import { createEpochBook } from "../../../src/control/epoch-book.ts";
import type { Epochs } from "../../../src/control/epochs.ts";
import { createReplicaHooks } from "../../../src/control/replica/hooks.ts";
import { createReplica, type Replica } from "../../../src/control/replica/replica.ts";
import { createRollouts, type Rollouts } from "../../../src/control/rollouts.ts";
import { clusterOf, telemetryHash } from "../../../src/core/assignment/hash.ts";
import { assignUser } from "../../../src/core/assignment/user-assignment.ts";
import type { Config } from "../../../src/core/config/model.ts";
import { watchOf } from "../../../src/core/rollout/series-watch.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { outcomes } from "../../../src/core/traffic/outcome.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import type { HubStore } from "../../support/shared-hub.ts";

const success = outcomes.indexOf("success");
const failure = outcomes.indexOf("upstream_error");
const snapshotMs = 250;

/** A replica's control plane, as `src/main/control.ts` puts it together, over fake time and made-up traffic. */
export type SimReplica = {
  readonly instance: string;
  readonly rollouts: Rollouts;
  readonly replica: Replica;
  /** The share that is routed, and when it last changed. */
  routed(): { readonly share: number; readonly atMs: number; readonly epoch: number };
  /** Which variant a user has here. */
  variantOf(user: string): string;
  /** Answers a user's request, well or badly. */
  serve(user: string, isBad: (variant: string) => boolean): void;
  /** As SIGSTOP does: no timer runs until it is woken. */
  pause(): void;
  wake(): void;
  /** As kill -9 does. */
  kill(): void;
  configure(config: Config): void;
  /** Requests merged, own and others', in the present epoch. */
  measured(): number;
  readonly logs: string[];
};

export function createSimReplica(
  time: FakeTime,
  store: HubStore,
  instance: string,
  initial: Config,
): SimReplica {
  let config = initial;
  let isPaused = false;
  let isDead = false;
  let epochs: Epochs = {};
  let routed = { config, share: 0, atMs: 0 };
  let merged = { epoch: -1, requests: 0 };
  const logs: string[] = [];
  const log = (_level: string, message: string) => void logs.push(message);
  const timers: Timers = {
    after: (delayMs, run) => time.timers.after(delayMs, whenAwake(run)),
    every: (periodMs, run) => time.timers.every(periodMs, whenAwake(run)),
  };
  const shared = { clock: time.clock, timers, log };
  const recorder = createRecorder();

  function whenAwake(run: () => void): () => void {
    return () => {
      if (isDead) return;
      // What was due while the process stood still comes at once when it goes on.
      if (isPaused) due.add(run);
      else run();
    };
  }

  const due = new Set<() => void>();
  const replica: Replica = createReplica({
    ...shared,
    shared: asleep(store),
    store,
    report: () => {
      const version = "0.1.0";
      return { instance, name: instance, version, startedMs: 0, adminUrl: null, configHash: "c" };
    },
    hooks: createReplicaHooks(() => ({
      sharing: replica.sharing,
      rollouts,
      experiments: { adopt: () => {}, lead: () => {} },
      alerts: { adopt: () => {} },
      book,
      epochs: () => epochs,
      policies: () => rollouts.withShares(config).experiments,
      route: async (experiment, isNewEpoch) => route(experiment, isNewEpoch),
      measure: add,
      measureAgain: () => void logs.push("measured again"),
    })),
  });

  /** A process that stands still hears nothing. */
  function asleep(open: HubStore): HubStore {
    return {
      ...open,
      onChange: (listener) => {
        open.onChange((changed) => whenAwake(() => listener(changed))());
      },
    };
  }

  function route(experiment: string, isNewEpoch: boolean) {
    const effective = rollouts.withShares(config);
    const proposed = isNewEpoch
      ? { ...epochs, [experiment]: (epochs[experiment] ?? 0) + 1 }
      : epochs;
    const before = routed.share;
    epochs = book.next(epochs, proposed, effective.experiments);
    book.keep(epochs, effective.experiments);
    const share = effective.experiments["e"]?.rolloutShare ?? 0;
    const atMs = share === before ? routed.atMs : time.clock.monotonicMs();
    routed = { config: effective, share, atMs };
    recorder.beginTable();
    return ok(null);
  }

  function add(series: readonly SeriesDelta[]): void {
    const epoch = epochs["e"] ?? 0;
    if (merged.epoch !== epoch) merged = { epoch, requests: 0 };
    for (const { key, analysed } of series) if (key.epoch === epoch) merged.requests += analysed;
  }

  const rollouts: Rollouts = createRollouts(config, {
    ...shared,
    store: replica.store,
    sharing: replica.sharing,
    apply: async (experiment) => route(experiment, true),
    gates: { ask: () => {}, cancel: () => {} },
    queries: () => null,
  });
  const book = createEpochBook(
    { store: replica.store, sharing: replica.sharing, clock: time.clock },
    rollouts.withShares(config).experiments,
  );
  epochs = book.first;
  route("e", false);
  timers.every(snapshotMs, () => {
    const { series } = recorder.snapshot(time.clock.wallMs(), []);
    if (series.length === 0) return;
    add(series);
    rollouts.take("0.0", series, epochs);
    replica.take("0.0", series);
  });

  const policy = () => {
    const found = routed.config.experiments["e"];
    if (found === undefined) throw new Error("there is no experiment e");
    return found;
  };
  const variantOf = (user: string) => assignUser(policy(), user).variant ?? "control";
  return {
    instance,
    rollouts,
    replica,
    routed: () => ({ share: routed.share, atMs: routed.atMs, epoch: epochs["e"] ?? 0 }),
    variantOf,
    serve(user, isBad) {
      if (isDead || isPaused) return;
      const variant = variantOf(user);
      const upstream = variant === "control" ? "a" : "b";
      const epoch = epochs["e"] ?? 0;
      const key = { experiment: "e", variant, upstream, route: "POST /x", epoch };
      const watch = watchOf(policy().rollout);
      const series = recorder.series({ ...key, randomised: false, shadow: false }, watch);
      const hash = telemetryHash(user);
      const isFailed = isBad(variant);
      const [outcome, status] = isFailed ? [failure, 500] : [success, 200];
      const cluster = clusterOf(hash);
      recorder.record(
        series,
        outcome,
        "POST",
        status,
        5000,
        10_000,
        9000,
        10,
        10,
        0,
        cluster,
        hash,
        true,
      );
    },
    pause() {
      isPaused = true;
    },
    wake() {
      isPaused = false;
      const late = [...due];
      due.clear();
      for (const run of late) run();
    },
    kill() {
      isDead = true;
    },
    configure(next) {
      config = next;
      rollouts.configure(next);
      route("e", true);
    },
    measured: () => merged.requests,
    logs,
  };
}

/** Lets time pass in small pieces, so that what promises lead to happens in between. */
export async function pass(
  time: FakeTime,
  ms: number,
  each: (stepMs: number) => void = () => {},
  stepMs = 50,
): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    each(stepMs);
    time.advance(stepMs);
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
