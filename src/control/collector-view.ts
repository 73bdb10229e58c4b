import type { PairLog } from "../core/comparison/pair-log.ts";
import type { PairedLatency } from "../core/comparison/paired-latency.ts";
import type { Latency } from "../core/telemetry/latency.ts";
import {
  createTotals,
  metricMeans,
  percentileMs,
  sumOf,
  type MetricMean,
  type Totals,
} from "../core/telemetry/merge.ts";
import type { SeriesKey } from "../core/telemetry/snapshot.ts";
import {
  createWindow,
  sumWindow,
  windowLatency,
  type SlidingWindow,
} from "../core/telemetry/window.ts";
import { failingOutcomes, nameOutcomes, outcomes, type Outcome } from "../core/traffic/outcome.ts";
import type { WorkerCounters } from "../wire/messages.ts";
import type { Traffic, TrafficCell } from "./traffic-counts.ts";
import type { EndpointView } from "./worker-counts.ts";

/** Rates are over this time. */
export const rateMs = 10_000;
/** What `recent` tells about. */
const recentMs = 60_000;

type Percentiles = {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
};

/** One arm in the experiment's present epoch. Times in milliseconds, null before the first exchange. */
export type VariantView = Percentiles & {
  /** Finished exchanges, enrolled or not. */
  readonly requests: number;
  /** Those of enrolled users; percentiles and users are theirs. */
  readonly analysed: number;
  /** Finished exchanges a second over the last `rateMs`. */
  readonly perSecond: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly analysedOutcomes: Readonly<Record<Outcome, number>>;
  /** Share of all finished exchanges with outcome `success`; null before the first. */
  readonly successRate: number | null;
  readonly maxMs: number | null;
  readonly firstByteP50Ms: number | null;
  readonly firstByteP95Ms: number | null;
  /** The last minute alone. */
  readonly recent: Percentiles & { readonly requests: number; readonly successRate: number | null };
  /** Distinct enrolled users, exact up to 20,000. */
  readonly users: number;
  /** Those who met at least one failure. */
  readonly failingUsers: number;
  /** Share of the experiment's analysed exchanges that came here; null before the first. */
  readonly observedShare: number | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retries: number;
  readonly inFlight: number;
  readonly oldestInFlightMs: number;
  /** What was measured of its answers besides times, by name. */
  readonly metrics: Readonly<Record<string, MetricMean>>;
  /** Why answers were bad ones: counts by FailureReason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Copies that it got and nobody was answered with; null without any. */
  readonly copies: CopiesView | null;
};

export type CopiesView = Percentiles & {
  readonly requests: number;
  readonly successRate: number | null;
  /** Of pairs, too: how the answers of the variants compare. */
  readonly metrics: Readonly<Record<string, MetricMean>>;
  /** Times of the same requests on the control and here; null before the first pair. */
  readonly paired: PairedLatency | null;
  /** Why answers were not compared, with how often. */
  readonly refusals: ReadonlyMap<string, number>;
};

export type ExperimentView = {
  readonly epoch: number;
  /** Requests, not users, were randomised. */
  readonly randomised: boolean;
  readonly variants: ReadonlyMap<string, VariantView>;
};

/** A route since the start, whatever its experiments. */
export type RouteView = {
  readonly requests: number;
  readonly perSecond: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly inFlight: number;
};

/** Exchanges of one label set since the start, for exposition. */
export type TrafficView = {
  /** "" on a pinned route. */
  readonly experiment: string;
  readonly variant: string;
  readonly route: string;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly inFlight: number;
  readonly cells: readonly TrafficCell[];
  /** Values of each metric, those of copies included. */
  readonly metrics: ReadonlyMap<string, { readonly count: number; readonly sum: number }>;
  /** Why answers were bad ones: counts by FailureReason. */
  readonly failures: ReadonlyMap<string, number>;
  /** Copies that nobody was answered with. */
  readonly copies: Readonly<Record<Outcome, number>>;
};

