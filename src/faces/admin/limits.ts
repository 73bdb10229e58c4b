/** Limits of the admin port; none of them is configurable, because nobody needs more. */
export type AdminLimits = {
  readonly bodyBytesMax: number;
  readonly headBytesMax: number;
  readonly connectionsMax: number;
  readonly headTimeoutMs: number;
  /** From a request's first byte to the last of its body. */
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
  /** Requests under way when the server closes may take this long to end. */
  readonly closeMsMax: number;
  /** Wrong tokens per address and window; beyond it the address waits for the window's end. */
  readonly failuresMax: number;
  readonly failureWindowMs: number;
  /** Addresses whose failures are remembered; beyond it the oldest is forgotten. */
  readonly failureAddressesMax: number;
};

export const adminLimits: AdminLimits = {
  bodyBytesMax: 1024 * 1024,
  headBytesMax: 16 * 1024,
  connectionsMax: 256,
  headTimeoutMs: 5000,
  requestTimeoutMs: 15_000,
  keepAliveMs: 10_000,
  closeMsMax: 2000,
  failuresMax: 10,
  failureWindowMs: 60_000,
  failureAddressesMax: 1024,
};
