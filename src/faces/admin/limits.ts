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
  /** Reports made at the same time; one more is refused with 503. */
  readonly reportsMax: number;
} & LiveLimits;

/** Limits of `/v1/live`. */
export type LiveLimits = {
  /** WebSockets at once; one more is refused with 503. */
  readonly liveListenersMax: number;
  /** The document is looked at this often while somebody listens. */
  readonly liveTickMs: number;
  /** An unchanged document is confirmed by an empty delta this often. */
  readonly liveHeartbeatMs: number;
  /** Deltas kept for those who come back, by number and by bytes; beyond either the oldest are forgotten. */
  readonly liveDeltasMax: number;
  readonly liveDeltasBytesMax: number;
  /** Unsent bytes of one listener, beyond which it gets no more deltas but, once all is sent, one snapshot. */
  readonly liveBufferedBytesMax: number;
  /** A listener that has not read all of that by then is closed. */
  readonly liveDrainMs: number;
  /** Listeners have nothing to say; what they send is ignored up to this size and ends them beyond it. */
  readonly liveMessageBytesMax: number;
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
  reportsMax: 2,
  liveListenersMax: 64,
  liveTickMs: 250,
  liveHeartbeatMs: 5000,
  liveDeltasMax: 240,
  liveDeltasBytesMax: 4 * 1024 * 1024,
  liveBufferedBytesMax: 1024 * 1024,
  liveDrainMs: 30_000,
  liveMessageBytesMax: 1024,
};
