import { createSupervisor } from "../../../src/control/supervisor.ts";
import type { SpawnWorker, WorkerEvents, WorkerSource } from "../../../src/control/worker-slot.ts";
import type { FromWorker, ToWorker, WorkerOptions } from "../../../src/wire/messages.ts";
import { smallText, valid } from "../../core/config/texts.ts";
import { createFakeTime } from "../../support/fake-time.ts";

/** A thread that does nothing but what the test makes it say. */
export type FakeThread = {
  readonly options: WorkerOptions;
  readonly received: ToWorker[];
  terminated: boolean;
  say(message: FromWorker): void;
  listen(port?: number): void;
  /** Ends, as a crash or after `terminate`. */
  exit(reason?: string): void;
};

export const configOf = (workers: number) =>
  valid(`listen: { host: 127.0.0.1, port: 0, workers: ${workers} }\n${smallText}`);

/** A supervisor over fake threads and fake time. */
export function createFakes(workers: number, { answerTerminate = true } = {}) {
  const time = createFakeTime();
  const threads: FakeThread[] = [];
  const logs: { level: string; message: string; facts: Record<string, unknown> }[] = [];
  const snapshots: WorkerSource[] = [];
  const gone: WorkerSource[] = [];
  const system = { hasThreads: true };
  const spawn: SpawnWorker = (options, events: WorkerEvents) => {
    if (!system.hasThreads) throw new Error("no thread left");
    let exited = false;
    const thread: FakeThread = {
      options,
      received: [],
      terminated: false,
      say: (message) => events.onMessage(message),
      listen: (port = 4000) => events.onMessage({ kind: "listening", port }),
      exit(reason = "crashed") {
        if (exited) return;
        exited = true;
        events.onExit(reason);
      },
    };
    threads.push(thread);
    return {
      post: (message) => thread.received.push(message),
      terminate() {
        thread.terminated = true;
        // As a real thread does: not before whoever asked has gone on.
        if (answerTerminate) queueMicrotask(() => thread.exit("exit code 1"));
      },
    };
  };
  const supervisor = createSupervisor(
    { config: configOf(workers), epochs: { e: 1 } },
    {
      ...time,
      spawn,
      log: (level, message, facts) => logs.push({ level, message, facts }),
      onSnapshot: (_snapshot, source) => snapshots.push(source),
      onWrite: () => {},
      onWorkerGone: (source) => gone.push(source),
    },
  );
  const thread = (at: number): FakeThread => {
    const found = threads[at];
    if (found === undefined) throw new Error(`thread ${at} was not started`);
    return found;
  };
  return { supervisor, time, threads, thread, logs, snapshots, gone, system };
}

/** Every worker listens. */
export async function startFakes(workers: number, options?: { answerTerminate?: boolean }) {
  const fakes = createFakes(workers, options);
  const started = fakes.supervisor.start();
  fakes.thread(0).listen();
  await settle();
  for (const thread of fakes.threads.slice(1)) thread.listen();
  await started;
  return fakes;
}

/** Lets promises that are due run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
