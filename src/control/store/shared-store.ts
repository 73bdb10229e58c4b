import type { Result } from "../../base/result.ts";
import type { JournalScope } from "../../core/experiment/journal.ts";
import type { Store, StoreFault } from "./store.ts";

/** What a replica tells the others of itself. */
export type ReplicaReport = {
  /** One process, from its start to its end. */
  readonly instance: string;
  /** For people, `replica.name` of the configuration. */
  readonly name: string;
  readonly version: string;
  readonly startedMs: number;
  /** Where its admin port is reached from outside; null when the configuration does not say. */
  readonly adminUrl: string | null;
  /** Tells configurations apart: replicas that differ route differently. */
  readonly configHash: string;
};

export type SeenReplica = ReplicaReport & {
  /** Since it was heard of last, by the server's clock, in milliseconds. */
  readonly seenAgoMs: number;
};

/** The version of a state, to find what was missed. */
export type StateVersion = {
  readonly scope: JournalScope;
  readonly subject: string;
  readonly version: number;
};

/** How things stand among the replicas, as the server has it. */
export type Standing = {
  /** The fencing epoch that this replica leads in; null while it does not lead. */
  readonly epoch: number | null;
  /** The instance that leads; null when none does. */
  readonly leader: string | null;
  /** All that were heard of in the last `replicaGoneMs`, this one included; by name, then by instance. */
  readonly replicas: readonly SeenReplica[];
  readonly states: readonly StateVersion[];
};

/** Telemetry of another replica. */
export type RemotePart = {
  readonly instance: string;
  readonly body: Uint8Array;
};

export const sharedStoreLimits = {
  /** A leader that was not heard of for so long leads no more. */
  leaseMs: 3000,
  /** A replica that was not heard of for so long is gone. */
  replicaGoneMs: 10_000,
  /** Telemetry is kept so long for those who collect it. */
  telemetryMs: 30_000,
  /** Bytes of one published part; a larger one is refused as `too_large`. */
  telemetryBytesMax: 8 * 1024 * 1024,
  /** Bytes that one `collect` brings; the rest comes with the next. */
  collectBytesMax: 32 * 1024 * 1024,
} as const;

/**
 * A store that several replicas share. What is asked of `Store` blocks the main thread until the server has answered or
 * the deadline has passed; while the server is known to be gone, it is refused at once. The rest does not block.
 */
export type SharedStore = Store & {
  /** This process, as the others know it: the `instance` of what it reports. */
  readonly instance: string;
  /**
   * Says that this replica is there and, with `wantsLead`, that it would lead: it does when nobody leads, when the
   * leader's session is gone, or when the leader was silent for `leaseMs`. Who leads already goes on; who does not want
   * to any more gives up.
   */
  heartbeat(report: ReplicaReport, wantsLead: boolean): Promise<Result<Standing, StoreFault>>;
  /** Gives the others a part of this replica's telemetry; `sequence` rises by one with each, so that none counts twice. */
  publish(sequence: number, body: Uint8Array): Promise<Result<void, StoreFault>>;
  /** What the others published since the last call (or since this replica began), each part once and in order. */
  collect(): Promise<Result<readonly RemotePart[], StoreFault>>;
  /** Tells of states that another replica wrote, soon after; some may be missed when the connection breaks. */
  onChange(listener: (changed: StateVersion) => void): void;
  /** False while the server is known to be gone; it is looked for again on its own. */
  isUp(): boolean;
  /** Leaves: the lease and the registry know at once. */
  leave(): Promise<void>;
};