/** One experiment in the last minute. */
export type RecentArms = {
  /** Since anything was heard of it. */
  readonly secondsWithoutRequests: number;
  /** Finished exchanges a second over the last `rateMs`. */
  readonly perSecond: number;
  readonly arms: ReadonlyMap<string, RecentArm>;
};

export type RecentArm = {
  /** Finished exchanges; clients that left say nothing about the variant. */
  readonly requests: number;
  /** Those that failed for a reason of Sluice's or the upstream's. */
  readonly errors: number;
  /** Null without any. */
  readonly latencyMsAt: ((quantile: number) => number) | null;
};

/** What the control plane knows from all workers, past and present. */
export type CollectorView = {
  readonly experiments: ReadonlyMap<string, ExperimentView>;
  readonly routes: ReadonlyMap<string, RouteView>;
  readonly traffic: readonly TrafficView[];
  /** Counts since the start, over all workers that ever ran; gauges of those that run. */
  readonly counters: WorkerCounters;
  readonly endpoints: readonly EndpointView[];
  /** CPU seconds by worker index, restarts included. */
  readonly cpuSeconds: ReadonlyMap<number, number>;
  readonly series: {
    /** Held by all workers now. */
    readonly held: number;
    /** Exchanges that no series had room for, since the start. */
    readonly overflowed: number;
  };
};

/** Exchanges of one series that one worker holds. */
export type InFlight = {
  readonly key: SeriesKey;
  readonly count: number;
  readonly oldestMs: number;
};

export type Arm = { readonly totals: Totals; readonly window: SlidingWindow };

/** An experiment's present epoch. */
export type Experiment = {
  readonly epoch: number;
  readonly randomised: boolean;
  readonly arms: ReadonlyMap<string, Arm>;
  /** Of copies that nobody was answered with. */
  readonly copies: ReadonlyMap<string, Arm>;
  /** By treatment: requests that it and the control answered. */
  readonly pairs: ReadonlyMap<string, PairLog>;
};

export function viewExperiment(
  { epoch, randomised, arms, copies, pairs }: Experiment,
  held: readonly InFlight[],
  nowMs: number,
): ExperimentView {
  let analysed = 0;
  for (const { totals } of arms.values()) analysed += totals.analysed;
  const seen = new Set([...arms.keys(), ...copies.keys()]);
  const variants = new Map(
    Array.from(seen, (variant) => [
      variant,
      viewVariant(
        arms.get(variant) ?? { totals: createTotals(), window: createWindow(nowMs) },
        viewCopies(copies.get(variant), pairs.get(variant)),
        analysed,
        held.filter(({ key }) => key.variant === variant),
        nowMs,
      ),
    ]),
  );
  return { epoch, randomised, variants };
}

export function viewRecent(
  arms: ReadonlyMap<string, Arm>,
  heardMs: number,
  nowMs: number,
): RecentArms {
  return {
    secondsWithoutRequests: Math.max(0, nowMs - heardMs) / 1000,
    perSecond: [...arms.values()].reduce(
      (sum, { window }) => sum + sumWindow(window, nowMs, rateMs).perSecond,
      0,
    ),
    arms: new Map(
      Array.from(arms, ([variant, { window }]) => {
        const { outcomes: counts } = sumWindow(window, nowMs, recentMs);
        const count = (of: (outcome: Outcome) => boolean) =>
          outcomes.reduce(
            (sum, outcome, at) => sum + (of(outcome) ? (counts[at] as number) : 0),
            0,
          );
        const requests = count((outcome) => outcome !== "aborted");
        return [
          variant,
          { requests, errors: count(isFailure), latencyMsAt: latencyOf(window, nowMs) },
        ];
      }),
    ),
  };
}

function isFailure(outcome: Outcome): boolean {
  return failingOutcomes.includes(outcome);
}

