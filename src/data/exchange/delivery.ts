import type { RequestForward } from "../../core/traffic/forward.ts";
import { targetPath } from "../../core/traffic/head.ts";
import { readTraceparent } from "../../core/traffic/trace-context.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import type {
  UpstreamConnection,
  UpstreamFailure,
  UpstreamUser,
} from "../upstream/upstream-connection.ts";
import { decideTrace, type TraceDecision } from "../tracing/exchange-trace.ts";
import type { UpstreamEndpoint } from "../upstream/upstream.ts";
import type { WireSocket } from "../wire-socket.ts";
import type { Choice } from "./choice.ts";
import { buildRequestHead, buildTrailers } from "./heads.ts";
import type { Intake } from "./intake.ts";
import { codeOfFailure, maySendAgain } from "./retry.ts";
import { targetOf } from "./target.ts";

/**
 * A request on its way upstream: the endpoint it goes to, the connection it is sent on, its head as the
 * upstream gets it, and how often it was tried.
 */
export class Delivery {
  readonly intake: Intake;
  endpoint: UpstreamEndpoint | null = null;
  connection: UpstreamConnection | null = null;
  requestId = "";
  /** When the last attempt got its connection, monotonic milliseconds; -1 before. */
  sentMs = -1;
  retries = 0;
  /** Null before it is decided, and where nothing is traced. */
  tracing: TraceDecision | null = null;
  readonly #client: ClientConnection;
  /** The endpoint that failed the last attempt. */
  #avoid: UpstreamEndpoint | null = null;
  #head = "";
  #received: string | null = null;
  /** A head that waits for body bytes to share their packet. */
  #text = "";
  #reusedConnection = false;

  constructor(client: ClientConnection, intake: Intake) {
    this.#client = client;
    this.intake = intake;
  }

  get client(): Pick<ClientConnection, "peer" | "parser"> {
    return this.#client;
  }

  get wire(): WireSocket | null {
    return this.connection === null ? null : this.connection.wire;
  }

