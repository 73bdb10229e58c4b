import { createHash, timingSafeEqual } from "node:crypto";
import { isLoopback } from "../../core/config/address.ts";
import type { FailedTries } from "./failed-tries.ts";

/** Who may use the admin port. */

export type AdminRequest = {
  readonly method: string;
  readonly path: string;
  /** Of the connection, not of any forwarding header. */
  readonly address: string;
  readonly header: (name: string) => string | undefined;
};

export type Denial = {
  readonly code:
    | "unauthorized"
    | "too_many_failed_tries"
    | "host_not_allowed"
    | "cross_site_request";
  readonly status: 401 | 403 | 429;
  readonly title: string;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Open to probes, which have no token. */
const openPaths: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Null lets the request in. */
export function admit(
  request: AdminRequest,
  token: string | null,
  tries: FailedTries,
  nowMs: number,
): Denial | null {
  if (token === null) return admitFromThisMachine(request);
  if (openPaths.has(request.path)) return null;
  // Before the comparison: who has to wait learns nothing from a further try.
  const waitMs = tries.waitMs(request.address, nowMs);
  if (waitMs > 0) {
    return {
      code: "too_many_failed_tries",
      status: 429,
      title: "Too many wrong tokens from this address",
      detail: "",
      headers: { "retry-after": String(Math.ceil(waitMs / 1000)) },
    };
  }
  const given = bearerOf(request.header("authorization"));
  if (given !== null && isSameSecret(given, token)) return null;
  // A request without a token is no guess.
  if (given !== null) tries.add(request.address, nowMs);
  return {
    code: "unauthorized",
    status: 401,
    title: given === null ? "A token is needed" : "Wrong token",
    detail: "Send the admin.token of the configuration as `Authorization: Bearer TOKEN`.",
    headers: {
      "www-authenticate": `Bearer realm="sluice"${given === null ? "" : ', error="invalid_token"'}`,
    },
  };
}

/**
 * As {@link admit}, for the request that opens a WebSocket. Browsers let every page send it, with the machine's own
 * address and past CORS, so that a page of another site is refused with and without a token. That comes before the
 * token: such a page must not be able to use up this address's wrong tries either.
 */
export function admitUpgrade(
  request: AdminRequest,
  token: string | null,
  tries: FailedTries,
  nowMs: number,
): Denial | null {
  // Behind a proxy that speaks TLS the page is https; only with a token can there be one.
  const schemes = token === null ? ["http"] : ["http", "https"];
  return isOwnPage(request, schemes) ? admit(request, token, tries, nowMs) : crossSiteDenial;
}

/**
 * Without a token the port is on loopback, but any web page in a browser on this machine can reach it: by a name of
 * its own that resolves to 127.0.0.1 (seen in Host), or by a form or fetch across sites.
 */
function admitFromThisMachine(request: AdminRequest): Denial | null {
  const host = request.header("host") ?? "";
  if (!isLoopback(hostnameOf(host))) {
    return {
      code: "host_not_allowed",
      status: 403,
      title: "Host not allowed",
      detail: "Without admin.token, only localhost, 127.0.0.1 and [::1] are answered.",
      headers: {},
    };
  }
  if (request.method === "GET" || request.method === "HEAD") return null;
  return isOwnPage(request, ["http"]) ? null : crossSiteDenial;
}

const crossSiteDenial: Denial = {
  code: "cross_site_request",
  status: 403,
  title: "Request from another site",
  detail: "",
  headers: {},
};

/** Whether no browser sent it, or one on behalf of a page of this port. */
function isOwnPage(request: AdminRequest, schemes: readonly string[]): boolean {
  const host = request.header("host") ?? "";
  const site = request.header("sec-fetch-site");
  const origin = request.header("origin");
  const isOwnSite = site === undefined || site === "same-origin" || site === "none";
  return (
    isOwnSite &&
    (origin === undefined || schemes.some((scheme) => origin === `${scheme}://${host}`))
  );
}

function hostnameOf(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host);
  return match?.[1] ?? match?.[2] ?? "";
}

function bearerOf(authorization: string | undefined): string | null {
  return /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? null;
}

/** Hashed first, so that neither content nor length shows in the time taken. */
function isSameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(secret));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
