import { z } from "zod";
import { parseCidr } from "../config/address.ts";
import { defaults, fileLimits } from "../config/defaults.ts";
import {
  choice,
  closed,
  duration,
  flag,
  integer,
  list,
  name,
  number,
  reject,
  share,
  size,
  text,
} from "../config/fields.ts";
import { parseRouteMatch } from "../config/route-match.ts";
import { readerNames } from "../inspection/facts.ts";
import { presetNames } from "./presets/presets.ts";
import {
  routeClasses,
  type Endpoint,
  type HandleUse,
  type ListenLimits,
  type Timeouts,
  type UpstreamLimits,
} from "./policy.ts";

/** How the traffic slice of the configuration is written, and what it turns into. */

const countMax = 1_000_000;

/** The name of a PEM file, which is read when the configuration is resolved. */
export const pemFile = (what: string) =>
  text(`the name of a PEM file`).describe(`PEM file with ${what}; relative to the configuration`);

const total = z
  .union([z.null(), duration()], { error: () => "expected a duration such as 60s, or null" })
  .describe("the whole exchange; null is no limit, as streams need");

const waits = {
  connect: duration().describe("until the connection (and TLS) stands"),
  firstByte: duration().describe("from the request's last byte to the response's first"),
  idle: duration().describe("between two bytes of a body"),
};

const upstreamTimeouts = closed({
  connect: waits.connect.prefault(defaults.upstream.timeouts.connect),
  first_byte: waits.firstByte.prefault(defaults.upstream.timeouts.firstByte),
  idle: waits.idle.prefault(defaults.upstream.timeouts.idle),
  total: total.prefault(defaults.upstream.timeouts.total),
}).transform((written): Timeouts => ({
  connectMs: written.connect,
  firstByteMs: written.first_byte,
  idleMs: written.idle,
  totalMs: written.total,
}));

const routeTimeouts = closed({
  connect: waits.connect.optional(),
  first_byte: waits.firstByte.optional(),
  idle: waits.idle.optional(),
  total: total.optional(),
}).transform((written): Partial<Timeouts> => ({
  ...(written.connect !== undefined && { connectMs: written.connect }),
  ...(written.first_byte !== undefined && { firstByteMs: written.first_byte }),
  ...(written.idle !== undefined && { idleMs: written.idle }),
  ...(written.total !== undefined && { totalMs: written.total }),
}));

const listenLimits = closed({
  connections: integer(1, countMax)
    .describe("open client connections")
    .prefault(defaults.listen.limits.connections),
  exchanges: integer(1, countMax)
    .describe("requests in flight per worker; beyond it 503 with Retry-After")
    .prefault(defaults.listen.limits.exchanges),
  head: size(1024, 2 ** 20)
    .describe("request line and header fields")
    .prefault(defaults.listen.limits.head),
  headers: integer(8, 10_000).describe("header fields").prefault(defaults.listen.limits.headers),
  body: size(0).describe("request body").prefault(defaults.listen.limits.body),
  body_read: size(0, 2 ** 28)
    .describe("request body that a rule may read (user key, JSON patch)")
    .prefault(defaults.listen.limits.bodyRead),
  head_timeout: duration()
    .describe("from a request's first byte to the end of its head")
    .prefault(defaults.listen.limits.headTimeout),
  keep_alive: duration()
    .describe("a connection without a request")
    .prefault(defaults.listen.limits.keepAlive),
  body_progress: size()
    .describe("a request body brings at least this much in each body_progress_interval")
    .prefault(defaults.listen.limits.bodyProgress),
  body_progress_interval: duration()
    .describe("see body_progress")
    .prefault(defaults.listen.limits.bodyProgressInterval),
}).transform((written): ListenLimits => ({
  connectionsMax: written.connections,
  exchangesMax: written.exchanges,
  headBytesMax: written.head,
  headersMax: written.headers,
  bodyBytesMax: written.body,
  bodyReadBytesMax: written.body_read,
  headTimeoutMs: written.head_timeout,
  keepAliveMs: written.keep_alive,
  bodyProgressBytesMin: written.body_progress,
  bodyProgressMs: written.body_progress_interval,
}));

const cidr = text("a CIDR block", 64)
  .transform(
    (written, context) =>
      parseCidr(written) ?? reject(context, "expected a CIDR block such as 10.0.0.0/8 or fd00::/8"),
  )
  .meta({ examples: ["10.0.0.0/8", "fd00::/8"] });

/** A host name or address to listen on. */
export const listenHost = text("a host name or an address", 255).regex(
  /^[A-Za-z0-9._:-]+$/,
  "not a host name or an address",
);

