import type { LostReason, MirroredWrite } from "./mirrored-write.ts";
import type { Config } from "../core/config/model.ts";
import type { TracedExchange } from "../core/tracing/traced-exchange.ts";
import type { TelemetrySnapshot } from "../core/telemetry/snapshot.ts";

/**
 * What crosses between the control plane (main thread) and a data-plane worker. Plain data only;
 * both ends are this program at the same version, so the types are the check.
 */

/** Everything that a worker needs to route; replaced as a whole, never edited. */
export type RoutingTable = {
  /** Rises by one with every table. */
  readonly version: number;
  readonly config: Config;
  /** Per experiment, rises whenever its split changes. */
  readonly epochs: Readonly<Record<string, number>>;
};

/** Health of one endpoint as active checks see it; endpoints start healthy. */
export type EndpointHealth = {
  readonly upstream: string;
  readonly origin: string;
  readonly healthy: boolean;
};

/** Handles that are remembered; when there are more, the oldest go and their requests go to the primary. */
export const handlesMax = 10_000;

/** A handle (`track_id` and the like) that a variant gave out. */
export type IssuedHandle = {
  readonly experiment: string;
  readonly handle: string;
  readonly variant: string;
};

/** A metric of one's own, reported for a request by its id. */
export type ReportedMetric = {
  readonly requestId: string;
  readonly name: string;
  readonly value: number;
};

/** What became of a write that other variants are to get. */
export type WriteReport =
  | {
      readonly kind: "kept";
      readonly name: string;
      readonly write: Omit<MirroredWrite, "bodyBytes">;
    }
  | {
      readonly kind: "lost";
      readonly reason: LostReason;
      readonly experiment: string;
      readonly variants: readonly string[];
      readonly requestId: string;
      readonly path: string;
    };

export type ToWorker =
  | { readonly kind: "routing"; readonly table: RoutingTable }
  | { readonly kind: "health"; readonly endpoints: readonly EndpointHealth[] }
  /** Handles that other workers saw. */
  | { readonly kind: "handles"; readonly handles: readonly IssuedHandle[] }
  /** To be counted by the worker that had the request; answered by `metrics_taken`. */
  | { readonly kind: "metrics"; readonly id: number; readonly metrics: readonly ReportedMetric[] }
  /** How much waits for other variants, over all workers. */
  | { readonly kind: "mirror_room"; readonly writes: number; readonly bytes: number }
  /** Serve on, but close each connection after its answer, so that clients come back elsewhere. */
  | { readonly kind: "leave" }
  /** Stop accepting, finish what is in flight, abort what is left at the deadline, answer `drained`. */
  | { readonly kind: "drain"; readonly deadlineMs: number };

/** One finished exchange for the access log; secrets never get in here. */
export type AccessRecord = {
  readonly atMs: number;
  readonly requestId: string;
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly status: number;
  readonly outcome: string;
  readonly experiment: string | null;
  readonly variant: string | null;
  readonly route: string | null;
  readonly upstream: string | null;
  readonly durationMs: number;
  readonly firstByteMs: number | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retries: number;
  /** Stable code of the refusal or failure, when there was one. */
  readonly code: string | null;
};

/** Passive state of an endpoint as one worker sees it. */
export type EndpointState = {
  readonly upstream: string;
  readonly origin: string;
  readonly ejected: boolean;
  readonly connectionsOpen: number;
  readonly exchangesInFlight: number;
  readonly pending: number;
  readonly connectFailures: number;
  readonly ejections: number;
};

/** Why a request that was drawn to be copied was not, or its answers not compared. */
export const copySkipReasons = ["busy", "method", "too_large", "unfinished", "unreadable"] as const;
export type CopySkipReason = (typeof copySkipReasons)[number];

/** Worker-wide counters, cumulative since the worker's start. */
export type WorkerCounters = {
  readonly connectionsAccepted: number;
  readonly connectionsOpen: number;
  /** Refusals and limits reached, by stable code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly requestsRead: number;
  readonly exchangesInFlight: number;
  readonly retries: number;
  readonly retriesDenied: number;
  readonly upgrades: number;
  /** Exchanges answered 502 because of a bug in Sluice. */
  readonly faults: number;
  readonly accessRecordsDropped: number;
  /** Answers that a reader passed over, by reason. */
  readonly uninspected: Readonly<Record<string, number>>;
  /** The same by experiment. */
  readonly uninspectedOf: Readonly<Record<string, number>>;
  /** Values given as metrics that are no numbers. */
  readonly metricsRefused: number;
  /** Copies of requests that were not sent, by reason. */
  readonly copiesSkipped: Readonly<Record<string, number>>;
  /** Spans that did not fit between two snapshots. */
  readonly spansDropped: number;
};

/** A request that two variants answered well. Durations in milliseconds, from when it was sent upstream. */
export type ComparedPair = {
  readonly experiment: string;
  /** The treatment. */
  readonly variant: string;
  readonly controlMs: number;
  readonly treatmentMs: number;
  /** Why something of the answers was not compared; null where all was. */
  readonly refused: string | null;
};

export type FromWorker =
  /** The listener is up; `port` is the real one when the configuration says 0. */
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "listen_failed"; readonly message: string }
  | { readonly kind: "routing_applied"; readonly version: number }
  /** The table does not compile; the worker keeps the one it has. */
  | { readonly kind: "routing_failed"; readonly version: number; readonly message: string }
  /** A bug reached the top of the worker: it drains briefly and ends; a replacement may start now. */
  | { readonly kind: "failing"; readonly message: string }
  | {
      readonly kind: "log";
      readonly level: "info" | "warn" | "error";
      readonly message: string;
      readonly facts: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: "snapshot";
      readonly telemetry: TelemetrySnapshot;
      readonly counters: WorkerCounters;
      readonly endpoints: readonly EndpointState[];
      readonly access: readonly AccessRecord[];
      /** Exchanges whose spans are to be sent to the collector. */
      readonly traces: readonly TracedExchange[];
      /** Requests of which the answers were compared since the last snapshot. */
      readonly pairs: readonly ComparedPair[];
      /** User + system CPU of this thread since its start, in microseconds. */
      readonly cpuUs: number;
      /** Out of turn, because a treatment misbehaves: to be judged at once. */
      readonly isUrgent: boolean;
    }
  | { readonly kind: "handles"; readonly handles: readonly IssuedHandle[] }
  | { readonly kind: "write"; readonly report: WriteReport }
  /** Which of the reported metrics, by place, belong to requests of this worker. */
  | { readonly kind: "metrics_taken"; readonly id: number; readonly taken: readonly number[] }
  | { readonly kind: "drained"; readonly aborted: number };

/** What a worker thread is started with. */
export type WorkerOptions = {
  readonly index: number;
  readonly table: RoutingTable;
  /** The port to bind: the configured one, or the first worker's choice. */
  readonly port: number;
  readonly health: readonly EndpointHealth[];
  readonly handles: readonly IssuedHandle[];
};
