import type { Random } from "../../base/clock.ts";
import type { RequestHead } from "./head.ts";

/** Header changes of a variant, ready for the request path. */
export type HeaderEdits = {
  /** Lowercase names that do not reach the upstream: removed ones, and those that `set` replaces. */
  readonly drop: ReadonlySet<string>;
  /** Flat fields to add. */
  readonly set: readonly string[];
};

/** Null when there is nothing to change. Framing and hop-by-hop names are ignored. */
export function compileHeaderEdits(policy: {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}): HeaderEdits | null {
  throw new Error(`stub ${policy.remove.length}`);
}

/** What the request's header rules need to know besides the head. */
export type RequestForward = {
  /** The socket's peer address. */
  readonly peerIp: string;
  /** The peer is a trusted proxy: its X-Forwarded-* and Forwarded are believed and appended to. */
  readonly peerTrusted: boolean;
  /** The client's connection is TLS. */
  readonly secure: boolean;
  /** The port that the client connected to. */
  readonly localPort: number;
  /** The client's Host (for absolute-form, the target's authority). */
  readonly host: string;
  /** Protocol version of the received request, `1.1` or `1.0`. */
  readonly version: string;
  readonly experiment: string | null;
  readonly variant: string | null;
  readonly edits: HeaderEdits | null;
  readonly random: Pick<Random, "hex32">;
};

/**
 * Appends to `out` the fields that the upstream receives, and returns the request's id.
 *
 * Left out, because the transport writes them from its own framing decision: Host, Connection,
 * Content-Length, Transfer-Encoding. Expect and Trailer stay in place.
 */
export function forwardRequestHeaders(
  head: RequestHead,
  context: RequestForward,
  out: string[],
): string {
  throw new Error(`stub ${head.target} ${context.host} ${out.length}`);
}

/** What the response's header rules need to know besides the head. */
export type ResponseForward = {
  /** Protocol version of the upstream's response. */
  readonly version: string;
  /** Put as X-Request-Id when the upstream sent none; null (1xx) puts none. */
  readonly requestId: string | null;
  /** Put as x-sluice-variant; null is opt-out, a pinned route, or a 1xx. */
  readonly variant: string | null;
  /** A Set-Cookie value to add (see issueCookie), or null. */
  readonly setCookie: string | null;
};

/**
 * Appends to `out` the fields that the client receives.
 *
 * Left out, because the transport writes them from its own framing decision (also the declared length of
 * a HEAD or 304 answer): Connection, Content-Length, Transfer-Encoding. Trailer stays in place.
 */
export function forwardResponseHeaders(
  headers: readonly string[],
  context: ResponseForward,
  out: string[],
): void {
  throw new Error(`stub ${headers.length} ${context.version} ${out.length}`);
}

/** Appends to `out` the trailer fields that may pass; `headers` are those of the same message's head. */
export function forwardTrailers(
  headers: readonly string[],
  trailers: readonly string[],
  out: string[],
): void {
  throw new Error(`stub ${headers.length} ${trailers.length} ${out.length}`);
}
