import type { Change } from "./facts.ts";

/** `latency_ms is 8.2 % lower with new (95 % interval 5.1 to 11.3 % lower)`. */
export function describeChange(change: Change, treatment: string, confidence: number): string {
  const { metric, estimate, interval } = change;
  const level = formatPercent(confidence);
  const size = formatSize(Math.abs(estimate), change);
  const way = estimate < 0 ? "lower" : "higher";
  return `${metric} is ${size} ${way} with ${treatment} (${level} interval ${formatRange(interval.low, interval.high, change)})`;
}

/** A size in the change's unit: `5 %`, or `12.5`. */
export function formatSize(size: number, { unit }: Pick<Change, "unit">): string {
  return unit === "share" ? formatPercent(size) : formatNumber(size);
}

/** `−3.1 % to +4.2 %`; an open end is named. */
function formatRange(low: number, high: number, change: Change): string {
  const end = (value: number) => {
    if (value === -Infinity) return "no lower bound";
    if (value === Infinity) return "no upper bound";
    return `${value < 0 ? "−" : "+"}${formatSize(Math.abs(value), change)}`;
  };
  return `${end(low)} to ${end(high)}`;
}

/** `5 %`, with three digits. */
export function formatPercent(share: number): string {
  return `${formatNumber(share * 100)} %`;
}

/** Three digits, without a tail of zeros or an exponent for ordinary sizes. */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
