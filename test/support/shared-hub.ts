import type { Clock, Timers } from "../../src/base/clock.ts";
import { err, ok, type Result } from "../../src/base/result.ts";
import type { JournalEntry } from "../../src/core/experiment/journal.ts";
import {
  sharedStoreLimits,
  type RemotePart,
  type ReplicaReport,
  type SharedStore,
  type Standing,
  type StateVersion,
} from "../../src/control/store/shared-store.ts";
import type { Store, StoredState, StoreFault } from "../../src/control/store/store.ts";

/** The shared store's part that replicas decide by. */
export type HubStore = Pick<
  SharedStore,
  "append" | "states" | "read" | "heartbeat" | "publish" | "collect" | "onChange" | "leave"
>;

/** What replicas asked of the store. */
export type HubCounts = {
  appends: number;
  refused: number;
  notices: number;
  heartbeats: number;
  parts: number;
  partBytes: number;
  collected: number;
};

export type SharedHub = {
  open(instance: string): HubStore;
  /** From now on the store does not answer a replica, and tells it nothing. */
  cut(instance: string): void;
  mend(instance: string): void;
  /** The nth append of a replica from now on is not answered. */
  failAppend(instance: string, nth: number): void;
  readonly journal: readonly JournalEntry[];
  readonly counts: HubCounts;
  state(scope: string, subject: string): StoredState | undefined;
  leader(): string | null;
};

type Part = { readonly sequence: number; readonly body: Uint8Array; readonly atMs: number };

const unreachable: StoreFault = { code: "unreachable", message: "cut off" };

/**
 * A store that replicas share, in memory and over fake time: versions, the fence, the lease and the parts of telemetry as
 * the PostgreSQL store keeps them. What does not block takes `latencyMs`.
 */
