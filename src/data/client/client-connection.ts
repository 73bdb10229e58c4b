import type { RefusalCode } from "../../core/traffic/refusal.ts";
import { targetPath } from "../../core/traffic/head.ts";
import { Exchange } from "../exchange/exchange.ts";
import { problemAnswer } from "../exchange/answer.ts";
import { recordRefusal } from "../exchange/account.ts";
import { BodyReader, bodyRefused, type BodySink } from "../http1/body-reader.ts";
import { requestFault, requestFraming, type RequestFault } from "../http1/framing.ts";
import { HeadParser, headIncomplete, headRefused, type HeadFault } from "../http1/head-parser.ts";
import type { Deadline } from "../timer-wheel.ts";
import type { WireSocket, SocketOwner } from "../wire-socket.ts";
import type { WorkerContext } from "../worker-context.ts";
import { createPeer, refreshPeer, type Peer } from "./peer.ts";

/** After a refused message what the client still sends is thrown away for so long and so much, then cut. */
const lingerMs = 2_000;
const lingerBytesMax = 1024 * 1024;
/** When Sluice stops, a connection whose first request is on its way may still bring it so long. */
const drainGraceMs = 500;

/** One client connection: reads requests one after the other and carries one exchange at a time. */
export class ClientConnection implements SocketOwner, BodySink {
  readonly context: WorkerContext;
  readonly peer: Peer;
  readonly parser: HeadParser;
  readonly body: BodyReader;
  /** Set once, right after construction, by whoever wraps the socket. */
  wire!: WireSocket;
  readonly #deadline: Deadline;
  readonly #exchangeDeadline: Deadline;
  #exchange: Exchange | null = null;
  /** Bytes read but not taken yet: the body of a request whose upstream is not ready, or a pipelined request. */
  #held: Buffer | null = null;
  #consuming = false;
  #closing = false;
  #lingerBytes = 0;
  #bodyBytesSeen = 0;
  #gone = false;
  /** A request came on it. */
  #served = false;
  readonly #onGone: (connection: ClientConnection) => void;

