import { generatorLimits } from "../../core/load/generator.ts";
import { Measurements, type FailureKind, type SecondRow } from "../../core/load/measurements.ts";
import type { Expectation, LoadPlan } from "../../core/load/plan.ts";
import { reportOf, type LoadReport } from "../../core/load/report.ts";
import { createSchedule } from "../../core/load/schedule.ts";
import { abortingBreach } from "../../core/load/threshold.ts";
import { createRandom } from "../../core/statistics/random.ts";
import { Attempt, type Answer, type OutgoingRequest } from "./attempt.ts";
import { Connections } from "./connections.ts";
import { RequestWriter } from "./outgoing.ts";
import { pace, type Pacer, type PaceTime } from "./pacer.ts";
import { startUsers } from "./users.ts";

/** Time, and how the generator looks at itself. */
export type LoadTime = PaceTime & { readonly watchSelf: () => SelfWatch };

/** Watches this process from when it is made. */
export type SelfWatch = {
  stop(): {
    readonly eventLoopLagP99Ms: number | null;
    readonly eventLoopLagMaxMs: number | null;
    /** Of one core. */
    readonly cpuShare: number | null;
  };
};

/** How far a run is. */
export type LoadProgress = {
  readonly elapsedMs: number;
  readonly totalMs: number;
  readonly inFlight: number;
  /** Of the requests after the warm-up. */
  readonly ended: number;
  readonly failed: number;
  readonly dropped: number;
  /** The last whole second; null before it. */
  readonly second: SecondRow | null;
};

export type LoadRun = {
  /** The report, and the distributions behind it; never rejects. */
  readonly finished: Promise<{ readonly report: LoadReport; readonly measurements: Measurements }>;
  progress(): LoadProgress;
  /** Starts nothing more, and waits a moment for what is under way. */
  stop(): void;
  /** Ends at once; what is under way counts as interrupted. */
  cut(): void;
};

export const runLimits = {
  /** How long {@link LoadRun.stop} waits. */
  stopGraceMs: 2000,
  /** Before the first retry; twice as long before each further one. */
  retryAfterMs: 50,
  retryAfterMsMax: 1000,
} as const;

/** One planned request with all its attempts. */
type Flight = {
  readonly endpoint: number;
  readonly request: OutgoingRequest;
  readonly dueMs: number;
  readonly isMeasured: boolean;
  readonly onEnd: (isLost: boolean) => void;
  retries: number;
};

/** Starts a load test; the plan bounds its time and the requests under way. */
export function startLoad(plan: LoadPlan, time: LoadTime): LoadRun {
  return new Run(plan, time);
}

class Run implements LoadRun {
  readonly finished: LoadRun["finished"];
  readonly #plan: LoadPlan;
  readonly #time: LoadTime;
  readonly #seen: Measurements;
  readonly #connections: Connections;
  readonly #writer: RequestWriter;
  readonly #texts: readonly (Buffer | null)[];
  readonly #self: SelfWatch;
  readonly #startedAtMs: number;
  readonly #beginMs: number;
  readonly #measureFromMs: number;
  /** In the order of their deadlines, since all have the same time. */
  readonly #attempts = new Set<Attempt>();
  readonly #flights = new Set<Flight>();
  readonly #cancels: (() => void)[] = [];
  #pacer: Pacer;
  #isPacing = true;
  #isStopping = false;
  #isCut = false;
  #end: LoadReport["end"] = { kind: "finished", threshold: null };
  #lastEndMs: number;
  #seconds = 0;
  #resolve: (() => void) | null = null;

