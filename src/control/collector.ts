import { PairLog } from "../core/comparison/pair-log.ts";
import type { ArmMeasure } from "../core/experiment/analysis.ts";
import type { ComparedArm } from "../core/experiment/comparison.ts";
import { histogramOfCounts } from "../core/statistics/histogram.ts";
import { readCounts } from "../core/telemetry/latency.ts";
import { addHistory, addSnapshot, createTotals, type Totals } from "../core/telemetry/merge.ts";
import type { SeriesDelta, SeriesKey } from "../core/telemetry/snapshot.ts";
import {
  addToWindow,
  createWindow,
  sumWindow,
  type SlidingWindow,
} from "../core/telemetry/window.ts";
import { failingOutcomes, outcomes } from "../core/traffic/outcome.ts";
import type { ComparedPair } from "../wire/messages.ts";
import {
  rateMs,
  viewRecent,
  type RecentArms,
  viewExperiment,
  viewRoute,
  viewTraffic,
  type Arm,
  type CollectorView,
  type Experiment,
  type InFlight,
} from "./collector-view.ts";
import type { WatchedArms } from "./experiment-watch.ts";
import type { MeasuredBefore } from "./measured-before.ts";
import { TrafficCounts } from "./traffic-counts.ts";
import { nameOf, WorkerCounts, type WorkerSnapshot } from "./worker-counts.ts";
import type { WorkerSource } from "./worker-slot.ts";

export type { CollectorView, ExperimentView, VariantView } from "./collector-view.ts";

/** Experiments whose arms are kept; when there are more, the one that was silent longest goes. */
export const experimentsMax = 1024;
/** Routes whose rates are kept, likewise. */
export const routesMax = 4096;

/** What is compared of an experiment's present epoch. */
export type ComparedArms = {
  readonly epoch: number;
  /** Requests, not users, were randomised. */
  readonly randomised: boolean;
  readonly arms: ReadonlyMap<string, ComparedArm>;
};

/** Adds up what the workers report. Times are monotonic milliseconds. */
export type Collector = {
  /** Takes a worker's snapshot; none may come after its `workerGone`. */
  add(source: WorkerSource, snapshot: WorkerSnapshot, nowMs: number): void;
  /** Takes what another replica measured of experiments; what is exposed of this process alone does not change. */
  addRemote(series: readonly SeriesDelta[], nowMs: number): void;
  /** A worker has ended: what it counted stays, what it held is gone. */
  workerGone(source: WorkerSource): void;
  /** Takes over what an arm measured in its epoch before this process began. */
  restore(before: MeasuredBefore, nowMs: number): void;
  view(nowMs: number): CollectorView;
  /** As `arms`, with everything that variants can be compared by. */
  compared(experiment: string): ComparedArms | null;
  /** What the arms of an experiment's present epoch add up to; null before its first exchange. */
  arms(experiment: string): WatchedArms | null;
  /** The last minute of an experiment's present epoch; null before its first exchange. */
  recent(experiment: string, nowMs: number): RecentArms | null;
};

type ExperimentState = Experiment & {
  readonly arms: Map<string, Arm>;
  readonly copies: Map<string, Arm>;
  readonly pairs: Map<string, PairLog>;
  heardMs: number;
};

type RouteState = { readonly window: SlidingWindow; heardMs: number };

