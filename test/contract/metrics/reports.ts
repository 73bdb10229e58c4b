import { createRecorder, type Recorder } from "../../../src/core/telemetry/recorder.ts";
import type { WorkerSnapshot } from "../../../src/control/worker-counts.ts";
import type { EndpointState, WorkerCounters } from "../../../src/wire/messages.ts";

const noCounters: WorkerCounters = {
  connectionsAccepted: 0,
  connectionsOpen: 0,
  refused: {},
  requestsRead: 0,
  exchangesInFlight: 0,
  retries: 0,
  retriesDenied: 0,
  upgrades: 0,
  faults: 0,
  accessRecordsDropped: 0,
  uninspected: {},
  uninspectedOf: {},
  metricsRefused: 0,
  copiesSkipped: {},
  spansDropped: 0,
};

export const quietEndpoint: EndpointState = {
  upstream: "full",
  origin: "http://127.0.0.1:9621",
  ejected: false,
  connectionsOpen: 0,
  exchangesInFlight: 0,
  pending: 0,
  connectFailures: 0,
  ejections: 0,
};

/** What a worker with this recorder would post; everything else as written. */
export function reportOf(
  recorder: Recorder = createRecorder(),
  written: {
    readonly counters?: Partial<WorkerCounters>;
    readonly endpoints?: readonly EndpointState[];
    readonly cpuUs?: number;
    readonly inFlight?: Parameters<Recorder["snapshot"]>[1];
  } = {},
): WorkerSnapshot {
  return structuredClone({
    kind: "snapshot",
    telemetry: recorder.snapshot(0, written.inFlight ?? []),
    counters: { ...noCounters, ...written.counters },
    endpoints: written.endpoints ?? [],
    access: [],
    traces: [],
    pairs: [],
    cpuUs: written.cpuUs ?? 0,
    isUrgent: false,
  });
}
