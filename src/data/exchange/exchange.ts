import { targetPath } from "../../core/traffic/head.ts";
import { outcomeOfStatus, type Outcome } from "../../core/traffic/outcome.ts";
import { refusals, type RefusalCode } from "../../core/traffic/refusal.ts";
import { matchRoute } from "../../core/traffic/route.ts";
import { rewritePath } from "../../core/traffic/transform.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import type { BodyReader } from "../http1/body-reader.ts";
import { originForm, type Framing } from "../http1/framing.ts";
import type { HeadParser } from "../http1/head-parser.ts";
import type { RouteEntry, CompiledRouting } from "../routing.ts";
import type { Deadline } from "../timer-wheel.ts";
import type {
  UpstreamConnection,
  UpstreamFailure,
  UpstreamUser,
} from "../upstream/upstream-connection.ts";
import type { UpstreamEndpoint } from "../upstream/upstream.ts";
import type { WireSocket } from "../wire-socket.ts";
import { tunnelsMax } from "./tunnel.ts";
import { countRefusal, recordExchange } from "./account.ts";
import { ResponseRelay } from "./response-relay.ts";
import { codeOfFailure, maySendAgain } from "./retry.ts";
import { problemAnswer } from "./answer.ts";
import { asksForTunnel, startUpgrade, type HandshakeResult } from "./upgrade.ts";
import { chooseArm, controlArm, type Choice } from "./choice.ts";
import { Intake } from "./intake.ts";
import {
  buildInterimHead,
  buildRequestHead,
  buildResponseHead,
  buildTrailers,
  responseMode,
} from "./heads.ts";

/**
 * One request from its head to the end of its response: finds the route, the user and the arm, gets a
 * connection, relays both bodies with back-pressure, watches the waits, retries where that is safe, and
 * ends in exactly one outcome.
 */
export class Exchange implements UpstreamUser {
  nextInFlight: Exchange | null = null;
  previousInFlight: Exchange | null = null;
  readonly startedMs: number;
  /** The request's last byte was read from the client. */
  requestRead: boolean;
  /** Request body bytes can be taken now. */
  takesBody = false;

  readonly #client: ClientConnection;
  readonly #routing: CompiledRouting;
  readonly #deadline: Deadline;
  readonly #intake: Intake;
  #route: RouteEntry | null = null;
  #choice: Choice | null = null;
  #endpoint: UpstreamEndpoint | null = null;
  /** The endpoint that failed the last attempt. */
  #avoid: UpstreamEndpoint | null = null;
  #upstream: UpstreamConnection | null = null;
  #requestText = "";
  #requestHeadText = "";
  #requestId = "";
  #sentMs = -1;
  #retries = 0;
  #reusedConnection = false;
  readonly #response: ResponseRelay;
  #status = 0;
  #close = false;
  #firstByteMs = -1;
  #bytesOutBefore: number;
  #totalAtMs = Infinity;
  #code: RefusalCode | null = null;
  #over = false;

  constructor(client: ClientConnection, framing: Framing, deadline: Deadline) {
    const { context, parser } = client;
    this.#client = client;
    this.#routing = context.routing;
    this.#deadline = deadline;
    const { method, headers } = parser;
    this.#intake = new Intake({ method, target: originForm(parser.target), headers }, framing);
    this.requestRead = framing.kind === "none";
    this.startedMs = context.nowMs();
    this.#response = new ResponseRelay(client.wire);
    this.#bytesOutBefore = client.wire.bytesWritten;
    this.#close = parser.facts.connectionClose || parser.minorVersion === 0;
  }

  /** The series that the exchange counts for; null before its arm is known. */
  get series() {
    return this.#choice?.arm.series ?? this.#routing.unrouted;
  }

