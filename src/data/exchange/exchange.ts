import { targetPath } from "../../core/traffic/head.ts";
import { outcomeOfStatus, type Outcome } from "../../core/traffic/outcome.ts";
import { outcomeOfRefusal, refusals, type RefusalCode } from "../../core/traffic/refusal.ts";
import { matchRoute } from "../../core/traffic/route.ts";
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
import { Watch } from "../observation/watch.ts";
import { countRefusal, recordExchange } from "./account.ts";
import { ResponseRelay } from "./response-relay.ts";
import { Delivery } from "./delivery.ts";
import { codeOfExpiry, codeOfFailure } from "./retry.ts";
import { optionsAnswer, problemAnswer } from "./answer.ts";
import { asksForTunnel, openTunnel } from "./upgrade.ts";
import { chooseArm, mayUseControl, moveToControl, type Choice } from "./choice.ts";
import { Intake } from "./intake.ts";
import { Waits } from "./waits.ts";
import { responseMode } from "./heads.ts";

/**
 * One request from its head to the end of its response: finds route, user and arm, gets a connection, relays both
 * bodies with back-pressure, watches the waits, retries where that is safe, and ends in exactly one outcome.
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
  readonly #waits: Waits;
  readonly #intake: Intake;
  readonly #delivery: Delivery;
  readonly #response: ResponseRelay;
  #route: RouteEntry | null = null;
  #choice: Choice | null = null;
  #watch: Watch | null = null;
  #status = 0;
  #close = false;
  #firstByteMs = -1;
  #bytesOutBefore: number;
  #code: RefusalCode | null = null;
  #over = false;

  constructor(client: ClientConnection, framing: Framing, deadline: Deadline) {
    const { context, parser } = client;
    this.#client = client;
    this.#routing = context.routing;
    this.#waits = new Waits(context, deadline);
    const { method, headers } = parser;
    this.#intake = new Intake({ method, target: originForm(parser.target), headers }, framing);
    this.#delivery = new Delivery(client, this.#intake);
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

  #choose(): void {
    const { context, peer, parser } = this.#client;
    const { head } = this.#intake;
    if (this.#choice === null) {
      const choice = chooseArm(context, this.#route as RouteEntry, this.#intake, peer);
      if (choice === "needs_body") return this.#readBody();
      this.#choice = choice;
      this.#waits.limit(this.startedMs, choice.arm.timeouts.totalMs);
      context.recorder.startInFlight(choice.arm.series);
    }
    const patched = this.#intake.applyPatch(this.#choice.arm.variant?.body ?? null);
    if (patched === "needs_body") return this.#readBody();
    if (patched === "too_large") {
      return this.#refuse("body_too_large", "this variant changes bodies; this one is too large");
    }
    if (asksForTunnel(head.method, parser.facts)) return this.#openTunnel();
    this.#watch?.drop();
    this.#watch = Watch.begin(this.#client, this.#choice, this.#intake);
    this.#connect(false);
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
    const placed = this.#delivery.place(this.#choice as Choice, context.nowMs(), fresh);
    if (!placed) return this.#refuseOrMoveToControl();
    this.#waits.forEnd();
    this.#delivery.connect(this, fresh);
  }

  /** No endpoint of the arm is available. */
  #refuseOrMoveToControl(): void {
    const choice = this.#choice as Choice;
    const route = this.#route as RouteEntry;
    if (!mayUseControl(route, choice)) {
      return this.#refuse("upstream_unavailable", choice.arm.upstream.policy.name);
    }
    moveToControl(this.#client.context.recorder, route, choice);
    // The control may change the body, which then has to be read first.
    this.#choose();
  }

  onUpstreamReady(connection: UpstreamConnection, reused: boolean): void {
    this.#delivery.begin(connection, reused, this.#choice as Choice);
    if (this.requestRead) return this.#endDelivery();
    this.takesBody = true;
    if (this.#client.parser.facts.expectContinue) this.#delivery.flush();
    this.#waits.forEnd();
    this.#client.proceed();
  }

  /** Request content from the client, framing included. */
  relayRequest(bytes: Buffer, start: number, end: number): void {
    if (this.#intake.reading) return this.#intake.addRaw(bytes, start, end);
    if (this.#over) return;
    this.#delivery.send(bytes, start, end);
    if (this.#delivery.wire?.backpressured === true) {
      this.takesBody = false;
      this.#client.wire.pause();
      this.#waits.forNext((this.#choice as Choice).arm.timeouts.idleMs);
    }
  }

  /** Request content from the client, without framing. */
  countRequest(bytes: Buffer, start: number, end: number): void {
    if (this.#client.body.contentBytes > (this.#route?.bodyBytesMax ?? Infinity)) {
      this.failRequest("body_too_large", `at most ${this.#route?.bodyBytesMax} bytes`);
    } else if (this.#intake.reading) this.#intake.addContent(bytes, start, end);
    else this.#watch?.addRequest(bytes, start, end);
  }

  /** Sends a head that waited for body bytes to share its packet. */
  flushRequest(): void {
    this.#delivery.flush();
  }

  /** The client sent its last byte. */
  endRequest(): void {
    this.requestRead = true;
    if (this.#intake.reading) {
      this.#intake.finishReading();
      this.takesBody = false;
      return this.#choose();
    }
    this.#endDelivery();
  }

  #endDelivery(): void {
    this.#delivery.end();
    this.#watch?.endRequest(this.#delivery.requestId);
    this.takesBody = false;
    if (!this.#response.begun)
      this.#waits.forNext((this.#choice as Choice).arm.timeouts.firstByteMs);
  }

  onUpstreamDrain(): void {
    if (this.requestRead || this.takesBody) return;
    this.takesBody = true;
    this.#waits.forEnd();
    this.#client.proceed();
  }

  /** The request broke the rules while its body came, or a bug was met. */
  failRequest(code: RefusalCode, detail: string): void {
    if (this.#over) return;
    this.#close = true;
    this.#delivery.drop(this);
    if (this.#response.begun) this.#truncate(outcomeOfRefusal(code), code);
    else this.#refuse(code, detail);
  }

  #openTunnel(): void {
    const { context } = this.#client;
    const choice = this.#choice as Choice;
    const opened = openTunnel(this.#client, this.#delivery, choice, (end) => {
      if (end.code !== null) this.#note(end.code);
      if (end.status !== null) {
        this.#status = end.status;
        this.#firstByteMs = context.nowMs();
      }
      this.#finish(end.outcome);
    });
    if (opened === "unavailable") this.#refuseOrMoveToControl();
    else if (opened === "too_many") this.#refuse("overloaded", "too many open tunnels");
  }

  onInterimHead(head: HeadParser): void {
    this.#response.sendInterim(head, this.#client.parser.minorVersion);
    if (this.requestRead) this.#waits.forNext((this.#choice as Choice).arm.timeouts.firstByteMs);
  }

  onResponseHead(head: HeadParser, framing: Framing): void {
    const { context, parser } = this.#client;
    const choice = this.#choice as Choice;
    this.#firstByteMs = context.nowMs();
    this.#status = head.status;
    const mode = responseMode(framing, parser.minorVersion);
    this.#close ||= !this.requestRead || context.leaving || mode === "content";
    this.#watch?.beginAnswer(head.status, head.headers);
    this.#response.begin(head, framing, mode, {
      method: this.#intake.head.method,
      close: this.#close,
      requestId: this.#delivery.requestId,
      variant: choice.arm.shownVariant,
      setCookie: choice.setCookie,
    });
    this.#waits.forNext(choice.arm.timeouts.idleMs);
  }

  relay(bytes: Buffer, start: number, end: number): void {
    if (this.#response.relay(bytes, start, end, this.#delivery.wire)) this.#responseMoved();
  }

  content(bytes: Buffer, start: number, end: number): void {
    this.#watch?.addAnswer(bytes, start, end);
    if (this.#response.content(bytes, start, end, this.#delivery.wire)) this.#responseMoved();
  }

  #responseMoved(): void {
    if (this.#client.wire.backpressured) this.#delivery.wire?.pause();
    this.#waits.forNext((this.#choice as Choice).arm.timeouts.idleMs);
  }

  onResponseRead(): void {
    this.#response.flush();
  }

  onResponseEnd(body: BodyReader): void {
    if (this.#over) return;
    this.#delivery.wire?.resume();
    this.#response.end(body);
    this.#delivery.settle(this.#choice as Choice, this.#status);
    const reusable = !this.#close && this.requestRead;
    const outcome = outcomeOfStatus(this.#status);
    if (this.#watch === null) return this.#complete(outcome, reusable);
    this.#watch.settle(outcome, (settled) => this.#complete(settled, reusable));
  }

  onClientDrain(): void {
    this.#delivery.wire?.resume();
    if (this.#response.begun) this.#waits.forNext((this.#choice as Choice).arm.timeouts.idleMs);
  }

  onUpstreamFailed(failure: UpstreamFailure, detail: string): void {
    if (this.#over) return;
    const next = this.#delivery.fail(failure, this.#choice as Choice, !this.#response.begun);
    if (next !== "over") this.#connect(next === "fresh");
    else if (this.#response.begun) this.#truncate("truncated", codeOfFailure(failure));
    else this.#refuse(codeOfFailure(failure), detail);
  }

  /** A wait is over. */
  expire(nowMs: number): void {
    if (this.#over) return;
    const code = codeOfExpiry(
      this.#waits.isTotalOver(nowMs),
      this.requestRead,
      this.#response.begun,
    );
    if (this.#response.begun && this.#client.wire.backpressured) {
      this.#delivery.drop(this);
      this.#finish("aborted");
      return this.#client.truncate(true);
    }
    if (this.#choice !== null) this.#delivery.noteFailure(this.#choice);
    this.#delivery.drop(this);
    if (this.#response.begun) this.#truncate("timeout", code);
    else this.#refuse(code, "");
  }

  /** The client is gone; nobody waits for the answer. */
  clientGone(): void {
    if (this.#over) return;
    this.#delivery.drop(this);
    this.#finish("aborted");
  }

  /** Sluice stops and waits no longer. */
  cut(): void {
    if (this.#over) return;
    this.#delivery.drop(this);
    this.#note("draining");
    this.#finish(this.#response.begun ? "truncated" : "proxy_error");
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
    this.#delivery.drop(this);
    this.#note(code);
    const close = this.#close || !this.requestRead || context.leaving;
    const withoutBody = this.#intake.head.method === "HEAD";
    const variant = this.#choice?.arm.shownVariant ?? null;
    wire.writeText(problemAnswer(code, detail, { close, variant, withoutBody }));
    this.#complete(outcomeOfRefusal(code), !close);
  }

  #note(code: RefusalCode): void {
    countRefusal(this.#client.context, code);
    this.#code = code;
    if (!this.#response.begun) this.#status = refusals[code].status;
  }

  #answerOptions(): void {
    this.#status = 200;
    const close = this.#close || !this.requestRead;
    this.#client.wire.writeText(optionsAnswer(close));
    this.#complete("success", !close);
  }

  #complete(outcome: Outcome, reusable: boolean): void {
    if (this.#over) return;
    this.#finish(outcome);
    this.#client.endExchange(reusable);
  }

  /** Counts the exchange; everything that ends one comes through here once. */
  #finish(outcome: Outcome): void {
    this.#over = true;
    const { context, body, wire } = this.#client;
    context.inFlight.remove(this);
    this.#waits.stop();
    this.#delivery.leave();
    if (this.#choice !== null) context.recorder.endInFlight(this.#choice.arm.series);
    recordExchange(context, {
      choice: this.#choice,
      route: this.#route === null ? null : this.#route.policy.match,
      outcome,
      status: this.#status,
      startedMs: this.startedMs,
      firstByteMs: this.#firstByteMs,
      bytesIn: body.contentBytes,
      bytesOut: wire.bytesWritten - this.#bytesOutBefore,
      delivery: this.#delivery,
      code: this.#code,
      isRequestRead: this.requestRead,
      watch: this.#watch,
    });
  }
}
