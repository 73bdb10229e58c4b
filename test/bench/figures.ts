import type { Body } from "./options.ts";

/** The figures of one proxy, as written to JSON. */

export type Saturation = {
  readonly contender: string;
  readonly body: Body;
  /** Medians over the rounds. */
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  /** What a whole core would serve, whatever share of it was used. */
  readonly requestsPerCpuSecond: number;
  /** Share of its one core that the proxy used; well below 1, the load was the bottleneck and not the proxy. */
  readonly coreBusy: number;
  readonly errors: number;
  /** CPU µs per request of each round, for the spread. */
  readonly rounds: readonly number[];
};

export type FixedRate = {
  /** `direct` is without a proxy. */
  readonly contender: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** This quantile less that of `direct` in the same run. */
  readonly addedP50Ms: number;
  readonly addedP99Ms: number;
  readonly cpuUsPerRequest: number;
  readonly errors: number;
};
