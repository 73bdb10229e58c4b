/**
 * Numbers as the page shows them: one format, whatever the browser's language, because figures are compared with logs, with
 * `/metrics` and between colleagues. What is not known is "–", never 0.
 */

export const unknown = "–";

/** What a number counts; decides its digits and its sign. */
export type Unit = "share" | "ms" | "number" | "count" | "per_second" | "bytes" | "seconds";

type Value = number | null | undefined;

/** A value with its unit, such as "1.25 s", "98.2 %" or "1,234". */
export function formatValue(value: Value, unit: Unit): string {
  switch (unit) {
    case "share":
      return formatShare(value);
    case "ms":
      return formatMs(value);
    case "seconds":
      return isKnown(value) ? formatMs(value * 1000) : unknown;
    case "bytes":
      return formatBytes(value);
    case "per_second":
      return isKnown(value) ? `${formatNumber(value)}/s` : unknown;
    case "count":
      return formatCount(value);
    case "number":
      return formatNumber(value);
  }
}

/** Three significant digits; from 10,000 on with k, M or G. */
export function formatNumber(value: Value): string {
  if (!isKnown(value)) return unknown;
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)}G`;
  if (size >= 1e6) return `${digits(value / 1e6)}M`;
  if (size >= 1e4) return `${digits(value / 1e3)}k`;
  if (size >= 1000) return group(Math.round(value));
  return digits(value);
}

/** A whole number with all its digits, up to a million. */
export function formatCount(value: Value): string {
  if (!isKnown(value)) return unknown;
  return Math.abs(value) >= 1e6 ? formatNumber(value) : group(Math.round(value));
}

/** A share as percent: two digits near the ends, where they tell something. */
export function formatShare(value: Value): string {
  if (!isKnown(value)) return unknown;
  const percent = value * 100;
  const size = Math.abs(percent);
  if (size === 0 || size === 100) return `${sign(percent)}${size} %`;
  if (size < 0.01) return `${sign(percent)}<0.01 %`;
  if (size > 99.99 && size < 100) return `${sign(percent)}>99.99 %`;
  const places = size < 1 || (size > 99 && size < 100) ? 2 : 1;
  return `${withoutZeros(size.toFixed(places), percent)} %`;
}

/** Milliseconds in the unit that fits: "0.42 ms", "830 ms", "1.25 s", "2.5 min". */
export function formatMs(value: Value): string {
  if (!isKnown(value)) return unknown;
  const size = Math.abs(value);
  if (size < 1000) return `${digits(value)} ms`;
  if (size < 60_000) return `${digits(value / 1000)} s`;
  if (size < 3_600_000) return `${digits(value / 60_000)} min`;
  return `${digits(value / 3_600_000)} h`;
}

export function formatBytes(value: Value): string {
  if (!isKnown(value)) return unknown;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = Math.abs(value);
  let at = 0;
  while (size >= 1024 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${sign(value)}${at === 0 ? size : digits(size)} ${units[at]}`;
}

/** A change with its sign: "+4.2 %", "−12 ms". */
export function formatChange(value: Value, unit: Unit): string {
  if (!isKnown(value)) return unknown;
  return value > 0 ? `+${formatValue(value, unit)}` : formatValue(value, unit);
}

/** The difference of two values: that of shares is in percentage points, which are not percent. */
export function formatDifference(value: Value, unit: Unit): string {
  const text = formatChange(value, unit);
  return unit === "share" ? text.replace("%", "pp") : text;
}

/** A probability, without pretending that there is none: "<0.0001". */
export function formatProbability(value: Value): string {
  if (!isKnown(value)) return unknown;
  if (value < 0.0001) return "<0.0001";
  return value < 0.1
    ? withoutZeros(value.toFixed(4), value)
    : withoutZeros(value.toFixed(2), value);
}

/** "1 user", "2 users". */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function isKnown(value: Value): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001) return `${sign(value)}<0.001`;
  const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return withoutZeros(size.toFixed(places), value);
}

function withoutZeros(text: string, value: number): string {
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return `${short === "0" ? "" : sign(value)}${short}`;
}

function group(value: number): string {
  return `${sign(value)}${String(Math.abs(value)).replaceAll(/\B(?=(\d{3})+$)/g, ",")}`;
}

/** A minus that screen readers say and that is as wide as a plus. */
function sign(value: number): string {
  return value < 0 ? "−" : "";
}
