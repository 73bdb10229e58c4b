import type { Random } from "../../base/clock.ts";
import type { RequestHead } from "./head.ts";
import { connectionOptions, isHopByHop, sameName, startsWithName } from "./hop-by-hop.ts";
import { plainIp } from "./ip-address.ts";
import { receivedTraceparent, writeTraceparent } from "./trace-context.ts";

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

/**
 * What the request's header rules need to know besides the head. One object serves a connection: what stays
 * the same is set once, the rest before each request.
 */
export type RequestForward = {
  /** The socket's peer address. */
  readonly peerIp: string;
  /** The client's connection is TLS. */
  readonly secure: boolean;
  /** The port that the client connected to. */
  readonly localPort: number;
  readonly random: Pick<Random, "hex32">;
  /** The peer is a trusted proxy: its X-Forwarded-* and Forwarded are believed and appended to. */
  peerTrusted: boolean;
  /** The client's Host (for absolute-form, the target's authority); empty when there is none. */
  host: string;
  /** Protocol version of the received request, `1.1` or `1.0`. */
  version: "1.0" | "1.1";
  experiment: string | null;
  variant: string | null;
  edits: HeaderEdits | null;
  /** Taken off the path, told in X-Forwarded-Prefix; empty is none. */
  prefix: string;
  /** Sent instead of the received traceparent, or of one that would be started; empty leaves it at that. */
  traceparent: string;
  /** The id of a trace that begins in `traceparent`; empty where none does. */
  startedTraceId: string;
  /** Set by `writeRequestFields`: the one valid traceparent that came; null without. */
  receivedTraceparent: string | null;
  /** Set by `writeRequestFields`: the request's id, kept or made. */
  requestId: string;
  /** The forwarding fields of the last request that brought none itself; most requests of a connection share them. */
  memo: { host: string; version: string; text: string };
};

/** What the loop over the received fields leaves for the fields that Sluice writes. */
type Received = {
  /** The peer sent something that the forwarding fields depend on. */
  any: boolean;
  forwardedFor: string;
  forwarded: string;
  /** What proxies before Sluice took off the path. */
  prefix: string;
  hasProto: boolean;
  hasHost: boolean;
  hasPort: boolean;
  requestId: string;
};

const requestIdPattern = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * The fields that the upstream receives, as text with CRLF behind each; notes the request's id in `context`.
 *
 * Left out, because the transport writes them from its own framing decision: Host, Connection,
 * Content-Length, Transfer-Encoding. Expect and Trailer stay in place. Max-Forwards of TRACE and OPTIONS is
 * lowered by one (the exchange answers those that arrive with 0).
 */
export function writeRequestFields(head: RequestHead, context: RequestForward): string {
  const { headers } = head;
  const { edits } = context;
  const options = connectionOptions(headers);
  const { traceparent, startedTraceId } = context;
  context.receivedTraceparent = receivedTraceparent(headers);
  const hasTrace = context.receivedTraceparent !== null;
  const received: Received = {
    any: false,
    forwardedFor: "",
    forwarded: "",
    prefix: "",
    hasProto: false,
    hasHost: false,
    hasPort: false,
    requestId: "",
  };
  let text = "";
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    const value = headers[at + 1] as string;
    if (isHopByHop(name) || sameName(name, "host")) continue;
    if (options !== null && options.has(name.toLowerCase())) continue;
    if (edits !== null && edits.drop.has(name.toLowerCase())) continue;
    if (isOwnField(name, value, context.peerTrusted, received)) continue;
    if (!hasTrace && sameName(name, "tracestate")) continue;
    if ((!hasTrace || traceparent !== "") && sameName(name, "traceparent")) continue;
    const kept = sameName(name, "max-forwards") ? lowered(head.method, value) : value;
    text += `${name}: ${kept}\r\n`;
  }
  text += forwardingText(context, received);
  if (context.prefix !== "" || received.prefix !== "") {
    text += own(edits, "x-forwarded-prefix", received.prefix + context.prefix);
  }
  const startsTrace = !hasTrace && traceparent === "";
  const isMade = startedTraceId === "" && (received.requestId === "" || startsTrace);
  const madeId = isMade ? context.random.hex32() : startedTraceId;
  context.requestId = received.requestId === "" ? madeId : received.requestId;
  text += own(edits, "x-request-id", context.requestId);
  // A trace that starts here has the made id as its own, so that logs and traces meet.
  if (startsTrace) {
    const spanId = context.random.hex32().slice(0, 16);
    text += own(edits, "traceparent", writeTraceparent(madeId, spanId, true));
  } else if (traceparent !== "") text += own(edits, "traceparent", traceparent);
  if (context.experiment !== null) text += `x-sluice-experiment: ${context.experiment}\r\n`;
  if (context.variant !== null) text += `x-sluice-variant: ${context.variant}\r\n`;
  if (edits !== null) {
    for (let at = 0; at < edits.set.length; at += 2) {
      text += `${edits.set[at]}: ${edits.set[at + 1]}\r\n`;
    }
  }
  return text;
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
    if (peerTrusted) {
      received.any = true;
      received.forwarded = joined(received.forwarded, value);
    }
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
  received.any = true;
  if (sameName(name, "x-forwarded-for")) {
    received.forwardedFor = joined(received.forwardedFor, value);
    return true;
  }
  if (sameName(name, "x-forwarded-prefix")) {
    received.prefix = value;
    return true;
  }
  if (sameName(name, "x-forwarded-proto")) received.hasProto = true;
  else if (sameName(name, "x-forwarded-host")) received.hasHost = true;
  else if (sameName(name, "x-forwarded-port")) received.hasPort = true;
  return false;
}

