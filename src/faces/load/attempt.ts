import type { Client, Dispatcher } from "undici";
import type { Clock } from "../../base/clock.ts";
import type { FailureKind } from "../../core/load/measurements.ts";
import { failureOf } from "./failure.ts";
import { scannerFor, type FirstDataScanner } from "./first-data.ts";

/** What is sent. */
export type OutgoingRequest = {
  readonly method: string;
  readonly path: string;
  /** Names and values, one behind the other. */
  readonly headers: readonly string[];
  readonly body: string | Buffer | null;
};

/** What one attempt came to. */
export type Answer = {
  readonly status: number;
  readonly variant: string | null;
  /** Null when the whole answer came; what it should have been is judged by the caller. */
  readonly failure: FailureKind | null;
  readonly containsText: boolean;
  /** Times of the monotonic clock; null for what did not happen. */
  readonly writtenMs: number | null;
  readonly firstByteMs: number | null;
  readonly firstTokenMs: number | null;
  readonly endMs: number;
  readonly bytes: number;
};

/** One request on one connection, from sending it to the last byte of its answer. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly client: Client;
  readonly deadlineMs: number;
  readonly #clock: Clock;
  readonly #text: TextSearch | null;
  readonly #onEnd: (answer: Answer) => void;
  #scanner: FirstDataScanner | null = null;
  #status = 0;
  #variant: string | null = null;
  #writtenMs: number | null = null;
  #firstByteMs: number | null = null;
  #firstTokenMs: number | null = null;
  #bytes = 0;
  #isEnded = false;

  /** `text` is what the answer should contain, null for anything. */
  constructor(
    client: Client,
    text: Buffer | null,
    deadlineMs: number,
    clock: Clock,
    onEnd: (answer: Answer) => void,
  ) {
    this.client = client;
    this.deadlineMs = deadlineMs;
    this.#clock = clock;
    this.#text = text === null ? null : new TextSearch(text);
    this.#onEnd = onEnd;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  send(request: OutgoingRequest, keepAlive: boolean): void {
    const { method, path, headers, body } = request;
    const options = {
      method,
      path,
      headers,
      body,
      reset: !keepAlive,
    };
    this.client.dispatch(options as Dispatcher.DispatchOptions, this);
  }

  onRequestStart(): void {
    this.#writtenMs = this.#clock.monotonicMs();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 1xx come before the answer.
    if (status < 200) return;
    this.#status = status;
    this.#firstByteMs = this.#clock.monotonicMs();
    const variant = headers["x-sluice-variant"];
    this.#variant = typeof variant === "string" ? variant : null;
    const type = headers["content-type"];
    this.#scanner = typeof type === "string" ? scannerFor(type) : null;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#scanner !== null && this.#firstTokenMs === null && this.#scanner.hasData(chunk)) {
      this.#firstTokenMs = this.#clock.monotonicMs();
    }
    this.#text?.read(chunk);
  }

  onResponseEnd(): void {
    this.end(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.end(failureOf(error, this.#status > 0));
  }

  /** Ends it once; what the client still says about it is heard by nobody. */
  end(failure: FailureKind | null): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd({
      status: this.#status,
      variant: this.#variant,
      failure,
      containsText: this.#text?.isFound ?? true,
      writtenMs: this.#writtenMs,
      firstByteMs: this.#firstByteMs,
      firstTokenMs: this.#firstTokenMs,
      endMs: this.#clock.monotonicMs(),
      bytes: this.#bytes,
    });
  }
}

/** Looks for a text in pieces, keeping only as much of the last one as a match could begin with. */
class TextSearch {
  readonly #text: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  isFound = false;

  constructor(text: Buffer) {
    this.#text = text;
  }

  read(chunk: Buffer): void {
    if (this.isFound) return;
    const whole = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.isFound = whole.includes(this.#text);
    this.#rest = Buffer.from(whole.subarray(Math.max(0, whole.length - this.#text.length + 1)));
  }
}
