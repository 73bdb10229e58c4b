/**
 * Quantities as people write them: `250ms`, `5%`, `64KiB`. Parsing answers null for anything else,
 * so that the caller can say where it stood; a number without a unit is never guessed at.
 */

const durationUnits: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

const sizeUnits: Readonly<Record<string, number>> = {
  GiB: 1024 ** 3,
  MiB: 1024 ** 2,
  KiB: 1024,
  GB: 1e9,
  MB: 1e6,
  KB: 1e3,
  B: 1,
};

/** What {@link parseDurationMs} reads, for messages and for the JSON Schema. */
export const durationPattern = "^\\d+(\\.\\d+)?(ms|s|m|h|d)$";
/** What {@link parseBytes} reads. */
export const sizePattern = "^\\d+(\\.\\d+)?(B|KB|MB|GB|KiB|MiB|GiB)$";

/** `250ms`, `1.5s`, `10m`, `24h` or `365d` in whole milliseconds; null for anything else. */
export function parseDurationMs(text: string): number | null {
  return parseWhole(text, durationUnits);
}

/** The shortest text that {@link parseDurationMs} reads back; `ms` is a whole number ≥ 0. */
export function formatDurationMs(ms: number): string {
  return formatWhole(ms, durationUnits, "0s");
}

/** `512B`, `64KiB`, `1.5MB` in whole bytes; null for anything else. */
export function parseBytes(text: string): number | null {
  return parseWhole(text, sizeUnits);
}

/** The shortest text that {@link parseBytes} reads back; `bytes` is a whole number ≥ 0. */
export function formatBytes(bytes: number): string {
  return formatWhole(bytes, sizeUnits, "0B");
}

/** `5%`, `"0.05"` or `0.05` as a share 0…1; null for anything else. */
export function parseShare(written: string | number): number | null {
  if (typeof written === "number") return isShare(written) ? written : null;
  const match = /^(\d+(?:\.\d+)?(?:e-\d+)?)(%?)$/.exec(written);
  if (match === null) return null;
  const share = Number(match[1]) / (match[2] === "%" ? 100 : 1);
  return isShare(share) ? share : null;
}

/** A share 0…1 as a percentage where {@link parseShare} gets the same number back, else as a fraction. */
export function formatShare(share: number): string {
  const percent = `${Number((share * 100).toPrecision(12))}%`;
  return parseShare(percent) === share ? percent : String(share);
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

function parseWhole(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(text);
  if (match === null) return null;
  const unit = match[2] as string;
  if (!Object.hasOwn(units, unit)) return null;
  const exact = Number(match[1]) * (units[unit] as number);
  const whole = Math.round(exact);
  // A decimal such as 4.35s is not exact in binary; what is left after that is a fraction of the base unit.
  if (Math.abs(exact - whole) > 1e-6 || !Number.isSafeInteger(whole)) return null;
  return whole;
}

function formatWhole(value: number, units: Readonly<Record<string, number>>, zero: string): string {
  if (value === 0) return zero;
  for (const [unit, factor] of Object.entries(units)) {
    if (value % factor === 0) return `${value / factor}${unit}`;
  }
  throw new RangeError(`not a whole number of base units: ${value}`);
}
