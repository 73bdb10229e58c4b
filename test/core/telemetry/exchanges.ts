import * as fc from "fast-check";
import { clusterOf, telemetryHash } from "../../../src/core/assignment/hash.ts";
import type { Recorder, Series, SeriesKey } from "../../../src/core/telemetry/recorder.ts";
import { outcomes, type Outcome } from "../../../src/core/traffic/outcome.ts";

/** One finished exchange as a test writes it; what is left out is an ordinary success. */
export type Exchange = {
  readonly outcome: Outcome;
  readonly method: string;
  readonly status: number;
  readonly firstByteUs: number;
  readonly durationUs: number;
  readonly upstreamUs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retries: number;
  readonly user: string | null;
  readonly analysed: boolean;
};

const ordinary: Exchange = {
  outcome: "success",
  method: "POST",
  status: 200,
  firstByteUs: 1000,
  durationUs: 2000,
  upstreamUs: 1500,
  bytesIn: 10,
  bytesOut: 100,
  retries: 0,
  user: "ada",
  analysed: true,
};

export function recordExchange(
  recorder: Recorder,
  series: Series,
  written: Partial<Exchange> = {},
): void {
  const exchange = { ...ordinary, ...written };
  const hash = exchange.user === null ? -1 : telemetryHash(exchange.user);
  recorder.record(
    series,
    outcomes.indexOf(exchange.outcome),
    exchange.method,
    exchange.status,
    exchange.firstByteUs,
    exchange.durationUs,
    exchange.upstreamUs,
    exchange.bytesIn,
    exchange.bytesOut,
    exchange.retries,
    hash === -1 ? -1 : clusterOf(hash),
    hash,
    exchange.analysed,
  );
}

export function keyOf(written: Partial<SeriesKey> = {}): SeriesKey {
  return {
    experiment: "models",
    variant: "full",
    upstream: "full",
    route: "POST /embeddings",
    epoch: 1,
    randomised: false,
    shadow: false,
    ...written,
  };
}

export const anyExchange: fc.Arbitrary<Exchange> = fc.record({
  outcome: fc.constantFrom(...outcomes),
  method: fc.constantFrom("GET", "POST", "BREW"),
  status: fc.constantFrom(0, 200, 404, 500),
  firstByteUs: fc.integer({ min: -1, max: 5_000_000 }),
  durationUs: fc.integer({ min: 0, max: 400_000_000 }),
  upstreamUs: fc.integer({ min: -1, max: 130_000_000 }),
  bytesIn: fc.nat(1e6),
  bytesOut: fc.nat(1e6),
  retries: fc.nat(2),
  user: fc.option(fc.nat(40).map((id) => `user-${id}`)),
  analysed: fc.boolean(),
});
