import { err, ok } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import { openSqliteStore } from "../control/store/sqlite-store.ts";
import type { Store } from "../control/store/store.ts";
import type { SupervisorLog } from "../control/worker-slot.ts";

/** What Sluice needs of a store while it runs. */
export type KeptStore = Pick<Store, "append" | "states" | "read" | "close">;

/**
 * Opens the configured store; null without one. A store that cannot be opened does not hold traffic up: everybody gets
 * the control of a rollout, nothing can be written down, and so no share can rise until somebody looks.
 */
export function openStore({ store, experiments }: Config, log: SupervisorLog): KeptStore | null {
  if (store === null) {
    const climbs = Object.values(experiments).some(({ rollout }) => rollout !== null);
    if (climbs) log("warn", "no store is configured: a restart forgets where rollouts stand", {});
    return null;
  }
  const opened = openSqliteStore(store.sqlite);
  if (opened.ok) return opened.value;
  const { code, message } = opened.error;
  log("error", "the store cannot be opened: rollouts stay at 0 until it can", {
    code,
    reason: message,
  });
  return {
    append: () => err(opened.error),
    states: () => ok([]),
    read: () => ok([]),
    close: () => {},
  };
}
