import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";

/** A network between a store and its server that can lose answers. */
export type DeafProxy = {
  /** The URL through it instead of the server's. */
  readonly url: string;
  /** From the next commit on, the server hears and nobody hears the server. */
  loseNextCommit(): void;
  mend(): void;
};

/** Starts one in front of a server on this machine; it ends with the test. */
export async function startDeafProxy(url: string): Promise<DeafProxy> {
  const through = new URL(url);
  const flags = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = new Worker(new URL("./deaf-proxy-thread.ts", import.meta.url), {
    workerData: { host: through.hostname, port: Number(through.port), flags },
  });
  onTestFinished(async () => void (await thread.terminate()));
  const [port] = (await once(thread, "message")) as [number];
  through.port = String(port);
  return {
    url: through.href,
    loseNextCommit: () => void Atomics.store(flags, 0, 1),
    mend: () => void Atomics.store(flags, 0, 0),
  };
}
