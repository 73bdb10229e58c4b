import {
  writeRequestFields,
  writeResponseFields,
  writeTrailerFields,
  type RequestForward,
  type ResponseForward,
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

/** The head that goes upstream; `forward` knows the request's id afterwards. */
export function buildRequestHead(
  head: RequestHead,
  target: string,
  host: string,
  framing: Framing,
  trailersAccepted: boolean,
  forward: RequestForward,
): string {
  let text = `${head.method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  text += writeRequestFields(head, forward);
  if (framing.kind === "length") text += `Content-Length: ${framing.length}\r\n`;
  else if (framing.kind === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (expectsBody(head.method)) text += "Content-Length: 0\r\n";
  if (trailersAccepted) text += "TE: trailers\r\nConnection: TE\r\n";
  return `${text}\r\n`;
}

/** The head that goes to the client. */
export function buildResponseHead(
  head: HeadParser,
  framing: Framing,
  mode: ResponseMode,
  close: boolean,
  method: string,
  forward: ResponseForward,
): string {
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  text += writeResponseFields(head.headers, forward);
  if (framing.kind === "length") text += `Content-Length: ${framing.length}\r\n`;
  else if (mode === "encode" || (mode === "raw" && framing.kind === "chunked")) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (mode === "none") text += declaredLength(head, method);
  if (close) text += "Connection: close\r\n";
  return `${text}\r\n`;
}

/** A 1xx head for the client. */
export function buildInterimHead(head: HeadParser): string {
  const fields = writeResponseFields(head.headers, {
    version: head.minorVersion === 1 ? "1.1" : "1.0",
    requestId: null,
    variant: null,
    setCookie: null,
  });
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${fields}\r\n`;
}

/** A trailer section with its closing blank line. */
export function buildTrailers(headers: readonly string[], trailers: readonly string[]): string {
  return `${writeTrailerFields(headers, trailers)}\r\n`;
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