/** Reckoned only when somebody asks: most alerts have nothing to do with latency. */
function latencyOf(window: SlidingWindow, nowMs: number): RecentArm["latencyMsAt"] {
  if (sumWindow(window, nowMs, recentMs).requests === 0) return null;
  let latency: Latency | null = null;
  return (quantile) => {
    latency ??= windowLatency(window, nowMs, recentMs);
    return percentileMs(latency, quantile * 100) ?? 0;
  };
}

function viewVariant(
  { totals, window }: Arm,
  copies: CopiesView | null,
  analysedInExperiment: number,
  held: readonly InFlight[],
  nowMs: number,
): VariantView {
  const recent = sumWindow(window, nowMs, recentMs);
  return {
    requests: sumOf(totals.outcomes),
    analysed: totals.analysed,
    perSecond: sumWindow(window, nowMs, rateMs).perSecond,
    outcomes: nameOutcomes(totals.outcomes),
    analysedOutcomes: nameOutcomes(totals.analysedOutcomes),
    successRate: successRate(totals.outcomes),
    ...percentiles(totals.duration),
    maxMs: percentileMs(totals.duration, 100),
    firstByteP50Ms: percentileMs(totals.firstByte, 50),
    firstByteP95Ms: percentileMs(totals.firstByte, 95),
    recent: {
      ...percentiles(windowLatency(window, nowMs, recentMs)),
      requests: recent.requests,
      successRate: successRate(recent.outcomes),
    },
    users: totals.users.estimate(),
    failingUsers: totals.failingUsers.estimate(),
    observedShare: analysedInExperiment === 0 ? null : totals.analysed / analysedInExperiment,
    bytesIn: totals.bytes.in,
    bytesOut: totals.bytes.out,
    retries: totals.retries,
    inFlight: countOf(held),
    oldestInFlightMs: held.reduce((oldest, { oldestMs }) => Math.max(oldest, oldestMs), 0),
    metrics: metricMeans(totals),
    failures: Object.fromEntries(totals.failures),
    copies,
  };
}

const noRefusals: ReadonlyMap<string, number> = new Map();

function viewCopies(arm: Arm | undefined, pairs: PairLog | undefined): CopiesView | null {
  if (arm === undefined) return null;
  const { totals } = arm;
  return {
    requests: sumOf(totals.outcomes),
    successRate: successRate(totals.outcomes),
    ...percentiles(totals.duration),
    metrics: metricMeans(totals),
    paired: pairs?.latency ?? null,
    refusals: pairs?.refusals ?? noRefusals,
  };
}

export function viewRoute(
  traffic: readonly Traffic[],
  held: readonly InFlight[],
  perSecond: number,
): RouteView {
  const counts = outcomes.map((_, at) =>
    traffic.reduce((sum, one) => sum + (one.outcomes[at] as number), 0),
  );
  return {
    requests: sumOf(counts),
    perSecond,
    outcomes: nameOutcomes(counts),
    inFlight: countOf(held),
  };
}

export function viewTraffic(traffic: Traffic, held: readonly InFlight[]): TrafficView {
  const { experiment, variant, route, cells, metrics, failures } = traffic;
  return {
    experiment,
    variant,
    route,
    outcomes: nameOutcomes(traffic.outcomes),
    inFlight: countOf(held),
    cells: [...cells.values()],
    metrics,
    failures,
    copies: nameOutcomes(traffic.copies),
  };
}

function countOf(held: readonly InFlight[]): number {
  return held.reduce((sum, { count }) => sum + count, 0);
}

function percentiles(latency: Latency): Percentiles {
  return {
    p50Ms: percentileMs(latency, 50),
    p95Ms: percentileMs(latency, 95),
    p99Ms: percentileMs(latency, 99),
  };
}

function successRate(counts: readonly number[]): number | null {
  const requests = sumOf(counts);
  return requests === 0 ? null : (counts[successAt] as number) / requests;
}

const successAt = outcomes.indexOf("success");
