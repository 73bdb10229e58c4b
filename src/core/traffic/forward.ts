import type { Random } from "../../base/clock.ts";
import type { RequestHead } from "./head.ts";
import { connectionOptions, isHopByHop, sameName, startsWithName } from "./hop-by-hop.ts";
import { plainIp } from "./ip-address.ts";
import { isTraceparent, startTrace } from "./trace-context.ts";

/**
 * The header rules of the exchange, on flat raw header arrays. Order and spelling of whatever passes stay as
 * received; fields that Sluice adds come last.
 */

/** Header changes of a variant, ready for the request path. */
export type HeaderEdits = {
  /** Lowercase names that do not reach the upstream: removed ones, and those that `set` replaces. */
  readonly drop: ReadonlySet<string>;
  /** Flat fields to add. */
  readonly set: readonly string[];
};

/** Null when there is nothing to change. Framing, hop-by-hop and Sluice's own names are ignored. */
export function compileHeaderEdits(policy: {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}): HeaderEdits | null {
  const set = Object.entries(policy.set).filter(([name]) => isEditable(name));
  const names = [...policy.remove.filter(isEditable), ...set.map(([name]) => name)];
  if (names.length === 0) return null;
  return { drop: new Set(names.map((name) => name.toLowerCase())), set: set.flat() };
}

function isEditable(name: string): boolean {
  const framing = ["host", "expect", "trailer"].some((own) => sameName(name, own));
  return !framing && !isHopByHop(name) && !startsWithName(name, "x-sluice-");
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
  /** The client's Host (for absolute-form, the target's authority); empty when there is none. */
  readonly host: string;
  /** Protocol version of the received request, `1.1` or `1.0`. */
  readonly version: string;
  readonly experiment: string | null;
  readonly variant: string | null;
  readonly edits: HeaderEdits | null;
  readonly random: Pick<Random, "hex32">;
};

/** What the loop over the received fields leaves for the fields that Sluice writes. */
type Received = {
  forwardedFor: string;
  forwarded: string;
  hasProto: boolean;
  hasHost: boolean;
  hasPort: boolean;
  requestId: string;
};

const requestIdPattern = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * Appends to `out` the fields that the upstream receives, and returns the request's id.
 *
 * Left out, because the transport writes them from its own framing decision: Host, Connection,
 * Content-Length, Transfer-Encoding. Expect and Trailer stay in place. Max-Forwards of TRACE and OPTIONS is
 * lowered by one (the exchange answers those that arrive with 0).
 */
export function forwardRequestHeaders(
  head: RequestHead,
  context: RequestForward,
  out: string[],
): string {
  const { headers } = head;
  const { edits } = context;
  const options = connectionOptions(headers);
  const hasTrace = hasOneTraceparent(headers);
  const received: Received = {
    forwardedFor: "",
    forwarded: "",
    hasProto: false,
    hasHost: false,
    hasPort: false,
    requestId: "",
  };
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    const value = headers[at + 1] as string;
    if (isHopByHop(name) || sameName(name, "host")) continue;
    if (options !== null && options.has(name.toLowerCase())) continue;
    if (edits !== null && edits.drop.has(name.toLowerCase())) continue;
    if (isOwnField(name, value, context.peerTrusted, received)) continue;
    if (!hasTrace && isTraceField(name)) continue;
    out.push(name, sameName(name, "max-forwards") ? lowered(head.method, value) : value);
  }
  const requestId = received.requestId === "" ? context.random.hex32() : received.requestId;
  addForwarding(context, received, out);
  add(edits, out, "x-request-id", requestId);
  if (!hasTrace) {
    const trace = startTrace(context.random.hex32(), context.random.hex32().slice(0, 16));
    add(edits, out, "traceparent", trace);
  }
  if (context.experiment !== null) out.push("x-sluice-experiment", context.experiment);
  if (context.variant !== null) out.push("x-sluice-variant", context.variant);
  if (edits !== null) out.push(...edits.set);
  return requestId;
}

/**
 * Whether a received field is one that Sluice writes anew or takes away; notes what it says.
 * From a trusted peer, proto, host, port and unknown X-Forwarded-* pass as they are.
 */
