import { sameName } from "../../core/traffic/hop-by-hop.ts";

/**
 * What the framing needs to know of a message's fields, gathered while they are parsed.
 * A field that decides where a message ends may occur once and in one spelling only: whatever two
 * parsers could read differently is refused (RFC 9112 §6.3, §11.2).
 */
export type FieldFacts = {
  /** -1 when absent. */
  contentLength: number;
  /** 0 absent, 1 exactly `chunked`. */
  chunked: 0 | 1;
  host: string | null;
  connectionClose: boolean;
  connectionKeepAlive: boolean;
  connectionUpgrade: boolean;
  upgrade: string | null;
  expectContinue: boolean;
  /** The sender takes trailers (`TE: trailers`). */
  trailersAccepted: boolean;
  /** -1 when absent. */
  maxForwards: number;
  /** Seconds of `Keep-Alive: timeout=N`; -1 when absent. */
  keepAliveSeconds: number;
};

export type FieldFault =
  | "bad_header"
  | "bad_framing"
  | "bad_host"
  | "unsupported_transfer_coding"
  | "unsupported_expectation";

export function createFacts(): FieldFacts {
  const facts = {} as FieldFacts;
  resetFacts(facts);
  return facts;
}

export function resetFacts(facts: FieldFacts): void {
  facts.contentLength = -1;
  facts.chunked = 0;
  facts.host = null;
  facts.connectionClose = false;
  facts.connectionKeepAlive = false;
  facts.connectionUpgrade = false;
  facts.upgrade = null;
  facts.expectContinue = false;
  facts.trailersAccepted = false;
  facts.maxForwards = -1;
  facts.keepAliveSeconds = -1;
}

const contentLengthPattern = /^[0-9]{1,15}$/;
// reg-name, IPv4 or [IPv6] with an optional port (RFC 3986 §3.2.2), without userinfo.
const hostPattern = /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

/** True for a `Host` value, or the authority of an absolute target, that Sluice accepts. */
export function isHost(value: string): boolean {
  return hostPattern.test(value);
}

/** Notes one field; returns the reason when it makes the message ambiguous or broken. */
export function noteField(facts: FieldFacts, name: string, value: string): FieldFault | null {
  switch (name.length) {
    case 2:
      if (sameName(name, "te")) facts.trailersAccepted ||= /(?:^|[,\s])trailers\b/i.test(value);
      return null;
    case 4:
      return sameName(name, "host") ? noteHost(facts, value) : null;
    case 6:
      return sameName(name, "expect") ? noteExpect(facts, value) : null;
    case 7:
      if (sameName(name, "upgrade"))
        facts.upgrade = facts.upgrade === null ? value : `${facts.upgrade}, ${value}`;
      return null;
    case 10:
      if (sameName(name, "connection")) noteConnection(facts, value);
      else if (sameName(name, "keep-alive")) {
        const timeout = /(?:^|[,\s])timeout=([0-9]{1,9})/i.exec(value);
        if (timeout !== null) facts.keepAliveSeconds = Number(timeout[1]);
      }
      return null;
    case 12:
      if (sameName(name, "max-forwards")) {
        if (!/^[0-9]{1,9}$/.test(value)) return "bad_header";
        facts.maxForwards = Number(value);
      }
      return null;
    case 14:
      return sameName(name, "content-length") ? noteContentLength(facts, value) : null;
    case 17:
      return sameName(name, "transfer-encoding") ? noteTransferEncoding(facts, value) : null;
    default:
      return null;
  }
}

function noteHost(facts: FieldFacts, value: string): FieldFault | null {
  if (facts.host !== null || !isHost(value)) return "bad_host";
  facts.host = value;
  return null;
}

function noteExpect(facts: FieldFacts, value: string): FieldFault | null {
  if (value.toLowerCase() !== "100-continue") return "unsupported_expectation";
  facts.expectContinue = true;
  return null;
}

function noteConnection(facts: FieldFacts, value: string): void {
  if (value === "keep-alive") {
    facts.connectionKeepAlive = true;
    return;
  }
  for (const part of value.split(",")) {
    const token = part.trim().toLowerCase();
    if (token === "close") facts.connectionClose = true;
    else if (token === "keep-alive") facts.connectionKeepAlive = true;
    else if (token === "upgrade") facts.connectionUpgrade = true;
  }
}

function noteContentLength(facts: FieldFacts, value: string): FieldFault | null {
  if (facts.contentLength !== -1 || facts.chunked === 1) return "bad_framing";
  if (!contentLengthPattern.test(value)) return "bad_framing";
  facts.contentLength = Number(value);
  return null;
}

function noteTransferEncoding(facts: FieldFacts, value: string): FieldFault | null {
  if (facts.contentLength !== -1 || facts.chunked === 1) return "bad_framing";
  if (value.toLowerCase() !== "chunked") {
    return /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+\-.^_`|~]+)*$/.test(value)
      ? "unsupported_transfer_coding"
      : "bad_framing";
  }
  facts.chunked = 1;
  return null;
}
