import { headerValue } from "../../core/traffic/head.ts";
import { outcomeOfStatus, type Outcome } from "../../core/traffic/outcome.ts";
import { outcomeOfRefusal } from "../../core/traffic/refusal.ts";
import { codeOfExpiry, codeOfFailure } from "../exchange/retry.ts";
import type { Framing } from "../http1/framing.ts";
import type { HeadParser } from "../http1/head-parser.ts";
import type { Capture } from "../observation/capture.ts";
import type { Observer } from "../observation/observer.ts";
import type { Deadline } from "../timer-wheel.ts";
import type {
  UpstreamConnection,
  UpstreamFailure,
  UpstreamUser,
} from "../upstream/upstream-connection.ts";
import type { UpstreamEndpoint } from "../upstream/upstream.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { CopyArm } from "./copy-plan.ts";

/** A copy, ready to be sent. */
export type CopyRequest = {
  readonly method: string;
  /** The whole head, closing blank line included. */
  readonly headText: string;
  readonly body: Buffer;
};

export type CopyEnd = {
  readonly outcome: Outcome;
  readonly status: number;
  /** Since the copy began to be sent, monotonic milliseconds; -1 where nothing came. */
  readonly firstByteMs: number;
  readonly startedMs: number;
  /** When it got its connection; -1 when it got none. */
  readonly sentMs: number;
  readonly bytesOut: number;
};

/** One copy of a request on its way: as an exchange, but nobody waits for its answer, and it is sent once. */
export class CopyExchange implements UpstreamUser {
  readonly startedMs: number;
  readonly to: CopyArm;
  readonly #context: WorkerContext;
  readonly #request: CopyRequest;
  readonly #observer: Observer | null;
  readonly #answer: Capture;
  readonly #onEnd: (end: CopyEnd) => void;
  readonly #deadline: Deadline;
  #endpoint: UpstreamEndpoint | null = null;
  #connection: UpstreamConnection | null = null;
  #status = 0;
  #firstByteMs = -1;
  #sentMs = -1;
  #bytesOut = 0;
  #isBegun = false;
  #isOver = false;

  constructor(
    context: WorkerContext,
    to: CopyArm,
    request: CopyRequest,
    looks: { readonly observer: Observer | null; readonly answer: Capture },
    onEnd: (end: CopyEnd) => void,
  ) {
    this.#context = context;
    this.to = to;
    this.#request = request;
    this.#observer = looks.observer;
    this.#answer = looks.answer;
    this.#onEnd = onEnd;
    this.startedMs = context.nowMs();
    this.#deadline = context.wheel.create((nowMs) => this.#expire(nowMs));
  }

  get series() {
    return this.to.series;
  }

  /** `endpoint` is null when the arm has none that is available. */
  start(endpoint: UpstreamEndpoint | null): void {
    if (endpoint === null) return this.#end(outcomeOfRefusal("upstream_unavailable"));
    this.#endpoint = endpoint;
    endpoint.pool.exchangesInFlight += 1;
    this.#setWait(Infinity);
    endpoint.pool.acquire(this, this.#request.method);
  }

  onUpstreamReady(connection: UpstreamConnection): void {
    const { headText, body } = this.#request;
    this.#connection = connection;
    this.#sentMs = this.#context.nowMs();
    connection.wire.writeTextAndBytes(headText, body, 0, body.length, null);
    connection.endRequest();
    this.#setWait(this.to.arm.timeouts.firstByteMs);
  }

  onUpstreamFailed(failure: UpstreamFailure): void {
    this.#connection = null;
    if (failure !== "pending_limit") this.#noteFailure();
    this.#end(this.#isBegun ? "truncated" : outcomeOfRefusal(codeOfFailure(failure)));
  }

  onInterimHead(): void {
    this.#setWait(this.to.arm.timeouts.firstByteMs);
  }

  onResponseHead(head: HeadParser, _framing: Framing): void {
    this.#isBegun = true;
    this.#status = head.status;
    this.#firstByteMs = this.#context.nowMs();
    this.#observer?.beginAnswer(head.status, head.headers);
    if (headerValue(head.headers, "content-encoding") !== undefined) this.#answer.giveUp();
    this.#setWait(this.to.arm.timeouts.idleMs);
  }

  content(bytes: Buffer, start: number, end: number): void {
    this.#bytesOut += end - start;
    this.#observer?.addAnswer(bytes, start, end);
    this.#answer.add(bytes, start, end);
    this.#setWait(this.to.arm.timeouts.idleMs);
  }

  relay(): void {}

  onResponseRead(): void {}

  onUpstreamDrain(): void {}

  onResponseEnd(): void {
    this.#connection = null;
    if (this.#status >= 502 && this.#status <= 504) this.#noteFailure();
    else this.#endpoint?.noteSuccess();
    const failure = this.#observer?.endAnswer(true) ?? null;
    const outcome = outcomeOfStatus(this.#status);
    this.#end(failure !== null && outcome === "success" ? "bad_answer" : outcome);
  }

  /** The worker ends. */
  cut(): void {
    this.#end("aborted");
  }

  #expire(nowMs: number): void {
    const { totalMs } = this.to.arm.timeouts;
    const isTotal = totalMs !== null && nowMs >= this.startedMs + totalMs;
    this.#noteFailure();
    this.#end(outcomeOfRefusal(codeOfExpiry(isTotal, true, this.#isBegun)));
  }

  #setWait(waitMs: number): void {
    const { totalMs } = this.to.arm.timeouts;
    const untilMs = totalMs === null ? Infinity : this.startedMs + totalMs;
    this.#context.wheel.set(this.#deadline, Math.min(this.#context.nowMs() + waitMs, untilMs));
  }

  #noteFailure(): void {
    if (this.#endpoint === null) return;
    this.to.arm.upstream.noteFailure(this.#endpoint, this.#context.nowMs());
  }

  #end(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#connection !== null) this.#connection.abort();
    else this.#endpoint?.pool.cancel(this);
    this.#connection = null;
    this.#context.wheel.remove(this.#deadline);
    if (this.#endpoint !== null) this.#endpoint.pool.exchangesInFlight -= 1;
    this.#endpoint = null;
    this.#onEnd({
      outcome,
      status: this.#status,
      firstByteMs: this.#firstByteMs,
      startedMs: this.startedMs,
      sentMs: this.#sentMs,
      bytesOut: this.#bytesOut,
    });
  }
}
