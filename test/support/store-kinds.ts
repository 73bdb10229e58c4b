import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { ReplicaReport, SharedStore } from "../../src/control/store/shared-store.ts";
import type { Store } from "../../src/control/store/store.ts";
import {
  openPostgresStore,
  type PostgresOptions,
} from "../../src/control/store/postgres/postgres-store.ts";
import { spawnStoreThread } from "../../src/main/store-thread.ts";
import { realClock, realTimers } from "../../src/main/system.ts";
import { hasPostgres, startPostgres, type RealPostgres } from "./postgres.ts";
import { openStore, storePath } from "./store.ts";

export type KindOptions = {
  readonly historyRetentionMs?: number;
  readonly historyRowsMax?: number;
};

/** Where one test's store is kept. */
export type StorePlace = {
  /** Opens it, for the first time or again; it is closed with the test. */
  readonly open: (options?: KindOptions) => Store;
};

/** One of the two kinds of store, for what both must do. */
export type StoreKind = {
  readonly name: string;
  readonly isThere: boolean;
  /** A place that nothing is kept in yet. */
  readonly newPlace: () => Promise<StorePlace>;
};

/** Patience of a machine that has other things to do. */
const patientMs = 15_000;

let instances = 0;

/** A real server for all tests of a file; null where there is none and none can be had. */
export function usePostgres(): { readonly server: () => RealPostgres } | null {
  if (!hasPostgres()) return null;
  let server: RealPostgres | null = null;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.stop();
  });
  return {
    server: () => {
      if (server === null) throw new Error("the server is not started yet");
      return server;
    },
  };
}

/** Opens a PostgreSQL store as a process of its own would; it is closed with the test. */
export function openShared(url: string, options: Partial<PostgresOptions> = {}): SharedStore {
  instances += 1;
  const store = openPostgresStore(
    url,
    {
      instance: `instance-${String(instances).padStart(3, "0")}`,
      deadlineMs: patientMs,
      ...options,
    },
    { clock: realClock, timers: realTimers, spawn: spawnStoreThread },
  );
  onTestFinished(() => store.close());
  return store;
}

/** What a replica says of itself. */
export function reportOf({ instance }: SharedStore): ReplicaReport {
  const said = { version: "1.2.3", startedMs: 1_700_000_000_000, configHash: "abc" };
  return { instance, name: `host of ${instance}`, adminUrl: "http://10.0.0.1:9090", ...said };
}

/** Both kinds; to be called once in a file, outside its tests. */
export function useStoreKinds(): readonly StoreKind[] {
  const postgres = usePostgres();
  return [
    {
      name: "SQLite",
      isThere: true,
      newPlace: async () => {
        const path = storePath();
        return { open: (options = {}) => openStore(path, options) };
      },
    },
    {
      name: postgres === null ? "PostgreSQL (skipped: needs postgresql)" : "PostgreSQL",
      isThere: postgres !== null,
      newPlace: async () => {
        const url = (await postgres?.server().createDatabase()) ?? "";
        return { open: (options = {}) => openShared(url, options) };
      },
    },
  ];
}
