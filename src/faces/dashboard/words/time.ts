import { unknown } from "./numbers.ts";

/** Times as the page shows them: 24 hours, the viewer's time zone, the same in every language. */

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** "just now", "12 s ago", "5 min ago", "3 h ago", "2 d ago"; "in 5 min" for what is to come. */
export function formatAge(atMs: number, nowMs: number): string {
  const ageMs = nowMs - atMs;
  const size = Math.abs(ageMs);
  if (size < secondMs) return "just now";
  return ageMs > 0 ? `${formatSpan(size)} ago` : `in ${formatSpan(size)}`;
}

/** A stretch of time in one unit or two: "45 s", "5 min", "1 h 20 min", "3 d 4 h". */
export function formatSpan(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return unknown;
  if (ms < secondMs) return ms <= 0 ? "0 s" : "<1 s";
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)} s`;
  if (ms < 10 * minuteMs) return pair(ms, minuteMs, "min", secondMs, "s");
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`;
  if (ms < dayMs) return pair(ms, hourMs, "h", minuteMs, "min");
  return pair(ms, dayMs, "d", hourMs, "h");
}

/** "14:03:09" */
export function formatClock(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** "2026-11-28" */
export function formatDay(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** "2026-11-28 14:03:09" */
export function formatMoment(atMs: number): string {
  return `${formatDay(atMs)} ${formatClock(atMs)}`;
}

/** What a time axis writes at a tick, when ticks are `stepMs` apart. */
export function formatTick(atMs: number, stepMs: number): string {
  if (stepMs >= dayMs) return formatDay(atMs).slice(5);
  const clock = formatClock(atMs);
  if (stepMs < minuteMs) return clock;
  const isMidnight = clock === "00:00:00";
  return isMidnight ? formatDay(atMs).slice(5) : clock.slice(0, 5);
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string) {
  const rest = Math.floor((ms % large) / small);
  const whole = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallName}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
