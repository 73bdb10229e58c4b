import type { FailureReason } from "../inspection/facts.ts";
import { knownMethod } from "../traffic/method.ts";
import { failingOutcomes, outcomes } from "../traffic/outcome.ts";
import { addToBuckets, createBuckets } from "./buckets.ts";
import {
  addToCluster,
  clusterCount,
  createClusterSums,
  packClusters,
  type ClusterSums,
} from "./clusters.ts";
import { DistinctUsers } from "./distinct.ts";
import { seriesText } from "./series-text.ts";
import type { Exemplar } from "./exemplar.ts";
import { agesBySeries, noneInFlight, type InFlightOf } from "./in-flight-ages.ts";
import { createLatency, takeCounts, type Latency } from "./latency.ts";
import {
  type InFlightAges,
  type SeriesDelta,
  type SeriesKey,
  type SlowLimit,
  type StatusCounts,
  type TelemetrySnapshot,
} from "./snapshot.ts";

export type { SeriesKey } from "./snapshot.ts";

/** How many series a worker keeps; what comes beyond shares one overflow series. */
export const seriesMax = 4096;

const outcomesCount = outcomes.length;
const failing = outcomes.map((outcome) => failingOutcomes.includes(outcome));

/** A place where exchanges of one key are counted; made on reload, used on every exchange. */
export type Series = {
  readonly key: SeriesKey;
  /** Both are large, so only an analysed exchange creates them. */
  duration: Latency | null;
  firstByte: Latency | null;
  readonly users: DistinctUsers;
  readonly failingUsers: DistinctUsers;
  readonly slow: readonly { readonly limit: SlowLimit; readonly users: DistinctUsers }[];
  /** A rollout is judged by it: bad exchanges are not to wait for the next snapshot. */
  readonly isUrgent: boolean;
  outcomes: number[];
  analysedOutcomes: number[];
  clusters: ClusterSums;
  clustersTouched: boolean;
  statuses: Map<string, Map<number, StatusCounts>>;
  /** Sums of what was measured besides times, by name. */
  metrics: Map<string, MetricSums>;
  failures: Map<FailureReason, number>;
  analysed: number;
  bytesIn: number;
  bytesOut: number;
  retries: number;
  inFlight: number;
  /** In use by the current routing table. */
  current: boolean;
  /** A snapshot reads it; false once it was dropped. */
  held: boolean;
  /** Exchanges ended since the last snapshot, or were in flight at it. */
  active: boolean;
};

type MetricSums = { readonly clusters: ClusterSums; isTouched: boolean };

/** Metrics that one series keeps; values of others are dropped and counted. */
export const metricsPerSeriesMax = 40;

/** What is looked for in a series besides what is counted in all. */
export type SeriesWatch = {
  readonly slowLimits: readonly SlowLimit[];
  readonly isUrgent: boolean;
};

const unwatched: SeriesWatch = { slowLimits: [], isUrgent: false };

/** Bad exchanges of urgent series since the last snapshot at which the recorder asks for one. */
export const urgentMin = 3;

type InFlightExchange = InFlightOf<Series>;

/** Counts exchanges on one worker. Everything is a delta since the last snapshot. */
export type Recorder = {
  /** The series of a key; the same one, watched as it was made, while it is in use. */
  series(key: SeriesKey, watch?: SeriesWatch): Series;
  /** Tells that the series asked for from here on are those in use; others go once they are idle. */
  beginTable(): void;
  startInFlight(series: Series): void;
  endInFlight(series: Series): void;
  /**
   * Counts one exchange. Times in whole microseconds, -1 for what did not happen; `cluster` and `userHash`
   * -1 without a user; `analysed` when it was enrolled in the comparison.
   */
  record(
    series: Series,
    outcome: number,
    method: string,
    status: number,
    firstByteUs: number,
    durationUs: number,
    upstreamDurationUs: number,
    bytesIn: number,
    bytesOut: number,
    retries: number,
    cluster: number,
    userHash: number,
    analysed: boolean,
  ): void;
  /** Adds a value of a metric to an analysed exchange's; `cluster` -1 without a user. */
  recordMetric(series: Series, name: string, value: number, cluster: number): void;
  /** Keeps a traced exchange that was counted just now as an example, unless a slower one is kept already. */
  recordExemplar(series: Series, method: string, status: number, exemplar: Exemplar): void;
  /** Counts why an answer was a bad one. */
  recordFailure(series: Series, reason: FailureReason): void;
  snapshot(wallMs: number, inFlight: readonly InFlightExchange[]): TelemetrySnapshot;
};

