import type { Latency } from "../telemetry/latency.ts";
import { judgeGenerator } from "./generator.ts";
import {
  percentileMs,
  type Measurements,
  type RequestGroup,
  type SecondRow,
} from "./measurements.ts";
import type { LoadPlan } from "./plan.ts";
import { judgeThresholds, type ThresholdResult } from "./threshold.ts";

/** A distribution in milliseconds; null in place of it means that nothing was recorded. */
export type Times = {
  readonly count: number;
  readonly meanMs: number;
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p75Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly p9999Ms: number;
  readonly maxMs: number;
};

/** Requests after the warm-up of the whole run, or of one variant or endpoint. */
export type GroupReport = {
  readonly ended: number;
  readonly failed: number;
  /** Ended requests a second. */
  readonly rate: number;
  readonly retries: number;
  readonly bytes: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly responseTime: Times | null;
  readonly serviceTime: Times | null;
  readonly timeToFirstByte: Times | null;
  /** Of streamed answers only. */
  readonly timeToFirstToken: Times | null;
};

/** What the generator reports of itself. */
export type GeneratorReport = {
  /** Empty when the result is valid. */
  readonly invalid: readonly string[];
  /** How late requests of the open model started; null in the closed one, where nothing is due. */
  readonly startError: Times | null;
  readonly missed: number;
  readonly eventLoopLagP99Ms: number | null;
  readonly eventLoopLagMaxMs: number | null;
  readonly cpuShare: number | null;
};

/** The result of a load test, as `--json` writes it. */
export type LoadReport = {
  readonly version: 1;
  readonly target: string;
  readonly startedAt: string;
  readonly model: "open" | "closed";
  /** Response times are corrected by HdrHistogram's rule for this interval; service times are as measured. */
  readonly expectedIntervalMs: number | null;
  readonly seed: number;
  /** How the run ended; `aborted` names the threshold that ended it. */
  readonly end: {
    readonly kind: "finished" | "interrupted" | "aborted";
    readonly threshold: string | null;
  };
  /** From the end of the warm-up to the last request that counts. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Requests after the warm-up. */
  readonly requests: {
    readonly due: number;
    readonly started: number;
    readonly dropped: number;
    readonly interrupted: number;
    readonly warmUp: number;
  };
  /** Per second; `planned` is null in the closed model. */
  readonly rates: { readonly planned: number | null; readonly achieved: number };
  readonly all: GroupReport;
  readonly endpoints: Readonly<Record<string, GroupReport>>;
  readonly variants: Readonly<Record<string, GroupReport>>;
  readonly thresholds: readonly ThresholdResult[];
  readonly generator: GeneratorReport;
  readonly series: readonly SecondRow[];
};

/** What of a run is not in its measurements. */
export type RunFacts = {
  readonly startedAtMs: number;
  readonly end: LoadReport["end"];
  /** From the end of the warm-up to the end of the run. */
  readonly measuredMs: number;
  readonly eventLoopLagP99Ms: number | null;
  readonly eventLoopLagMaxMs: number | null;
  readonly cpuShare: number | null;
};

/** Puts a run's measurements into words and numbers. */
export function reportOf(plan: LoadPlan, seen: Measurements, facts: RunFacts): LoadReport {
  const seconds = Math.max(0, facts.measuredMs) / 1000;
  const { model } = plan;
  const { measured } = seen;
  const plannedSeconds = Math.min(seconds, plan.durationMs / 1000);
  const invalid = judgeGenerator({
    model: model.kind,
    due: measured.due,
    missed: measured.missed,
    startErrorP99Ms: percentileMs(seen.startError, 99),
    eventLoopLagP99Ms: facts.eventLoopLagP99Ms,
    cpuShare: facts.cpuShare,
    ownFailures: seen.all.failures.get("generator") ?? 0,
  });
  const groups = (entries: Iterable<readonly [string, RequestGroup]>) =>
    Object.fromEntries(Array.from(entries, ([name, group]) => [name, groupOf(group, seconds)]));
  return {
    version: 1,
    target: plan.origin,
    startedAt: new Date(facts.startedAtMs).toISOString(),
    model: model.kind,
    expectedIntervalMs: model.kind === "closed" ? model.expectedIntervalMs : null,
    seed: plan.seed,
    end: facts.end,
    seconds: round(seconds),
    warmUpSeconds: plan.warmUpMs / 1000,
    requests: {
      due: measured.due,
      started: measured.started,
      dropped: measured.dropped,
      interrupted: seen.interrupted,
      warmUp: seen.warmUp.started,
    },
    rates: {
      planned: model.kind === "open" ? round(perSecond(measured.due, plannedSeconds)) : null,
      achieved: round(perSecond(seen.all.ended, seconds)),
    },
    all: groupOf(seen.all, seconds),
    endpoints: groups(
      plan.endpoints.map(({ name }, at) => [name, seen.endpoints[at] as RequestGroup] as const),
    ),
    variants: groups([...seen.variants].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    thresholds: judgeThresholds(plan.thresholds, seen.reader(seconds)),
    generator: {
      invalid,
      startError: model.kind === "open" ? timesOf(seen.startError) : null,
      missed: measured.missed,
      eventLoopLagP99Ms: facts.eventLoopLagP99Ms,
      eventLoopLagMaxMs: facts.eventLoopLagMaxMs,
      cpuShare: facts.cpuShare,
    },
    series: seen.rows,
  };
}

function groupOf(group: RequestGroup, seconds: number): GroupReport {
  return {
    ended: group.ended,
    failed: group.failed,
    rate: round(perSecond(group.ended, seconds)),
    retries: group.retries,
    bytes: group.bytes,
    statuses: sorted(group.statuses),
    failures: sorted(group.failures),
    responseTime: timesOf(group.responseTime),
    serviceTime: timesOf(group.serviceTime),
    timeToFirstByte: timesOf(group.firstByte),
    timeToFirstToken: timesOf(group.firstToken),
  };
}

function timesOf(latency: Latency): Times | null {
  if (latency.totalCount === 0) return null;
  const at = (percentile: number) => percentileMs(latency, percentile) as number;
  return {
    count: latency.totalCount,
    meanMs: round(latency.mean / 1000),
    minMs: at(0),
    p50Ms: at(50),
    p75Ms: at(75),
    p90Ms: at(90),
    p95Ms: at(95),
    p99Ms: at(99),
    p999Ms: at(99.9),
    p9999Ms: at(99.99),
    maxMs: latency.maxValue / 1000,
  };
}

function sorted(counts: ReadonlyMap<number | string, number>): Record<string, number> {
  return Object.fromEntries(
    [...counts]
      .map(([key, count]) => [String(key), count] as const)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
