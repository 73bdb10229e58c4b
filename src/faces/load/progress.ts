import type { LoadProgress } from "./load.ts";
import { digits } from "./text.ts";

/** One line that says how a run goes. */
export function progressLine(progress: LoadProgress, wallTime: string | null): string {
  const { elapsedMs, totalMs, inFlight, failed, dropped, second } = progress;
  const parts = [
    `${seconds(Math.min(elapsedMs, totalMs))} of ${seconds(totalMs)}`,
    second === null ? "starting" : second.phase.replace("_", "-"),
    second === null ? null : `${second.ended}/s`,
    `${inFlight} in flight`,
    `${failed} failed`,
    dropped === 0 ? null : `${dropped} dropped`,
    second === null || second.p95Ms === null ? null : `p95 ${digits(second.p95Ms)} ms`,
  ].filter((part) => part !== null);
  return `${wallTime === null ? "" : `${wallTime} `}${parts.join(" · ")}`;
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}
