import type { RequestForward } from "../../../src/core/traffic/forward.ts";
import { BodyReader, bodyRefused } from "../../../src/data/http1/body-reader.ts";
import {
  originForm,
  requestFault,
  requestFraming,
  responseFault,
  responseFraming,
} from "../../../src/data/http1/framing.ts";
import { HeadParser, headIncomplete, headRefused } from "../../../src/data/http1/head-parser.ts";
import {
  buildInterimHead,
  buildRequestHead,
  buildTrailers,
  responseMode,
} from "../../../src/data/exchange/heads.ts";
import { ResponseRelay } from "../../../src/data/exchange/response-relay.ts";
import type { WireSocket } from "../../../src/data/wire-socket.ts";

/** One message as Sluice read it, and the bytes that it sends on for it. */
export type Reading = {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly content: string;
  readonly forwarded: string;
  readonly whole: boolean;
  /** Nothing behind it on its connection is read. */
  readonly closes: boolean;
};

/** `refused`: the bytes were not taken; `waiting`: more would have been needed. */
export type Stream = {
  readonly messages: Reading[];
  readonly end: "clean" | "refused" | "waiting";
};

const limits = { bytesMax: 64 * 1024, headersMax: 128 };

function forwardContext(): RequestForward {
  return {
    peerIp: "127.0.0.1",
    secure: false,
    localPort: 80,
    random: { hex32: () => "0".repeat(31) + "1" },
    peerTrusted: false,
    host: "a.test",
    version: "1.1",
    experiment: null,
    variant: null,
    edits: null,
    prefix: "",
    traceparent: "",
    startedTraceId: "",
    receivedTraceparent: null,
    requestId: "",
    memo: { host: "", version: "", text: "" },
  };
}

/** Reads a client's bytes with the parts that a client connection uses, in its order. */
export function readRequests(packets: readonly Buffer[]): Stream {
  const parser = new HeadParser("request", limits);
  const body = new BodyReader(limits);
  const messages: Reading[] = [];
  let current: (Omit<Reading, "status" | "whole"> & { content: string; forwarded: string }) | null =
    null;
  const finish = (whole: boolean) => {
    if (current !== null) messages.push({ ...current, status: 0, whole });
    current = null;
    parser.reset();
  };
  const sink = {
    relay(bytes: Buffer, start: number, end: number) {
      if (current !== null) current.forwarded += bytes.toString("latin1", start, end);
    },
    content(bytes: Buffer, start: number, end: number) {
      if (current !== null) current.content += bytes.toString("latin1", start, end);
    },
  };
  for (const packet of packets) {
    let at = 0;
    while (at < packet.length) {
      if (current === null) {
        const next = parser.feed(packet, at, packet.length);
        if (next === headIncomplete) break;
        if (next === headRefused || requestFault(parser) !== null)
          return { messages, end: "refused" };
        at = next;
        const framing = requestFraming(parser.facts);
        body.start(framing);
        const { method, headers, facts } = parser;
        const target = originForm(parser.target);
        const host = facts.host ?? "a.test";
        const forwarded = buildRequestHead(
          { method, target, headers },
          target,
          host,
          framing,
          facts.trailersAccepted,
          forwardContext(),
        );
        const closes = facts.connectionClose || parser.minorVersion === 0;
        current = { method, target, content: "", forwarded, closes };
      } else {
        const next = body.feed(packet, at, packet.length, sink);
        if (next === bodyRefused) {
          finish(false);
          return { messages, end: "refused" };
        }
        at = next;
      }
      if (current !== null && body.done) {
        if (body.chunked && !body.endRelayed)
          current.forwarded += buildTrailers(parser.headers, body.trailers);
        finish(true);
      }
    }
  }
  if (current === null) return { messages, end: parser.started ? "waiting" : "clean" };
  finish(false);
  return { messages, end: "waiting" };
}

/** A wire that only keeps what is written. */
function collectingWire(write: (text: string) => void): WireSocket {
  return {
    writeText: write,
    writeBytes: (bytes: Buffer, start: number, end: number) =>
      write(bytes.toString("latin1", start, end)),
    writeTextAndBytes: (text: string, bytes: Buffer, start: number, end: number) =>
      write(text + bytes.toString("latin1", start, end)),
  } as unknown as WireSocket;
}

/** Reads an upstream's answer to a GET with the parts that an exchange uses; the connection ends behind it. */
export function readResponse(
  packets: readonly Buffer[],
): Reading & { readonly end: Stream["end"] } {
  const parser = new HeadParser("response", limits);
  const body = new BodyReader(limits);
  let forwarded = "";
  let content = "";
  let inBody = false;
  const relay = new ResponseRelay(collectingWire((text) => (forwarded += text)));
  const result = (end: Stream["end"], whole: boolean) => ({
    method: "GET",
    target: "/",
    status: inBody ? parser.status : 0,
    content,
    forwarded,
    whole,
    closes: false,
    end,
  });
  const sink = {
    relay: (bytes: Buffer, start: number, end: number) => void relay.relay(bytes, start, end, null),
    content(bytes: Buffer, start: number, end: number) {
      content += bytes.toString("latin1", start, end);
      relay.content(bytes, start, end, null);
    },
  };
  for (const packet of packets) {
    let at = 0;
    while (at < packet.length && !(inBody && body.done)) {
      if (inBody) {
        const next = body.feed(packet, at, packet.length, sink);
        if (next === bodyRefused) return result("refused", false);
        at = next;
        continue;
      }
      const next = parser.feed(packet, at, packet.length);
      if (next === headIncomplete) break;
      if (next === headRefused || responseFault(parser) !== null) return result("refused", false);
      at = next;
      if (parser.status < 200) {
        forwarded += buildInterimHead(parser);
        parser.reset();
        continue;
      }
      const framing = responseFraming(parser, "GET");
      const mode = responseMode(framing, 1);
      body.start(framing);
      inBody = true;
      const shown = { method: "GET", close: false, requestId: "1", variant: null, setCookie: null };
      relay.begin(parser, framing, mode, shown);
    }
    relay.flush();
  }
  if (!inBody) return result("waiting", false);
  if (!body.done && !body.endsWithConnection) return result("waiting", false);
  relay.end(body);
  return result("clean", true);
}