export function createSharedHub(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  latencyMs = 2,
): SharedHub {
  const states = new Map<string, { scope: StateVersion["scope"]; stored: StoredState }>();
  const journal: JournalEntry[] = [];
  const lease = { epoch: 0, instance: null as string | null, renewedMs: -Infinity };
  const reports = new Map<string, { report: ReplicaReport; seenMs: number }>();
  const parts = new Map<string, Part[]>();
  const listeners = new Map<string, (changed: StateVersion) => void>();
  const cut = new Set<string>();
  /** After how many more appends one fails. */
  const failing = new Map<string, number>();
  const counts: HubCounts = {
    appends: 0,
    refused: 0,
    notices: 0,
    heartbeats: 0,
    parts: 0,
    partBytes: 0,
    collected: 0,
  };

  function tell(from: string, changed: StateVersion): void {
    for (const [instance, listener] of listeners) {
      if (instance === from) continue;
      timers.after(latencyMs, () => {
        if (cut.has(instance)) return;
        counts.notices += 1;
        listener(changed);
      });
    }
  }

  function later<Value>(
    instance: string,
    run: () => Result<Value, StoreFault>,
  ): Promise<Result<Value, StoreFault>> {
    return new Promise((resolve) => {
      timers.after(latencyMs, () => resolve(cut.has(instance) ? err(unreachable) : run()));
    });
  }

  function append(instance: string): Store["append"] {
    return (entries, changed, fence) => {
      const turn = (failing.get(instance) ?? 0) - 1;
      if (turn >= 0) failing.set(instance, turn);
      if (cut.has(instance) || turn === 0) return err(unreachable);
      if (fence !== undefined && fence !== lease.epoch) {
        counts.refused += 1;
        return err({ code: "fenced", message: "another replica leads by now" });
      }
      const isStale = changed.some(({ scope, subject, expected }) => {
        const version = states.get(`${scope} ${subject}`)?.stored.version ?? 0;
        return expected !== undefined && expected !== version;
      });
      if (isStale) {
        counts.refused += 1;
        return err({ code: "conflict", message: "another replica was faster" });
      }
      counts.appends += 1;
      for (const entry of entries) journal.push({ ...entry, sequence: journal.length + 1 });
      for (const { scope, subject, state } of changed) {
        const version = (states.get(`${scope} ${subject}`)?.stored.version ?? 0) + 1;
        const stored = { subject, state, version, sequence: journal.length };
        states.set(`${scope} ${subject}`, { scope, stored });
        tell(instance, { scope, subject, version });
      }
      return ok(journal.length);
    };
  }

  function beat(report: ReplicaReport, wantsLead: boolean): Result<Standing, StoreFault> {
    const { instance } = report;
    const nowMs = clock.monotonicMs();
    counts.heartbeats += 1;
    reports.set(instance, { report, seenMs: nowMs });
    const isMine = lease.instance === instance;
    const isFree = lease.instance === null || nowMs - lease.renewedMs > sharedStoreLimits.leaseMs;
    if (wantsLead && (isMine || isFree)) {
      if (!isMine) Object.assign(lease, { epoch: lease.epoch + 1, instance });
      lease.renewedMs = nowMs;
    }
    for (const [other, { seenMs }] of reports) {
      if (nowMs - seenMs > sharedStoreLimits.replicaGoneMs) reports.delete(other);
    }
    return ok({
      epoch: lease.instance === instance ? lease.epoch : null,
      leader: lease.instance,
      replicas: Array.from(reports.values(), (one) =>
        Object.assign({ seenAgoMs: nowMs - one.seenMs }, one.report),
      ),
      states: Array.from(states.values(), ({ scope, stored: { subject, version } }) => {
        return { scope, subject, version };
      }),
    });
  }

  function open(instance: string): HubStore {
    const startedMs = clock.monotonicMs();
    const cursors = new Map<string, number>();
    return {
      append: append(instance),
      states: (scope) =>
        cut.has(instance)
          ? err(unreachable)
          : ok([...states.values()].flatMap((one) => (one.scope === scope ? [one.stored] : []))),
      read: ({ scope, subject, limit = 100 }) =>
        cut.has(instance)
          ? err(unreachable)
          : ok(
              journal
                .filter((entry) => entry.scope === scope && entry.subject === subject)
                .slice(-limit)
                .toReversed(),
            ),
      heartbeat: (report, wantsLead) => later(instance, () => beat(report, wantsLead)),
      publish: (sequence, body) =>
        later(instance, () => {
          const mine = parts.get(instance) ?? [];
          parts.set(instance, mine);
          if ((mine.at(-1)?.sequence ?? 0) < sequence) {
            mine.push({ sequence, body, atMs: clock.monotonicMs() });
            counts.parts += 1;
            counts.partBytes += body.byteLength;
          }
          while (
            clock.monotonicMs() - (mine[0]?.atMs ?? Infinity) >
            sharedStoreLimits.telemetryMs
          ) {
            mine.shift();
          }
          return ok(undefined);
        }),
      collect: () =>
        later(instance, () => {
          const found: RemotePart[] = [];
          for (const [other, theirs] of parts) {
            if (other === instance) continue;
            const after = cursors.get(other) ?? 0;
            for (const { sequence, body, atMs } of theirs) {
              if (sequence > after && atMs >= startedMs) found.push({ instance: other, body });
            }
            cursors.set(other, theirs.at(-1)?.sequence ?? after);
          }
          counts.collected += found.length;
          return ok(found);
        }),
      onChange: (listener) => void listeners.set(instance, listener),
      async leave() {
        if (cut.has(instance)) return;
        reports.delete(instance);
        listeners.delete(instance);
        if (lease.instance === instance) lease.instance = null;
      },
    };
  }

  return {
    open,
    cut: (instance) => void cut.add(instance),
    mend: (instance) => void cut.delete(instance),
    failAppend: (instance, nth) => void failing.set(instance, nth),
    journal,
    counts,
    state: (scope, subject) => states.get(`${scope} ${subject}`)?.stored,
    leader: () => lease.instance,
  };
}
