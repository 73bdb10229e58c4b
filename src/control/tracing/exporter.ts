import { createDelay, type Delay } from "../../base/delay.ts";
import type { Clock, Random, Timers } from "../../base/clock.ts";
import { encodeTraces, type SpanSource } from "../../core/tracing/otlp.ts";
import type { TracingPolicy } from "../../core/tracing/policy.ts";
import { spanCountOf, type TracedExchange } from "../../core/tracing/traced-exchange.ts";
import { retryDelayMs, type RetryLimits } from "../notify/retry.ts";
import { Webhook, type Answer } from "../notify/webhook.ts";
import { SpanQueue } from "./span-queue.ts";

export const exporterLimits = {
  /** Spans in one request; more go as soon as they are there. */
  batchSpansMax: 512,
  /** Fewer wait so long for company. */
  lingerMs: 1000,
  /** What goes wrong again and again is logged once in this time; all of it is counted. */
  complainEveryMs: 60_000,
} as const;

const exportRetries: RetryLimits = {
  attemptsMax: 5,
  backoffMs: 1000,
  backoffMsMax: 30_000,
  retryAfterMsMax: 60_000,
  spanMsMax: 120_000,
};

/** Statuses after which OTLP wants another try. */
const retriable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Why spans were not delivered: no room in the queue, the collector refused the request or some of its spans, it could
 * not be had for too long, or Sluice ended or was told to trace no more.
 */
export const dropReasons = ["queue_full", "refused", "rejected", "unreachable", "ended"] as const;
export type DropReason = (typeof dropReasons)[number];

export type ExporterState = {
  readonly queued: number;
  readonly exported: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
};

type Dependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly source: Omit<SpanSource, "serviceName">;
  readonly log: (
    level: "info" | "warn",
    message: string,
    facts: Readonly<Record<string, unknown>>,
  ) => void;
};

/** Sends spans to a collector: one request at a time, again where that may help, and in nobody's way. */
export class SpanExporter {
  readonly #dependencies: Dependencies;
  readonly #queue = new SpanQueue();
  readonly #dropped: Record<DropReason, number>;
  readonly #abort = new AbortController();
  #policy: TracingPolicy | null = null;
  #collector: Webhook | null = null;
  #exported = 0;
  #running: Promise<void> | null = null;
  #cancelLinger: (() => void) | null = null;
  readonly #pause: Delay;
  /** No more patience: what waits goes now or never. */
  #isEnding = false;
  #isFailing = false;
  #complainedAtMs = -Infinity;

  constructor(policy: TracingPolicy | null, dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#pause = createDelay(dependencies.timers);
    this.#dropped = { queue_full: 0, refused: 0, rejected: 0, unreachable: 0, ended: 0 };
    this.configure(policy);
  }

