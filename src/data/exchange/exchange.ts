import { clusterOf, telemetryHash } from "../../core/assignment/hash.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import { targetPath, type RequestHead } from "../../core/traffic/head.ts";
import { outcomeOfStatus, outcomes, type Outcome } from "../../core/traffic/outcome.ts";
import { refusals, refuse, type RefusalCode } from "../../core/traffic/refusal.ts";
import { matchRoute } from "../../core/traffic/route.ts";
import { mergePatch, rewritePath } from "../../core/traffic/transform.ts";
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
import { countRefusal, writeAccess } from "./account.ts";
import { chooseArm, controlArm, type Choice } from "./choice.ts";
import { carriesJson, CollectedBody, dropBodyFields, parseJson } from "./collected-body.ts";
import {
  buildInterimHead,
  buildRequestHead,
  buildResponseHead,
  buildTrailers,
  responseMode,
  type ResponseMode,
} from "./heads.ts";

/** RFC 9110 §9.2.2: what may be sent twice. */
const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

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
  #head: RequestHead;
  #framing: Framing;
  #collected: CollectedBody | null = null;
  /** Body bytes read before the upstream was ready: all of them, or the first of a body too large to read. */
  #stored: Buffer | null = null;
  #bodyUnreadable = false;
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
  #mode: ResponseMode = "none";
  #status = 0;
  #responseHeaders: readonly string[] = [];
  #responseText = "";
  #headSent = false;
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
    this.#framing = framing;
    this.#head = {
      method: parser.method,
      target: originForm(parser.target),
      headers: parser.headers,
    };
    this.requestRead = framing.kind === "none";
    this.startedMs = context.nowMs();
    this.#bytesOutBefore = client.wire.bytesWritten;
    this.#close = parser.facts.connectionClose || parser.minorVersion === 0;
  }

  /** The series that the exchange counts for; null before its arm is known. */
  get series() {
    return this.#choice?.arm.series ?? this.#routing.unrouted;
  }

  start(): void {
    const { context, parser } = this.#client;
    context.counters.requestsRead += 1;
    context.inFlight.add(this);
    const { config } = this.#routing.table;
    if (context.inFlight.size > config.listen.limits.exchangesMax)
      return this.#refuse("overloaded", "");
    if (parser.facts.maxForwards === 0 && this.#head.method === "OPTIONS")
      return this.#answerOptions();
    const at = matchRoute(this.#routing.matcher, this.#head.method, this.#head.target);
    if (at === -1) {
      return this.#refuse("no_route", `${this.#head.method} ${targetPath(this.#head.target)}`);
    }
    const route = this.#routing.routes[at] as RouteEntry;
    this.#route = route;
    if (this.#framing.kind === "length" && this.#framing.length > route.bodyBytesMax) {
      return this.#refuse("body_too_large", `at most ${route.bodyBytesMax} bytes`);
    }
    this.#choose(
      this.#framing.kind !== "none" && carriesJson(this.#head.headers) ? undefined : null,
    );
  }

  // ── Choosing ────────────────────────────────────────────────────────────────────────────────

  /** `body` is undefined while unread; null when there is none that can be read. */
  #choose(body: JsonValue | undefined): void {
    const { context, peer } = this.#client;
    let choice = this.#choice;
    if (choice === null) {
      const found = chooseArm(context, this.#route as RouteEntry, { head: this.#head, peer, body });
      if (found === "needs_body") return this.#collect();
      choice = found;
      this.#choice = choice;
      this.#totalAtMs = this.startedMs + (choice.arm.timeouts.totalMs ?? Infinity);
      context.recorder.startInFlight(choice.arm.series);
    }
    const patch = choice.arm.variant?.body ?? null;
    if (patch !== null && body !== null) {
      if (body === undefined) return this.#collect();
      this.#stored = Buffer.from(JSON.stringify(mergePatch(body, patch)), "utf8");
      this.#framing = { kind: "length", length: this.#stored.length };
    } else if (patch !== null && this.#bodyUnreadable) {
      // Sending the body unchanged would measure something else than the variant.
      return this.#refuse(
        "body_too_large",
        "this variant changes the body, which is larger than may be read",
      );
    }
    if (this.#upgrades()) this.#openTunnel();
    else this.#connect(false);
  }

  /** Reads the body, because a rule needs it, before anything is sent upstream. */
  #collect(): void {
    this.#collected = new CollectedBody(this.#routing.table.config.listen.limits.bodyReadBytesMax);
    this.takesBody = true;
    if (!this.#client.parser.facts.expectContinue) return;
    this.#client.wire.writeText("HTTP/1.1 100 Continue\r\n\r\n");
  }

  /** Looks whether the body that is being read became too large for that; then it streams on unread. */
  checkCollected(): void {
    const collected = this.#collected;
    if (collected === null || !collected.overflowed || this.requestRead) return;
    this.#collected = null;
    this.takesBody = false;
    this.#bodyUnreadable = true;
    this.#stored = this.#framing.kind === "chunked" ? collected.raw() : collected.content();
    this.#head = { ...this.#head, headers: dropBodyFields(this.#head.headers) };
    this.#choose(null);
  }

  #finishCollecting(): void {
    const collected = this.#collected as CollectedBody;
    this.#collected = null;
    this.takesBody = false;
    this.#stored = collected.content();
    this.#framing = { kind: "length", length: this.#stored.length };
    this.#head = { ...this.#head, headers: dropBodyFields(this.#head.headers) };
    this.#bodyUnreadable = collected.overflowed;
    this.#choose(collected.overflowed ? null : parseJson(this.#stored));
  }

  #connect(fresh: boolean): void {
    const { context } = this.#client;
    const choice = this.#choice as Choice;
    const nowMs = context.nowMs();
    const endpoint = this.#pickEndpoint(nowMs, fresh ? null : this.#avoid);
    if (endpoint === null)
      return this.#refuse("upstream_unavailable", choice.arm.upstream.policy.name);
    this.#endpoint = endpoint;
    endpoint.pool.exchangesInFlight += 1;
    if (this.#retries === 0) choice.arm.upstream.budget.countRequest(nowMs);
    context.wheel.set(this.#deadline, this.#totalAtMs);
    if (fresh) endpoint.pool.acquireNew(this, this.#head.method);
    else endpoint.pool.acquire(this, this.#head.method);
  }

  #pickEndpoint(nowMs: number, avoid: UpstreamEndpoint | null): UpstreamEndpoint | null {
    const choice = this.#choice as Choice;
    const endpoint = choice.arm.upstream.pick(choice.user, nowMs, avoid);
    if (endpoint !== null || !this.#mayUseControl()) return endpoint;
    this.#moveToControl();
    return choice.arm.upstream.pick(choice.user, nowMs, null);
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
    if (this.#stored !== null) this.#sendRequest(this.#stored, 0, this.#stored.length);
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
    const head = this.#head;
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
      this.#framing,
      parser.facts.trailersAccepted,
      forward,
    );
    this.#requestId = forward.requestId;
  }

  /** Request content from the client, framing included. */
  relayRequest(bytes: Buffer, start: number, end: number): void {
    if (this.#collected !== null) {
      if (this.#framing.kind === "chunked") this.#collected.addRaw(bytes, start, end);
      return;
    }
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
    if (this.#collected !== null) this.#collected.addContent(bytes, start, end);
    else if (this.#client.body.contentBytes > (this.#route?.bodyBytesMax ?? Infinity)) {
      this.failRequest("body_too_large", `at most ${this.#route?.bodyBytesMax} bytes`);
    }
  }

  #sendRequest(bytes: Buffer, start: number, end: number): void {
    const connection = this.#upstream;
    if (connection === null || this.#over) return;
    const source = bytes === this.#stored ? null : this.#client.wire;
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
    if (this.#collected !== null) return this.#finishCollecting();
    this.flushRequest();
    const { body, parser } = this.#client;
    if (this.#framing.kind === "chunked" && !body.endRelayed) {
      this.#upstream?.wire.writeText(buildTrailers(parser.headers, body.trailers));
    }
    this.#requestSent();
  }

  #requestSent(): void {
    this.#upstream?.endRequest();
    this.takesBody = false;
    if (!this.#headSent) this.#touch((this.#choice as Choice).arm.timeouts.firstByteMs);
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
    if (this.#headSent)
      return this.#truncate(code === "body_timeout" ? "timeout" : "proxy_error", code);
    this.#refuse(code, detail);
  }

  // ── Upgrade ─────────────────────────────────────────────────────────────────────────────────

  /** Only WebSocket is tunnelled; another Upgrade is ignored, as RFC 9110 §7.8 allows. */
  #upgrades(): boolean {
    const { connectionUpgrade, upgrade } = this.#client.parser.facts;
    if (!connectionUpgrade || upgrade?.toLowerCase() !== "websocket") return false;
    return this.#head.method === "GET" && this.#framing.kind === "none";
  }

  #openTunnel(): void {
    const { context } = this.#client;
    const endpoint = this.#pickEndpoint(context.nowMs(), null);
    const choice = this.#choice as Choice;
    const { policy } = choice.arm.upstream;
    if (endpoint === null) return this.#refuse("upstream_unavailable", policy.name);
    if (context.tunnels.size >= tunnelsMax)
      return this.#refuse("overloaded", "too many open tunnels");
    this.#endpoint = endpoint;
    endpoint.pool.exchangesInFlight += 1;
    this.#sentMs = context.nowMs();
    this.#buildRequest();
    const head = `${this.#requestHeadText.slice(0, -2)}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const { variantHeader } = this.#routing.table.config.listen;
    const variant = variantHeader ? (choice.arm.variant?.key ?? null) : null;
    const extraHead =
      (variant === null ? "" : `x-sluice-variant: ${variant}\r\n`) +
      (choice.setCookie === null ? "" : `Set-Cookie: ${choice.setCookie}\r\n`);
    const { wire, held } = this.#client.release();
    const deadline = context.wheel.create(() =>
      this.#endUpgrade(wire, null, "upstream_timeout_first_byte"),
    );
    context.wheel.set(deadline, context.nowMs() + choice.arm.timeouts.firstByteMs);
    context.tunnels.open(
      wire,
      head,
      held,
      { endpoint: endpoint.endpoint, tls: policy.tls },
      extraHead,
      (status) => {
        context.wheel.remove(deadline);
        this.#endUpgrade(wire, status, "upstream_upgrade_failed");
      },
    );
  }

  /** The handshake is what counts as the exchange; the tunnel may live for hours behind it. */
  #endUpgrade(wire: WireSocket, status: number | null, code: RefusalCode): void {
    if (this.#over) return;
    const { context } = this.#client;
    this.#headSent = true;
    if (status === null) {
      const aborted = wire.closed;
      if (!aborted) {
        countRefusal(context, code);
        this.#code = code;
        this.#status = refusals[code].status;
        const { body, contentType } = refuse(code);
        wire.writeText(
          `HTTP/1.1 ${this.#status} ${refusals[code].title}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
        wire.end();
      }
      return this.#finish(
        aborted ? "aborted" : code === "upstream_timeout_first_byte" ? "timeout" : "proxy_error",
      );
    }
    if (status === 101) context.counters.upgrades += 1;
    this.#status = status;
    this.#firstByteMs = context.nowMs();
    this.#finish(outcomeOfStatus(status));
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
    this.#responseHeaders = head.headers;
    this.#mode = responseMode(framing, parser.minorVersion);
    this.#close ||= !this.requestRead || context.draining || this.#mode === "content";
    const { variantHeader } = this.#routing.table.config.listen;
    this.#headSent = true;
    this.#responseText = buildResponseHead(
      head,
      framing,
      this.#mode,
      this.#close,
      this.#head.method,
      {
        version: head.minorVersion === 1 ? "1.1" : "1.0",
        requestId: this.#requestId,
        variant: variantHeader ? (choice.arm.variant?.key ?? null) : null,
        setCookie: choice.setCookie,
      },
    );
    this.#touch(choice.arm.timeouts.idleMs);
  }

  relay(bytes: Buffer, start: number, end: number): void {
    if (this.#mode === "raw") this.#sendResponse(bytes, start, end);
  }

  content(bytes: Buffer, start: number, end: number): void {
    if (this.#mode === "content") this.#sendResponse(bytes, start, end);
    else if (this.#mode === "encode") {
      const { wire } = this.#client;
      this.#responseText += `${(end - start).toString(16)}\r\n`;
      this.#sendResponse(bytes, start, end);
      wire.writeText("\r\n");
    }
  }

  #sendResponse(bytes: Buffer, start: number, end: number): void {
    const { wire } = this.#client;
    const source = this.#upstream?.wire ?? null;
    const text = this.#responseText;
    this.#responseText = "";
    if (text === "") wire.writeBytes(bytes, start, end, source);
    else wire.writeTextAndBytes(text, bytes, start, end, source);
    if (wire.backpressured) this.#upstream?.wire.pause();
    this.#touch((this.#choice as Choice).arm.timeouts.idleMs);
  }

  onResponseRead(): void {
    if (this.#responseText === "") return;
    const text = this.#responseText;
    this.#responseText = "";
    this.#client.wire.writeText(text);
  }

  onResponseEnd(body: BodyReader): void {
    if (this.#over) return;
    this.#upstream?.wire.resume();
    if (this.#mode === "encode") this.#client.wire.writeText("0\r\n\r\n");
    else if (this.#mode === "raw" && body.chunked && !body.endRelayed) {
      this.#client.wire.writeText(buildTrailers(this.#responseHeaders, body.trailers));
    }
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
    if (this.#headSent && this.#choice !== null) this.#touch(this.#choice.arm.timeouts.idleMs);
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
    if (this.#headSent) return this.#truncate("truncated", codeOfFailure(failure));
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

  /** A second attempt is safe when nothing was sent, or the request is idempotent and can be sent again whole. */
  #mayRetry(failure: UpstreamFailure, connection: UpstreamConnection | null): boolean {
    const { attemptsMax } = (this.#choice as Choice).arm.upstream.policy.retries;
    if (this.#retries >= attemptsMax || failure === "pending_limit") return false;
    if (failure === "connect_failed" || failure === "connect_timeout") return true;
    if (failure !== "reset" || connection === null || connection.responseStarted) return false;
    const whole = this.#framing.kind === "none" || (this.#stored !== null && this.requestRead);
    return whole && idempotentMethods.has(this.#head.method);
  }

  /** A wait is over. */
  expire(nowMs: number): void {
    if (this.#over) return;
    const choice = this.#choice;
    const code = this.#expiryCode(nowMs);
    if (this.#headSent && this.#client.wire.backpressured) {
      this.#dropUpstream();
      this.#finish("aborted");
      return this.#client.truncate(true);
    }
    if (choice !== null && this.#endpoint !== null)
      choice.arm.upstream.noteFailure(this.#endpoint, nowMs);
    this.#dropUpstream();
    if (this.#headSent) this.#truncate("timeout", code);
    else this.#refuse(code, "");
  }

  #expiryCode(nowMs: number): RefusalCode {
    if (nowMs >= this.#totalAtMs) return "upstream_timeout_total";
    return this.#headSent || !this.requestRead
      ? "upstream_timeout_idle"
      : "upstream_timeout_first_byte";
  }

  /** The client is gone; nobody waits for the answer. */
  clientGone(): void {
    if (this.#over) return;
    this.#dropUpstream();
    this.#finish("aborted");
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
    countRefusal(this.#client.context, code);
    this.#code = code;
    this.#finish(outcome);
    this.#client.truncate(this.#mode === "content");
  }

  /** Answers with a problem document. */
  #refuse(code: RefusalCode, detail: string): void {
    if (this.#over) return;
    const { context, wire } = this.#client;
    countRefusal(context, code);
    this.#dropUpstream();
    this.#code = code;
    const { status, title } = refusals[code];
    this.#status = status;
    const close = this.#close || !this.requestRead || context.draining;
    const { body, contentType } = refuse(code, detail);
    const arm = this.#choice?.arm ?? null;
    const { variantHeader } = this.#routing.table.config.listen;
    let text = `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n`;
    if (status === 503) text += "Retry-After: 1\r\n";
    if (variantHeader && arm?.variant != null) text += `x-sluice-variant: ${arm.variant.key}\r\n`;
    if (close) text += "Connection: close\r\n";
    wire.writeText(`${text}\r\n${this.#head.method === "HEAD" ? "" : body}`);
    this.#finish(
      code.startsWith("upstream_timeout") || code === "body_timeout" ? "timeout" : "proxy_error",
    );
    this.#client.endExchange(!close);
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
    const choice = this.#choice;
    const nowMs = context.nowMs();
    const durationMs = nowMs - this.startedMs;
    const bytesOut = wire.bytesWritten - this.#bytesOutBefore;
    if (choice !== null) context.recorder.endInFlight(choice.arm.series);
    const user = choice?.user ?? null;
    const userHash = user === null ? -1 : telemetryHash(user);
    context.recorder.record(
      this.series,
      outcomes.indexOf(outcome),
      this.#head.method,
      this.#status,
      this.#firstByteMs === -1 ? -1 : Math.round((this.#firstByteMs - this.startedMs) * 1000),
      Math.round(durationMs * 1000),
      this.#sentMs === -1 ? -1 : Math.round((nowMs - this.#sentMs) * 1000),
      body.contentBytes,
      bytesOut,
      this.#retries,
      userHash === -1 ? -1 : clusterOf(userHash),
      userHash,
      choice?.enrolled ?? false,
    );
    if (this.#routing.table.config.log.accessSample <= 0) return;
    writeAccess(context, {
      atMs: context.wallMs(),
      requestId: this.#requestId,
      method: this.#head.method,
      path: targetPath(this.#head.target),
      status: this.#status,
      outcome,
      experiment: choice?.arm.experiment ?? null,
      variant: choice?.arm.variant?.key ?? null,
      route: this.#route?.policy.match ?? null,
      upstream: choice?.arm.upstream.policy.name ?? null,
      durationMs,
      firstByteMs: this.#firstByteMs === -1 ? null : this.#firstByteMs - this.startedMs,
      bytesIn: body.contentBytes,
      bytesOut,
      retries: this.#retries,
      code: this.#code,
    });
  }
}

function codeOfFailure(failure: UpstreamFailure): RefusalCode {
  switch (failure) {
    case "connect_failed":
      return "upstream_connect_failed";
    case "connect_timeout":
      return "upstream_timeout_connect";
    case "pending_limit":
      return "pending_limit";
    case "reset":
      return "upstream_reset";
    case "bad_response":
      return "upstream_bad_response";
  }
}
