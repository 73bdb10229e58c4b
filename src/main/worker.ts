import { parentPort, workerData } from "node:worker_threads";
import { unreachable } from "../base/result.ts";
import { describeListenError } from "../control/listen-error.ts";
import { createDataPlane } from "../data/plane.ts";
import type { FromWorker, RoutingTable, ToWorker, WorkerOptions } from "../wire/messages.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

/** Entry point of a data-plane thread: carries messages between the control plane and the data plane. */

const snapshotPeriodMs = 250;
/** The least time between two snapshots, so that a flood of bad exchanges is no flood of snapshots. */
const urgentPeriodMs = 50;
/** What requests in flight get when a bug ends the thread. */
const failureDrainMs = 2000;
/** Log lines between two snapshots; more are counted, not written. */
const logLinesMax = 100;

if (parentPort === null) throw new Error("worker.ts runs as a thread of Sluice only");
const port = parentPort;
const options = workerData as WorkerOptions;

let logLines = 0;
let failing = false;
/** When the last snapshot was sent. */
let sentMs = realClock.monotonicMs();

// Before anything that can fail.
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

const plane = createDataPlane(options, {
  clock: realClock,
  timers: realTimers,
  random: realRandom,
  log,
  onHandle: (handle) => post({ kind: "handles", handles: [handle] }),
  onWrite: (report) => post({ kind: "write", report }),
  onUrgent: () => {
    const waitMs = Math.max(0, sentMs + urgentPeriodMs - realClock.monotonicMs());
    realTimers.after(waitMs, () => sendSnapshot(true));
  },
});
port.on("message", receive);
const cancelSnapshots = realTimers.every(snapshotPeriodMs, () => sendSnapshot(false));

try {
  post({ kind: "listening", port: await plane.listen() });
} catch (error) {
  const { host } = options.table.config.listen;
  const address = { host, port: options.port, field: "listen" };
  const message = describeListenError(error as NodeJS.ErrnoException, address);
  post({ kind: "listen_failed", message });
}

function receive(message: ToWorker): void {
  switch (message.kind) {
    case "routing":
      return applyRouting(message.table);
    case "health":
      return plane.setHealth(message.endpoints);
    case "mirror_room":
      return plane.setMirrorRoom(message);
    case "handles":
      return plane.noteHandles(message.handles);
    case "metrics": {
      const { id, metrics } = message;
      return post({ kind: "metrics_taken", id, taken: plane.takeMetrics(metrics) });
    }
    case "leave":
      return plane.leave();
    case "drain":
      void drain(message.deadlineMs);
      return;
    default:
      unreachable(message);
  }
}

function applyRouting(table: RoutingTable): void {
  const { version } = table;
  try {
    plane.applyRouting(table);
  } catch (error) {
    post({ kind: "routing_failed", version, message: String(error) });
    return;
  }
  post({ kind: "routing_applied", version });
}

async function drain(deadlineMs: number): Promise<void> {
  const aborted = await plane.drain(deadlineMs);
  cancelSnapshots();
  sendSnapshot(false);
  post({ kind: "drained", aborted });
}

function sendSnapshot(isUrgent: boolean): void {
  sentMs = realClock.monotonicMs();
  if (logLines > logLinesMax) {
    const facts = { worker: options.index, dropped: logLines - logLinesMax };
    post({ kind: "log", level: "warn", message: "log lines dropped", facts });
  }
  logLines = 0;
  const { user, system } = process.threadCpuUsage();
  post({ kind: "snapshot", ...plane.snapshot(), cpuUs: user + system, isUrgent });
}

function log(level: "info" | "warn" | "error", message: string, facts: object): void {
  logLines += 1;
  if (logLines > logLinesMax) return;
  post({ kind: "log", level, message, facts: { worker: options.index, ...facts } });
}

/** The state of this thread can no longer be trusted: lets requests in flight end, then ends it. */
function fail(cause: unknown): void {
  if (failing) return;
  failing = true;
  const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  post({ kind: "failing", message });
  // The data plane may be the broken part, or not there yet: the thread ends whatever it does.
  realTimers.after(failureDrainMs + 500, () => process.exit(1));
  void drain(failureDrainMs).finally(() => process.exit(1));
}

function post(message: FromWorker): void {
  port.postMessage(message);
}
