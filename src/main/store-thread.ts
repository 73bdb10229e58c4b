import { writeSync } from "node:fs";
import { Worker, workerData } from "node:worker_threads";
import type { SpawnStoreThread } from "../control/store/postgres/bridge.ts";
import type { ThreadOptions } from "../control/store/postgres/messages.ts";
import { realRandom, realTimers } from "./system.ts";

/**
 * The main thread stands still while a decision is written down, so that somebody else must talk to the server meanwhile.
 * This file is both who starts that thread and what runs there.
 */

type StartOptions = { readonly store: ThreadOptions };

/** What a page of history takes, several times over. */
const heapMegabytesMax = 512;

export const spawnStoreThread: SpawnStoreThread = (options, onExit) => {
  const start: StartOptions = { store: options };
  const thread = new Worker(new URL(import.meta.url), {
    name: "sluice-store",
    workerData: start,
    transferList: [options.port],
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
  });
  let reason: string | null = null;
  thread.on("error", (error) => (reason = String(error)));
  thread.on("exit", (code) => onExit(reason ?? `exit code ${code}`));
  thread.unref();
};

const started = workerData as StartOptions | null;
if (started !== null && "store" in started) {
  const { StoreService } = await import("../control/store/postgres/service.ts");
  new StoreService(started.store, {
    timers: realTimers,
    random: realRandom,
    onBug: writeBug,
  }).start();
}

/** Past the main thread, for which a standard error that nobody reads any more could be fatal. */
function writeBug(stack: string): void {
  try {
    writeSync(2, `sluice: a bug in the store's thread, please report it: ${stack}\n`);
  } catch {
    // Who asked has got a fault.
  }
}
