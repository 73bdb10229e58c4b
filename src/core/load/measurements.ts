import { createLatency, type Latency } from "../telemetry/latency.ts";
import { loadLimits, type LoadPlan } from "./plan.ts";
import type { Aggregation, Group, LoadMetric, MetricReader } from "./threshold.ts";

/**
 * What a load test records, in integer microseconds. A request counts for times when it was answered, whole or not, or
 * timed out (with the time it was waited for): who is not answered in time must not make a percentile look better.
 * Lost connections have no time; they are failures.
 */

/** Why a request failed; `status` and `body` were answers, though not the expected ones. */
export const failureKinds = [
  "refused",
  "reset",
  "truncated",
  "timeout",
  "dns",
  "tls",
  "protocol",
  "generator",
  "other",
  "status",
  "body",
] as const;
export type FailureKind = (typeof failureKinds)[number];

/** One request that has ended. */
export type EndedRequest = {
  readonly endpoint: number;
  /** From `x-sluice-variant`; null where the answer does not say. */
  readonly variant: string | null;
  /** 0 without an answer. */
  readonly status: number;
  readonly failure: FailureKind | null;
  /** From when it was due to its end; null where it has no time. */
  readonly responseMs: number | null;
  /** From when it was written to its end. */
  readonly serviceMs: number | null;
  /** From when it was due. */
  readonly firstByteMs: number | null;
  readonly firstTokenMs: number | null;
  readonly bytes: number;
  readonly retries: number;
};

/** Distributions and counts of all requests, or of one variant or endpoint. */
export class RequestGroup {
  readonly responseTime = createLatency();
  readonly serviceTime = createLatency();
  readonly firstByte = createLatency();
  readonly firstToken = createLatency();
  readonly statuses = new Map<number, number>();
  readonly failures = new Map<FailureKind, number>();
  ended = 0;
  failed = 0;
  bytes = 0;
  retries = 0;

  /** `expectedIntervalMs` is what HdrHistogram's correction of coordinated omission needs; null is none. */
  add(request: EndedRequest, expectedIntervalMs: number | null): void {
    this.ended += 1;
    this.bytes += request.bytes;
    this.retries += request.retries;
    if (request.status > 0) count(this.statuses, request.status);
    if (request.failure !== null) {
      this.failed += 1;
      count(this.failures, request.failure);
    }
    if (request.responseMs !== null) {
      const us = toUs(request.responseMs);
      if (expectedIntervalMs === null) this.responseTime.recordValue(us);
      else this.responseTime.recordValueWithExpectedInterval(us, expectedIntervalMs * 1000);
    }
    record(this.serviceTime, request.serviceMs);
    record(this.firstByte, request.firstByteMs);
    record(this.firstToken, request.firstTokenMs);
  }
}

