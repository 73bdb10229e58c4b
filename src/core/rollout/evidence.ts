import { outcomes } from "../traffic/outcome.ts";
import {
  createFirstErrors,
  noteErringUsers,
  type FirstErrors,
} from "../statistics/sequential/first-errors.ts";
import { designEffectOf } from "../statistics/clustered/design-effect.ts";
import { ratioOf, sumsOfTelemetry } from "../statistics/clustered/ratio.ts";
import { addPackedClusters, createClusterSums, type ClusterSums } from "../telemetry/clusters.ts";
import { addMetrics } from "../telemetry/merge.ts";
import { isPairMetric } from "../telemetry/metric-names.ts";
import { DistinctUsers } from "../telemetry/distinct.ts";
import { createLatency, mergeCounts, type SparseCounts } from "../telemetry/latency.ts";
import { inFlightAgeBoundsMs, type InFlightAges, type SeriesDelta } from "../telemetry/snapshot.ts";
import type { GuardrailTick } from "./guardrail.ts";
import type { MeanOfUsers } from "./guardrail/mean.ts";
import type { ArmTimes } from "./guardrail/quantile.ts";
import { addTally, noTally, type Tally } from "./guardrail/verdict.ts";
import type { QueryTick } from "./guardrail/window.ts";
import type { GuardrailMetric, GuardrailPolicy, RolloutPolicy } from "./policy.ts";
import type { Treated } from "./state.ts";
import { isComparedByUser } from "./series-watch.ts";

/** Which of an experiment's arms a series belongs to. */
export type ArmName = "treatment" | "control";
const arms = ["treatment", "control"] as const;

const aborted = outcomes.indexOf("aborted");
/** Knows how times are laid out in sparse counts. */
const layout = createLatency();

/** Sums of one guardrail's metric in one arm since the rollout began. */
type ArmSums = {
  finished: Tally;
  /** Sums as far as they were handed out. */
  told: Tally;
  /** Requests in flight for longer than the limit, by worker. */
  readonly waiting: Map<string, number>;
};

type Watched = {
  readonly policy: GuardrailPolicy;
  readonly sums: Record<ArmName, ArmSums>;
  /** Users with a first bad request; null where the guardrail compares nothing, or by the users that failed. */
  readonly slowUsers: { readonly at: number; readonly first: FirstErrors; told: Firsts } | null;
};

type Firsts = { readonly treatment: number; readonly control: number };

/** Of the present step: users change arms with the share, and must not be counted in both. */
type StepSums = Record<
  ArmName,
  {
    readonly clusters: ClusterSums;
    readonly users: DistinctUsers;
    requests: number;
    /** Of the metrics that a guardrail looks at. */
    readonly metrics: Map<string, ClusterSums>;
    /** Kept only where a guardrail looks at quantiles. */
    readonly times: { duration: SparseCounts; first_byte: SparseCounts };
  }
>;

/**
 * Collects from the workers' telemetry what guardrails are judged by, and hands it out tick by tick. A request that is
 * in flight for longer than a latency limit counts as slow from then on, once: a hang is seen before it ends.
 */
export type Evidence = {
  readonly guardrails: readonly Watched[];
  /** Metrics that some guardrail looks at. */
  readonly metricNames: ReadonlySet<string>;
  readonly failed: FirstErrors;
  toldFailed: Firsts;
  /** The epoch that `step` is of; null before the first. */
  epoch: number | null;
  step: StepSums;
};

export function createEvidence(policy: RolloutPolicy): Evidence {
  let slowLimits = 0;
  return {
    guardrails: policy.guardrails.map((guardrail) => ({
      policy: guardrail,
      sums: { treatment: noSums(), control: noSums() },
      slowUsers: isComparedByUser(guardrail)
        ? { at: slowLimits++, first: createFirstErrors(arms.length), told: noFirsts }
        : null,
    })),
    metricNames: new Set(
      policy.guardrails.flatMap(({ metric }) =>
        metric.kind === "mean" && metric.of !== null ? [metric.of] : [],
      ),
    ),
    failed: createFirstErrors(arms.length),
    toldFailed: noFirsts,
    epoch: null,
    step: noStep(),
  };
}

const noFirsts: Firsts = { treatment: 0, control: 0 };

function noSums(): ArmSums {
  return { finished: noTally, told: noTally, waiting: new Map() };
}

function noStep(): StepSums {
  return { treatment: noUsers(), control: noUsers() };
}

function noUsers(): StepSums[ArmName] {
  return {
    clusters: createClusterSums(),
    users: new DistinctUsers(),
    requests: 0,
    metrics: new Map(),
    times: { duration: noCounts, first_byte: noCounts },
  };
}

/** How a snapshot is to be taken. */
export type EvidenceMode = {
  /** The treatment answers nobody: its copies are what it is judged by. */
  readonly isShadowStep: boolean;
  /** Times are not yet compared with the control's. */
  readonly isWarmingUp: boolean;
};

const plainMode: EvidenceMode = { isShadowStep: false, isWarmingUp: false };