  constructor(
    context: WorkerContext,
    peer: { ip: string; secure: boolean; localPort: number },
    onGone: (connection: ClientConnection) => void,
  ) {
    const { limits } = context.routing.table.config.listen;
    const headLimits = { bytesMax: limits.headBytesMax, headersMax: limits.headersMax };
    this.context = context;
    this.peer = createPeer(peer, context.routing, context.random);
    this.parser = new HeadParser("request", headLimits);
    this.body = new BodyReader(headLimits);
    this.#onGone = onGone;
    this.#deadline = context.wheel.create((nowMs) => this.#expire(nowMs));
    this.#exchangeDeadline = context.wheel.create((nowMs) => this.#exchange?.expire(nowMs));
    // A client that connects and says nothing is as slow as one that sends half a head.
    context.wheel.set(this.#deadline, context.nowMs() + limits.headTimeoutMs);
  }

  get idle(): boolean {
    return this.#exchange === null && !this.parser.started;
  }

  onBytes(bytes: Buffer, length: number): void {
    this.context.readClock();
    if (this.#closing) return this.#discard(length);
    if (this.#held !== null) {
      this.#held = Buffer.concat([this.#held, bytes.subarray(0, length)]);
      return;
    }
    this.#consume(bytes, 0, length);
  }

  #consume(bytes: Buffer, start: number, end: number): void {
    let at = start;
    this.#consuming = true;
    try {
      while (at < end && !this.#closing) {
        const exchange = this.#exchange;
        if (exchange === null) {
          if (this.wire.backpressured) break;
          at = this.#readHead(bytes, at, end);
        } else if (!exchange.requestRead && exchange.takesBody) {
          at = this.#readBody(exchange, bytes, at, end);
        } else break;
      }
      this.#exchange?.flushRequest();
    } catch (fault) {
      this.#failOnFault(fault);
    } finally {
      this.#consuming = false;
    }
    if (at < end && !this.#closing) this.#hold(bytes, at, end);
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    const { context, parser } = this;
    if (!parser.started && !context.draining) {
      const { headTimeoutMs } = context.routing.table.config.listen.limits;
      context.wheel.set(this.#deadline, context.nowMs() + headTimeoutMs);
    }
    const next = parser.feed(bytes, at, end);
    if (next === headIncomplete) return end;
    if (next === headRefused) {
      this.refuseRequest(refusalOfFault(parser.fault as HeadFault), "");
      return end;
    }
    const fault = requestFault(parser);
    if (fault !== null) {
      this.refuseRequest(refusalOfFault(fault), "");
      return end;
    }
    const framing = requestFraming(parser.facts);
    this.body.start(framing);
    this.#bodyBytesSeen = 0;
    context.wheel.set(this.#deadline, Infinity);
    refreshPeer(this.peer, context.routing);
    this.#served = true;
    const exchange = new Exchange(this, framing, this.#exchangeDeadline);
    this.#exchange = exchange;
    exchange.start();
    if (this.#exchange === exchange && !this.body.done) this.#watchBody();
    return next;
  }

  #readBody(exchange: Exchange, bytes: Buffer, at: number, end: number): number {
    const next = this.body.feed(bytes, at, end, this);
    if (next === bodyRefused) {
      exchange.failRequest("bad_framing", "the request body is not valid chunked framing");
      return end;
    }
    if (this.#exchange !== exchange) return end;
    if (this.body.done) {
      this.context.wheel.set(this.#deadline, Infinity);
      exchange.endRequest();
    } else exchange.checkReading();
    return next;
  }

  relay(bytes: Buffer, start: number, end: number): void {
    this.#exchange?.relayRequest(bytes, start, end);
  }

  content(bytes: Buffer, start: number, end: number): void {
    this.#exchange?.countRequest(bytes, start, end);
  }

  /** Keeps bytes that cannot be taken now and stops reading until they are. */
  #hold(bytes: Buffer, at: number, end: number): void {
    this.#held = Buffer.from(bytes.subarray(at, end));
    this.wire.pause();
  }

  /** Goes on with what was held back; called when the upstream is ready, drained, or the exchange is over. */
  proceed(): void {
    if (this.#consuming || this.#closing || this.#gone) return;
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.#consume(held, 0, held.length);
      if (this.#held !== null) return;
    }
    if (this.#exchange?.takesBody !== false || this.#exchange.requestRead) this.wire.resume();
  }

  /** The exchange is over and its response sent; `reusable` says that another request may follow. */
  endExchange(reusable: boolean): void {
    this.#exchange = null;
    this.context.wheel.set(this.#exchangeDeadline, Infinity);
    if (!reusable || this.context.draining) return this.closeSoon();
    this.parser.reset();
    const { keepAliveMs } = this.context.routing.table.config.listen.limits;
    this.context.wheel.set(this.#deadline, this.context.nowMs() + keepAliveMs);
    this.proceed();
  }

  /** Ends the connection so that the client sees its response broken off. */
  truncate(closeDelimited: boolean): void {
    this.#exchange = null;
    this.#closing = true;
    if (closeDelimited) this.wire.reset();
    else this.wire.destroy();
  }

  /** Sends what is queued, then closes; what the client still sends is thrown away within bounds. */
  closeSoon(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#held = null;
    this.context.wheel.set(this.#deadline, this.context.nowMs() + lingerMs);
    this.wire.end();
    this.wire.resume();
  }

  /** Closes now if it is idle; after its exchange, or the one that is about to come, otherwise. */
  drain(): void {
    if (this.#exchange !== null || this.#closing) return;
    if (this.#served && !this.parser.started) return this.closeSoon();
    this.context.wheel.set(this.#deadline, this.context.nowMs() + drainGraceMs);
  }

  /** Cuts the connection; true when an exchange was lost with it. */
  abort(): boolean {
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.cut();
    this.wire.destroy();
    return exchange !== null;
  }

  /** Hands the socket over to a tunnel: from here on the connection is its business. */
  release(): { wire: WireSocket; held: Buffer | null } {
    const held = this.#held;
    this.#held = null;
    this.#closing = true;
    this.#exchange = null;
    this.context.wheel.remove(this.#deadline);
    this.context.wheel.remove(this.#exchangeDeadline);
    this.#gone = true;
    this.#onGone(this);
    return { wire: this.wire, held };
  }

  /** Answers a request that never became an exchange, and closes. */
  refuseRequest(code: RefusalCode, detail: string): void {
    const { context, parser } = this;
    context.counters.requestsRead += 1;
    recordRefusal(
      context,
      code,
      parser.method === "" ? "_OTHER" : parser.method,
      targetPath(parser.target),
    );
    this.wire.writeText(
      problemAnswer(code, detail, { close: true, variant: null, withoutBody: false }),
    );
    this.closeSoon();
  }

  onEnd(): void {
    this.context.readClock();
    if (this.#closing) return this.wire.destroy();
    if (this.#exchange !== null) this.#exchange.clientGone();
    this.#closing = true;
    this.wire.destroy();
  }

  onDrain(): void {
    this.context.readClock();
    if (this.#exchange === null) this.proceed();
    else this.#exchange.onClientDrain();
  }

  onClosed(): void {
    this.context.readClock();
    if (this.#gone) return;
    this.#gone = true;
    this.#closing = true;
    this.#exchange?.clientGone();
    this.#exchange = null;
    this.context.wheel.remove(this.#deadline);
    this.context.wheel.remove(this.#exchangeDeadline);
    this.#onGone(this);
  }

  #discard(length: number): void {
    this.#lingerBytes += length;
    if (this.#lingerBytes > lingerBytesMax) this.wire.destroy();
  }

  #watchBody(): void {
    const { bodyProgressMs } = this.context.routing.table.config.listen.limits;
    this.#bodyBytesSeen = this.body.contentBytes;
    this.context.wheel.set(this.#deadline, this.context.nowMs() + bodyProgressMs);
  }

  #expire(_nowMs: number): void {
    const exchange = this.#exchange;
    if (exchange !== null && !exchange.requestRead) {
      const { bodyProgressBytesMin } = this.context.routing.table.config.listen.limits;
      const progressed = this.body.contentBytes - this.#bodyBytesSeen >= bodyProgressBytesMin;
      if (this.wire.paused || progressed) this.#watchBody();
      else exchange.failRequest("body_timeout", "the request body made too little progress");
      return;
    }
    if (exchange !== null) return;
    if (this.parser.started && !this.#closing) this.refuseRequest("head_timeout", "");
    else this.wire.destroy();
  }

  #failOnFault(fault: unknown): void {
    const { context } = this;
    context.counters.faults += 1;
    context.log("error", "a request hit a bug in Sluice and was answered 502", {
      fault: String((fault as Error)?.stack ?? fault),
    });
    if (this.#exchange !== null) this.#exchange.failRequest("internal", "");
    else this.wire.destroy();
  }
}

function refusalOfFault(fault: HeadFault | RequestFault): RefusalCode {
  switch (fault) {
    case "unsupported_expectation":
      return "bad_expectation";
    case "bad_status_line":
      return "internal";
    default:
      return fault;
  }
}
