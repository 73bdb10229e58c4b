import tls from "node:tls";
import type { Endpoint, UpstreamTls } from "../../core/traffic/policy.ts";
import { BodyReader, bodyRefused, type BodySink } from "../http1/body-reader.ts";
import { responseFault, responseFraming, type Framing } from "../http1/framing.ts";
import { HeadParser, headIncomplete, headRefused, type HeadLimits } from "../http1/head-parser.ts";
import { WireSocket, type SocketOwner } from "../wire-socket.ts";

/** Why an exchange lost its upstream. */
export type UpstreamFailure =
  /** No connection came about; nothing was sent. */
  | "connect_failed"
  | "connect_timeout"
  /** Every place to wait for a connection is taken, or the wait took too long; nothing was sent. */
  | "pending_limit"
  /** The connection ended before the response did. */
  | "reset"
  /** Bytes that are no HTTP/1.1 response, or one that two readers could take differently. */
  | "bad_response";

/** What an exchange hears from its upstream side. */
export type UpstreamUser = BodySink & {
  /** The connection to send on; `reused` when it has served before. */
  onUpstreamReady(connection: UpstreamConnection, reused: boolean): void;
  onUpstreamFailed(failure: UpstreamFailure, detail: string): void;
  onInterimHead(head: HeadParser): void;
  onResponseHead(head: HeadParser, framing: Framing): void;
  /** All bytes of this read were handed over: what is held back for one write can go. */
  onResponseRead(): void;
  onResponseEnd(body: BodyReader): void;
  /** The upstream takes request bytes again. */
  onUpstreamDrain(): void;
};

/** What a connection tells the pool that owns it. */
export type ConnectionOwner = {
  /** An event came in. */
  readClock(): void;
  onOpened(connection: UpstreamConnection): void;
  onIdle(connection: UpstreamConnection): void;
  onGone(connection: UpstreamConnection, opened: boolean, error: Error | null): void;
};

const readBufferBytes = 64 * 1024;

/** One connection to an endpoint; it carries one exchange at a time. */
export class UpstreamConnection implements SocketOwner {
  readonly wire: WireSocket;
  readonly body: BodyReader;
  user: UpstreamUser | null = null;
  opened = false;
  /** Exchanges begun on it. */
  served = 0;
  /** Monotonic milliseconds at which the idle connection is to be closed. */
  idleUntilMs = 0;
  /** Seconds that the server keeps it, by its own word; -1 unknown. */
  keepAliveSeconds = -1;
  readonly #parser: HeadParser;
  readonly #owner: ConnectionOwner;
  #method = "";
  #inBody = false;
  #keepAlive = true;
  #responseStarted = false;
  #requestDone = false;
  #gone = false;

  constructor(
    endpoint: Endpoint,
    security: UpstreamTls,
    limits: HeadLimits,
    owner: ConnectionOwner,
  ) {
    this.#owner = owner;
    this.#parser = new HeadParser("response", limits);
    this.body = new BodyReader(limits);
    const opened = () => {
      this.opened = true;
      this.#owner.readClock();
      this.#owner.onOpened(this);
    };
    if (endpoint.tls) {
      const servername = security.serverName ?? endpoint.host;
      const socket = tls.connect({
        host: endpoint.host,
        port: endpoint.port,
        ALPNProtocols: ["http/1.1"],
        rejectUnauthorized: security.verify,
        ...(/^[0-9.]+$|:/.test(servername) ? {} : { servername }),
        ...(security.ca === null ? {} : { ca: security.ca }),
        ...(security.cert === null ? {} : { cert: security.cert }),
        ...(security.key === null ? {} : { key: security.key }),
      });
      socket.setNoDelay(true);
      socket.once("secureConnect", opened);
      this.wire = WireSocket.wrapTls(socket, this);
    } else {
      const { host, port } = endpoint;
      this.wire = WireSocket.connect({ host, port }, this, readBufferBytes, opened);
    }
  }

