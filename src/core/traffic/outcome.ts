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
 * - `bad_answer`: the upstream answered 1xx–3xx, and its answer says itself that it failed (see FailureReason)
 *
 * In the order in which they were invented: what is kept of them is kept by place.
 */
export const outcomes = [
  "success",
  "client_error",
  "upstream_error",
  "proxy_error",
  "timeout",
  "truncated",
  "aborted",
  "bad_answer",
] as const;

export type Outcome = (typeof outcomes)[number];

/** Outcomes for which a user's experience failed: neither the client's own fault nor its leaving. */
export const failingOutcomes: readonly Outcome[] = [
  "upstream_error",
  "proxy_error",
  "timeout",
  "truncated",
  "bad_answer",
];

/** The outcome of a response that arrived whole. */
export function outcomeOfStatus(status: number): Outcome {
  if (status >= 500) return "upstream_error";
  return status >= 400 ? "client_error" : "success";
}

/** Counts in the order of `outcomes`, by name. */
export function nameOutcomes(counts: readonly number[]): Record<Outcome, number> {
  return Object.fromEntries(outcomes.map((outcome, at) => [outcome, counts[at] ?? 0])) as Record<
    Outcome,
    number
  >;
}

/** Finished exchanges that failed for a reason of Sluice's or the upstream's, of counts in the order of `outcomes`. */
export function failuresOf(counts: readonly number[]): number {
  return failingOutcomes.reduce(
    (sum, outcome) => sum + (counts[outcomes.indexOf(outcome)] ?? 0),
    0,
  );
}