  start(): void {
    const { context, parser } = this.#client;
    const { head, framing } = this.#intake;
    context.counters.requestsRead += 1;
    context.inFlight.add(this);
    const { exchangesMax } = this.#routing.table.config.listen.limits;
    if (context.inFlight.size > exchangesMax) return this.#refuse("overloaded", "");
    if (parser.facts.maxForwards === 0 && head.method === "OPTIONS") return this.#answerOptions();
    const at = matchRoute(this.#routing.matcher, head.method, head.target);
    if (at === -1) return this.#refuse("no_route", `${head.method} ${targetPath(head.target)}`);
    const route = this.#routing.routes[at] as RouteEntry;
    this.#route = route;
    if (framing.kind === "length" && framing.length > route.bodyBytesMax) {
      return this.#refuse("body_too_large", `at most ${route.bodyBytesMax} bytes`);
    }
    this.#choose();
  }

  // ── Choosing ────────────────────────────────────────────────────────────────────────────────

  #choose(): void {
    const { context, peer, parser } = this.#client;
    const { head, json } = this.#intake;
    if (this.#choice === null) {
      const choice = chooseArm(context, this.#route as RouteEntry, { head, peer, body: json });
      if (choice === "needs_body") return this.#readBody();
      this.#choice = choice;
      this.#totalAtMs = this.startedMs + (choice.arm.timeouts.totalMs ?? Infinity);
      context.recorder.startInFlight(choice.arm.series);
    }
    const patched = this.#intake.applyPatch(this.#choice.arm.variant?.body ?? null);
    if (patched === "needs_body") return this.#readBody();
    if (patched === "too_large") {
      return this.#refuse(
        "body_too_large",
        "this variant changes the body, which is larger than may be read",
      );
    }
    if (asksForTunnel(head.method, parser.facts)) this.#openTunnel();
    else this.#connect(false);
  }

