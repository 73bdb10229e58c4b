/**
 * What one request turned into. Every request that a worker reads becomes exactly one of these.
 *
 * - `success`: the upstream answered 1xx–3xx and the client got all of it
 * - `client_error`: the upstream answered 4xx
 * - `upstream_error`: the upstream answered 5xx
 * - `proxy_error`: Sluice answered itself: refused input, overload, no route, upstream unreachable
 * - `timeout`: a wait ended: connect, first byte, idle or total
 * - `truncated`: the upstream's answer broke off after its head was sent on
 * - `aborted`: the client went away first
 */
export const outcomes = [
  "success",
  "client_error",
  "upstream_error",
  "proxy_error",
  "timeout",
  "truncated",
  "aborted",
] as const;

export type Outcome = (typeof outcomes)[number];

/** The outcome of a response that arrived whole. */
export function outcomeOfStatus(status: number): Outcome {
  if (status >= 500) return "upstream_error";
  return status >= 400 ? "client_error" : "success";
}
