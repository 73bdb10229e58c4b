import { configuredShares } from "../core/assignment/shares.ts";
import { compareArms, sampleRatioAlpha, type Comparison } from "../core/experiment/comparison.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import { formatNumber } from "../core/statistics/decision/words.ts";
import type { MetricDirection } from "../core/statistics/direction.ts";
import {
  sampleRatioPValue,
  type SampleRatioTest,
} from "../core/statistics/sequential/sample-ratio.ts";
import type { ComparedArms } from "./collector.ts";
import type { ExperimentLifecycle } from "./experiments.ts";
import { createSampleRatioWatch } from "./sample-ratio-watch.ts";

/** An experiment's variants beside each other in the present epoch. */
export type ExperimentComparison = Comparison & {
  readonly experiment: string;
  readonly epoch: number;
  /** When the present split began, wall clock; null where it is not known. */
  readonly sinceMs: number | null;
  readonly randomised: "users" | "requests";
  readonly confidence: number;
  readonly minEffectSize: number;
  readonly sampleRatio: {
    readonly verdict: "ok" | "mismatch" | "unknown";
    readonly pValue: number | null;
    readonly expected: Readonly<Record<string, number>>;
    readonly users: Readonly<Record<string, number>>;
    readonly says: string;
  };
};

export type ComparisonsDependencies = {
  /** As it is routed; undefined when there is none. */
  readonly policy: (experiment: string) => ExperimentPolicy | undefined;
  readonly compared: (experiment: string) => ComparedArms | null;
  readonly epoch: (experiment: string) => number;
  readonly sinceMs: (experiment: string) => number | null;
  readonly lives: () => readonly ExperimentLifecycle[];
};

export type Comparisons = {
  /** Undefined when there is no such experiment. */
  of(experiment: string): ExperimentComparison | undefined;
};

/** Where nobody said: as an experiment's own analysis would have it. */
const defaults = { primary: null, confidence: 0.95, minEffectSize: 0.05, power: 0.8 } as const;

export function createComparisons(dependencies: ComparisonsDependencies): Comparisons {
  /** Of rollouts; that of a running A/B experiment belongs to its life. */
  const ratios = new Map<string, ReturnType<typeof createSampleRatioWatch>>();

  function testRatio(policy: ExperimentPolicy, present: ComparedArms): SampleRatioTest | null {
    for (const key of ratios.keys()) {
      if (dependencies.policy(key) === undefined) ratios.delete(key);
    }
    const watch = ratios.get(policy.key) ?? createSampleRatioWatch();
    ratios.set(policy.key, watch);
    return watch.look(policy, present);
  }

  return {
    of(experiment) {
      const policy = dependencies.policy(experiment);
      if (policy === undefined) return undefined;
      const epoch = dependencies.epoch(experiment);
      const measured = dependencies.compared(experiment);
      const randomised = policy.assignment.strategy === "hash" ? "users" : "requests";
      // What was counted before the split changed is not this epoch's.
      const present: ComparedArms =
        measured?.epoch === epoch
          ? measured
          : { epoch, randomised: randomised === "requests", arms: new Map() };
      const life = dependencies.lives().find((each) => each.experiment === experiment);
      const analysis = policy.lifecycle?.analysis ?? defaults;
      const test =
        life?.state.phase.kind === "running" ? life.watch.sampleRatio : testRatio(policy, present);
      const pValue = test === null ? null : sampleRatioPValue(test);
      const control = policy.variants.find((variant) => variant.control)?.key ?? "";
      return {
        experiment,
        epoch,
        sinceMs: dependencies.sinceMs(experiment),
        randomised,
        confidence: analysis.confidence,
        minEffectSize: analysis.minEffectSize,
        sampleRatio: describeRatio(policy, present, pValue),
        ...compareArms({
          control,
          treatments: policy.variants.flatMap((one) => (one.control ? [] : [one.key])),
          arms: present.arms,
          primary: analysis.primary,
          confidence: analysis.confidence,
          minEffectSize: analysis.minEffectSize,
          power: analysis.power,
          plannedUsers: policy.lifecycle?.ends.users ?? null,
          sampleRatioPValue: pValue,
          directions: directionsOf(policy),
        }),
      };
    },
  };
}

function describeRatio(
  policy: ExperimentPolicy,
  { arms }: ComparedArms,
  pValue: number | null,
): ExperimentComparison["sampleRatio"] {
  const shares = configuredShares(policy);
  const facts = {
    pValue,
    expected: Object.fromEntries(policy.variants.map(({ key }, at) => [key, shares[at] ?? 0])),
    users: Object.fromEntries(policy.variants.map(({ key }) => [key, arms.get(key)?.users ?? 0])),
  };
  if (pValue !== null) {
    const p = formatNumber(pValue);
    return pValue < sampleRatioAlpha
      ? {
          ...facts,
          verdict: "mismatch",
          says: `the arms do not have the shares that were configured (p = ${p}): who is measured depends on the arm, so that no comparison is valid`,
        }
      : {
          ...facts,
          verdict: "ok",
          says: `the arms have the shares that were configured (p = ${p})`,
        };
  }
  const reason =
    policy.assignment.strategy !== "hash"
      ? "requests are randomised, so that every user is in every arm"
      : shares.includes(0)
        ? "one arm is to get nobody"
        : "it has not been looked at since the split began";
  return { ...facts, verdict: "unknown", says: `not tested: ${reason}` };
}

/** Which way metrics are better, by the guardrails that limit them. */
function directionsOf({
  rollout,
  lifecycle,
}: ExperimentPolicy): ReadonlyMap<string, MetricDirection> {
  const guardrails = (rollout ?? lifecycle?.autoRollout)?.guardrails ?? [];
  return new Map(
    guardrails.flatMap(({ metric, max, maxRatio }): [string, MetricDirection][] =>
      metric.kind === "mean" && metric.of !== null
        ? [[metric.of, max !== null || maxRatio !== null ? "lower" : "higher"]]
        : [],
    ),
  );
}