  /** Reads the body, because a rule needs it, before anything is sent upstream. */
  #readBody(): void {
    this.#intake.startReading(this.#routing.table.config.listen.limits.bodyReadBytesMax);
    this.takesBody = true;
    if (this.#client.parser.facts.expectContinue) {
      this.#client.wire.writeText("HTTP/1.1 100 Continue\r\n\r\n");
    }
    // Body bytes may be held since an attempt that failed.
    this.#client.proceed();
  }

  /** Looks whether the body that is being read became too large for that; then it streams on unread. */
  checkReading(): void {
    if (!this.#intake.reading || !this.#intake.overflowed || this.requestRead) return;
    this.#intake.giveUpReading();
    this.takesBody = false;
    this.#choose();
  }

  #connect(fresh: boolean): void {
    const { context } = this.#client;
    const choice = this.#choice as Choice;
    const nowMs = context.nowMs();
    const endpoint = choice.arm.upstream.pick(choice.user, nowMs, fresh ? null : this.#avoid);
    if (endpoint === null) return this.#refuseOrMoveToControl();
    if (endpoint !== this.#avoid) this.#requestHeadText = "";
    this.#endpoint = endpoint;
    endpoint.pool.exchangesInFlight += 1;
    if (this.#retries === 0) choice.arm.upstream.budget.countRequest(nowMs);
    context.wheel.set(this.#deadline, this.#totalAtMs);
    const { method } = this.#intake.head;
    if (fresh) endpoint.pool.acquireNew(this, method);
    else endpoint.pool.acquire(this, method);
  }

  #refuseOrMoveToControl(): void {
    if (!this.#mayUseControl()) {
      const { policy } = (this.#choice as Choice).arm.upstream;
      return this.#refuse("upstream_unavailable", policy.name);
    }
    this.#moveToControl();
    // The control may change the body, which then has to be read first.
    this.#choose();
  }

  #mayUseControl(): boolean {
    const { experiment, arm } = this.#choice as Choice;
    if (experiment === -1 || arm.variant?.control === true) return false;
    return this.#route?.experiments[experiment]?.policy.onUnavailable === "control";
  }

  /** The variant has no healthy endpoint: the control answers, and the exchange is not analysed. */
  #moveToControl(): void {
    const choice = this.#choice as Choice;
    const { recorder } = this.#client.context;
    recorder.endInFlight(choice.arm.series);
    choice.arm = controlArm(this.#route as RouteEntry, choice.experiment);
    choice.enrolled = false;
    recorder.startInFlight(choice.arm.series);
  }

  // ── Request ─────────────────────────────────────────────────────────────────────────────────

  onUpstreamReady(connection: UpstreamConnection, reused: boolean): void {
    const { context } = this.#client;
    this.#upstream = connection;
    this.#reusedConnection = reused;
    this.#sentMs = context.nowMs();
    if (this.#requestHeadText === "") this.#buildRequest();
    this.#requestText = this.#requestHeadText;
    const { stored } = this.#intake;
    if (stored !== null) this.#sendRequest(stored, 0, stored.length);
    if (this.requestRead) {
      this.flushRequest();
      this.#requestSent();
      return;
    }
    this.takesBody = true;
    if (this.#client.parser.facts.expectContinue) this.flushRequest();
    context.wheel.set(this.#deadline, this.#totalAtMs);
    this.#client.proceed();
  }

  #buildRequest(): void {
    const { parser, peer } = this.#client;
    const { arm } = this.#choice as Choice;
    const { head, framing } = this.#intake;
    const path = arm.variant?.path ?? null;
    const target = path === null ? head.target : rewritePath(head.target, path);
    const host = parser.facts.host ?? (this.#endpoint as UpstreamEndpoint).endpoint.host;
    const { forward } = peer;
    forward.host = host;
    forward.version = parser.minorVersion === 1 ? "1.1" : "1.0";
    forward.experiment = arm.experiment;
    forward.variant = arm.variant?.key ?? null;
    forward.edits = arm.edits;
    const { basePath } = (this.#endpoint as UpstreamEndpoint).endpoint;
    this.#requestHeadText = buildRequestHead(
      head,
      basePath + target,
      host,
      framing,
      parser.facts.trailersAccepted,
      forward,
    );
    this.#requestId = forward.requestId;
  }

  /** Request content from the client, framing included. */
  relayRequest(bytes: Buffer, start: number, end: number): void {
    if (this.#intake.reading) return this.#intake.addRaw(bytes, start, end);
    this.#sendRequest(bytes, start, end);
    const wire = this.#upstream?.wire;
    if (wire?.backpressured === true) {
      this.takesBody = false;
      this.#client.wire.pause();
      this.#touch((this.#choice as Choice).arm.timeouts.idleMs);
    }
  }

  /** Request content from the client, without framing. */
  countRequest(bytes: Buffer, start: number, end: number): void {
    if (this.#client.body.contentBytes > (this.#route?.bodyBytesMax ?? Infinity)) {
      this.failRequest("body_too_large", `at most ${this.#route?.bodyBytesMax} bytes`);
    } else if (this.#intake.reading) this.#intake.addContent(bytes, start, end);
  }

  #sendRequest(bytes: Buffer, start: number, end: number): void {
    const connection = this.#upstream;
    if (connection === null || this.#over) return;
    const source = bytes === this.#intake.stored ? null : this.#client.wire;
    const text = this.#requestText;
    this.#requestText = "";
    if (text === "") connection.wire.writeBytes(bytes, start, end, source);
    else connection.wire.writeTextAndBytes(text, bytes, start, end, source);
  }

  /** Sends a head that waited for body bytes to share its packet. */
  flushRequest(): void {
    if (this.#requestText === "" || this.#upstream === null) return;
    const text = this.#requestText;
    this.#requestText = "";
    this.#upstream.wire.writeText(text);
  }

  /** The client sent its last byte. */
  endRequest(): void {
    this.requestRead = true;
    if (this.#intake.reading) {
      this.#intake.finishReading();
      this.takesBody = false;
      return this.#choose();
    }
    this.flushRequest();
    const { body, parser } = this.#client;
    if (this.#intake.framing.kind === "chunked" && !body.endRelayed) {
      this.#upstream?.wire.writeText(buildTrailers(parser.headers, body.trailers));
    }
    this.#requestSent();
  }

  #requestSent(): void {
    this.#upstream?.endRequest();
    this.takesBody = false;
    if (!this.#response.begun) this.#touch((this.#choice as Choice).arm.timeouts.firstByteMs);
  }

  onUpstreamDrain(): void {
    if (this.requestRead || this.takesBody) return;
    this.takesBody = true;
    this.#client.context.wheel.set(this.#deadline, this.#totalAtMs);
    this.#client.proceed();
  }

  /** The request broke the rules while its body came, or a bug was met. */
  failRequest(code: RefusalCode, detail: string): void {
    if (this.#over) return;
    this.#close = true;
    this.#dropUpstream();
    if (this.#response.begun)
      return this.#truncate(code === "body_timeout" ? "timeout" : "proxy_error", code);
    this.#refuse(code, detail);
  }

  // ── Upgrade ─────────────────────────────────────────────────────────────────────────────────

  #openTunnel(): void {
    const { context } = this.#client;
    const choice = this.#choice as Choice;
    const { policy } = choice.arm.upstream;
    const endpoint = choice.arm.upstream.pick(choice.user, context.nowMs(), null);
    if (endpoint === null) return this.#refuseOrMoveToControl();
    if (context.tunnels.size >= tunnelsMax) {
      return this.#refuse("overloaded", "too many open tunnels");
    }
    this.#endpoint = endpoint;
    endpoint.pool.exchangesInFlight += 1;
    this.#sentMs = context.nowMs();
    this.#buildRequest();
    const variant = this.#shownVariant();
    const responseFields =
      (variant === null ? "" : `x-sluice-variant: ${variant}\r\n`) +
      (choice.setCookie === null ? "" : `set-cookie: ${choice.setCookie}\r\n`);
    const { wire, held } = this.#client.release();
    const upgrade = {
      wire,
      held,
      requestHead: this.#requestHeadText,
      responseFields,
      target: { endpoint: endpoint.endpoint, tls: policy.tls },
      handshakeMs: choice.arm.timeouts.firstByteMs,
    };
    startUpgrade(context, upgrade, (result) => this.#endHandshake(wire, result));
  }

  /** The handshake is what counts as the exchange; the tunnel may live for hours behind it. */
  #endHandshake(wire: WireSocket, result: HandshakeResult): void {
    const { context } = this.#client;
    if (typeof result === "number") {
      if (result === 101) context.counters.upgrades += 1;
      this.#status = result;
      this.#firstByteMs = context.nowMs();
      return this.#finish(outcomeOfStatus(result));
    }
    if (result === "aborted") return this.#finish("aborted");
    const code = result === "timeout" ? "upstream_timeout_first_byte" : "upstream_upgrade_failed";
    this.#note(code);
    wire.writeText(
      problemAnswer(code, "", { close: true, variant: this.#shownVariant(), withoutBody: false }),
    );
    wire.end();
    this.#finish(result === "timeout" ? "timeout" : "proxy_error");
  }

  // ── Response ────────────────────────────────────────────────────────────────────────────────

  onInterimHead(head: HeadParser): void {
    if (this.#client.parser.minorVersion === 0) return;
    this.#client.wire.writeText(buildInterimHead(head));
    if (this.requestRead) this.#touch((this.#choice as Choice).arm.timeouts.firstByteMs);
  }

  onResponseHead(head: HeadParser, framing: Framing): void {
    const { context, parser } = this.#client;
    const choice = this.#choice as Choice;
    this.#firstByteMs = context.nowMs();
    this.#status = head.status;
    const mode = responseMode(framing, parser.minorVersion);
    this.#close ||= !this.requestRead || context.draining || mode === "content";
    const text = buildResponseHead(head, framing, mode, this.#close, this.#intake.head.method, {
      version: head.minorVersion === 1 ? "1.1" : "1.0",
      requestId: this.#requestId,
      variant: this.#shownVariant(),
      setCookie: choice.setCookie,
    });
    this.#response.begin(text, mode, head.headers);
    this.#touch(choice.arm.timeouts.idleMs);
  }

  relay(bytes: Buffer, start: number, end: number): void {
    const source = this.#upstream?.wire ?? null;
    if (this.#response.relay(bytes, start, end, source)) this.#responseMoved();
  }

  content(bytes: Buffer, start: number, end: number): void {
    const source = this.#upstream?.wire ?? null;
    if (this.#response.content(bytes, start, end, source)) this.#responseMoved();
  }

  #responseMoved(): void {
    if (this.#client.wire.backpressured) this.#upstream?.wire.pause();
    this.#touch((this.#choice as Choice).arm.timeouts.idleMs);
  }

  onResponseRead(): void {
    this.#response.flush();
  }

  onResponseEnd(body: BodyReader): void {
    if (this.#over) return;
    this.#upstream?.wire.resume();
    this.#response.end(body);
    const { upstream } = (this.#choice as Choice).arm;
    const endpoint = this.#endpoint as UpstreamEndpoint;
    if (this.#status === 502 || this.#status === 503 || this.#status === 504) {
      upstream.noteFailure(endpoint, this.#client.context.nowMs());
    } else endpoint.noteSuccess();
    this.#upstream = null;
    const reusable = !this.#close && this.requestRead;
    this.#finish(outcomeOfStatus(this.#status));
    this.#client.endExchange(reusable);
  }

  onClientDrain(): void {
    this.#upstream?.wire.resume();
    if (this.#response.begun && this.#choice !== null)
      this.#touch(this.#choice.arm.timeouts.idleMs);
  }

  // ── Failures ────────────────────────────────────────────────────────────────────────────────

  onUpstreamFailed(failure: UpstreamFailure, detail: string): void {
    if (this.#over) return;
    const connection = this.#upstream;
    const endpoint = this.#endpoint as UpstreamEndpoint;
    const { context } = this.#client;
    const { upstream } = (this.#choice as Choice).arm;
    this.#upstream = null;
    endpoint.pool.exchangesInFlight -= 1;
    this.#endpoint = null;
    const raceLost =
      failure === "reset" && this.#reusedConnection && !(connection?.responseStarted ?? false);
    if (failure !== "pending_limit" && !raceLost) upstream.noteFailure(endpoint, context.nowMs());
    if (this.#response.begun) return this.#truncate("truncated", codeOfFailure(failure));
    if (this.#mayRetry(failure, connection)) {
      if (upstream.budget.take(upstream.policy.retries, context.nowMs())) {
        context.counters.retries += 1;
        this.#retries += 1;
        this.#avoid = endpoint;
        return this.#connect(raceLost);
      }
      context.counters.retriesDenied += 1;
    }
    this.#refuse(codeOfFailure(failure), detail);
  }

  #mayRetry(failure: UpstreamFailure, connection: UpstreamConnection | null): boolean {
    const { attemptsMax } = (this.#choice as Choice).arm.upstream.policy.retries;
    if (this.#retries >= attemptsMax) return false;
    return maySendAgain(failure, connection, this.#intake, this.requestRead);
  }

  /** A wait is over. */
  expire(nowMs: number): void {
    if (this.#over) return;
    const choice = this.#choice;
    const code = this.#expiryCode(nowMs);
    if (this.#response.begun && this.#client.wire.backpressured) {
      this.#dropUpstream();
      this.#finish("aborted");
      return this.#client.truncate(true);
    }
    if (choice !== null && this.#endpoint !== null)
      choice.arm.upstream.noteFailure(this.#endpoint, nowMs);
    this.#dropUpstream();
    if (this.#response.begun) this.#truncate("timeout", code);
    else this.#refuse(code, "");
  }

  #expiryCode(nowMs: number): RefusalCode {
    if (nowMs >= this.#totalAtMs) return "upstream_timeout_total";
    return this.#response.begun || !this.requestRead
      ? "upstream_timeout_idle"
      : "upstream_timeout_first_byte";
  }

  /** The client is gone; nobody waits for the answer. */
  clientGone(): void {
    if (this.#over) return;
    this.#dropUpstream();
    this.#finish("aborted");
  }

  /** Sluice stops and waits no longer. */
  cut(): void {
    if (this.#over) return;
    this.#dropUpstream();
    this.#note("draining");
    this.#finish(this.#response.begun ? "truncated" : "proxy_error");
  }

  #dropUpstream(): void {
    const connection = this.#upstream;
    if (connection === null) this.#endpoint?.pool.cancel(this);
    else connection.abort();
    this.#upstream = null;
  }

  #touch(waitMs: number): void {
    const { context } = this.#client;
    context.wheel.set(this.#deadline, Math.min(context.nowMs() + waitMs, this.#totalAtMs));
  }

  #truncate(outcome: Outcome, code: RefusalCode): void {
    this.#note(code);
    this.#finish(outcome);
    this.#client.truncate(this.#response.mode === "content");
  }

  /** Answers with a problem document. */
  #refuse(code: RefusalCode, detail: string): void {
    if (this.#over) return;
    const { context, wire } = this.#client;
    this.#dropUpstream();
    this.#note(code);
    const close = this.#close || !this.requestRead || context.draining;
    const withoutBody = this.#intake.head.method === "HEAD";
    wire.writeText(
      problemAnswer(code, detail, { close, variant: this.#shownVariant(), withoutBody }),
    );
    const timedOut = code.startsWith("upstream_timeout") || code === "body_timeout";
    this.#finish(timedOut ? "timeout" : "proxy_error");
    this.#client.endExchange(!close);
  }

  #note(code: RefusalCode): void {
    countRefusal(this.#client.context, code);
    this.#code = code;
    if (!this.#response.begun) this.#status = refusals[code].status;
  }

  #shownVariant(): string | null {
    const { variantHeader } = this.#routing.table.config.listen;
    return variantHeader ? (this.#choice?.arm.variant?.key ?? null) : null;
  }

  /** OPTIONS that is to go no further: Sluice is its recipient (RFC 9110 §7.6.2). */
  #answerOptions(): void {
    this.#status = 200;
    const close = this.#close || !this.requestRead;
    this.#client.wire.writeText(
      `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${close ? "Connection: close\r\n" : ""}\r\n`,
    );
    this.#finish("success");
    this.#client.endExchange(!close);
  }

  /** Counts the exchange; everything that ends one comes through here once. */
  #finish(outcome: Outcome): void {
    this.#over = true;
    const { context, body, wire } = this.#client;
    context.inFlight.remove(this);
    context.wheel.set(this.#deadline, Infinity);
    if (this.#endpoint !== null) this.#endpoint.pool.exchangesInFlight -= 1;
    if (this.#choice !== null) context.recorder.endInFlight(this.#choice.arm.series);
    recordExchange(context, {
      head: this.#intake.head,
      choice: this.#choice,
      route: this.#route === null ? null : this.#route.policy.match,
      outcome,
      status: this.#status,
      startedMs: this.startedMs,
      sentMs: this.#sentMs,
      firstByteMs: this.#firstByteMs,
      bytesIn: body.contentBytes,
      bytesOut: wire.bytesWritten - this.#bytesOutBefore,
      retries: this.#retries,
      requestId: this.#requestId,
      code: this.#code,
    });
  }
}