/** Adds one series of one worker's snapshot. */
export function addEvidence(
  evidence: Evidence,
  arm: ArmName,
  worker: string,
  delta: SeriesDelta,
  mode = plainMode,
): void {
  if (evidence.epoch !== delta.key.epoch) {
    evidence.epoch = delta.key.epoch;
    evidence.step = noStep();
  }
  // Comparisons of answers are made on copies, in every step.
  if (arm === "treatment") addStepMetrics(evidence, arm, delta, isPairMetric);
  // Copies that went to the control, and answers of a treatment that is to answer nobody (somebody forced it), say nothing.
  const isOfArm = arm === "treatment" ? mode.isShadowStep : false;
  if (delta.key.shadow !== isOfArm) return;
  addStepMetrics(evidence, arm, delta, (name) => !isPairMetric(name));
  const armAt = arms.indexOf(arm);
  for (const { policy, sums, slowUsers } of evidence.guardrails) {
    if (mode.isWarmingUp && comparesTimes(policy)) continue;
    const of = sums[arm];
    of.finished = addTally(of.finished, tallyOf(policy.metric, delta));
    if (policy.metric.kind === "slow") {
      const key = `${worker} ${delta.key.route}`;
      const waiting = waitingOf(delta.inFlight, policy.metric.limitMs);
      if (waiting === 0) of.waiting.delete(key);
      else of.waiting.set(key, waiting);
    }
    const slow = slowUsers === null ? null : (delta.slowUsers[slowUsers.at] ?? null);
    if (slowUsers !== null && slow !== null) noteErringUsers(slowUsers.first, armAt, slow);
  }
  if (delta.failingUsers !== null) noteErringUsers(evidence.failed, armAt, delta.failingUsers);
  const of = evidence.step[arm];
  of.requests += delta.analysed;
  if (delta.users !== null) of.users.merge(delta.users);
  if (mode.isWarmingUp) return;
  addPackedClusters(of.clusters, delta.clusters);
  if (evidence.guardrails.some(({ policy }) => policy.metric.kind === "quantile")) {
    of.times.duration = mergeCounts(of.times.duration, delta.duration);
    of.times.first_byte = mergeCounts(of.times.first_byte, delta.firstByte);
  }
}

/** True for a guardrail that a cold cache would mislead. */
function comparesTimes({ metric, maxRatio }: GuardrailPolicy): boolean {
  const isOfTimes = metric.kind === "slow" || (metric.kind === "mean" && metric.of === null);
  return maxRatio !== null && isOfTimes;
}

function addStepMetrics(
  evidence: Evidence,
  arm: ArmName,
  { metrics }: SeriesDelta,
  isWanted: (name: string) => boolean,
): void {
  for (const { policy, sums } of evidence.guardrails) {
    const name = policy.metric.kind === "mean" ? policy.metric.of : null;
    const packed = name === null || !isWanted(name) ? undefined : metrics[name];
    if (name === null || packed === undefined) continue;
    sums[arm].finished = addTally(sums[arm].finished, sumOfValues(packed));
  }
  const wanted = Object.entries(metrics).filter(
    ([name]) => evidence.metricNames.has(name) && isWanted(name),
  );
  addMetrics(evidence.step[arm].metrics, Object.fromEntries(wanted));
}

const noCounts = new Int32Array(0);

/** A worker has ended: what was overdue on it ended with it. */
export function forgetWorker(evidence: Evidence, worker: string): void {
  for (const { sums } of evidence.guardrails) {
    for (const of of Object.values(sums)) {
      for (const [key, count] of of.waiting) {
        if (!key.startsWith(`${worker} `)) continue;
        of.finished = addTally(of.finished, { bad: count, count });
        of.waiting.delete(key);
      }
    }
  }
}

export function treatedOf({ step }: Evidence): Treated {
  return { users: step.treatment.users.estimate(), requests: step.treatment.requests };
}

/**
 * What came since the last call, by guardrail. `queries` tells the last answer to a guardrail's query; null where there
 * is none yet.
 */
export function takeTicks(
  evidence: Evidence,
  share: number,
  byUser: boolean,
  queries: (guardrail: string) => QueryTick | null,
): ReadonlyMap<string, GuardrailTick> {
  const failed = takeFirsts(evidence.failed, evidence.toldFailed);
  evidence.toldFailed = failed.told;
  const means = createMeans(evidence.step);
  const ticks = new Map<string, GuardrailTick>();
  for (const { policy, sums, slowUsers } of evidence.guardrails) {
    const { name, metric } = policy;
    const treatment = take(sums.treatment);
    const control = take(sums.control);
    if (metric.kind === "promql") {
      const answer = queries(name);
      if (answer !== null) ticks.set(name, answer);
    } else if (metric.kind === "quantile") {
      const { step } = evidence;
      ticks.set(name, {
        kind: "quantile",
        treatment: timesOf(step.treatment, metric.of),
        control: timesOf(step.control, metric.of),
        share,
      });
    } else if (metric.kind === "mean" && metric.of !== null) {
      const { step } = evidence;
      const ofTreatment = meanOfMetric(step.treatment, metric.of);
      const ofControl = meanOfMetric(step.control, metric.of);
      ticks.set(name, { kind: "mean", treatment, control, share, ofTreatment, ofControl });
    } else if (metric.kind === "mean") {
      ticks.set(name, { kind: "mean", treatment, control, share, ...means() });
    } else {
      const slow = slowUsers === null ? null : takeFirsts(slowUsers.first, slowUsers.told);
      if (slowUsers !== null && slow !== null) slowUsers.told = slow.told;
      const firstErrors = byUser ? (slow ?? failed).fresh : null;
      ticks.set(name, {
        kind: "counts",
        treatment: partOf(treatment),
        control: partOf(control),
        firstErrors,
        share,
      });
    }
  }
  return ticks;
}

