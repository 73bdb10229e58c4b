import { sameName } from "./hop-by-hop.ts";

/**
 * W3C Trace Context, level 1. A request with exactly one valid `traceparent` keeps it and its `tracestate`;
 * otherwise a trace is started and a `tracestate` of unknown meaning is dropped (§4.3).
 */
const traceparentPattern =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** Longest field that is passed on; version 00 has exactly 55 characters. */
const traceparentCharsMax = 256;

/** The one valid traceparent of a request; null where there is none, or more than one. */
export function receivedTraceparent(headers: readonly string[]): string | null {
  let found: string | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (!sameName(headers[at] as string, "traceparent")) continue;
    if (found !== null) return null;
    found = headers[at + 1] as string;
  }
  return found !== null && isTraceparent(found) ? found : null;
}

function isTraceparent(value: string): boolean {
  if (value.length > traceparentCharsMax) return false;
  const match = traceparentPattern.exec(value);
  return match !== null && (match[1] !== "00" || match[2] === undefined);
}

/** What a valid traceparent says. */
export type TraceParent = {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Whoever began the trace keeps it. */
  readonly sampled: boolean;
};

/** Reads a traceparent that {@link receivedTraceparent} found; every later version begins like 00. */
export function readTraceparent(valid: string): TraceParent {
  const flags = Number.parseInt(valid.slice(53, 55), 16);
  return { traceId: valid.slice(3, 35), spanId: valid.slice(36, 52), sampled: (flags & 1) === 1 };
}

/** From 32 and 16 hexadecimal digits. */
export function writeTraceparent(traceHex32: string, spanHex16: string, sampled: boolean): string {
  return `00-${traceHex32}-${spanHex16}-${sampled ? "01" : "00"}`;
}