/** `nowMs` is when Sluice started, on the clock of every later `nowMs`. */
export function createCollector({ nowMs: startMs }: { readonly nowMs: number }): Collector {
  const counts = new WorkerCounts();
  const traffic = new TrafficCounts();
  const experiments = new Map<string, ExperimentState>();
  const routes = new Map<string, RouteState>();
  const inFlight = new Map<string, readonly InFlight[]>();

  function addOwn(delta: SeriesDelta, nowMs: number): void {
    traffic.add(delta);
    if (!delta.key.shadow) addToRoute(delta, nowMs);
    addToExperiment(delta, nowMs);
  }

  function addToExperiment(delta: SeriesDelta, nowMs: number): void {
    const { experiment, variant } = delta.key;
    if (experiment === null || variant === null) return;
    const state = experimentOf(experiment, delta.key, nowMs);
    // A straggler of a split that is over: traffic, but no evidence about the present one.
    if (delta.key.epoch < state.epoch) return;
    const arms = delta.key.shadow ? state.copies : state.arms;
    let arm = arms.get(variant);
    if (arm === undefined) {
      arm = { totals: createTotals(), window: createWindow(nowMs) };
      arms.set(variant, arm);
    }
    addSnapshot(arm.totals, delta);
    addToWindow(arm.window, nowMs, delta.outcomes, delta.duration);
  }

  function addPair({ experiment, variant, controlMs, treatmentMs, refused }: ComparedPair): void {
    const pairs = experiments.get(experiment)?.pairs;
    if (pairs === undefined) return;
    const log = pairs.get(variant) ?? new PairLog();
    pairs.set(variant, log);
    log.add(treatmentMs - controlMs, refused);
  }

  function addToRoute(delta: SeriesDelta, nowMs: number): void {
    addToWindow(routeOf(delta.key.route, nowMs).window, nowMs, delta.outcomes, noDurations);
  }

  function experimentOf(
    key: string,
    { epoch, randomised }: SeriesKey,
    nowMs: number,
  ): ExperimentState {
    let state = experiments.get(key);
    if (state === undefined || epoch > state.epoch) {
      if (state === undefined) makeRoom(experiments, experimentsMax);
      state = {
        epoch,
        randomised,
        arms: new Map(),
        copies: new Map(),
        pairs: new Map(),
        heardMs: nowMs,
      };
      experiments.set(key, state);
    }
    state.heardMs = nowMs;
    return state;
  }

  function routeOf(route: string, nowMs: number): RouteState {
    let state = routes.get(route);
    if (state === undefined) {
      makeRoom(routes, routesMax);
      state = { window: createWindow(startMs), heardMs: nowMs };
      routes.set(route, state);
    }
    state.heardMs = nowMs;
    return state;
  }

  return {
    add(source, snapshot, nowMs) {
      counts.add(source, snapshot);
      const { series } = snapshot.telemetry;
      for (const delta of series) addOwn(delta, nowMs);
      for (const pair of snapshot.pairs) addPair(pair);
      inFlight.set(
        nameOf(source),
        series
          .filter(({ key, inFlight }) => inFlight.count > 0 && !key.shadow)
          .map(({ key, inFlight: { count, oldestMs } }) => ({ key, count, oldestMs })),
      );
    },
    addRemote(series, nowMs) {
      for (const delta of series) addToExperiment(delta, nowMs);
    },
    restore({ key, totals }, nowMs) {
      const state = experimentOf(key.experiment, key, nowMs);
      const arm = { totals: createTotals(), window: createWindow(nowMs) };
      addHistory(arm.totals, totals);
      (key.shadow ? state.copies : state.arms).set(key.variant, arm);
    },
    workerGone(source) {
      counts.workerGone(source);
      inFlight.delete(nameOf(source));
    },
    arms(experiment) {
      const state = experiments.get(experiment);
      if (state === undefined) return null;
      const { epoch, arms } = state;
      return {
        epoch,
        arms: new Map(
          Array.from(arms, ([variant, { totals }]) => [variant, measureOf(variant, totals)]),
        ),
      };
    },
    compared(experiment) {
      const state = experiments.get(experiment);
      if (state === undefined) return null;
      const { epoch, randomised, arms } = state;
      return {
        epoch,
        randomised,
        arms: new Map(
          Array.from(arms, ([variant, { totals }]) => [variant, comparedOf(variant, totals)]),
        ),
      };
    },
    recent(experiment, nowMs) {
      const state = experiments.get(experiment);
      return state === undefined ? null : viewRecent(state.arms, state.heardMs, nowMs);
    },
    view(nowMs) {
      const held = [...inFlight.values()].flat();
      const heldByExperiment = Map.groupBy(held, ({ key }) => key.experiment);
      const heldByRoute = Map.groupBy(held, ({ key }) => key.route);
      const heldByTraffic = Map.groupBy(held, ({ key }) => traffic.of(key));
      const all = [...traffic.all()];
      const byRoute = Map.groupBy(all, ({ route }) => route);
      return {
        experiments: new Map(
          Array.from(experiments, ([key, state]) => [
            key,
            viewExperiment(state, heldByExperiment.get(key) ?? [], nowMs),
          ]),
        ),
        routes: new Map(
          Array.from(routes, ([route, { window }]) => [
            route,
            viewRoute(
              byRoute.get(route) ?? [],
              heldByRoute.get(route) ?? [],
              sumWindow(window, nowMs, rateMs).perSecond,
            ),
          ]),
        ),
        traffic: all.map((one) => viewTraffic(one, heldByTraffic.get(one) ?? [])),
        counters: counts.counters(),
        endpoints: counts.endpoints(),
        cpuSeconds: counts.cpuSeconds(),
        series: counts.series(),
      };
    },
  };
}

const noDurations = new Int32Array(0);

function measureOf(variant: string, { clusters, users, analysed }: Totals): ArmMeasure {
  const { isExact } = users;
  return { variant, clusters, users: users.estimate(), isExact, requests: analysed };
}

function comparedOf(variant: string, totals: Totals): ComparedArm {
  return {
    ...measureOf(variant, totals),
    failures: outcomes.reduce(
      (sum, outcome, at) =>
        sum + (failingOutcomes.includes(outcome) ? (totals.analysedOutcomes[at] as number) : 0),
      0,
    ),
    duration: histogramOfCounts(readCounts(totals.duration)),
    firstByte: histogramOfCounts(readCounts(totals.firstByte)),
    metrics: totals.metrics,
  };
}

function makeRoom(states: Map<string, { heardMs: number }>, max: number): void {
  if (states.size < max) return;
  let silent: string | null = null;
  let heardMs = Infinity;
  for (const [key, state] of states) {
    if (state.heardMs >= heardMs) continue;
    silent = key;
    ({ heardMs } = state);
  }
  if (silent !== null) states.delete(silent);
}