/** Users with a first bad request since `told`; none of them once they cannot be told apart any more. */
function takeFirsts(
  { counts, isFrozen }: FirstErrors,
  told: Firsts,
): { readonly fresh: Firsts | null; readonly told: Firsts } {
  const [treatment = 0, control = 0] = counts;
  const fresh = { treatment: treatment - told.treatment, control: control - told.control };
  return { fresh: isFrozen ? null : fresh, told: { treatment, control } };
}

/** The means of the step so far, reckoned once for all guardrails that ask. */
function createMeans(step: StepSums) {
  let known: { ofTreatment: MeanOfUsers | null; ofControl: MeanOfUsers | null } | null = null;
  return () => (known ??= { ofTreatment: meanOf(step.treatment), ofControl: meanOf(step.control) });
}

function meanOf({ clusters, users }: StepSums[ArmName]): MeanOfUsers | null {
  const ratio = ratioOf(sumsOfTelemetry(clusters, "duration"));
  if (!ratio.ok) return null;
  return { value: ratio.value.value, variance: ratio.value.variance, users: users.estimate() };
}

function meanOfMetric({ metrics, users }: StepSums[ArmName], name: string): MeanOfUsers | null {
  const sums = metrics.get(name);
  const ratio = sums === undefined ? null : ratioOf(sumsOfTelemetry(sums, "duration"));
  if (ratio === null || !ratio.ok) return null;
  const { value, variance, n } = ratio.value;
  // How many users are behind the values is not known: no more than there are, and than there are values.
  return { value, variance, users: Math.min(users.estimate(), n) };
}

function timesOf({ clusters, times }: StepSums[ArmName], of: "duration" | "first_byte"): ArmTimes {
  return { counts: times[of], designEffect: designEffectOf(clusters) };
}

/** What waited too long was counted as bad before it was counted at all. */
function partOf({ bad, count }: Tally): Tally {
  return { bad: Math.min(bad, count), count };
}

/** Sums only rise: a request that waited too long and then ends was told already. */
function take(sums: ArmSums): Tally {
  let waiting = 0;
  for (const count of sums.waiting.values()) waiting += count;
  const bad = Math.max(sums.told.bad, sums.finished.bad + waiting);
  const count = Math.max(sums.told.count, sums.finished.count + waiting);
  const tick = { bad: bad - sums.told.bad, count: count - sums.told.count };
  sums.told = { bad, count };
  return tick;
}

function tallyOf(metric: GuardrailMetric, delta: SeriesDelta): Tally {
  if (metric.kind === "outcomes") {
    let bad = 0;
    let count = 0;
    for (const [at, name] of outcomes.entries()) {
      // A client that leaves says nothing about the variant.
      if (at === aborted) continue;
      const of = delta.analysedOutcomes[at] ?? 0;
      count += of;
      if (metric.bad.includes(name)) bad += of;
    }
    return { bad, count };
  }
  if (metric.kind === "slow") {
    return slowerThan(metric.of === "duration" ? delta.duration : delta.firstByte, metric.limitMs);
  }
  return metric.kind === "mean" && metric.of === null ? sumOfValues(delta.clusters) : noTally;
}

/** The sum of values (durations in milliseconds, or a metric's), and how many there are. */
function sumOfValues(packed: Float64Array): Tally {
  let bad = 0;
  let count = 0;
  for (let at = 0; at < packed.length; at += 5) {
    count += packed[at + 1] as number;
    bad += packed[at + 2] as number;
  }
  return { bad, count };
}

function slowerThan(counts: SparseCounts, limitMs: number): Tally {
  const limitIndex = layout.countsArrayIndex(Math.round(limitMs * 1000));
  let bad = 0;
  let count = 0;
  for (let at = 0; at < counts.length; at += 2) {
    const of = counts[at + 1] as number;
    count += of;
    if ((counts[at] as number) > limitIndex) bad += of;
  }
  return { bad, count };
}

/** In flight for longer than the limit, as far as the age bounds tell: never more than there are. */
function waitingOf({ olderThan }: InFlightAges, limitMs: number): number {
  const bound = inFlightAgeBoundsMs.findIndex((boundMs) => boundMs >= limitMs);
  return bound === -1 ? 0 : (olderThan[bound] ?? 0);
}
