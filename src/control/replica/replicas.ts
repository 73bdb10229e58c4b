import type { Clock, Timers } from "../../base/clock.ts";
import {
  sharedStoreLimits,
  type ReplicaReport,
  type SeenReplica,
  type SharedStore,
  type StateVersion,
} from "../store/shared-store.ts";
import type { SupervisorLog } from "../worker-slot.ts";
import type { Authority } from "./sharing.ts";

/** How often a leader says that it is there, and one of few that follow. */
export const heartbeatMs = 1000;

/**
 * How often one of so many that follow does, in milliseconds: all together a hundred times a second. Another leader is found as
 * fast, for there are more that look.
 */
export function followBeatMsOf(replicas: number): number {
  return Math.min(4000, Math.max(heartbeatMs, replicas * 10));
}

export type ReplicasView = {
  readonly authority: Authority;
  /** This process among the replicas. */
  readonly instance: string;
  readonly leader: string | null;
  /** The fencing epoch while this replica leads. */
  readonly epoch: number | null;
  /** As they were when the store answered last, and have not been seen since. */
  readonly replicas: readonly SeenReplica[];
};

export type ReplicasDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly shared: Pick<SharedStore, "heartbeat" | "leave" | "onChange">;
  readonly report: () => ReplicaReport;
  /** This replica leads from now on. */
  readonly onLead: () => void;
  /** The store has answered; after the other hooks. */
  readonly onHeard: () => void;
  /** States that may be others than the known ones. */
  readonly onVersions: (versions: readonly StateVersion[]) => void;
  /** A replica was not heard of any more. */
  readonly onGone: (instance: string) => void;
  readonly log: SupervisorLog;
};

/** This replica among the others: who leads, who is there, and what it may decide itself. */
export type Replicas = {
  authority(): Authority;
  /** The fencing epoch while this replica leads. */
  epoch(): number | null;
  /** How many there were when the store answered last. */
  count(): number;
  view(): ReplicasView;
  /** Lets the others know at once that this one goes. */
  stop(): Promise<void>;
};

export function createReplicas(dependencies: ReplicasDependencies): Replicas {
  const { clock, timers, shared, report, onLead, onHeard, onVersions, onGone, log } = dependencies;
  let epoch: number | null = null;
  let leader: string | null = null;
  let replicas: readonly SeenReplica[] = [];
  let heardMs = -Infinity;
  let askedMs = -Infinity;
  let isAsking = false;
  let isStopped = false;
  let told: Authority | null = null;
  /** Why the store did not answer last. */
  let fault: string | null = null;

  /** A leader counts from when it asked: the others count from when the server heard it, which is later. */
  function isHeard(): boolean {
    const spareMs = epoch === null ? periodMs() - heartbeatMs : 0;
    return clock.monotonicMs() - heardMs < sharedStoreLimits.leaseMs + spareMs;
  }

  function periodMs(): number {
    return epoch === null ? followBeatMsOf(replicas.length) : heartbeatMs;
  }

  function authority(): Authority {
    if (!isHeard()) return "cut_off";
    return epoch === null ? "follow" : "lead";
  }

  function tellRole(): void {
    const now = authority();
    if (now === told) return;
    // It begins without having asked.
    const isNews = told !== null || now !== "cut_off";
    told = now;
    if (!isNews) return;
    const facts = { epoch, leader, replicas: replicas.length };
    if (now === "cut_off") log("error", roles[now], { ...facts, reason: fault });
    else log("info", roles[now], facts);
  }

  async function beat(): Promise<void> {
    if (isAsking || isStopped) return;
    isAsking = true;
    const sentMs = clock.monotonicMs();
    askedMs = sentMs;
    const answered = await shared.heartbeat(report(), true).finally(() => {
      isAsking = false;
    });
    if (isStopped) return;
    if (!answered.ok) {
      fault = answered.error.message;
      tellRole();
      return;
    }
    const standing = answered.value;
    const led = authority() === "lead" ? epoch : null;
    const gone = replicas.filter(({ instance }) =>
      standing.replicas.every((each) => each.instance !== instance),
    );
    heardMs = sentMs;
    ({ epoch, leader, replicas } = standing);
    tellRole();
    onVersions(standing.states);
    for (const { instance } of gone) onGone(instance);
    if (epoch !== null && epoch !== led) onLead();
    onHeard();
  }

  /** A bug costs a heartbeat, not the process. */
  function run(): void {
    beat().catch((error: unknown) => {
      log("error", "what the other replicas decided was not taken over", { error: String(error) });
    });
  }

  shared.onChange((changed) => {
    if (!isStopped) onVersions([changed]);
  });
  const cancel = timers.every(heartbeatMs, () => {
    tellRole();
    // The timer is the shortest period.
    if (clock.monotonicMs() - askedMs > periodMs() - heartbeatMs / 2) run();
  });
  // The process around is not put together yet.
  const cancelFirst = timers.after(0, run);
  return {
    authority,
    epoch: () => (isHeard() ? epoch : null),
    count: () => replicas.length,
    view() {
      const heardAgoMs = clock.monotonicMs() - heardMs;
      return {
        authority: authority(),
        instance: report().instance,
        leader,
        epoch: isHeard() ? epoch : null,
        replicas: replicas.map((each) =>
          Object.assign({}, each, { seenAgoMs: each.seenAgoMs + heardAgoMs }),
        ),
      };
    },
    async stop() {
      isStopped = true;
      cancelFirst();
      cancel();
      await shared.leave();
    },
  };
}

const roles: Readonly<Record<Authority, string>> = {
  lead: "this replica leads",
  follow: "this replica follows",
  cut_off:
    "this replica cannot reach the store that it shares with the others: traffic goes on, nothing is promoted",
};