  constructor(plan: LoadPlan, time: LoadTime) {
    this.#plan = plan;
    this.#time = time;
    this.#seen = new Measurements(plan);
    this.#connections = new Connections(plan.origin, plan.tls);
    this.#writer = new RequestWriter(plan, createRandom(plan.seed));
    this.#texts = plan.endpoints.map(({ expect }) =>
      expect.contains === null ? null : Buffer.from(expect.contains),
    );
    this.#self = time.watchSelf();
    this.#startedAtMs = time.clock.wallMs();
    this.#beginMs = time.clock.monotonicMs();
    this.#measureFromMs = this.#beginMs + plan.warmUpMs;
    this.#lastEndMs = this.#beginMs;
    const ended = new Promise<void>((resolve) => (this.#resolve = resolve));
    this.finished = ended.then(() => this.#close());
    const sweepMs = Math.max(1, Math.min(10, Math.floor(plan.timeoutMs / 10)));
    this.#cancels.push(
      time.timers.every(1000, () => this.#endSecond()),
      time.timers.every(sweepMs, () => this.#sweep()),
    );
    this.#pacer = this.#start();
  }

  #start(): Pacer {
    const { model, durationMs, warmUpMs, seed } = this.#plan;
    if (model.kind === "closed") {
      const untilMs = this.#beginMs + warmUpMs + durationMs;
      const send = (user: number, onEnd: (isLost: boolean) => void) => this.#take(user, onEnd);
      return startUsers(model, untilMs, this.#time, send, () => this.#endPacing());
    }
    const schedule = createSchedule(model.stages, model.arrivals, createRandom(-1 - seed));
    return pace(
      schedule,
      this.#beginMs,
      this.#time,
      (dueMs) => this.#open(dueMs, model.maxInFlight),
      () => this.#endPacing(),
    );
  }

  progress(): LoadProgress {
    const { warmUpMs, durationMs } = this.#plan;
    const { ended, failed, dropped } = this.#seen.measured;
    return {
      elapsedMs: this.#time.clock.monotonicMs() - this.#beginMs,
      totalMs: warmUpMs + durationMs,
      inFlight: this.#flights.size,
      ended,
      failed,
      dropped,
      second: this.#seen.rows.at(-1) ?? null,
    };
  }

  stop(): void {
    this.#stopAs({ kind: "interrupted", threshold: null });
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    if (!this.#isStopping) this.#end = { kind: "interrupted", threshold: null };
    this.#pacer.stop();
    this.#isPacing = false;
    for (const { isMeasured } of this.#flights) if (isMeasured) this.#seen.interrupted += 1;
    this.#flights.clear();
    this.#lastEndMs = this.#time.clock.monotonicMs();
    this.#finishWhenIdle();
  }

  #stopAs(end: LoadReport["end"]): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#end = end;
    this.#cancels.push(this.#time.timers.after(runLimits.stopGraceMs, () => this.cut()));
    this.#endPacing();
  }

  /** One request of the open model is due. */
  #open(dueMs: number, inFlightMax: number): void {
    if (this.#hasEnough()) return this.#endPacing();
    const isMeasured = dueMs >= this.#measureFromMs;
    this.#seen.due(isMeasured);
    const lateMs = this.#time.clock.monotonicMs() - dueMs;
    if (lateMs > generatorLimits.missedAfterMs) this.#seen.missed(isMeasured);
    else if (this.#flights.size >= inFlightMax) this.#seen.dropped(isMeasured);
    else this.#launch(dueMs, lateMs, isMeasured, null, () => {});
  }

  /** One request of a closed model's user; false when there shall be no more. */
  #take(user: number, onEnd: (isLost: boolean) => void): boolean {
    if (!this.#isPacing) return false;
    if (this.#hasEnough()) {
      this.#endPacing();
      return false;
    }
    const nowMs = this.#time.clock.monotonicMs();
    const isMeasured = nowMs >= this.#measureFromMs;
    this.#seen.due(isMeasured);
    this.#launch(nowMs, 0, isMeasured, user, onEnd);
    return true;
  }

  #hasEnough(): boolean {
    const { requestsMax } = this.#plan;
    return requestsMax !== null && this.#seen.measured.due >= requestsMax;
  }

  #launch(
    dueMs: number,
    lateMs: number,
    isMeasured: boolean,
    user: number | null,
    onEnd: Flight["onEnd"],
  ): void {
    const { endpoint, request } = this.#writer.write(user);
    const flight: Flight = { endpoint, request, dueMs, isMeasured, onEnd, retries: 0 };
    this.#flights.add(flight);
    this.#seen.started(isMeasured, lateMs);
    this.#send(flight);
  }

  #send(flight: Flight): void {
    const { clock } = this.#time;
    const client = this.#connections.take();
    const attempt: Attempt = new Attempt(
      client,
      this.#texts[flight.endpoint] ?? null,
      clock.monotonicMs() + this.#plan.timeoutMs,
      clock,
      (answer) => this.#onAnswer(flight, attempt, answer),
    );
    this.#attempts.add(attempt);
    attempt.send(flight.request, this.#plan.keepAlive);
  }

  #onAnswer(flight: Flight, attempt: Attempt, answer: Answer): void {
    this.#attempts.delete(attempt);
    const { client } = attempt;
    // What still comes on it belongs to a request that nobody waits for.
    if (answer.failure === "timeout") this.#connections.discard(client, new Error("timed out"));
    else this.#connections.giveBack(client);
    if (this.#isCut) return;
    if (flight.retries < this.#plan.retriesMax && this.#isPacing && isWorthRetrying(answer)) {
      const waitMs = runLimits.retryAfterMs * 2 ** flight.retries;
      flight.retries += 1;
      const retry = () => {
        if (!this.#isCut) this.#send(flight);
      };
      this.#time.timers.after(Math.min(waitMs, runLimits.retryAfterMsMax), retry);
      return;
    }
    this.#record(flight, answer);
  }

  #record(flight: Flight, answer: Answer): void {
    const { endpoint, dueMs, isMeasured, retries } = flight;
    const expect = (this.#plan.endpoints[endpoint] as LoadPlan["endpoints"][number]).expect;
    const hasTime = answer.status > 0 || answer.failure === "timeout";
    const sinceDue = (ms: number | null) => (ms === null ? null : ms - dueMs);
    this.#seen.ended(
      {
        endpoint,
        variant: answer.variant,
        status: answer.status,
        failure: judge(answer, expect),
        responseMs: hasTime ? answer.endMs - dueMs : null,
        serviceMs: hasTime && answer.writtenMs !== null ? answer.endMs - answer.writtenMs : null,
        firstByteMs: sinceDue(answer.firstByteMs),
        firstTokenMs: sinceDue(answer.firstTokenMs),
        bytes: answer.bytes,
        retries,
      },
      isMeasured,
    );
    this.#flights.delete(flight);
    this.#lastEndMs = answer.endMs;
    flight.onEnd(answer.status === 0);
    this.#finishWhenIdle();
  }

  #sweep(): void {
    const nowMs = this.#time.clock.monotonicMs();
    for (const attempt of this.#attempts) {
      if (attempt.deadlineMs > nowMs) return;
      attempt.end("timeout");
    }
  }

  #endSecond(): void {
    const atMs = this.#seconds * 1000;
    this.#seconds += 1;
    const { warmUpMs, durationMs } = this.#plan;
    const isEnding = atMs >= warmUpMs + durationMs;
    const phase = isEnding ? "ending" : atMs < warmUpMs ? "warm_up" : "measured";
    this.#seen.endSecond(atMs, phase, this.#flights.size);
    const measuredMs = this.#time.clock.monotonicMs() - this.#measureFromMs;
    if (!this.#isPacing || measuredMs <= 0) return;
    const read = this.#seen.reader(measuredMs / 1000);
    const threshold = abortingBreach(this.#plan.thresholds, read, measuredMs);
    if (threshold !== null) this.#stopAs({ kind: "aborted", threshold });
  }

  #endPacing(): void {
    if (!this.#isPacing) return;
    this.#isPacing = false;
    this.#pacer.stop();
    this.#finishWhenIdle();
  }

  #finishWhenIdle(): void {
    if (this.#isPacing || this.#flights.size > 0) return;
    this.#resolve?.();
    this.#resolve = null;
  }

  async #close(): ReturnType<() => LoadRun["finished"]> {
    for (const cancel of this.#cancels) cancel();
    const self = this.#self.stop();
    this.#endSecond();
    await this.#connections.close();
    // A run that was not ended early is as long as planned, even though its last request was due before that.
    const { durationMs, requestsMax } = this.#plan;
    const isWhole = this.#end.kind === "finished" && requestsMax === null;
    const measuredMs = Math.max(this.#lastEndMs - this.#measureFromMs, isWhole ? durationMs : 0);
    const facts = { startedAtMs: this.#startedAtMs, end: this.#end, measuredMs, ...self };
    return { report: reportOf(this.#plan, this.#seen, facts), measurements: this.#seen };
  }
}

function judge(answer: Answer, { statuses }: Expectation): FailureKind | null {
  if (answer.failure !== null) return answer.failure;
  const { status } = answer;
  if (!statuses.some(([low, high]) => status >= low && status <= high)) return "status";
  return answer.containsText ? null : "body";
}

/** A lost connection, and the statuses that ask to come again. */
function isWorthRetrying({ failure, status }: Answer): boolean {
  if (failure === "refused" || failure === "reset") return true;
  return failure === null && [429, 502, 503, 504].includes(status);
}