/** A second of the run; the file of the time series has one row for each. */
export type SecondRow = {
  /** Since the start, of the second's beginning. */
  readonly atMs: number;
  readonly phase: "warm_up" | "measured" | "ending";
  readonly due: number;
  readonly started: number;
  readonly ended: number;
  readonly failed: number;
  readonly dropped: number;
  readonly missed: number;
  readonly retries: number;
  /** At its end. */
  readonly inFlight: number;
  readonly bytes: number;
  /** Of the response times that ended in it; null without any. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
};

type Tally = {
  due: number;
  started: number;
  ended: number;
  failed: number;
  dropped: number;
  missed: number;
  retries: number;
  bytes: number;
};

const noTally = (): Tally => ({
  due: 0,
  started: 0,
  ended: 0,
  failed: 0,
  dropped: 0,
  missed: 0,
  retries: 0,
  bytes: 0,
});

/** Everything that one load test has seen. */
export class Measurements {
  readonly all = new RequestGroup();
  readonly variants = new Map<string, RequestGroup>();
  readonly endpoints: readonly RequestGroup[];
  /** How late requests started, after the warm-up. */
  readonly startError = createLatency();
  readonly rows: SecondRow[] = [];
  /** After the warm-up. */
  readonly measured = noTally();
  readonly warmUp = noTally();
  /** Requests after the warm-up that were cut off when the run was ended early. */
  interrupted = 0;
  readonly #expectedIntervalMs: number | null;
  readonly #names: readonly string[];
  readonly #second = createLatency();
  #tally = noTally();

  constructor(plan: LoadPlan) {
    this.endpoints = plan.endpoints.map(() => new RequestGroup());
    this.#names = plan.endpoints.map(({ name }) => name);
    this.#expectedIntervalMs = plan.model.kind === "closed" ? plan.model.expectedIntervalMs : null;
  }

  /** A request was due; what becomes of it is told by one of the next three. */
  due(isMeasured: boolean): void {
    this.#count("due", isMeasured);
  }

  started(isMeasured: boolean, lateMs: number): void {
    this.#count("started", isMeasured);
    if (isMeasured) this.startError.recordValue(toUs(lateMs));
  }

  /** The cap on requests under way was reached. */
  dropped(isMeasured: boolean): void {
    this.#count("dropped", isMeasured);
  }

  /** The generator itself was too late to start it. */
  missed(isMeasured: boolean): void {
    this.#count("missed", isMeasured);
  }

  ended(request: EndedRequest, isMeasured: boolean): void {
    this.#count("ended", isMeasured);
    this.#count("bytes", isMeasured, request.bytes);
    this.#count("retries", isMeasured, request.retries);
    if (request.failure !== null) this.#count("failed", isMeasured);
    record(this.#second, request.responseMs);
    if (!isMeasured) return;
    this.all.add(request, this.#expectedIntervalMs);
    this.endpoints[request.endpoint]?.add(request, this.#expectedIntervalMs);
    if (request.variant !== null) {
      this.#variant(request.variant).add(request, this.#expectedIntervalMs);
    }
  }

  /** Ends a second; its rates and percentiles become a row. */
  endSecond(atMs: number, phase: SecondRow["phase"], inFlight: number): SecondRow {
    const of = (percentile: number) => percentileMs(this.#second, percentile);
    const times = { p50Ms: of(50), p95Ms: of(95), p99Ms: of(99), maxMs: of(100) };
    const row = { atMs, phase, ...this.#tally, inFlight, ...times };
    this.rows.push(row);
    this.#second.reset();
    this.#tally = noTally();
    return row;
  }

  /** Reads metrics for thresholds; `seconds` is how long has been measured. */
  reader(seconds: number): MetricReader {
    return (metric, group, aggregation) => this.#read(metric, group, aggregation, seconds);
  }

  #read(
    metric: LoadMetric,
    group: Group | null,
    aggregation: Aggregation,
    seconds: number,
  ): number | null {
    const of = group === null ? this.all : this.#group(group);
    if (of === undefined) return null;
    const counter = (total: number) => {
      if (aggregation.kind !== "rate") return total;
      return seconds > 0 ? total / seconds : null;
    };
    switch (metric) {
      case "http_req_duration":
      case "response_time":
        return trend(of.responseTime, aggregation);
      case "service_time":
        return trend(of.serviceTime, aggregation);
      case "http_req_waiting":
      case "time_to_first_byte":
        return trend(of.firstByte, aggregation);
      case "time_to_first_token":
        return trend(of.firstToken, aggregation);
      case "start_error":
        return trend(this.startError, aggregation);
      case "http_req_failed":
        return of.ended === 0 ? null : of.failed / of.ended;
      case "checks":
        return of.ended === 0 ? null : 1 - of.failed / of.ended;
      case "http_reqs":
        return counter(of.ended);
      case "errors":
        return counter(of.failed);
      case "retries":
        return counter(of.retries);
      case "dropped":
      case "dropped_iterations":
        return counter(this.measured.dropped);
    }
  }

  #group({ by, name }: Group): RequestGroup | undefined {
    if (by === "variant") return this.variants.get(name);
    return this.endpoints[this.#names.indexOf(name)];
  }

  #variant(name: string): RequestGroup {
    const known = this.variants.get(name);
    if (known !== undefined) return known;
    const key = this.variants.size >= loadLimits.variantsMax ? "other" : name;
    const group = this.variants.get(key) ?? new RequestGroup();
    this.variants.set(key, group);
    return group;
  }

  #count(what: keyof Tally, isMeasured: boolean, by = 1): void {
    this.#tally[what] += by;
    (isMeasured ? this.measured : this.warmUp)[what] += by;
  }
}

/** In milliseconds with three digits after the point; null when nothing was recorded. */
export function percentileMs(latency: Latency, percentile: number): number | null {
  if (latency.totalCount === 0) return null;
  // The histogram gives the upper end of a bucket, which for the highest may lie above what was seen.
  return Math.min(latency.getValueAtPercentile(percentile), latency.maxValue) / 1000;
}

function trend(latency: Latency, aggregation: Aggregation): number | null {
  if (latency.totalCount === 0) return null;
  if (aggregation.kind === "percentile") return percentileMs(latency, aggregation.percentile);
  if (aggregation.kind === "min") return percentileMs(latency, 0);
  return (aggregation.kind === "max" ? latency.maxValue : latency.mean) / 1000;
}

function record(latency: Latency, ms: number | null): void {
  if (ms !== null) latency.recordValue(toUs(ms));
}

/** Early timers would make times negative. */
function toUs(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
