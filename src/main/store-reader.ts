import { err, ok } from "../base/result.ts";
import { openPostgresStore } from "../control/store/postgres/postgres-store.ts";
import { openSqliteStore } from "../control/store/sqlite-store.ts";
import type { OpenStore } from "../faces/cli/journal.ts";
import { spawnStoreThread } from "./store-thread.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

/** A person waits longer than the main thread of a Sluice may. */
const deadlineMs = 10_000;

/** Opens a store, of a running Sluice or not, for a command that looks on. */
export const openStoreToRead: OpenStore = async (policy) => {
  if (policy.kind === "sqlite") return openSqliteStore(policy.path, { isReadOnly: true });
  const store = openPostgresStore(
    policy.url,
    { instance: realRandom.hex32(), deadlineMs, isReadOnly: true },
    { clock: realClock, timers: realTimers, spawn: spawnStoreThread },
  );
  const asked = store.historyCuts();
  if (asked.ok) return ok(store);
  store.close();
  return err(asked.error);
};
