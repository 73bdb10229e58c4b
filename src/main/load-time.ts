import { monitorEventLoopDelay } from "node:perf_hooks";
import type { LoadTime } from "../faces/load/load.ts";
import { realClock, realTimers } from "./system.ts";

/** How often the event loop's lateness is looked at, in milliseconds. */
const resolutionMs = 10;

/** Time for a load test, on this machine's clock. */
export const realLoadTime: LoadTime = {
  clock: realClock,
  timers: realTimers,
  nextTurn: (run) => void setImmediate(run),
  watchSelf() {
    const delay = monitorEventLoopDelay({ resolution: resolutionMs });
    delay.enable();
    const cpu = process.cpuUsage();
    const beginMs = realClock.monotonicMs();
    return {
      stop() {
        delay.disable();
        const { user, system } = process.cpuUsage(cpu);
        const tookMs = realClock.monotonicMs() - beginMs;
        // The histogram holds the time between looks, which is the resolution when nothing is late.
        const late = (ns: number) =>
          delay.count === 0 ? null : Math.max(0, Math.round(ns / 1000) / 1000 - resolutionMs);
        return {
          eventLoopLagP99Ms: late(delay.percentile(99)),
          eventLoopLagMaxMs: late(delay.max),
          cpuShare: tookMs > 0 ? (user + system) / 1000 / tookMs : null,
        };
      },
    };
  },
};
