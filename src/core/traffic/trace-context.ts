/**
 * W3C Trace Context, level 1. A request with exactly one valid `traceparent` keeps it and its `tracestate`;
 * otherwise a trace is started and a `tracestate` of unknown meaning is dropped (§4.3).
 */
const traceparentPattern =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** Longest field that is passed on; version 00 has exactly 55 characters. */
const traceparentCharsMax = 256;

/** Whether a traceparent may be passed on. */
export function isTraceparent(value: string): boolean {
  if (value.length > traceparentCharsMax) return false;
  const match = traceparentPattern.exec(value);
  return match !== null && (match[1] !== "00" || match[2] === undefined);
}

/** A new sampled trace from 32 and 16 hexadecimal digits. */
export function startTrace(traceHex32: string, spanHex16: string): string {
  return `00-${traceHex32}-${spanHex16}-01`;
}
