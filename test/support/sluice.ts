import { createLog } from "../../src/control/access-log.ts";
import type { SpawnWorker, WorkerHandle } from "../../src/control/worker-slot.ts";
import type { Environment } from "../../src/core/config/environment.ts";
import { startSluice } from "../../src/main/sluice-process.ts";
import type { Sluice } from "../../src/main/running-sluice.ts";
import type { SluiceOptions } from "../../src/main/sluice-process.ts";
import { spawnThread } from "../../src/main/thread.ts";

/** A whole Sluice with real worker threads on free ports, in this process. */
export type TestSluice = {
  readonly sluice: Sluice;
  /** `http://127.0.0.1:PORT` of the traffic port. */
  readonly url: string;
  readonly adminUrl: string;
  /** Log lines so far, parsed. */
  readonly logs: Record<string, unknown>[];
  /** The first line, old or new, with all these fields. */
  logged(fields: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Ends the newest thread of a worker at once, as a crash would. */
  kill(index: number): void;
  /** Makes the newest thread of a worker fail from within, by a message that it cannot read. */
  break(index: number): void;
  stop(): Promise<void>;
};

/**
 * Starts Sluice from a configuration text; the text says `port: 0` for `listen` and for `admin`
 * ({@link freePorts} does).
 */
export async function startTestSluice(
  configText: string,
  options: { readonly env?: Environment } = {},
): Promise<TestSluice> {
  return startFrom({ configText, env: options.env ?? {}, version: "test" });
}

/** As {@link startTestSluice}, from a file. */
export async function startTestSluiceFromFile(configPath: string): Promise<TestSluice> {
  return startFrom({ configPath, env: {}, version: "test" });
}

/** The head of a configuration that listens on free loopback ports. */
export function freePorts({ workers = 1, listen = "" } = {}): string {
  return `
listen: { host: 127.0.0.1, port: 0, workers: ${workers}${listen} }
admin: { host: 127.0.0.1, port: 0 }
`;
}

async function startFrom(options: SluiceOptions): Promise<TestSluice> {
  const logs: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  const write = (line: string) => {
    logs.push(JSON.parse(line) as Record<string, unknown>);
    for (const look of waiting) look();
  };
  const handles = new Map<number, WorkerHandle>();
  const spawn: SpawnWorker = (workerOptions, events) => {
    const handle = spawnThread(workerOptions, events);
    handles.set(workerOptions.index, handle);
    return handle;
  };
  const sluice = await startSluice({
    ...options,
    spawn,
    log: (level) => createLog(level, { write }),
  });
  const handleOf = (index: number): WorkerHandle => {
    const handle = handles.get(index);
    if (handle === undefined) throw new Error(`there is no worker ${index}`);
    return handle;
  };
  return {
    sluice,
    url: `http://127.0.0.1:${sluice.dataPort}`,
    adminUrl: `http://127.0.0.1:${sluice.adminPort}`,
    logs,
    logged: (fields) =>
      new Promise((resolve) => {
        const look = () => {
          const found = logs.find((line) =>
            Object.entries(fields).every(([name, value]) => line[name] === value),
          );
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    kill: (index) => handleOf(index).terminate(),
    break: (index) => handleOf(index).post(null as never),
    stop: () => sluice.stop(),
  };
}
