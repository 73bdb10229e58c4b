import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { SpawnWorker } from "../control/worker-slot.ts";
import type { FromWorker } from "../wire/messages.ts";

// A worker's heap is small and young: collecting it costs less than waking helper threads to collect it
// (measured on one core: about a tenth of all CPU a request). It holds for isolates made after this line.
setFlagsFromString("--single-threaded-gc");

// A targeting rule's pattern that backtracks without end would stop a worker; V8 then starts again with an engine
// that needs linear time. It knows no lookaround and no back-references: those are left to the supervisor's watch.
setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");

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