function isOwnField(
  name: string,
  value: string,
  peerTrusted: boolean,
  received: Received,
): boolean {
  const first = name.charCodeAt(0) | 0x20;
  if (first === 0x66) {
    if (!sameName(name, "forwarded")) return false;
    if (peerTrusted) received.forwarded = joined(received.forwarded, value);
    return true;
  }
  if (first !== 0x78) return false;
  if (startsWithName(name, "x-sluice-")) return true;
  if (sameName(name, "x-request-id")) {
    if (received.requestId === "" && requestIdPattern.test(value)) received.requestId = value;
    return true;
  }
  if (!startsWithName(name, "x-forwarded-")) return false;
  if (!peerTrusted) return true;
  if (sameName(name, "x-forwarded-for")) {
    received.forwardedFor = joined(received.forwardedFor, value);
    return true;
  }
  if (sameName(name, "x-forwarded-proto")) received.hasProto = true;
  else if (sameName(name, "x-forwarded-host")) received.hasHost = true;
  else if (sameName(name, "x-forwarded-port")) received.hasPort = true;
  return false;
}

function addForwarding(context: RequestForward, received: Received, out: string[]): void {
  const { edits, host } = context;
  const peerIp = plainIp(context.peerIp);
  const proto = context.secure ? "https" : "http";
  add(edits, out, "via", `${context.version} sluice`);
  add(edits, out, "x-forwarded-for", joined(received.forwardedFor, peerIp));
  if (!received.hasProto) add(edits, out, "x-forwarded-proto", proto);
  if (!received.hasHost && host !== "") add(edits, out, "x-forwarded-host", host);
  if (!received.hasPort) add(edits, out, "x-forwarded-port", String(context.localPort));
  const node = peerIp.includes(":") ? `"[${peerIp}]"` : peerIp;
  const hostPart = host === "" ? "" : `;host="${quotable(host)}"`;
  const element = `for=${node}${hostPart};proto=${proto}`;
  add(edits, out, "forwarded", joined(received.forwarded, element));
}

/** Text fit for a quoted string. A valid Host holds nothing to escape, and looking is faster than replacing. */
function quotable(text: string): string {
  return text.includes('"') || text.includes("\\") ? text.replaceAll(/["\\]/g, "\\$&") : text;
}

/** Adds a field of Sluice's, unless the variant removes or replaces it. */
function add(edits: HeaderEdits | null, out: string[], lowerName: string, value: string): void {
  if (edits === null || !edits.drop.has(lowerName)) out.push(lowerName, value);
}

function joined(list: string, value: string): string {
  return list === "" ? value : `${list}, ${value}`;
}

function lowered(method: string, hops: string): string {
  if (method !== "TRACE" && method !== "OPTIONS") return hops;
  return /^[1-9]\d{0,8}$/.test(hops) ? String(Number(hops) - 1) : hops;
}

function hasOneTraceparent(headers: readonly string[]): boolean {
  let found: string | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (!sameName(headers[at] as string, "traceparent")) continue;
    if (found !== null) return false;
    found = headers[at + 1] as string;
  }
  return found !== null && isTraceparent(found);
}

function isTraceField(name: string): boolean {
  return sameName(name, "traceparent") || sameName(name, "tracestate");
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
  const options = connectionOptions(headers);
  let hasRequestId = false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (isHopByHop(name) || startsWithName(name, "x-sluice-")) continue;
    if (options !== null && options.has(name.toLowerCase())) continue;
    if (sameName(name, "x-request-id")) hasRequestId = true;
    out.push(name, headers[at + 1] as string);
  }
  out.push("via", `${context.version} sluice`);
  if (context.requestId !== null && !hasRequestId) out.push("x-request-id", context.requestId);
  if (context.variant !== null) out.push("x-sluice-variant", context.variant);
  if (context.setCookie !== null) out.push("set-cookie", context.setCookie);
}

/** Fields that mean framing, routing, authentication or content handling, and so no trailer (RFC 9110 §6.5.1). */
const headOnlyNames = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "max-forwards",
  "set-cookie",
  "trailer",
]);

/** Appends to `out` the trailer fields that may pass; `headers` are those of the same message's head. */
export function forwardTrailers(
  headers: readonly string[],
  trailers: readonly string[],
  out: string[],
): void {
  const options = connectionOptions(headers);
  for (let at = 0; at < trailers.length; at += 2) {
    const name = trailers[at] as string;
    const lowerName = name.toLowerCase();
    if (isHopByHop(name) || headOnlyNames.has(lowerName) || options?.has(lowerName) === true)
      continue;
    if (startsWithName(name, "x-sluice-") || startsWithName(name, "x-forwarded-")) continue;
    out.push(name, trailers[at + 1] as string);
  }
}
