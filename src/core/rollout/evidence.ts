import { outcomes } from "../traffic/outcome.ts";
import {
  createFirstErrors,
  noteErringUsers,
  type FirstErrors,
} from "../statistics/sequential/first-errors.ts";
import { createLatency, type SparseCounts } from "../telemetry/latency.ts";
import { inFlightAgeBoundsMs, type InFlightAges, type SeriesDelta } from "../telemetry/snapshot.ts";
import type { GuardrailTick, Tally } from "./guardrail.ts";
import type { GuardrailMetric, GuardrailPolicy } from "./policy.ts";

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

/**
 * Collects from the workers' telemetry what guardrails are judged by, and hands it out tick by tick. A request that is
 * in flight for longer than a latency limit counts as slow from then on, once: a hang is seen before it ends.
 */
export type Evidence = {
  readonly guardrails: ReadonlyMap<
    string,
    { readonly metric: GuardrailMetric; readonly sums: Record<ArmName, ArmSums> }
  >;
  firstErrors: FirstErrors;
  toldErrors: readonly number[];
};

export function createEvidence(policies: readonly GuardrailPolicy[]): Evidence {
  return {
    guardrails: new Map(
      policies.map(({ name, metric }) => [
        name,
        { metric, sums: { treatment: noSums(), control: noSums() } },
      ]),
    ),
    firstErrors: createFirstErrors(arms.length),
    toldErrors: [0, 0],
  };
}

function noSums(): ArmSums {
  return { finished: { bad: 0, count: 0 }, told: { bad: 0, count: 0 }, waiting: new Map() };
}

/** Adds one series of one worker's snapshot. */
export function addEvidence(
  evidence: Evidence,
  arm: ArmName,
  worker: string,
  delta: SeriesDelta,
): void {
  for (const { metric, sums } of evidence.guardrails.values()) {
    const of = sums[arm];
    of.finished = sum(of.finished, tallyOf(metric, delta));
    if (metric.kind === "latency") {
      const key = `${worker} ${delta.key.route}`;
      const waiting = waitingOf(delta.inFlight, metric.limitMs);
      if (waiting === 0) of.waiting.delete(key);
      else of.waiting.set(key, waiting);
    }
  }
  if (delta.failingUsers !== null) {
    noteErringUsers(evidence.firstErrors, arms.indexOf(arm), delta.failingUsers);
  }
}

/** A worker has ended: what was overdue on it ended with it. */
export function forgetWorker(evidence: Evidence, worker: string): void {
  for (const { sums } of evidence.guardrails.values()) {
    for (const of of Object.values(sums)) {
      for (const [key, count] of of.waiting) {
        if (!key.startsWith(`${worker} `)) continue;
        of.finished = sum(of.finished, { bad: count, count });
        of.waiting.delete(key);
      }
    }
  }
}

/** What came since the last call. */
export function takeTicks(
  evidence: Evidence,
  share: number,
  byUser: boolean,
): ReadonlyMap<string, GuardrailTick> {
  const { counts, isFrozen } = evidence.firstErrors;
  const [treatment = 0, control = 0] = counts.map(
    (count, at) => count - (evidence.toldErrors[at] ?? 0),
  );
  evidence.toldErrors = [...counts];
  const firstErrors = byUser && !isFrozen ? { treatment, control } : null;
  return new Map(
    Array.from(evidence.guardrails, ([name, { sums }]) => [
      name,
      { treatment: take(sums.treatment), control: take(sums.control), firstErrors, share },
    ]),
  );
}

/** Sums only rise: a request that waited too long and then ends was told already. */
function take(sums: ArmSums): Tally {
  let waiting = 0;
  for (const count of sums.waiting.values()) waiting += count;
  const bad = Math.max(sums.told.bad, sums.finished.bad + waiting);
  const count = Math.max(sums.told.count, sums.finished.count + waiting);
  const tick = { bad: bad - sums.told.bad, count: count - sums.told.count };
  sums.told = { bad, count };
  return { bad: Math.min(tick.bad, tick.count), count: tick.count };
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
  return slowerThan(metric.of === "duration" ? delta.duration : delta.firstByte, metric.limitMs);
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

function sum(one: Tally, other: Tally): Tally {
  return { bad: one.bad + other.bad, count: one.count + other.count };
}