/** Via, X-Forwarded-* and Forwarded; from the memo where the last request had the same. */
function forwardingText(context: RequestForward, received: Received): string {
  const { edits, host, version, memo } = context;
  const isPlain = edits === null && !received.any;
  if (isPlain && memo.text !== "" && memo.host === host && memo.version === version)
    return memo.text;
  const peerIp = plainIp(context.peerIp);
  const proto = context.secure ? "https" : "http";
  let text = own(edits, "via", `${version} sluice`);
  text += own(edits, "x-forwarded-for", joined(received.forwardedFor, peerIp));
  if (!received.hasProto) text += own(edits, "x-forwarded-proto", proto);
  if (!received.hasHost && host !== "") text += own(edits, "x-forwarded-host", host);
  if (!received.hasPort) text += own(edits, "x-forwarded-port", String(context.localPort));
  const node = peerIp.includes(":") ? `"[${peerIp}]"` : peerIp;
  const hostPart = host === "" ? "" : `;host="${quotable(host)}"`;
  const element = `for=${node}${hostPart};proto=${proto}`;
  text += own(edits, "forwarded", joined(received.forwarded, element));
  if (isPlain) {
    memo.host = host;
    memo.version = version;
    memo.text = text;
  }
  return text;
}

/** Text fit for a quoted string. A valid Host holds nothing to escape, and looking is faster than replacing. */
function quotable(text: string): string {
  return text.includes('"') || text.includes("\\") ? text.replaceAll(/["\\]/g, "\\$&") : text;
}

/** A field of Sluice's, unless the variant removes or replaces it. */
function own(edits: HeaderEdits | null, lowerName: string, value: string): string {
  return edits !== null && edits.drop.has(lowerName) ? "" : `${lowerName}: ${value}\r\n`;
}

function joined(list: string, value: string): string {
  return list === "" ? value : `${list}, ${value}`;
}

function lowered(method: string, hops: string): string {
  if (method !== "TRACE" && method !== "OPTIONS") return hops;
  return /^[1-9]\d{0,8}$/.test(hops) ? String(Number(hops) - 1) : hops;
}

/** What the response's header rules need to know besides the head. */
export type ResponseForward = {
  /** Protocol version of the upstream's response. */
  readonly version: "1.0" | "1.1";
  /** Put as X-Request-Id when the upstream sent none; null (1xx) puts none. */
  readonly requestId: string | null;
  /** Put as x-sluice-variant; null is opt-out, a pinned route, or a 1xx. */
  readonly variant: string | null;
  /** A Set-Cookie value to add (see issueCookie), or null. */
  readonly setCookie: string | null;
};

/**
 * The fields that the client receives, as text with CRLF behind each.
 *
 * Left out, because the transport writes them from its own framing decision (also the declared length of
 * a HEAD or 304 answer): Connection, Content-Length, Transfer-Encoding. Trailer stays in place.
 */
export function writeResponseFields(headers: readonly string[], context: ResponseForward): string {
  const options = connectionOptions(headers);
  let hasRequestId = false;
  let text = "";
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (isHopByHop(name) || startsWithName(name, "x-sluice-")) continue;
    if (options !== null && options.has(name.toLowerCase())) continue;
    if (sameName(name, "x-request-id")) hasRequestId = true;
    text += `${name}: ${headers[at + 1]}\r\n`;
  }
  text += context.version === "1.1" ? "via: 1.1 sluice\r\n" : "via: 1.0 sluice\r\n";
  if (context.requestId !== null && !hasRequestId) text += `x-request-id: ${context.requestId}\r\n`;
  if (context.variant !== null) text += `x-sluice-variant: ${context.variant}\r\n`;
  if (context.setCookie !== null) text += `set-cookie: ${context.setCookie}\r\n`;
  return text;
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

/** The trailer fields that may pass, as text; `headers` are those of the same message's head. */
export function writeTrailerFields(
  headers: readonly string[],
  trailers: readonly string[],
): string {
  let text = "";
  const options = connectionOptions(headers);
  for (let at = 0; at < trailers.length; at += 2) {
    const name = trailers[at] as string;
    const lowerName = name.toLowerCase();
    if (isHopByHop(name) || headOnlyNames.has(lowerName) || options?.has(lowerName) === true)
      continue;
    if (startsWithName(name, "x-sluice-") || startsWithName(name, "x-forwarded-")) continue;
    text += `${name}: ${trailers[at + 1]}\r\n`;
  }
  return text;
}
