import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock, Timers } from "../base/clock.ts";

/** What the process itself takes, looked at once a second. */

export type ProcessSample = {
  /** Of all threads, in the time since the sample before. */
  readonly cpuCores: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** How much later than asked for the main thread came to its timers since the sample before, milliseconds. */
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
};

/** Where the figures come from. */
export type ProcessProbes = {
  /** CPU time of all threads since the start, microseconds. */
  readonly cpuUs: () => number;
  readonly memory: () => { readonly residentBytes: number; readonly heapBytes: number };
  /** Since it was last asked. */
  readonly takeEventLoopDelay: () => ProcessSample["eventLoopDelayMs"];
  /** Ends what watches the event loop. */
  readonly close: () => void;
};

export type ProcessWatch = {
  /** The last sample; the same object until the next. */
  latest(): ProcessSample;
  stop(): void;
};

export const sampleEveryMs = 1000;

export function watchProcess(
  probes: ProcessProbes,
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
): ProcessWatch {
  let atMs = clock.monotonicMs();
  let cpuUs = probes.cpuUs();
  let latest: ProcessSample = {
    cpuCores: 0,
    ...probes.memory(),
    eventLoopDelayMs: { p50: 0, p99: 0, max: 0 },
  };
  const cancel = timers.every(sampleEveryMs, () => {
    const [nowMs, nowUs] = [clock.monotonicMs(), probes.cpuUs()];
    latest = {
      cpuCores: nowMs > atMs ? (nowUs - cpuUs) / 1000 / (nowMs - atMs) : latest.cpuCores,
      ...probes.memory(),
      eventLoopDelayMs: probes.takeEventLoopDelay(),
    };
    [atMs, cpuUs] = [nowMs, nowUs];
  });
  return {
    latest: () => latest,
    stop() {
      cancel();
      probes.close();
    },
  };
}

/** How often the event loop is asked to come back; what it takes beyond that is its delay. */
const resolutionMs = 10;

/** Those of this process. */
export function realProbes(): ProcessProbes {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  const beyond = (ns: number) => Math.max(0, ns / 1e6 - resolutionMs);
  return {
    cpuUs: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    memory: () => {
      const { rss, heapUsed } = process.memoryUsage();
      return { residentBytes: rss, heapBytes: heapUsed };
    },
    takeEventLoopDelay() {
      const p50 = beyond(histogram.percentile(50));
      const p99 = beyond(histogram.percentile(99));
      const max = histogram.count === 0 ? 0 : beyond(histogram.max);
      histogram.reset();
      return { p50, p99, max };
    },
    close: () => void histogram.disable(),
  };
}
