import type { ReaderName } from "../inspection/facts.ts";

/** The traffic slice of the configuration, after validation: plain data, safe to post to a worker. */

/** Waits of one exchange, in milliseconds. */
export type Timeouts = {
  readonly connectMs: number;
  /** From the request's last byte sent (or the wait for `100 Continue`) to the response's first byte. */
  readonly firstByteMs: number;
  /** Between two bytes of a response body, or of a request body that the upstream is ready to take. */
  readonly idleMs: number;
  /** The whole exchange; null is no limit (streams). */
  readonly totalMs: number | null;
};

export type Endpoint = {
  /** `http://host:port`, for people and labels. */
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Prefix put before every request path; empty or `/prefix` without trailing slash. */
  readonly basePath: string;
};

export type UpstreamTls = {
  /** PEM texts, read by the control plane; null uses the system's authorities. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** SNI and the name that the certificate must match; null uses the endpoint's host. */
  readonly serverName: string | null;
  readonly verify: boolean;
};

export type HealthCheck = {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive successes that make an endpoint healthy again. */
  readonly healthyAfter: number;
  /** Consecutive failures that make it unhealthy. */
  readonly unhealthyAfter: number;
};

export type Ejection = {
  /** Consecutive connect failures, resets, time-outs or 5xx gateway answers (502, 503, 504) that eject. */
  readonly consecutiveFailures: number;
  /** First ejection; doubles each time up to `maxMs`. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Share of an upstream's endpoints that may be ejected at once, 0…1. A single endpoint is never ejected below 1. */
  readonly maxShare: number;
};

export type UpstreamLimits = {
  /** Open connections per endpoint and worker. */
  readonly connectionsMax: number;
  /** Requests waiting for a connection, per endpoint and worker. */
  readonly pendingMax: number;
  readonly pendingTimeoutMs: number;
  /** Idle connections are closed after this; keep it below the server's own (LightRAG: 5 s). */
  readonly keepAliveMs: number;
  readonly responseHeadBytesMax: number;
};

export type Retries = {
  /** Further attempts after the first; 0 is off. */
  readonly attemptsMax: number;
  /** Retries allowed as a share of requests over the last ten seconds, 0…1. */
  readonly budgetRatio: number;
  /** Retries per second that are always allowed. */
  readonly budgetMinPerSecond: number;
};

export type UpstreamPolicy = {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** How one of several endpoints is picked: by a user hash independent of assignment, or fewest in flight. */
  readonly balance: "hash" | "least_outstanding";
  readonly tls: UpstreamTls;
  readonly health: HealthCheck | null;
  readonly ejection: Ejection;
  readonly timeouts: Timeouts;
  readonly limits: UpstreamLimits;
  readonly retries: Retries;
};

export type RouteTarget =
  | { readonly kind: "experiment"; readonly experiments: readonly string[] }
  | { readonly kind: "upstream"; readonly upstream: string };

/**
 * What a route does with the variants of its experiment.
 *
 * - `split`: each user's own variant
 * - `pin`: the primary variant (the control; the treatment once it was promoted)
 * - `one_variant`: the primary too, because pages and assets of two builds do not mix
 * - `affinity`: the variant that issued the handle in the request, else the primary
 * - `write`: never split: the primary answers, and the others get a copy where writes are mirrored
 */
export const routeClasses = ["split", "pin", "affinity", "write", "one_variant"] as const;

export type RouteClass = (typeof routeClasses)[number];

/** Where a handle (`track_id`, a task or session id) stands in a request of the route. */
export type HandleUse =
  | { readonly in: "segment"; readonly name: string }
  | { readonly in: "query"; readonly name: string };

export type RoutePolicy = {
  /** As written, e.g. `POST /embeddings`; the label in metrics. */
  readonly match: string;
  /** Upper-case methods; null is every method. */
  readonly methods: readonly string[] | null;
  /** `/a/:id/**`. */
  readonly pattern: string;
  readonly target: RouteTarget;
  readonly timeouts: Partial<Timeouts>;
  /** Largest request body; null uses the listener's. */
  readonly bodyBytesMax: number | null;
  readonly class: RouteClass;
  /** How its answers are read; null leaves them alone. */
  readonly classify: ReaderName | null;
  readonly handle: HandleUse | null;
  /** Taken off the path before the request goes upstream, and told in x-forwarded-prefix; empty is none. */
  readonly prefix: string;
  /** The preset that it comes from, and why it is as it is there. */
  readonly preset: { readonly name: string; readonly reason: string } | null;
};

export type ListenLimits = {
  readonly connectionsMax: number;
  /** Exchanges in flight per worker; beyond it 503 with Retry-After. */
  readonly exchangesMax: number;
  readonly headBytesMax: number;
  readonly headersMax: number;
  readonly bodyBytesMax: number;
  /** Largest request body that a rule may read (user key from body, JSON patch). */
  readonly bodyReadBytesMax: number;
  /** From a request's first byte to the end of its head. */
  readonly headTimeoutMs: number;
  /** A keep-alive connection without a request. */
  readonly keepAliveMs: number;
  /** A request body must bring at least this many bytes in each `bodyProgressMs`. */
  readonly bodyProgressBytesMin: number;
  readonly bodyProgressMs: number;
};

export type ListenPolicy = {
  readonly host: string;
  readonly port: number;
  /** Worker threads, at least 1 (`auto` is resolved by the configuration to one per core). */
  readonly workers: number;
  /** PEM texts and the files they came from. */
  readonly tls: {
    readonly cert: string;
    readonly key: string;
    readonly certFile: string;
    readonly keyFile: string;
  } | null;
  /** CIDR blocks whose X-Forwarded-*, Forwarded and forced-variant fields are believed. */
  readonly trustedProxies: readonly string[];
  /** Secrets, any of which proves a forced variant. */
  readonly signingSecrets: readonly string[];
  readonly limits: ListenLimits;
  /** How long Sluice serves on, not ready any more, before it drains. */
  readonly drainDelayMs: number;
  readonly drainDeadlineMs: number;
  /** Put `x-sluice-variant` on responses. */
  readonly variantHeader: boolean;
};
