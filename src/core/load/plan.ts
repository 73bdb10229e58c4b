import type { UpstreamTls } from "../traffic/policy.ts";
import type { Arrivals, Stage } from "./schedule.ts";
import type { DataLine, Template } from "./template.ts";
import type { Threshold } from "./threshold.ts";

/** A load test with every default filled in. */
export type LoadPlan = {
  /** Scheme, host and port: `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly endpoints: readonly LoadEndpoint[];
  readonly model: OpenModel | ClosedModel;
  /** Requests that start before this are sent but not counted. */
  readonly warmUpMs: number;
  /** How long requests start after the warm-up. */
  readonly durationMs: number;
  /** Requests to start after the warm-up at most; null is no limit besides the time. */
  readonly requestsMax: number | null;
  /** Ids that an open model draws {{user}} from: user-0001 and so on. */
  readonly userPool: number;
  /** From sending a request to the last byte of its answer. */
  readonly timeoutMs: number;
  /** How often a request is sent again after a lost connection or 429, 502, 503, 504. */
  readonly retriesMax: number;
  /** Whether connections are used again. */
  readonly keepAlive: boolean;
  /** How an https target is met. */
  readonly tls: UpstreamTls;
  readonly seed: number;
  readonly thresholds: readonly Threshold[];
};

/** Requests start when they are due, whether or not earlier ones have ended. */
export type OpenModel = {
  readonly kind: "open";
  /** The whole timeline, warm-up included. */
  readonly stages: readonly Stage[];
  readonly arrivals: Arrivals;
  /** Requests under way; what is due beyond it is dropped and counted. */
  readonly maxInFlight: number;
};

/** Each user waits for the answer before the next request. */
export type ClosedModel = {
  readonly kind: "closed";
  readonly users: number;
  /** Over which the users begin, one after the other. */
  readonly rampUpMs: number;
  /** Between an answer and the user's next request. */
  readonly thinkMs: number;
  /** How often a user would have asked, for HdrHistogram's correction of coordinated omission; null is none. */
  readonly expectedIntervalMs: number | null;
};

export type LoadEndpoint = {
  readonly name: string;
  /** Its part of the requests, relative to the others; > 0. */
  readonly weight: number;
  readonly method: string;
  readonly path: Template;
  readonly headers: readonly (readonly [string, Template])[];
  /** Null sends no body. */
  readonly body: Template | null;
  readonly lines: readonly DataLine[] | null;
  readonly lineOrder: "sequential" | "random";
  readonly expect: Expectation;
};

export type Expectation = {
  /** Statuses that are no failure, as inclusive ranges. */
  readonly statuses: readonly (readonly [number, number])[];
  /** What the body must contain; null asks for nothing. */
  readonly contains: string | null;
};

export const loadLimits = {
  rateMax: 100_000,
  inFlightMax: 20_000,
  usersMax: 10_000,
  userPoolMax: 10_000_000,
  stagesMax: 100,
  endpointsMax: 100,
  headersMax: 64,
  durationMsMax: 24 * 3_600_000,
  requestsMax: 1_000_000_000,
  timeoutMsMax: 3_600_000,
  retriesMax: 10,
  thresholdsMax: 100,
  bodyLengthMax: 1_048_576,
  /** Of a body file. */
  dataLengthMax: 64 * 1024 * 1024,
  dataLinesMax: 200_000,
  /** Variants that are told apart; later ones count as "other". */
  variantsMax: 32,
} as const;

export const loadDefaults = {
  rate: 10,
  durationMs: 30_000,
  /** Ends a closed model of --requests without --for. */
  requestsDurationMs: 600_000,
  maxInFlight: 1000,
  userPool: 100,
  timeoutMs: 30_000,
  /** k6's idea of success. */
  statuses: [[200, 399]],
} as const;