/** `listen:`; PEM files still by name, `workers: auto` still open. */
export const listenSchema = closed({
  host: listenHost.describe("address to listen on").prefault(defaults.listen.host),
  port: integer(0, 65_535).describe("0 lets the system choose").prefault(defaults.listen.port),
  workers: z
    .union([z.literal("auto"), integer(1, 256)], {
      error: () => "expected a whole number, 1…256, or auto",
    })
    .describe("worker threads; auto is one per core")
    .prefault(defaults.listen.workers),
  tls: closed({ cert: pemFile("the certificate chain"), key: pemFile("its private key") })
    .nullable()
    .describe("HTTPS on the data port; the files are read again when they change")
    .prefault(null),
  trusted_proxies: list(cidr, "CIDR blocks", 256)
    .describe("whose X-Forwarded-*, Forwarded and forced variants are believed")
    .prefault([]),
  signing_secrets: list(
    text("a secret", 1024).min(16, "a secret has at least 16 characters"),
    "secrets",
    4,
  )
    .describe("any of them proves a forced variant; sluice sign-variant signs with the first")
    .prefault([]),
  limits: listenLimits.describe("what a client may send, hold open and wait for").prefault({}),
  drain_delay: duration(0, 600_000)
    .describe(
      "how long Sluice goes on serving, while /readyz says 503, before it drains: what a load balancer needs to notice",
    )
    .prefault(defaults.listen.drainDelay),
  drain_deadline: duration(0)
    .describe("what requests in flight get to finish in when Sluice stops")
    .prefault(defaults.listen.drainDeadline),
  variant_header: flag()
    .describe("put x-sluice-variant on responses")
    .prefault(defaults.listen.variantHeader),
});

const endpointUrl = text("a URL", 2048)
  .transform((written, context): Endpoint => parseEndpoint(written) ?? reject(context, urlRule))
  .meta({ examples: ["http://localhost:9621"] });

const urlRule =
  "expected http://HOST[:PORT][/PREFIX] or https://…, without credentials, query and fragment";

