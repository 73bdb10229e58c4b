import { Worker } from "node:worker_threads";
import type { SpawnWorker } from "../control/worker-slot.ts";
import type { FromWorker } from "../wire/messages.ts";

/** Starts a data-plane worker as a thread of this process. */
export const spawnThread: SpawnWorker = (options, events) => {
  const thread = new Worker(new URL("./worker.ts", import.meta.url), {
    name: `sluice-worker-${options.index}`,
    workerData: options,
  });
  let reason: string | null = null;
  thread.on("message", (message: FromWorker) => events.onMessage(message));
  thread.on("error", (error) => {
    reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  });
  thread.on("exit", (code) => events.onExit(reason ?? `exit code ${code}`));
  return {
    post: (message) => thread.postMessage(message),
    terminate: () => void thread.terminate(),
  };
};
