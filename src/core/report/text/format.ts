import { unreachable } from "../../../base/result.ts";
import { formatNumber } from "../../statistics/decision/words.ts";
import type { Cell, Format, NumberFormat, Tone } from "../document.ts";

/** Numbers and times for people: the same words in every rendering. */

/** What stands where there is nothing. */
export const nothing = "–";

export function formatValue(value: number, format: NumberFormat): string {
  if (!Number.isFinite(value)) return value < 0 ? "no lower bound" : "no upper bound";
  switch (format) {
    case "share":
      return formatShareOf(value);
    case "change":
      return `${signOf(value)}${formatShareOf(Math.abs(value))}`;
    case "points":
      return `${signOf(value)}${formatNumber(Math.abs(value) * 100)} pp`;
    case "ms":
      return formatMs(value);
    case "ms_change":
      return `${signOf(value)}${formatMs(Math.abs(value))}`;
    case "seconds":
      return formatSeconds(value);
    case "number":
      return value < 0 ? `−${formatNumber(-value)}` : formatNumber(value);
    case "number_change":
      return `${signOf(value)}${formatNumber(Math.abs(value))}`;
    case "count":
      return formatCount(value);
    case "p":
      return formatP(value);
    default:
      return unreachable(format);
  }
}

/** A value or an interval; a dash for none. */
export function formatQuantity(
  value: number | readonly [number, number] | null,
  format: NumberFormat,
): string {
  if (value === null) return nothing;
  if (typeof value === "number") return formatValue(value, format);
  return `${formatValue(value[0], format)} to ${formatValue(value[1], format)}`;
}

export type CellText = {
  readonly text: string;
  readonly tone: Tone | null;
  readonly isNumber: boolean;
};

/** A table's cell as it is shown. */
export function formatCell(cell: Cell, format: Format): CellText {
  if (cell === null) return { text: nothing, tone: null, isNumber: isNumeric(format) };
  if (typeof cell === "object" && "text" in cell) {
    return { text: cell.text, tone: cell.tone, isNumber: false };
  }
  if (typeof cell === "object") {
    return { text: formatQuantity(cell.value, cell.format), tone: null, isNumber: true };
  }
  if (typeof cell === "number") {
    const text = isNumeric(format) ? formatValue(cell, format) : String(cell);
    return { text, tone: null, isNumber: true };
  }
  const text = format === "time" ? formatTime(cell) : cell;
  return { text, tone: null, isNumber: false };
}

export function isNumeric(format: Format): format is NumberFormat {
  return format !== "text" && format !== "time" && format !== "code";
}

/** `2026-11-28 21:04:05 UTC`; seconds only where there are some. */
export function formatTime(iso: string): string {
  const [date = "", time = ""] = iso.split("T");
  const seconds = time.slice(0, 8);
  return `${date} ${seconds.endsWith(":00") ? seconds.slice(0, 5) : seconds} UTC`;
}

/** `2026-11-21 14:00 to 2026-11-28 14:00 UTC`. */
export function formatRange(from: string, to: string): string {
  return `${formatTime(from).replace(" UTC", "")} to ${formatTime(to)}`;
}

/** All digits, in groups of three. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A p-value: two digits, and none below what anybody acts on. */
export function formatP(value: number): string {
  if (value < 0.0001) return "< 0.0001";
  return String(Number(value.toPrecision(2)));
}

/** `340 µs`, `12.3 ms`, `1.24 s`, `3 min`. */
export function formatMs(ms: number): string {
  const sign = ms < 0 ? "−" : "";
  const size = Math.abs(ms);
  if (size === 0) return "0 ms";
  if (size < 1) return `${sign}${formatNumber(size * 1000)} µs`;
  if (size < 1000) return `${sign}${formatNumber(size)} ms`;
  return `${sign}${formatSeconds(size / 1000)}`;
}

/** `45 s`, `12 min`, `3.5 h`, `7 days`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${formatNumber(seconds)} s`;
  if (seconds < 3600) return `${formatNumber(seconds / 60)} min`;
  if (seconds < 172_800) return `${formatNumber(seconds / 3600)} h`;
  return `${formatNumber(seconds / 86_400)} days`;
}

/** `1 user`, `2 users`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${Math.round(count) === 1 ? one : many}`;
}

/** `a, b and c`. */
export function listOf(words: readonly string[]): string {
  return words.length < 2
    ? (words[0] ?? "")
    : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** A metric's name in words: `latency_p95` is "latency p95". */
export function nameOf(metric: string): string {
  const known: Readonly<Record<string, string>> = {
    latency_mean: "mean latency",
    error_rate: "error rate",
    latency_p50: "median latency",
    first_token: "time to the first token",
    tokens_in: "input tokens",
    tokens_out: "output tokens",
    tokens_per_second: "tokens per second",
    first_byte_p50: "median time to the first byte",
  };
  if (Object.hasOwn(known, metric)) return known[metric] as string;
  return metric.replaceAll("_", " ");
}

/** The same, as the first word of a sentence or a heading. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function formatShareOf(share: number): string {
  const percent = share * 100;
  // 99.95 % success is not 100 %: what is left decides how many digits count.
  const left = 100 - percent;
  if (left > 0 && left < 1) return `${Number(percent.toFixed(left < 0.1 ? 3 : 2))} %`;
  return `${formatNumber(percent)} %`;
}

function signOf(value: number): string {
  return value < 0 ? "−" : value > 0 ? "+" : "±";
}