/** An endpoint from its URL; null when it is not a plain http(s) base URL. */
export function parseEndpoint(written: string): Endpoint | null {
  if (!/^https?:\/\/[^\s?#@\\]+$/i.test(written) || !URL.canParse(written)) return null;
  const url = new URL(written);
  const tls = url.protocol === "https:";
  const port = url.port === "" ? (tls ? 443 : 80) : Number(url.port);
  if (port === 0) return null;
  return {
    origin: `${url.protocol}//${url.hostname}:${port}`,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    tls,
    basePath: url.pathname.replace(/\/+$/, ""),
  };
}

const upstreamTls = closed({
  ca: pemFile("the authorities to trust instead of the system's").optional(),
  cert: pemFile("the client certificate").optional(),
  key: pemFile("the client certificate's key").optional(),
  server_name: text("a host name", 253)
    .regex(/^[A-Za-z0-9._-]+$/, "not a host name")
    .describe("SNI, and the name that the certificate must match")
    .optional(),
  verify: flag().describe("check the certificate").prefault(defaults.upstream.tls.verify),
});

const requestPath = text("a path", 2048).regex(
  /^\/[\x21-\x7e]*$/,
  "a path starts with / and has neither spaces nor characters beyond ASCII",
);

const health = closed({
  path: requestPath.describe("GET this path; 2xx is healthy"),
  interval: duration(100)
    .describe("between two checks")
    .prefault(defaults.upstream.health.interval),
  timeout: duration(10).describe("for one check").prefault(defaults.upstream.health.timeout),
  healthy_after: integer(1, 100)
    .describe("checks in a row that must succeed to be healthy again")
    .prefault(defaults.upstream.health.healthyAfter),
  unhealthy_after: integer(1, 100)
    .describe("checks in a row that must fail to be unhealthy")
    .prefault(defaults.upstream.health.unhealthyAfter),
}).transform((written) => ({
  path: written.path,
  intervalMs: written.interval,
  timeoutMs: written.timeout,
  healthyAfter: written.healthy_after,
  unhealthyAfter: written.unhealthy_after,
}));

const ejection = closed({
  consecutive: integer(1, 10_000)
    .describe("failures in a row that eject an endpoint")
    .prefault(defaults.upstream.ejection.consecutive),
  base: duration()
    .describe("first ejection; doubles each time")
    .prefault(defaults.upstream.ejection.base),
  max: duration().describe("longest ejection").prefault(defaults.upstream.ejection.max),
  max_share: share()
    .describe(
      "endpoints that may be ejected at once; an upstream's only endpoint is ejected only at 100%",
    )
    .prefault(defaults.upstream.ejection.maxShare),
}).transform((written) => ({
  consecutiveFailures: written.consecutive,
  baseMs: written.base,
  maxMs: written.max,
  maxShare: written.max_share,
}));

const upstreamLimits = closed({
  connections: integer(1, countMax)
    .describe("open connections per endpoint and worker")
    .prefault(defaults.upstream.limits.connections),
  pending: integer(0, countMax)
    .describe("requests waiting for a connection, per endpoint and worker")
    .prefault(defaults.upstream.limits.pending),
  pending_timeout: duration()
    .describe("how long a request waits for a connection; then 503")
    .prefault(defaults.upstream.limits.pendingTimeout),
  keep_alive: duration()
    .describe("idle connections are closed after this; keep it below the server's own")
    .prefault(defaults.upstream.limits.keepAlive),
  response_head: size(1024, 2 ** 20)
    .describe("status line and header fields of an answer")
    .prefault(defaults.upstream.limits.responseHead),
}).transform((written): UpstreamLimits => ({
  connectionsMax: written.connections,
  pendingMax: written.pending,
  pendingTimeoutMs: written.pending_timeout,
  keepAliveMs: written.keep_alive,
  responseHeadBytesMax: written.response_head,
}));

const retries = closed({
  attempts: integer(0, 10)
    .describe("further attempts after the first; 0 is off")
    .prefault(defaults.upstream.retries.attempts),
  budget: share()
    .describe("retries as a share of requests over the last ten seconds")
    .prefault(defaults.upstream.retries.budget),
  budget_min_per_second: number(0, 10_000)
    .describe("retries per second that are always allowed")
    .prefault(defaults.upstream.retries.budgetMinPerSecond),
}).transform((written) => ({
  attemptsMax: written.attempts,
  budgetRatio: written.budget,
  budgetMinPerSecond: written.budget_min_per_second,
}));

/** One entry of `upstreams:`; PEM files still by name. */
export const upstreamSchema = closed({
  url: endpointUrl.describe("base URL; a path becomes a prefix").optional(),
  urls: list(endpointUrl, "URLs", fileLimits.endpointsMax)
    .describe("several endpoints instead of one url")
    .optional(),
  balance: choice(["hash", "least_outstanding"])
    .describe("how one of several endpoints is picked")
    .prefault(defaults.upstream.balance),
  tls: upstreamTls.describe("for https endpoints").optional(),
  health: health.nullable().describe("active health check; absent is none").prefault(null),
  ejection: ejection.describe("endpoints whose requests fail get none for a while").prefault({}),
  timeouts: upstreamTimeouts.describe("longest waits").prefault({}),
  limits: upstreamLimits.describe("connections and queues").prefault({}),
  retries: retries
    .describe("where a request was surely not processed, or its method is idempotent")
    .prefault({}),
});

const routeMatch = text("METHOD PATTERN", 2048).transform((written, context) => {
  const parsed = parseRouteMatch(written);
  return parsed.ok ? { written, ...parsed.value } : reject(context, parsed.error);
});

const routeHandle = text("segment:NAME or query:NAME", 128).transform(
  (written, context): HandleUse => {
    const found = /^(segment|query):([A-Za-z_][\w-]{0,63})$/.exec(written);
    if (found === null) return reject(context, "expected segment:NAME or query:NAME");
    return { in: found[1] as HandleUse["in"], name: found[2] as string };
  },
);

const routePrefix = text("a path such as /rag", 256).regex(
  /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/,
  "a prefix starts with /, does not end with it, has letters, digits and . _ ~ - only, and no segment is . or ..",
);

/** One entry of `routes:`; names not yet looked up. */
export const routeSchema = closed({
  match: routeMatch
    .describe("[METHOD[,METHOD] ]PATTERN; :name is a segment, ** the rest")
    .optional(),
  preset: choice(presetNames)
    .describe("instead of match: all routes of a known API; routes before it override its own")
    .optional(),
  experiment: z
    .union([name(), z.array(name()).min(1, "name at least one experiment").max(16)], {
      error: () => "expected the key of an experiment, or a list of keys",
    })
    .transform((written) => (typeof written === "string" ? [written] : written))
    .describe(
      "splits the route's requests by this experiment; of a list, the first that enrols or targets the user",
    )
    .optional(),
  upstream: name().describe("pins the route to one upstream").optional(),
  prefix: routePrefix
    .describe("taken off the path before the request goes on, and told in x-forwarded-prefix")
    .optional(),
  timeouts: routeTimeouts.describe("instead of the upstream's").prefault({}),
  limits: closed({ body: size(0).describe("request body").optional() })
    .describe("instead of listen.limits")
    .prefault({}),
  class: choice(routeClasses)
    .describe("split; pin, affinity, write, one_variant: the primary variant; default split")
    .optional(),
  classify: choice(readerNames)
    .describe("how answers are read, for tokens and for failures behind a status of 200")
    .optional(),
  handle: routeHandle
    .describe("where a handle stands that leads back to the variant that gave it out")
    .optional(),
});
