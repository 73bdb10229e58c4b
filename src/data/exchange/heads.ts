import {
  forwardRequestHeaders,
  forwardResponseHeaders,
  forwardTrailers,
  type RequestForward,
} from "../../core/traffic/forward.ts";
import type { RequestHead } from "../../core/traffic/head.ts";
import type { Framing } from "../http1/framing.ts";
import type { HeadParser } from "../http1/head-parser.ts";

/** How a response body reaches the client. */
export type ResponseMode =
  | "none"
  /** As it came, framing included. */
  | "raw"
  /** Content in chunks of our own: the upstream ends its body with the connection. */
  | "encode"
  /** Content until the connection closes: the client speaks HTTP/1.0. */
  | "content";

export function responseMode(framing: Framing, clientMinorVersion: 0 | 1): ResponseMode {
  switch (framing.kind) {
    case "none":
      return "none";
    case "length":
      return "raw";
    case "chunked":
      return clientMinorVersion === 1 ? "raw" : "content";
    case "until_close":
      return clientMinorVersion === 1 ? "encode" : "content";
  }
}

/** The head that goes upstream; returns the request's id with it. */
export function buildRequestHead(
  head: RequestHead,
  target: string,
  host: string,
  framing: Framing,
  trailersAccepted: boolean,
  forward: RequestForward,
): { text: string; requestId: string } {
  const fields: string[] = [];
  const requestId = forwardRequestHeaders(head, forward, fields);
  let text = `${head.method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  text += writeFields(fields);
  if (framing.kind === "length") text += `Content-Length: ${framing.length}\r\n`;
  else if (framing.kind === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (expectsBody(head.method)) text += "Content-Length: 0\r\n";
  if (trailersAccepted) text += "TE: trailers\r\nConnection: TE\r\n";
  return { text: `${text}\r\n`, requestId };
}

/** The head that goes to the client. */
export function buildResponseHead(
  head: HeadParser,
  framing: Framing,
  mode: ResponseMode,
  close: boolean,
  method: string,
  forward: { requestId: string; variant: string | null; setCookie: string | null },
): string {
  const fields: string[] = [];
  const version = head.minorVersion === 1 ? "1.1" : "1.0";
  forwardResponseHeaders(head.headers, { version, ...forward }, fields);
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  text += writeFields(fields);
  if (framing.kind === "length") text += `Content-Length: ${framing.length}\r\n`;
  else if (mode === "encode" || (mode === "raw" && framing.kind === "chunked")) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (mode === "none") text += declaredLength(head, method);
  if (close) text += "Connection: close\r\n";
  return `${text}\r\n`;
}

/** A 1xx head for the client. */
export function buildInterimHead(head: HeadParser): string {
  const fields: string[] = [];
  const version = head.minorVersion === 1 ? "1.1" : "1.0";
  forwardResponseHeaders(
    head.headers,
    { version, requestId: null, variant: null, setCookie: null },
    fields,
  );
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${writeFields(fields)}\r\n`;
}

/** A trailer section with its closing blank line. */
export function buildTrailers(headers: readonly string[], trailers: readonly string[]): string {
  const fields: string[] = [];
  forwardTrailers(headers, trailers, fields);
  return `${writeFields(fields)}\r\n`;
}

function writeFields(fields: readonly string[]): string {
  let text = "";
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return text;
}

/** A HEAD or 304 answer declares the length of a body that does not come; an empty body says 0. */
function declaredLength(head: HeadParser, method: string): string {
  const { status, facts } = head;
  if (status === 204) return "";
  if (facts.contentLength >= 0) return `Content-Length: ${facts.contentLength}\r\n`;
  if (facts.chunked === 1 && method === "HEAD") return "Transfer-Encoding: chunked\r\n";
  return "";
}

/** Methods whose requests servers expect to say that their body is empty. */
function expectsBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
