import type { Random } from "../base/clock.ts";
import type { TracedExchange } from "../core/tracing/traced-exchange.ts";
import type { Recorder } from "../core/telemetry/recorder.ts";
import type { Copier } from "./copies/copier.ts";
import type { Handles } from "./handles.ts";
import type { RecentRequests } from "./recent-requests.ts";
import type { AccessRecord, IssuedHandle, WriteReport } from "../wire/messages.ts";
import type { Spool } from "./writes/spool.ts";
import type { Tunnels } from "./exchange/tunnel.ts";
import type { Exchange } from "./exchange/exchange.ts";
import type { CompiledRouting } from "./routing.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/** How many access records may wait for the next snapshot. */
export const accessRecordsMax = 4096;

/** What everything on one worker shares. */
export type WorkerContext = {
  routing: CompiledRouting;
  readonly wheel: TimerWheel;
  readonly recorder: Recorder;
  readonly random: Random;
  /** Monotonic milliseconds at the start of the current event; read the clock once an event, not once a use. */
  readonly nowMs: () => number;
  /** Reads the clock; called where an event comes in. */
  readonly readClock: () => void;
  readonly wallMs: () => number;
  readonly log: WorkerLog;
  readonly inFlight: InFlight;
  readonly tunnels: Tunnels;
  readonly counters: Counters;
  access: AccessRecord[];
  /** Traced exchanges since the last snapshot, and how many spans they make. */
  traces: TracedExchange[];
  spans: number;
  readonly handles: Handles;
  /** Tells the other workers of a handle. */
  readonly onHandle: (handle: IssuedHandle) => void;
  readonly recentRequests: RecentRequests;
  readonly copier: Copier;
  /** Where writes wait for other variants; null without a store. */
  readonly spool: Spool | null;
  /** Tells of a write that other variants are to get, or will not. */
  readonly onWrite: (write: WriteReport) => void;
  /** Answers are the last on their connection, so that clients come back elsewhere. */
  leaving: boolean;
  draining: boolean;
};

export type WorkerLog = (
  level: "info" | "warn" | "error",
  message: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

export type Counters = {
  connectionsAccepted: number;
  connectionsOpen: number;
  readonly refused: Record<string, number>;
  requestsRead: number;
  retries: number;
  retriesDenied: number;
  upgrades: number;
  faults: number;
  accessRecordsDropped: number;
  /** Answers that a reader passed over, by reason. */
  readonly uninspected: Record<string, number>;
  /** The same by experiment. */
  readonly uninspectedOf: Record<string, number>;
  /** Values given as metrics that are no numbers. */
  metricsRefused: number;
  /** Copies of requests that were not sent, by reason. */
  readonly copiesSkipped: Record<string, number>;
  /** Spans that did not fit between two snapshots. */
  spansDropped: number;
};

export function createCounters(): Counters {
  return {
    connectionsAccepted: 0,
    connectionsOpen: 0,
    refused: {},
    requestsRead: 0,
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
}

/** The exchanges in flight, oldest last to come; a linked list through the exchanges themselves. */
export class InFlight {
  size = 0;
  #first: Exchange | null = null;

  add(exchange: Exchange): void {
    exchange.nextInFlight = this.#first;
    if (this.#first !== null) this.#first.previousInFlight = exchange;
    this.#first = exchange;
    this.size += 1;
  }

  remove(exchange: Exchange): void {
    const { previousInFlight, nextInFlight } = exchange;
    if (previousInFlight === null) this.#first = nextInFlight;
    else previousInFlight.nextInFlight = nextInFlight;
    if (nextInFlight !== null) nextInFlight.previousInFlight = previousInFlight;
    exchange.previousInFlight = null;
    exchange.nextInFlight = null;
    this.size -= 1;
  }

  *[Symbol.iterator](): Iterator<Exchange> {
    for (let at = this.#first; at !== null; at = at.nextInFlight) yield at;
  }
}