  /** True when it can take another exchange. */
  get usable(): boolean {
    return this.opened && !this.#gone && !this.wire.closed && this.user === null;
  }

  /** Any response byte has come for the current exchange. */
  get responseStarted(): boolean {
    return this.#responseStarted;
  }

  /** Begins an exchange; `method` decides how its response is framed. */
  begin(user: UpstreamUser, method: string): void {
    this.user = user;
    this.#method = method;
    this.#inBody = false;
    this.#keepAlive = true;
    this.#responseStarted = false;
    this.#requestDone = false;
    this.served += 1;
    this.#parser.reset();
  }

  /** The whole request was written. */
  endRequest(): void {
    this.#requestDone = true;
  }

  /** Ends the current exchange and the connection with it. */
  abort(): void {
    this.user = null;
    this.wire.destroy();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#owner.readClock();
    // Bytes that nobody asked for could answer the next exchange: response-queue poisoning.
    if (this.user === null) return this.wire.destroy();
    this.#responseStarted = true;
    const end = this.#read(bytes, length);
    if (end === -1) return;
    this.user?.onResponseRead();
    if (this.#inBody && this.body.done) this.#finish(end === length);
  }

  /** Returns the position up to which bytes were used, or -1 when the exchange is over already. */
  #read(bytes: Buffer, length: number): number {
    let at = 0;
    while (!this.#inBody) {
      const next = this.#parser.feed(bytes, at, length);
      if (next === headIncomplete) return length;
      if (next === headRefused) return this.#fail("bad_response", this.#parser.fault ?? "");
      at = next;
      const fault = responseFault(this.#parser);
      if (fault !== null) return this.#fail("bad_response", fault);
      if (this.#parser.status < 200) {
        this.user?.onInterimHead(this.#parser);
        if (this.user === null) return -1;
        this.#parser.reset();
        continue;
      }
      const framing = responseFraming(this.#parser, this.#method);
      const { facts, minorVersion } = this.#parser;
      this.keepAliveSeconds = facts.keepAliveSeconds;
      this.#keepAlive =
        framing.kind !== "until_close" &&
        !facts.connectionClose &&
        (minorVersion === 1 || facts.connectionKeepAlive);
      this.#inBody = true;
      this.body.start(framing);
      this.user?.onResponseHead(this.#parser, framing);
      if (this.user === null) return -1;
    }
    if (this.body.done) return at;
    const next = this.body.feed(bytes, at, length, this.user as UpstreamUser);
    if (this.user === null) return -1;
    return next === bodyRefused ? this.#fail("bad_response", "bad_framing") : next;
  }

  #fail(failure: UpstreamFailure, detail: string): -1 {
    const user = this.user;
    this.user = null;
    this.wire.destroy();
    user?.onUpstreamFailed(failure, detail);
    return -1;
  }

  #finish(clean: boolean): void {
    const user = this.user;
    this.user = null;
    const reusable =
      clean && this.#keepAlive && this.#requestDone && !this.#gone && !this.wire.closed;
    if (!reusable) this.wire.destroy();
    else this.#owner.onIdle(this);
    user?.onResponseEnd(this.body);
  }

  onEnd(): void {
    this.#owner.readClock();
    if (this.user !== null && this.#inBody && this.body.endsWithConnection) {
      this.body.done = true;
      this.#finish(false);
      return;
    }
    if (this.user !== null) this.#fail("reset", "the upstream closed the connection");
    else this.wire.destroy();
  }

  onDrain(): void {
    this.#owner.readClock();
    this.user?.onUpstreamDrain();
  }

  onClosed(error: Error | null): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#owner.readClock();
    this.#owner.onGone(this, this.opened, error);
    if (this.user !== null) this.#fail("reset", reasonOf(error));
  }
}

/** Why a connection ended, fit for a client's eyes: never an address. */
export function reasonOf(error: Error | null): string {
  if (error === null) return "the upstream closed the connection";
  const { code } = error as NodeJS.ErrnoException;
  return code ?? "the connection failed";
}
