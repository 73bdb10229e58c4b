import type { Outcome } from "../traffic/outcome.ts";

/** A finished exchange as its spans tell it. No query, no user key, no header gets in here. */
export type TracedExchange = {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the server span, 16 hexadecimal digits. */
  readonly spanId: string;
  /** The caller's span; empty where the trace begins here. */
  readonly parentSpanId: string;
  /** The caller's tracestate; empty without. */
  readonly traceState: string;
  /** Wall time, milliseconds with fractions. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly scheme: "http" | "https";
  readonly port: number;
  readonly version: "1.0" | "1.1";
  /** Null where the client got none. */
  readonly status: number | null;
  readonly outcome: Outcome;
  /** Stable code of what Sluice answered or broke off with; null when the upstream's answer came whole. */
  readonly code: string | null;
  readonly route: string | null;
  readonly experiment: string | null;
  readonly variant: string | null;
  readonly upstream: string | null;
  readonly requestId: string;
  readonly firstByteMs: number | null;
  readonly retries: number;
  readonly attempts: readonly TracedAttempt[];
};

/** A request sent upstream once. */
export type TracedAttempt = {
  readonly spanId: string;
  /** Since the exchange's start. */
  readonly startedMs: number;
  readonly durationMs: number;
  /** Of the endpoint, without path. */
  readonly origin: string;
  /** As it was sent, without query. */
  readonly path: string;
  /** Null where it gave none. */
  readonly status: number | null;
  /** What ended it before its answer was whole; null where nothing did. */
  readonly failure: string | null;
};

/** How many spans it makes. */
export function spanCountOf({ attempts }: TracedExchange): number {
  return 1 + attempts.length;
}
