/** Limits of the admin port; none of them is configurable, because nobody needs more. */
export type AdminLimits = typeof adminLimits;

export const adminLimits = {
  bodyBytesMax: 1024 * 1024,
  headBytesMax: 16 * 1024,
  connectionsMax: 256 as number,
  headTimeoutMs: 5000 as number,
  requestTimeoutMs: 15_000 as number,
  keepAliveMs: 10_000 as number,
  /** Requests under way when the server closes may take this long to end. */
  closeMsMax: 2000 as number,
  /** Wrong tokens per address before it has to wait. */
  failuresMax: 10 as number,
  failureWindowMs: 60_000 as number,
  /** Addresses whose failures are remembered; beyond it the oldest is forgotten. */
  failureAddressesMax: 1024 as number,
};
