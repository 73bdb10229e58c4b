import type { Clock, Timers } from "../../base/clock.ts";
import type { SeriesDelta } from "../../core/telemetry/snapshot.ts";
import { sharedStoreLimits, type SharedStore } from "../store/shared-store.ts";
import type { SupervisorLog } from "../worker-slot.ts";
import { packTelemetry, unpackTelemetry, type WorkerSeries } from "./telemetry-part.ts";

export const exchangeLimits = {
  /** How often a replica publishes what it measured, at most: with many replicas more rarely, see `publishMsOf`. */
  publishMs: 1000,
  /** All replicas together publish this often a second at most. */
  partsPerSecondMax: 200,
  collectMs: 500,
  /** After a gap: by then the others have published what waited, and written it down. */
  settleMs: 20_000,
  /** Up to so many replicas, every one merges the telemetry of all; beyond, only the leader does. */
  mergedByAllMax: 16,
  /** What waits while the store is gone; beyond, the oldest goes. */
  waitingPartsMax: 1200,
  waitingBytesMax: 64 * 1024 * 1024,
  /** Workers of others that are remembered, to know whose requests ended with them. */
  workersMax: 4096,
} as const;

export type ExchangeState = {
  readonly published: number;
  readonly waiting: number;
  /** Own parts that the others never got. */
  readonly dropped: number;
  readonly merged: number;
  /** Parts of others that could not be read. */
  readonly unreadable: number;
};

export type ExchangeDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly shared: Pick<SharedStore, "publish" | "collect">;
  /** How many replicas there are; whether this one is to merge what the others measured. */
  readonly replicas: () => number;
  readonly isLeader: () => boolean;
  /** Telemetry of another replica's worker; the name is unique among all. */
  readonly onTelemetry: (worker: string, series: readonly SeriesDelta[]) => void;
  /** A worker of another replica is not there any more. */
  readonly onGone: (worker: string) => void;
  /** Parts of others were missed, some time ago: by now all that there is of them is in the history. */
  readonly onMissed: () => void;
  readonly log: SupervisorLog;
};

/** Gives the other replicas what this one measured, and merges what they did. Everything counts once. */
export type TelemetryExchange = {
  take(worker: string, series: readonly SeriesDelta[]): void;
  /** Something of the others is known to be missing, though nothing was collected too late. */
  noteMissed(): void;
  /** A replica is gone: its requests in flight ended with it. */
  forget(instance: string): void;
  state(): ExchangeState;
  /** Publishes what is left, as far as the store takes it, and ends. */
  stop(): Promise<void>;
};

export function createTelemetryExchange(dependencies: ExchangeDependencies): TelemetryExchange {
  const { clock, timers, shared, replicas, isLeader, onTelemetry, onGone, log } = dependencies;
  let measured: WorkerSeries[] = [];
  const waiting: { readonly sequence: number; readonly body: Uint8Array }[] = [];
  let waitingBytes = 0;
  let sequence = 0;
  let isPublishing = false;
  let isCollecting = false;
  let collectedMs = clock.monotonicMs();
  /** Since when it is known that something was missed; null when nothing was. */
  let missedMs: number | null = null;
  const counts = { published: 0, dropped: 0, merged: 0, unreadable: 0 };
  /** Names of other replicas' workers, by instance. */
  const workers = new Map<string, Set<string>>();
  let cancelPublish: () => void;

  function pack(): void {
    if (measured.length === 0) return;
    const body = packTelemetry(measured);
    measured = [];
    if (body.byteLength > sharedStoreLimits.telemetryBytesMax) {
      counts.dropped += 1;
      log("error", "telemetry too large for the other replicas", { bytes: body.byteLength });
      return;
    }
    sequence += 1;
    waiting.push({ sequence, body });
    waitingBytes += body.byteLength;
    while (
      waiting.length > exchangeLimits.waitingPartsMax ||
      waitingBytes > exchangeLimits.waitingBytesMax
    ) {
      waitingBytes -= waiting.shift()?.body.byteLength ?? 0;
      counts.dropped += 1;
    }
  }

  async function publish(): Promise<void> {
    if (isPublishing) return;
    isPublishing = true;
    try {
      await publishWaiting();
    } finally {
      isPublishing = false;
    }
  }

  async function publishWaiting(): Promise<void> {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      // One after the other: who collects goes by the sequence.
      // oxlint-disable-next-line no-await-in-loop
      const published = await shared.publish(next.sequence, next.body);
      if (!published.ok) break;
      counts.published += 1;
      if (waiting[0] === next) {
        waiting.shift();
        waitingBytes -= next.body.byteLength;
      }
    }
  }

  /** A bug costs what it was about, not the process. */
  function run(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      log("error", "telemetry not exchanged", { error: String(error) });
    });
  }

  function plan(): void {
    cancelPublish = timers.after(publishMsOf(replicas()), () => {
      pack();
      run(publish);
      plan();
    });
  }

  async function collect(): Promise<void> {
    const isMerging = isLeader() || replicas() <= exchangeLimits.mergedByAllMax;
    if (isCollecting || !isMerging) return;
    isCollecting = true;
    const askedMs = clock.monotonicMs();
    const collected = await shared.collect().finally(() => {
      isCollecting = false;
    });
    if (!collected.ok) return;
    for (const { instance, body } of collected.value) merge(instance, body);
    if (askedMs - collectedMs > sharedStoreLimits.telemetryMs) missedMs = askedMs;
    collectedMs = askedMs;
    if (missedMs === null || askedMs - missedMs < exchangeLimits.settleMs) return;
    missedMs = null;
    dependencies.onMissed();
  }

  function merge(instance: string, body: Uint8Array): void {
    const unpacked = unpackTelemetry(body);
    if (!unpacked.ok) {
      counts.unreadable += 1;
      return;
    }
    counts.merged += 1;
    for (const { worker, series } of unpacked.value) {
      const name = `${instance}/${worker}`;
      note(instance, name);
      onTelemetry(name, series);
    }
  }

  function note(instance: string, name: string): void {
    const names = workers.get(instance) ?? new Set();
    workers.set(instance, names.add(name));
    const [oldest] = workers.keys();
    if (workers.size > exchangeLimits.workersMax && oldest !== undefined) forget(oldest);
  }

  function forget(instance: string): void {
    for (const name of workers.get(instance) ?? []) onGone(name);
    workers.delete(instance);
  }

  plan();
  const cancelCollect = timers.every(exchangeLimits.collectMs, () => run(collect));
  return {
    take(worker, series) {
      const told = series.filter(({ key }) => key.experiment !== null);
      if (told.length > 0) measured.push({ worker, series: told });
    },
    noteMissed() {
      missedMs = clock.monotonicMs();
    },
    forget,
    state: () => ({ ...counts, waiting: waiting.length }),
    async stop() {
      cancelPublish();
      cancelCollect();
      pack();
      await publish();
    },
  };
}

/** How often one of so many replicas publishes, in milliseconds. */
export function publishMsOf(replicas: number): number {
  return Math.max(
    exchangeLimits.publishMs,
    Math.ceil((1000 * replicas) / exchangeLimits.partsPerSecondMax),
  );
}
