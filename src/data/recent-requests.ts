import type { Recorder, Series } from "../core/telemetry/recorder.ts";
import type { ReportedMetric } from "../wire/messages.ts";

/** Requests that metrics can still be reported for, on one worker; the oldest go first. */
export const recentRequestsMax = 20_000;

/** A finished request of an experiment that takes metrics by request id. */
export type RecentRequest = {
  readonly series: Series;
  /** Of the user, -1 without one. */
  readonly cluster: number;
  /** Metrics that the experiment declares to come that way. */
  readonly metrics: ReadonlySet<string>;
};

/** Finished requests by id, for metrics that somebody measures afterwards. */
export class RecentRequests {
  readonly #byId = new Map<string, RecentRequest>();
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  get size(): number {
    return this.#byId.size;
  }

  add(requestId: string, request: RecentRequest): void {
    // The newest of two requests with one id counts.
    this.#byId.delete(requestId);
    this.#byId.set(requestId, request);
    if (this.#byId.size <= recentRequestsMax) return;
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest);
      break;
    }
  }

  /** Counts the metrics of requests that were here; the answer is which, by place. */
  take(metrics: readonly ReportedMetric[]): number[] {
    const taken: number[] = [];
    for (const [at, { requestId, name, value }] of metrics.entries()) {
      const request = this.#byId.get(requestId);
      if (request === undefined || !request.metrics.has(name)) continue;
      this.#recorder.recordMetric(request.series, name, value, request.cluster);
      taken.push(at);
    }
    return taken;
  }
}