  /** Takes a place at an endpoint of the arm's upstream; false when none is available. */
  place(choice: Choice, nowMs: number, fresh: boolean): boolean {
    const { upstream } = choice.arm;
    const endpoint = upstream.pick(choice.user, nowMs, fresh ? null : this.#avoid);
    if (endpoint === null) return false;
    if (endpoint !== this.#avoid) this.#head = "";
    this.endpoint = endpoint;
    endpoint.pool.exchangesInFlight += 1;
    const { origin } = endpoint.endpoint;
    this.decideTrace()?.trace?.beginAttempt(origin, targetPath(this.intake.head.target), nowMs);
    if (this.retries === 0) upstream.budget.countRequest(nowMs);
    return true;
  }

  /** Asks for a connection to the endpoint; the answer comes through `user`. */
  connect(user: UpstreamUser, fresh: boolean): void {
    const { pool } = this.endpoint as UpstreamEndpoint;
    const { method } = this.intake.head;
    if (fresh) pool.acquireNew(user, method);
    else pool.acquire(user, method);
  }

  /** A connection came: sends what is here of the request. */
  begin(connection: UpstreamConnection, reused: boolean, choice: Choice): void {
    this.connection = connection;
    this.#reusedConnection = reused;
    this.sentMs = this.#client.context.nowMs();
    this.#text = this.buildHead(choice);
    const { stored } = this.intake;
    if (stored !== null) this.send(stored, 0, stored.length);
  }

  /** The head that goes to the chosen endpoint; made once an endpoint. */
  buildHead(choice: Choice): string {
    if (this.#head !== "") return this.#head;
    const { parser, peer } = this.#client;
    const { arm } = choice;
    const { head, framing } = this.intake;
    const { endpoint } = this.endpoint as UpstreamEndpoint;
    const host = parser.facts.host ?? endpoint.host;
    const { forward } = peer;
    forward.host = host;
    forward.version = parser.minorVersion === 1 ? "1.1" : "1.0";
    forward.experiment = arm.experiment;
    forward.variant = arm.variant === null ? null : arm.variant.key;
    forward.edits = arm.edits;
    forward.prefix = arm.prefix;
    const target = endpoint.basePath + targetOf(arm, head.target);
    this.#nameTrace(forward, target);
    this.#head = buildRequestHead(
      head,
      target,
      host,
      framing,
      parser.facts.trailersAccepted,
      forward,
    );
    this.requestId = forward.requestId;
    this.#received = forward.receivedTraceparent;
    return this.#head;
  }

  /** Of the trace that keeps this exchange, here or with the caller; null where none does. */
  get traceId(): string | null {
    if (this.tracing !== null) return this.tracing.trace?.traceId ?? null;
    if (this.#received === null) return null;
    const { traceId, sampled } = readTraceparent(this.#received);
    return sampled ? traceId : null;
  }

  /** Says in the head that is about to be made what trace it belongs to. */
  #nameTrace(forward: RequestForward, target: string): void {
    const decided = this.decideTrace();
    if (decided === null) {
      forward.traceparent = "";
      forward.startedTraceId = "";
      return;
    }
    const { trace, traceparent, startedTraceId } = decided;
    forward.startedTraceId = startedTraceId;
    forward.traceparent = trace === null ? traceparent : trace.sendAttempt(targetPath(target));
  }

  /** Whether the exchange is traced; decided once. */
  decideTrace(): TraceDecision | null {
    if (this.tracing !== null) return this.tracing;
    const { routing, random } = this.#client.context;
    const { tracing } = routing.table.config;
    if (tracing === null) return null;
    this.tracing = decideTrace(this.intake.head.headers, tracing, random);
    return this.tracing;
  }

  /** Request content, framing included; the head goes before the first of it. */
  send(bytes: Buffer, start: number, end: number): void {
    const { wire } = this;
    if (wire === null) return;
    const source = bytes === this.intake.stored ? null : this.#client.wire;
    const text = this.#text;
    this.#text = "";
    if (text === "") wire.writeBytes(bytes, start, end, source);
    else wire.writeTextAndBytes(text, bytes, start, end, source);
  }

  /** Sends a head for which no body bytes came along. */
  flush(): void {
    if (this.#text === "" || this.connection === null) return;
    const text = this.#text;
    this.#text = "";
    this.connection.wire.writeText(text);
  }

  /** The request's last byte is here. */
  end(): void {
    this.flush();
    if (this.connection === null) return;
    const { body, parser } = this.#client;
    const isRelayed = this.intake.framing.kind === "chunked";
    if (isRelayed && body.done && !body.endRelayed) {
      this.connection.wire.writeText(buildTrailers(parser.headers, body.trailers));
    }
    this.connection.endRequest();
  }

  /** Ends the connection or the wait for one. */
  drop(user: UpstreamUser): void {
    if (this.connection !== null) this.connection.abort();
    else if (this.endpoint !== null) this.endpoint.pool.cancel(user);
    this.connection = null;
  }

  /** Gives up the place at the endpoint. */
  leave(): void {
    if (this.endpoint === null) return;
    this.endpoint.pool.exchangesInFlight -= 1;
    this.endpoint = null;
  }

  /** The response is here whole: the connection is no longer ours, and the endpoint is judged by it. */
  settle(choice: Choice, status: number): void {
    this.connection = null;
    if (status === 502 || status === 503 || status === 504) this.noteFailure(choice);
    else this.endpoint?.noteSuccess();
  }

  noteFailure(choice: Choice): void {
    if (this.endpoint === null) return;
    choice.arm.upstream.noteFailure(this.endpoint, this.#client.context.nowMs());
  }

  /**
   * An attempt failed: notes it against the endpoint and says whether to try again, on a connection that is
   * new where a reused one was just lost.
   */
  fail(failure: UpstreamFailure, choice: Choice, mayAnswer: boolean): "again" | "fresh" | "over" {
    const { context } = this.#client;
    const { connection, endpoint } = this;
    const { upstream } = choice.arm;
    const nowMs = context.nowMs();
    this.connection = null;
    if (this.tracing !== null && this.tracing.trace !== null) {
      this.tracing.trace.endAttempt(nowMs, codeOfFailure(failure));
      // The next attempt is another span, and its head says so.
      this.#head = "";
    }
    const raceLost =
      failure === "reset" && this.#reusedConnection && connection?.responseStarted !== true;
    if (failure !== "pending_limit" && !raceLost) this.noteFailure(choice);
    this.leave();
    if (!mayAnswer || this.retries >= upstream.policy.retries.attemptsMax) return "over";
    if (!maySendAgain(failure, connection, this.intake, this.#client.body.done)) return "over";
    if (!upstream.budget.take(upstream.policy.retries, nowMs)) {
      context.counters.retriesDenied += 1;
      return "over";
    }
    context.counters.retries += 1;
    this.retries += 1;
    this.#avoid = endpoint;
    return raceLost ? "fresh" : "again";
  }
}
