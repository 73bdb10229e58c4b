import { headerValue } from "../../core/traffic/head.ts";
import {
  readTraceparent,
  receivedTraceparent,
  writeTraceparent,
} from "../../core/traffic/trace-context.ts";
import type { TracingPolicy } from "../../core/tracing/policy.ts";
import type { TracedAttempt } from "../../core/tracing/traced-exchange.ts";
import type { Random } from "../../base/clock.ts";

/** Longest tracestate that spans carry; the specification asks for 512 characters. */
const traceStateCharsMax = 512;
/** Of an exchange; further ones are not told. */
const attemptsMax = 16;

/** What an exchange that is traced remembers of itself. */
export class ExchangeTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly #random: Pick<Random, "hex32">;
  readonly #attempts: Attempt[] = [];

  constructor(
    ids: { readonly traceId: string; readonly parentSpanId: string; readonly traceState: string },
    random: Pick<Random, "hex32">,
  ) {
    this.traceId = ids.traceId;
    this.parentSpanId = ids.parentSpanId;
    this.traceState = ids.traceState;
    this.#random = random;
    this.spanId = spanIdOf(random);
  }

  /** A connection to an endpoint is asked for, at this monotonic time. */
  beginAttempt(origin: string, path: string, startedMs: number): void {
    if (this.#attempts.length >= attemptsMax) return;
    const spanId = spanIdOf(this.#random);
    this.#attempts.push({ spanId, startedMs, endedMs: null, origin, path, failure: null });
  }

  /** The request is sent there, to this path; the answer is the traceparent that goes with it. */
  sendAttempt(path: string): string {
    const last = this.#attempts.at(-1);
    if (last !== undefined) last.path = path;
    return writeTraceparent(this.traceId, last?.spanId ?? this.spanId, true);
  }

  /** The last attempt is over; what was said of it first stays. */
  endAttempt(endedMs: number, failure: string | null): void {
    const last = this.#attempts.at(-1);
    if (last === undefined || last.endedMs !== null) return;
    last.endedMs = endedMs;
    last.failure = failure;
  }

  /** All that were made, in an exchange that began at `startedMs`; `status` is what the last one was answered with. */
  attemptsSince(startedMs: number, status: number | null): readonly TracedAttempt[] {
    return this.#attempts.map((attempt, at) => ({
      spanId: attempt.spanId,
      startedMs: attempt.startedMs - startedMs,
      durationMs: (attempt.endedMs ?? attempt.startedMs) - attempt.startedMs,
      origin: attempt.origin,
      path: attempt.path,
      status: at === this.#attempts.length - 1 ? status : null,
      failure: attempt.failure,
    }));
  }
}

type Attempt = {
  readonly spanId: string;
  readonly startedMs: number;
  endedMs: number | null;
  readonly origin: string;
  path: string;
  failure: string | null;
};

/** Whether an exchange is traced, and what its upstream is told where it is not. */
export type TraceDecision = {
  readonly trace: ExchangeTrace | null;
  /** For the upstream of an exchange that is not traced; empty passes on what the client sent. */
  readonly traceparent: string;
  /** Empty where the client began the trace. */
  readonly startedTraceId: string;
};

/** As the caller decided, where it began the trace; else one is begun, and kept with the chance of the policy. */
export function decideTrace(
  headers: readonly string[],
  { sample }: TracingPolicy,
  random: Random,
): TraceDecision {
  const received = receivedTraceparent(headers);
  if (received === null) {
    const traceId = random.hex32();
    const isKept = sample > 0 && (sample >= 1 || random.next() < sample);
    const trace = isKept
      ? new ExchangeTrace({ traceId, parentSpanId: "", traceState: "" }, random)
      : null;
    const traceparent = isKept ? "" : writeTraceparent(traceId, spanIdOf(random), false);
    return { trace, traceparent, startedTraceId: traceId };
  }
  const { traceId, spanId, sampled } = readTraceparent(received);
  if (!sampled) return passedOn;
  const state = headerValue(headers, "tracestate") ?? "";
  const traceState = state.length > traceStateCharsMax ? "" : state;
  const trace = new ExchangeTrace({ traceId, parentSpanId: spanId, traceState }, random);
  return { trace, traceparent: "", startedTraceId: "" };
}

const passedOn: TraceDecision = { trace: null, traceparent: "", startedTraceId: "" };

function spanIdOf(random: Pick<Random, "hex32">): string {
  return random.hex32().slice(0, 16);
}
