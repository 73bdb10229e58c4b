import { createHash, timingSafeEqual } from "node:crypto";
import { err, ok, unreachable, type Result } from "../../base/result.ts";
import { asksForProof } from "../../core/config/admin-access.ts";
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
  /** Names of the client certificate that `admin.tls.client_ca` vouches for; null without one. */
  readonly certificate: readonly string[] | null;
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
  readonly proof: Proof;
};

/** What let it in. */
export type Proof =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: string }
  | {
      readonly kind: "certificate";
      readonly names: readonly string[];
      /** Who vouched for it. */
      readonly clientCa: string;
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
  const isCertificate = identified.value.proof.kind === "certificate";
  const detail = access.readOnly
    ? "admin.read_only is set: only the configuration file changes anything."
    : isCertificate
      ? "This client certificate is not among admin.tls.operators: it may see everything and change nothing."
      : "This is admin.viewer_token, which may see everything and change nothing; admin.token may.";
  return err({ code: "read_only", status: 403, title: "Read-only", detail, headers: {} });
}

/** Whether what was let in by `proof` would be let in by it still. */
export function holds(proof: Proof, access: AdminAccess): boolean {
  switch (proof.kind) {
    case "none":
      return !asksForProof(access);
    case "token":
      return proof.token === access.token || proof.token === access.viewerToken;
    case "certificate":
      return proof.clientCa === access.tls?.clientCa;
    default:
      return unreachable(proof);
  }
}

function identify(
  request: AdminRequest,
  access: AdminAccess,
  tries: FailedTries,
  nowMs: number,
  isPublic: (path: string) => boolean,
): Result<Admission, Denial> {
  const most = access.readOnly ? "viewer" : "operator";
  if (!asksForProof(access)) {
    const denial = denyToOthers(request, access);
    return denial === null ? ok({ role: most, proof: { kind: "none" } }) : err(denial);
  }
  const isOpen = openPaths.has(request.path) || isPublic(request.path);
  if (isOpen && isReading(request)) return ok({ role: "viewer", proof: { kind: "none" } });
  const certified = identifyByCertificate(request, access);
  if (certified === null) return identifyByToken(request, access, tries, nowMs);
  const given = request.header("authorization");
  if (certified.role === most || given === undefined) return judgeSite(certified, request, access);
  // A token may make more of a viewer; one that is wrong is counted, and takes nothing away.
  const byToken = identifyByToken(request, access, tries, nowMs);
  return byToken.ok ? byToken : judgeSite(certified, request, access);
}

/** Who shows a certificate of `admin.tls.client_ca`; null without one. */
function identifyByCertificate(
  { certificate }: AdminRequest,
  { tls, readOnly }: AdminAccess,
): Admission | null {
  const clientCa = tls?.clientCa ?? null;
  if (certificate === null || tls === null || clientCa === null) return null;
  const isOperator = !readOnly && tls.operators.some((name) => certificate.includes(name));
  return {
    role: isOperator ? "operator" : "viewer",
    proof: { kind: "certificate", names: certificate, clientCa },
  };
}

/** Browsers show a certificate for whatever page asks, so that a change has to come from this port's own page. */
function judgeSite(
  certified: Admission,
  request: AdminRequest,
  access: AdminAccess,
): Result<Admission, Denial> {
  const isFine = isReading(request) || isOwnPage(request, schemesOf(access));
  return isFine ? ok(certified) : err(crossSiteDenial);
}

function identifyByToken(
  request: AdminRequest,
  { token, viewerToken, readOnly, tls }: AdminAccess,
  tries: FailedTries,
  nowMs: number,
): Result<Admission, Denial> {
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
    const isOperator = isSameSecret(given, token ?? "") && token !== null;
    const isViewer = isSameSecret(given, viewerToken ?? "") && viewerToken !== null;
    const proof = { kind: "token", token: given } as const;
    if (isOperator) return ok({ role: readOnly ? "viewer" : "operator", proof });
    if (isViewer) return ok({ role: "viewer", proof });
    // A request without a token is no guess.
    tries.add(request.address, nowMs);
  }
  return err({
    code: "unauthorized",
    status: 401,
    title: given === null ? "A token is needed" : "Wrong token",
    detail:
      "Send the admin.token or admin.viewer_token of the configuration as `Authorization: Bearer TOKEN`" +
      ((tls?.clientCa ?? null) === null
        ? "."
        : ", or show a client certificate of admin.tls.client_ca."),
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
  return isOwnPage(request, schemesOf(access))
    ? admit(request, access, tries, nowMs)
    : err(crossSiteDenial);
}

/** What a page of this port was fetched by. */
function schemesOf(access: AdminAccess): readonly string[] {
  if (access.tls !== null) return ["https"];
  // Behind a proxy that speaks TLS the page is https; only with a token can there be one.
  return access.token === null ? ["http"] : ["http", "https"];
}

/**
 * Without a token the port is on loopback, but any web page in a browser on this machine can reach it: by a name of
 * its own that resolves to 127.0.0.1 (seen in Host), or by a form or fetch across sites.
 */
function denyToOthers(request: AdminRequest, access: AdminAccess): Denial | null {
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
  return isOwnPage(request, schemesOf(access)) ? null : crossSiteDenial;
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
