/** Numbers for narrow columns; a missing one is a dash. */

const dash = "–";

/** `75.6%`; two digits fewer where there is no room for doubt: 0% and 100% are exact. */
export function percent(share: number | null): string {
  if (share === null || !Number.isFinite(share)) return dash;
  const value = share * 100;
  if (value === 0 || value === 100) return `${value}%`;
  const text = value.toFixed(value > 0 && value < 0.1 ? 2 : 1);
  // Nearly all is not all, and hardly any is not none.
  if (Number(text) === 100) return "99.9%";
  return Number(text) === 0 ? "<0.01%" : `${text}%`;
}

/** `5%`, `12.5%`: a share that somebody wrote. */
export function plannedPercent(share: number): string {
  return Number.isFinite(share) ? `${Number((share * 100).toPrecision(4))}%` : dash;
}

/** Requests a second: `0`, `0.05`, `4.9`, `152`, `12.3k`. */
export function rate(perSecond: number | null): string {
  if (perSecond === null || !Number.isFinite(perSecond)) return dash;
  if (perSecond === 0) return "0";
  if (perSecond < 0.1) return perSecond.toFixed(2);
  if (perSecond < 100) return perSecond.toFixed(1);
  return count(Math.round(perSecond));
}

/** Milliseconds: `0.42 ms`, `64.5 ms`, `1.24 s`, `2.1 min`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return dash;
  if (ms === 0) return "0 ms";
  if (ms < 999.5) return `${Number(ms.toPrecision(3))} ms`;
  if (ms < 99_950) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number((ms / 60_000).toPrecision(3))} min`;
}

/** Whole numbers: `46`, `1,240`, `12.3k`, `4.56M`. */
export function count(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return dash;
  const size = Math.abs(value);
  if (size < 10_000) return Math.round(value).toLocaleString("en-US");
  if (size < 999_500) return `${Number((value / 1000).toPrecision(3))}k`;
  if (size < 999_500_000) return `${Number((value / 1e6).toPrecision(3))}M`;
  return `${Number((value / 1e9).toPrecision(3))}G`;
}

export function bytes(value: number): string {
  if (!Number.isFinite(value)) return dash;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let at = 0;
  while (size >= 999.5 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${Number(size.toPrecision(3))} ${units[at]}`;
}

/** How long ago, or how long still: `4s`, `3m 20s`, `2h 5m`, `3d 4h`. */
export function span(ms: number): string {
  if (!Number.isFinite(ms)) return dash;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(minutes, "m", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return withRest(hours, "h", minutes % 60, "m");
  return withRest(Math.floor(hours / 24), "d", hours % 24, "h");
}

function withRest(value: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${value}${unit}` : `${value}${unit} ${rest}${restUnit}`;
}

type Unit = "share" | "ms" | "number";

/** A guardrail's limit as somebody wrote it: 5%, not 5.0%. */
export function limitInUnit(limit: number | null, unit: Unit): string {
  return limit !== null && unit === "share" ? plannedPercent(limit) : inUnit(limit, unit);
}

/** A guardrail's value in its unit. */
export function inUnit(value: number | null, unit: Unit): string {
  if (value === null) return dash;
  if (unit === "share") return percent(value);
  if (unit === "ms") return duration(value);
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : dash;
}