/** `onUrgent` is called once between two snapshots, when bad exchanges should not wait for the next one. */
export function createRecorder(limit = seriesMax, onUrgent: () => void = () => {}): Recorder {
  const byKey = new Map<string, Series>();
  let overflow: Series | null = null;
  let overflowed = 0;
  let urgent = 0;
  let metricsDropped = 0;
  let turn = 0;

  function series(key: SeriesKey, watch = unwatched): Series {
    const text = seriesText(key);
    let found = byKey.get(text);
    if (found === undefined) {
      if (byKey.size >= limit) return (overflow ??= createSeries(overflowKey, unwatched));
      found = createSeries(key, watch);
      byKey.set(text, found);
    }
    found.current = true;
    return found;
  }

  /**
   * A dropped series whose table is still at work, because the next one did not compile, is read again, or
   * stands back for its successor; at the limit, its exchanges count as overflow.
   */
  function holdAgain(dropped: Series): Series {
    const text = seriesText(dropped.key);
    const successor = byKey.get(text);
    if (successor !== undefined) return successor;
    if (byKey.size >= limit) return (overflow ??= createSeries(overflowKey, unwatched));
    dropped.held = true;
    byKey.set(text, dropped);
    return dropped;
  }

  function record(
    series: Series,
    outcome: number,
    method: string,
    status: number,
    firstByteUs: number,
    durationUs: number,
    upstreamDurationUs: number,
    bytesIn: number,
    bytesOut: number,
    retries: number,
    cluster: number,
    userHash: number,
    analysed: boolean,
  ): void {
    const into = series.held ? series : holdAgain(series);
    into.active = true;
    if (into === overflow) overflowed += 1;
    into.outcomes[outcome] = (into.outcomes[outcome] as number) + 1;
    into.bytesIn += bytesIn;
    into.bytesOut += bytesOut;
    into.retries += retries;
    const counts = statusCounts(into, method, status);
    addToBuckets(counts.server, durationUs);
    if (upstreamDurationUs >= 0) addToBuckets(counts.client, upstreamDurationUs);
    if (!analysed) return;
    const failed = failing[outcome] as boolean;
    into.analysed += 1;
    into.analysedOutcomes[outcome] = (into.analysedOutcomes[outcome] as number) + 1;
    into.duration ??= createLatency();
    into.duration.recordValue(durationUs < 1 ? 1 : durationUs);
    if (firstByteUs >= 0) {
      into.firstByte ??= createLatency();
      into.firstByte.recordValue(firstByteUs < 1 ? 1 : firstByteUs);
    }
    if (cluster >= 0) {
      into.clustersTouched = true;
      addToCluster(into.clusters, cluster, durationUs / 1000, failed);
    }
    if (failed && into.isUrgent) {
      urgent += 1;
      if (urgent === urgentMin) onUrgent();
    }
    if (userHash < 0) return;
    into.users.add(userHash);
    if (failed) into.failingUsers.add(userHash);
    for (const { limit, users } of into.slow) {
      if ((limit.of === "duration" ? durationUs : firstByteUs) > limit.limitUs) users.add(userHash);
    }
  }

  function snapshot(wallMs: number, inFlight: readonly InFlightExchange[]): TelemetrySnapshot {
    urgent = 0;
    const ages = agesBySeries(inFlight);
    const deltas: SeriesDelta[] = [];
    for (const [text, one] of byKey) {
      if (one.active || one.inFlight > 0) deltas.push(takeDelta(one, ages.get(one)));
      else if (!one.current) {
        one.held = false;
        byKey.delete(text);
      }
    }
    if (overflow !== null && overflow.active) deltas.push(takeDelta(overflow, ages.get(overflow)));
    return { wallMs, series: deltas, seriesCount: byKey.size, overflowed, metricsDropped };
  }

  function recordMetric(series: Series, name: string, value: number, cluster: number): void {
    const into = series.held ? series : holdAgain(series);
    let sums = into.metrics.get(name);
    if (sums === undefined) {
      if (into.metrics.size >= metricsPerSeriesMax) {
        metricsDropped += 1;
        return;
      }
      sums = { clusters: createClusterSums(), isTouched: false };
      into.metrics.set(name, sums);
    }
    into.active = true;
    sums.isTouched = true;
    // Without a user each request stands for itself.
    const at = cluster >= 0 ? cluster : (turn = (turn + 1) % clusterCount);
    addToCluster(sums.clusters, at, value, false);
  }

  return {
    series,
    record,
    recordMetric,
    recordExemplar(series, method, status, exemplar) {
      const counts = statusCounts(series.held ? series : holdAgain(series), method, status);
      if ((counts.exemplar?.serverUs ?? -1) < exemplar.serverUs) counts.exemplar = exemplar;
    },
    recordFailure(series, reason) {
      const into = series.held ? series : holdAgain(series);
      into.active = true;
      into.failures.set(reason, (into.failures.get(reason) ?? 0) + 1);
    },
    snapshot,
    beginTable() {
      for (const one of byKey.values()) one.current = false;
    },
    startInFlight(one) {
      if (!one.held) holdAgain(one);
      one.inFlight += 1;
      one.active = true;
    },
    endInFlight(one) {
      one.inFlight -= 1;
    },
  };
}

