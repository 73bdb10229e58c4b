import { err, ok, type Result } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import { openSqliteStore } from "../control/store/sqlite-store.ts";
import { openPostgresStore } from "../control/store/postgres/postgres-store.ts";
import type { SharedStore } from "../control/store/shared-store.ts";
import type { Store, StoreFault } from "../control/store/store.ts";
import type { SupervisorLog } from "../control/worker-slot.ts";
import { processInstance } from "./replica-report.ts";
import { spawnStoreThread } from "./store-thread.ts";
import { realClock, realTimers } from "./system.ts";

/** What Sluice needs of a store while it runs. */
export type KeptStore = Pick<
  Store,
  | "append"
  | "states"
  | "read"
  | "close"
  | "addHistory"
  | "readHistory"
  | "rollUp"
  | "historySeries"
  | "historyCuts"
  | "countSeries"
  | "readSeries"
  | "addVerdicts"
  | "judgedGuardrails"
  | "firstVerdictMs"
  | "readVerdicts"
  | "trimVerdicts"
> & {
  /** Why it does not keep what it should; null while it does. */
  fault(): string | null;
  /** What replicas need besides; null for a store that is this process's own. */
  readonly shared: SharedStore | null;
};

/**
 * Opens the configured store; null without one. A store that cannot be opened does not hold traffic up: everybody gets
 * the control of a rollout, nothing can be written down, and so no share can rise until somebody looks.
 */
export function openStore(config: Config, log: SupervisorLog): KeptStore | null {
  const { store, experiments, retentionMs } = config;
  if (store === null) {
    const climbs = Object.values(experiments).some(({ rollout }) => rollout !== null);
    if (climbs) log("warn", "no store is configured: a restart forgets where rollouts stand", {});
    return null;
  }
  if (store.kind === "postgres") return openShared(store.url, retentionMs, log);
  const opened = openSqliteStore(store.path, { historyRetentionMs: retentionMs });
  if (opened.ok) return watchStore(opened.value, null);
  const { code, message } = opened.error;
  log("error", "the store cannot be opened: rollouts stay at 0 until it can", {
    code,
    reason: message,
    remedy: remedies[code] ?? "mend what the reason names, then start Sluice anew",
  });
  return {
    append: () => err(opened.error),
    states: () => ok([]),
    read: () => ok([]),
    addHistory: () => err(opened.error),
    readHistory: () => err(opened.error),
    rollUp: () => err(opened.error),
    historySeries: () => err(opened.error),
    historyCuts: () => err(opened.error),
    countSeries: () => err(opened.error),
    readSeries: () => err(opened.error),
    addVerdicts: () => err(opened.error),
    judgedGuardrails: () => err(opened.error),
    firstVerdictMs: () => err(opened.error),
    readVerdicts: () => err(opened.error),
    trimVerdicts: () => err(opened.error),
    fault: () => message,
    shared: null,
    close: () => {},
  };
}

/** It is open whether or not the server is there, and found by itself when it comes. */
function openShared(url: string, retentionMs: number, log: SupervisorLog): KeptStore {
  const store = openPostgresStore(
    url,
    { instance: processInstance, historyRetentionMs: retentionMs },
    { clock: realClock, timers: realTimers, spawn: spawnStoreThread },
  );
  const asked = store.states("config");
  if (!asked.ok) {
    const { code, message } = asked.error;
    log("error", "the store cannot be used: everybody gets the control until it can", {
      code,
      reason: message,
      remedy: "mend what the reason names; Sluice goes on trying by itself",
    });
  }
  return watchStore(store, store);
}

/** What to do about a store that cannot be opened. */
const remedies: Partial<Record<StoreFault["code"], string>> = {
  corrupt:
    "restore a copy of the file, or move it away to begin without it, then start Sluice anew",
  newer: "start the newer Sluice that wrote it, or move the file away",
  locked: "stop the other process that writes it, or give this one a file of its own",
};

/** Remembers whether the last write worked; a server that is gone is a fault before anybody writes. */
function watchStore(store: Store, shared: SharedStore | null): KeptStore {
  let fault: string | null = null;
  const note = <Value>(written: Result<Value, StoreFault>): Result<Value, StoreFault> => {
    fault = written.ok ? null : written.error.message;
    return written;
  };
  return {
    append: (...call) => note(store.append(...call)),
    states: (scope) => store.states(scope),
    read: (query) => store.read(query),
    addHistory: (...call) => note(store.addHistory(...call)),
    readHistory: (query) => store.readHistory(query),
    rollUp: (nowMs) => note(store.rollUp(nowMs)),
    historySeries: (prefix) => store.historySeries(prefix),
    historyCuts: () => store.historyCuts(),
    countSeries: (query) => store.countSeries(query),
    readSeries: (query) => store.readSeries(query),
    addVerdicts: (rows) => note(store.addVerdicts(rows)),
    judgedGuardrails: (experiment) => store.judgedGuardrails(experiment),
    firstVerdictMs: (experiment) => store.firstVerdictMs(experiment),
    readVerdicts: (query) => store.readVerdicts(query),
    trimVerdicts: (nowMs, retention) => note(store.trimVerdicts(nowMs, retention)),
    fault() {
      if (shared === null || shared.isUp()) return fault;
      const asked = shared.historyCuts();
      return asked.ok ? fault : asked.error.message;
    },
    shared,
    close: () => store.close(),
  };
}
