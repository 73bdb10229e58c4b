import type { FieldFacts } from "./fields.ts";
import { isHost } from "./fields.ts";
import type { HeadParser } from "./head-parser.ts";

/** How a message's body ends (RFC 9112 §6.3). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until_close" };

export type RequestFault =
  | "bad_framing"
  | "bad_host"
  | "bad_request_line"
  | "method_not_supported"
  | "unsupported_expectation";

const none: Framing = { kind: "none" };
const chunked: Framing = { kind: "chunked" };
const untilClose: Framing = { kind: "until_close" };

/** Framing of a request body; a request without either field has none. */
export function requestFraming(facts: FieldFacts): Framing {
  if (facts.chunked === 1) return chunked;
  return facts.contentLength > 0 ? { kind: "length", length: facts.contentLength } : none;
}

/** Framing of a response body to a request with `method`. */
export function responseFraming(head: HeadParser, method: string): Framing {
  const { status, facts } = head;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return none;
  if (facts.chunked === 1) return chunked;
  if (facts.contentLength >= 0) {
    return facts.contentLength === 0 ? none : { kind: "length", length: facts.contentLength };
  }
  return untilClose;
}

/** Why a whole request head cannot be taken although each line of it can; null when it can. */
export function requestFault(head: HeadParser): RequestFault | null {
  const { facts, method, target } = head;
  if (head.minorVersion === 0 && facts.chunked === 1) return "bad_framing";
  if (head.minorVersion === 0 && facts.expectContinue) return "unsupported_expectation";
  if (facts.host === null && head.minorVersion === 1) return "bad_host";
  if (method === "CONNECT" || method === "TRACE") return "method_not_supported";
  if (target.charCodeAt(0) === 0x2f) return null;
  if (target === "*") return method === "OPTIONS" ? null : "bad_request_line";
  return absoluteTargetFault(target, facts.host);
}

const absolutePattern = /^https?:\/\/([^/?]*)(.*)$/i;

/** An absolute target must name the same authority as Host: two readings of one request are refused. */
function absoluteTargetFault(target: string, host: string | null): RequestFault | null {
  const match = absolutePattern.exec(target);
  if (match === null) return "bad_request_line";
  const authority = match[1] as string;
  if (!isHost(authority)) return "bad_host";
  return host !== null && authority.toLowerCase() !== host.toLowerCase() ? "bad_host" : null;
}

/** The target in origin form. */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === 0x2f || target === "*") return target;
  const rest = (absolutePattern.exec(target) as RegExpExecArray)[2] as string;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** Why a response head cannot be relayed; null when it can. */
export function responseFault(head: HeadParser): "bad_framing" | "bad_status_line" | null {
  const { facts, status } = head;
  if (head.minorVersion === 0 && facts.chunked === 1) return "bad_framing";
  if (status === 101) return "bad_status_line";
  const bodyless = status < 200 || status === 204;
  if (bodyless && (facts.chunked === 1 || facts.contentLength > 0)) return "bad_framing";
  return null;
}
