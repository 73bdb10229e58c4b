import { createHash, timingSafeEqual } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import { isLoopback } from "../../core/config/address.ts";
import type { AdminAccess } from "../../core/config/model.ts";
import type { Session } from "../../wire/system-api.ts";
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
    | "read_only"
    | "cross_site_request";
  readonly status: 401 | 403 | 429;
  readonly title: string;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Who was let in. */
export type Admission = {
  readonly role: Session["role"];
  /** The token that let it in; null where none is needed. */
  readonly token: string | null;
};

/** Open to probes, which have no token. */
const openPaths: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Lets the request in, or says why not. `isPublic` tells paths whose answers are nobody's secret. */
export function admit(
  request: AdminRequest,
  access: AdminAccess,
  tries: FailedTries,
  nowMs: number,
  isPublic: (path: string) => boolean = () => false,
): Result<Admission, Denial> {
  const identified = identify(request, access, tries, nowMs, isPublic);
  if (!identified.ok || isReading(request) || identified.value.role === "operator") {
    return identified;
  }
  const detail = access.readOnly
    ? "admin.read_only is set: only the configuration file changes anything."
    : "This is admin.viewer_token, which may see everything and change nothing; admin.token may.";
  return err({ code: "read_only", status: 403, title: "Read-only", detail, headers: {} });
}

/** Whether what was let in by `token` would be let in by it still. */
export function holds(token: string | null, access: AdminAccess): boolean {
  return token === null
    ? access.token === null
    : token === access.token || token === access.viewerToken;
}

function identify(
  request: AdminRequest,
  access: AdminAccess,
  tries: FailedTries,
  nowMs: number,
  isPublic: (path: string) => boolean,
): Result<Admission, Denial> {
  const { token, viewerToken, readOnly } = access;
  const most = readOnly ? "viewer" : "operator";
  if (token === null) {
    const denial = denyToOthers(request);
    return denial === null ? ok({ role: most, token: null }) : err(denial);
  }
  const isOpen = openPaths.has(request.path) || isPublic(request.path);
  if (isOpen && isReading(request)) return ok({ role: "viewer", token: null });
  // Before the comparison: who has to wait learns nothing from a further try.
  const waitMs = tries.waitMs(request.address, nowMs);
  if (waitMs > 0) {
    return err({
      code: "too_many_failed_tries",
      status: 429,
      title: "Too many wrong tokens from this address",
      detail: "",
      headers: { "retry-after": String(Math.ceil(waitMs / 1000)) },
    });
  }
  const given = bearerOf(request.header("authorization"));
  if (given !== null) {
    // Both are compared in any case, so that the time taken does not tell which one it is.
    const isOperator = isSameSecret(given, token);
    const isViewer = isSameSecret(given, viewerToken ?? "") && viewerToken !== null;
    if (isOperator) return ok({ role: most, token });
    if (isViewer) return ok({ role: "viewer", token: viewerToken });
    // A request without a token is no guess.
    tries.add(request.address, nowMs);
  }
  return err({
    code: "unauthorized",
    status: 401,
    title: given === null ? "A token is needed" : "Wrong token",
    detail:
      "Send the admin.token or admin.viewer_token of the configuration as `Authorization: Bearer TOKEN`.",
    headers: {
      "www-authenticate": `Bearer realm="sluice"${given === null ? "" : ', error="invalid_token"'}`,
    },
  });
}

/**
 * As {@link admit}, for the request that opens a WebSocket. Browsers let every page send it, with the machine's own
 * address and past CORS, so that a page of another site is refused with and without a token. That comes before the
 * token: such a page must not be able to use up this address's wrong tries either.
 */
export function admitUpgrade(
  request: AdminRequest,
  access: AdminAccess,
  tries: FailedTries,
  nowMs: number,
): Result<Admission, Denial> {
  // Behind a proxy that speaks TLS the page is https; only with a token can there be one.
  const schemes = access.token === null ? ["http"] : ["http", "https"];
  return isOwnPage(request, schemes) ? admit(request, access, tries, nowMs) : err(crossSiteDenial);
}

/**
 * Without a token the port is on loopback, but any web page in a browser on this machine can reach it: by a name of
 * its own that resolves to 127.0.0.1 (seen in Host), or by a form or fetch across sites.
 */
function denyToOthers(request: AdminRequest): Denial | null {
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
  if (isReading(request)) return null;
  return isOwnPage(request, ["http"]) ? null : crossSiteDenial;
}

function isReading({ method }: AdminRequest): boolean {
  return method === "GET" || method === "HEAD";
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