  /** Takes over a policy; what waits goes to its collector, or is dropped where there is none any more. */
  configure(policy: TracingPolicy | null): void {
    if (JSON.stringify(policy) === JSON.stringify(this.#policy)) return;
    const before = this.#collector;
    this.#policy = policy;
    this.#collector = policy === null ? null : new Webhook(policy, this.#dependencies.timers);
    void before?.close();
    if (policy === null) this.#dropped.ended += spansOf(this.#queue.take(Infinity));
    this.#pause.hurry();
  }

  take(traces: readonly TracedExchange[]): void {
    if (traces.length === 0) return;
    if (this.#policy === null || this.#isEnding) this.#dropped.ended += spansOf(traces);
    else {
      this.#dropped.queue_full += this.#queue.push(traces, this.#policy.queueMax);
      this.#work();
    }
  }

  state(): ExporterState {
    return { queued: this.#queue.spans, exported: this.#exported, dropped: { ...this.#dropped } };
  }

  /** Sends what waits, within `deadlineMs`; what is left by then is dropped. May be called again. */
  async end(deadlineMs: number): Promise<void> {
    this.#isEnding = true;
    this.#cancelLinger?.();
    this.#cancelLinger = null;
    this.#pause.hurry();
    const cancel = this.#dependencies.timers.after(deadlineMs, () => this.#abort.abort());
    this.#running ??= this.#run();
    await this.#running;
    cancel();
    this.#abort.abort();
    this.#dropped.ended += spansOf(this.#queue.take(Infinity));
    await this.#collector?.close();
  }

  #work(): void {
    if (this.#running !== null) return;
    if (this.#queue.spans >= exporterLimits.batchSpansMax) this.#start();
    else
      this.#cancelLinger ??= this.#dependencies.timers.after(exporterLimits.lingerMs, () =>
        this.#start(),
      );
  }

  #start(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = null;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      if (this.#queue.spans > 0 && !this.#isEnding) this.#work();
    });
  }

  /** Sends until fewer wait than make a batch; all of them at the end. */
  async #run(): Promise<void> {
    do {
      const traces = this.#queue.take(exporterLimits.batchSpansMax);
      if (traces.length === 0) return;
      await this.#deliver(traces);
    } while (this.#isEnding || this.#queue.spans >= exporterLimits.batchSpansMax);
  }

  async #deliver(traces: readonly TracedExchange[]): Promise<void> {
    const { clock, random } = this.#dependencies;
    const startedMs = clock.monotonicMs();
    for (let made = 1; ; made += 1) {
      const answer = await this.#attempt(traces);
      if (answer === null) return this.#drop("ended", spansOf(traces), null);
      if (answer.kind === "answered" && answer.status >= 200 && answer.status < 300) {
        return this.#count(spansOf(traces), answer.start);
      }
      const reason =
        answer.kind === "unanswered"
          ? answer.reason
          : `it answered ${answer.status}${answer.start === "" ? "" : `: ${answer.start.slice(0, 200)}`}`;
      const isHopeless =
        answer.kind === "unanswered" ? answer.isHopeless : !retriable.has(answer.status);
      if (isHopeless) return this.#drop("refused", spansOf(traces), reason);
      const retryAfterMs = answer.kind === "answered" ? answer.retryAfterMs : null;
      const spentMs = clock.monotonicMs() - startedMs;
      const delayMs = this.#isEnding
        ? null
        : retryDelayMs({ made, spentMs, retryAfterMs }, random.next(), exportRetries);
      if (delayMs === null) return this.#drop("unreachable", spansOf(traces), reason);
      this.#complain("the collector does not take spans yet", reason);
      await this.#pause.wait(delayMs);
    }
  }

  /** Null when there is no collector, or no time any more. */
  async #attempt(traces: readonly TracedExchange[]): Promise<Answer | null> {
    const { clock, source } = this.#dependencies;
    if (this.#policy === null || this.#collector === null) return null;
    const { serviceName } = this.#policy;
    const body = JSON.stringify(encodeTraces(traces, { ...source, serviceName }));
    const answer = await this.#collector.ask(body, clock.wallMs(), this.#abort.signal);
    return this.#abort.signal.aborted ? null : answer;
  }

  /** `answer` may say that the collector rejected some of them. */
  #count(spans: number, answer: string): void {
    const rejected = Math.min(spans, rejectedIn(answer));
    this.#exported += spans - rejected;
    if (rejected > 0) this.#drop("rejected", rejected, `of ${spans} spans: ${answer}`);
    else if (this.#isFailing) {
      this.#isFailing = false;
      this.#complainedAtMs = -Infinity;
      this.#dependencies.log("info", "the collector takes spans again", {});
    }
  }

  #drop(reason: DropReason, spans: number, why: string | null): void {
    this.#dropped[reason] += spans;
    if (why !== null) this.#complain("spans dropped", why);
  }

  #complain(message: string, reason: string): void {
    this.#isFailing = true;
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs - this.#complainedAtMs < exporterLimits.complainEveryMs) return;
    this.#complainedAtMs = nowMs;
    const { origin } = new URL(this.#policy?.url ?? "http://none");
    this.#dependencies.log("warn", message, { collector: origin, reason, dropped: this.#dropped });
  }
}

function spansOf(traces: readonly TracedExchange[]): number {
  return traces.reduce((sum, traced) => sum + spanCountOf(traced), 0);
}

/** Of OTLP's ExportTraceServiceResponse; 0 where it says nothing that can be read. */
function rejectedIn(answer: string): number {
  try {
    const { partialSuccess } = JSON.parse(answer) as {
      partialSuccess?: { rejectedSpans?: unknown };
    };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}
