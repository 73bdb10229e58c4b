import { parentPort, Worker, workerData } from "node:worker_threads";
import { compactDimension, compactVector } from "../faces/demo/compact-vector.ts";
import type { DemoService, ServiceName } from "../faces/demo/demo.ts";
import { startEmbeddingService } from "../faces/demo/embedding-service.ts";
import { createMisbehave } from "../faces/demo/fault.ts";
import type { PlannedFault } from "../faces/demo/fault.ts";
import { fullDimension, loadEncoder } from "../faces/demo/model.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

/** An embedding service as a thread of its own: this file is both who starts it and what runs there. */

type ThreadOptions = {
  readonly embeddingService: { name: ServiceName; fault: PlannedFault | null };
};

const startMsMax = 60_000;

/** Resolves when the model is loaded and the port is open. */
export function spawnEmbeddingService(
  name: ServiceName,
  fault: PlannedFault | null,
): Promise<DemoService> {
  const options: ThreadOptions = { embeddingService: { name, fault } };
  const thread = new Worker(new URL(import.meta.url), {
    name: `embeddings-${name}`,
    workerData: options,
  });
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) => {
      cancel();
      void thread.terminate();
      reject(new Error(`the embedding service ${name} did not start: ${reason}`, { cause }));
    };
    const cancel = realTimers.after(startMsMax, () => fail(`${startMsMax / 1000} s passed`));
    thread.once("error", (error) => fail(String(error), error));
    thread.once("exit", (code) => fail(`its thread ended with ${code}`));
    thread.once("message", (port: number) => {
      cancel();
      resolve({ port, stop: async () => void (await thread.terminate()) });
    });
  });
}

async function serve({ embeddingService: { name, fault } }: ThreadOptions): Promise<void> {
  const isFull = name === "full";
  const { port } = await startEmbeddingService({
    model: isFull ? "use-lite-512" : "use-lite-256-int8",
    dimension: isFull ? fullDimension : compactDimension,
    encoder: await loadEncoder(),
    reduce: isFull ? (vector) => vector : compactVector,
    misbehave: createMisbehave(fault, {
      random: realRandom,
      timers: realTimers,
      clock: realClock,
    }),
  });
  parentPort?.postMessage(port);
}

const started = workerData as ThreadOptions | null;
if (started !== null && "embeddingService" in started) await serve(started);