const overflowKey: SeriesKey = {
  experiment: null,
  variant: null,
  upstream: null,
  route: "_overflow",
  epoch: 0,
  randomised: false,
  shadow: false,
};

const noMetrics: SeriesDelta["metrics"] = {};

function takeMetrics(metrics: Map<string, MetricSums>): SeriesDelta["metrics"] {
  if (metrics.size === 0) return noMetrics;
  const taken: Record<string, Float64Array> = {};
  for (const [name, sums] of metrics) {
    if (!sums.isTouched) continue;
    taken[name] = packClusters(sums.clusters);
    sums.clusters.fill(0);
    sums.isTouched = false;
  }
  return taken;
}

function createSeries(key: SeriesKey, { slowLimits, isUrgent }: SeriesWatch): Series {
  return {
    key,
    duration: null,
    firstByte: null,
    users: new DistinctUsers(),
    failingUsers: new DistinctUsers(),
    slow: slowLimits.map((limit) => ({ limit, users: new DistinctUsers() })),
    isUrgent,
    outcomes: zeros(),
    analysedOutcomes: zeros(),
    clusters: createClusterSums(),
    clustersTouched: false,
    statuses: new Map(),
    metrics: new Map(),
    failures: new Map(),
    analysed: 0,
    bytesIn: 0,
    bytesOut: 0,
    retries: 0,
    inFlight: 0,
    current: true,
    held: true,
    active: false,
  };
}

function zeros(): number[] {
  return Array.from({ length: outcomesCount }, () => 0);
}

function statusCounts(into: Series, method: string, status: number): StatusCounts {
  const label = knownMethod(method) ?? "_OTHER";
  let byStatus = into.statuses.get(label);
  if (byStatus === undefined) {
    byStatus = new Map();
    into.statuses.set(label, byStatus);
  }
  let counts = byStatus.get(status);
  if (counts === undefined) {
    counts = {
      method: label,
      status,
      server: createBuckets(),
      client: createBuckets(),
      exemplar: null,
    };
    byStatus.set(status, counts);
  }
  return counts;
}

const noCounts = new Int32Array(0);

function takeDelta(one: Series, ages: InFlightAges | undefined): SeriesDelta {
  const delta: SeriesDelta = {
    key: one.key,
    outcomes: one.outcomes,
    statuses: Array.from(one.statuses.values(), (byStatus) => Array.from(byStatus.values())).flat(),
    bytesIn: one.bytesIn,
    bytesOut: one.bytesOut,
    retries: one.retries,
    inFlight: ages ?? noneInFlight,
    analysed: one.analysed,
    analysedOutcomes: one.analysedOutcomes,
    duration: one.duration === null ? noCounts : takeCounts(one.duration),
    firstByte: one.firstByte === null ? noCounts : takeCounts(one.firstByte),
    clusters: one.clustersTouched ? packClusters(one.clusters) : new Float64Array(0),
    users: one.users.takeDelta(),
    failingUsers: one.failingUsers.takeDelta(),
    slowUsers: one.slow.map(({ users }) => users.takeDelta()),
    metrics: takeMetrics(one.metrics),
    failures: Object.fromEntries(one.failures),
  };
  if (one.failures.size > 0) one.failures = new Map();
  one.outcomes = zeros();
  one.analysedOutcomes = zeros();
  one.statuses = new Map();
  if (one.clustersTouched) one.clusters.fill(0);
  one.clustersTouched = false;
  one.analysed = 0;
  one.bytesIn = 0;
  one.bytesOut = 0;
  one.retries = 0;
  // The next snapshot says once more how many are in flight, so that the last 0 arrives.
  one.active = one.inFlight > 0;
  return delta;
}
