import type { Clock, Timers } from "../../base/clock.ts";
import type { JournalScope } from "../../core/experiment/journal.ts";
import type { SeriesDelta } from "../../core/telemetry/snapshot.ts";
import type { ReplicaReport, SharedStore } from "../store/shared-store.ts";
import type { Store } from "../store/store.ts";
import type { SupervisorLog } from "../worker-slot.ts";
import { createReplicas, type ReplicasView } from "./replicas.ts";
import { createSharedStates, type SharedStates } from "./shared-states.ts";
import type { Sharing } from "./sharing.ts";
import { createTelemetryExchange, type ExchangeState } from "./telemetry-exchange.ts";

/** What happens among the replicas that concerns those who decide and measure. */
export type ReplicaHooks = {
  /** This replica leads from now on. */
  readonly onLead: () => void;
  /** It began without the store, and knows now what the others have decided. */
  readonly onKnown: () => void;
  /** The store has answered, and everything else that follows from it is done. */
  readonly onHeard: () => void;
  /** Others have written these states. */
  readonly onStates: (changed: ReadonlyMap<JournalScope, readonly string[]>) => void;
  readonly onTelemetry: (worker: string, series: readonly SeriesDelta[]) => void;
  readonly onWorkerGone: (worker: string) => void;
  /** What the others measured in the meantime is only in the history. */
  readonly onMissed: () => void;
};

export type ReplicaDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly shared: Pick<SharedStore, "heartbeat" | "leave" | "onChange" | "publish" | "collect">;
  /** The same store's blocking part. */
  readonly store: Pick<Store, "append" | "states" | "read">;
  readonly report: () => ReplicaReport;
  /** None is called before the first answer of the store. */
  readonly hooks: ReplicaHooks;
  readonly log: SupervisorLog;
};

/** This process as one of several that share a store. */
export type Replica = {
  readonly sharing: Sharing;
  /** For those who decide: refuses what rests on a state that others have changed. */
  readonly store: SharedStates["store"];
  /** What a worker of this process measured. */
  take(worker: string, series: readonly SeriesDelta[]): void;
  view(): ReplicasView & { readonly exchange: ExchangeState };
  /** Gives the others what is left, and leaves. */
  stop(): Promise<void>;
};

export function createReplica(dependencies: ReplicaDependencies): Replica {
  const { clock, timers, shared, store, report, hooks, log } = dependencies;
  const replicas = createReplicas({
    clock,
    timers,
    shared,
    report,
    log,
    onLead: hooks.onLead,
    onHeard() {
      if (!isKnown) {
        isKnown = true;
        exchange.noteMissed();
        hooks.onKnown();
      }
      hooks.onHeard();
    },
    onVersions(versions) {
      const changed = states.catchUp(versions);
      if (changed.size > 0) hooks.onStates(changed);
    },
    onGone: (instance) => exchange.forget(instance),
  });
  const states = createSharedStates(store, () => replicas.epoch());
  /** By the first answer, states are read as far as there are any. */
  let isKnown = states.wasRead();
  const exchange = createTelemetryExchange({
    clock,
    timers,
    shared,
    log,
    replicas: () => replicas.count(),
    isLeader: () => replicas.authority() === "lead",
    onTelemetry: hooks.onTelemetry,
    onGone: hooks.onWorkerGone,
    onMissed: hooks.onMissed,
  });
  return {
    sharing: {
      authority: () => replicas.authority(),
      isKnown: () => isKnown,
      latest: (scope, subject) => states.latest(scope, subject),
    },
    store: states.store,
    take: (worker, series) => exchange.take(worker, series),
    view: () => ({ ...replicas.view(), exchange: exchange.state() }),
    async stop() {
      await exchange.stop();
      await replicas.stop();
    },
  };
}
