import type { BodyReader } from "../http1/body-reader.ts";
import type { Framing } from "../http1/framing.ts";
import type { HeadParser } from "../http1/head-parser.ts";
import type { WireSocket } from "../wire-socket.ts";
import { buildInterimHead, buildResponseHead, buildTrailers, type ResponseMode } from "./heads.ts";

/** What of the exchange shows in its response's head. */
type ShownToClient = {
  readonly method: string;
  readonly close: boolean;
  readonly requestId: string;
  readonly variant: string | null;
  readonly setCookie: string | null;
};

/** Sends one response to the client: its head with the first body bytes behind it, then what follows. */
export class ResponseRelay {
  mode: ResponseMode = "none";
  /** The head was built: from here on the client cannot get another answer. */
  begun = false;
  readonly #wire: WireSocket;
  #headers: readonly string[] = [];
  /** Text that waits for body bytes to share their packet. */
  #text = "";

  constructor(wire: WireSocket) {
    this.#wire = wire;
  }

  /** Sends a 1xx head at once; HTTP/1.0 has none. */
  sendInterim(head: HeadParser, clientMinorVersion: 0 | 1): void {
    if (clientMinorVersion === 1) this.#wire.writeText(buildInterimHead(head));
  }

  /** Makes the head; it leaves with the first body bytes or at `flush`. */
  begin(head: HeadParser, framing: Framing, mode: ResponseMode, shown: ShownToClient): void {
    this.begun = true;
    this.mode = mode;
    this.#headers = head.headers;
    this.#text = buildResponseHead(head, framing, mode, shown.close, shown.method, {
      version: head.minorVersion === 1 ? "1.1" : "1.0",
      requestId: shown.requestId,
      variant: shown.variant,
      setCookie: shown.setCookie,
    });
  }

  /** Body bytes with their framing; true when they were the ones to send. */
  relay(bytes: Buffer, start: number, end: number, source: WireSocket | null): boolean {
    if (this.mode !== "raw") return false;
    this.#send(bytes, start, end, source);
    return true;
  }

  /** Body bytes without framing; true when they were the ones to send. */
  content(bytes: Buffer, start: number, end: number, source: WireSocket | null): boolean {
    if (this.mode === "encode") {
      this.#text += `${(end - start).toString(16)}\r\n`;
      this.#send(bytes, start, end, source);
      this.#wire.writeText("\r\n");
      return true;
    }
    if (this.mode !== "content") return false;
    this.#send(bytes, start, end, source);
    return true;
  }

  #send(bytes: Buffer, start: number, end: number, source: WireSocket | null): void {
    const text = this.#text;
    this.#text = "";
    if (text === "") this.#wire.writeBytes(bytes, start, end, source);
    else this.#wire.writeTextAndBytes(text, bytes, start, end, source);
  }

  /** Sends a head for which no body bytes came along. */
  flush(): void {
    if (this.#text === "") return;
    this.#wire.writeText(this.#text);
    this.#text = "";
  }

  end(body: BodyReader): void {
    if (this.mode === "encode") this.#wire.writeText("0\r\n\r\n");
    else if (this.mode === "raw" && body.chunked && !body.endRelayed) {
      this.#wire.writeText(buildTrailers(this.#headers, body.trailers));
    }
  }
}
