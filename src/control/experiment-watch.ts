import {
  analyseArm,
  decideAll,
  type ArmAnalysis,
  type ArmMeasure,
} from "../core/experiment/analysis.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import type { ExperimentFacts } from "../core/experiment/state.ts";
import {
  sampleRatioPValue,
  type SampleRatioTest,
} from "../core/statistics/sequential/sample-ratio.ts";
import { createSampleRatioWatch } from "./sample-ratio-watch.ts";

/** What was measured of each arm since the experiment's split began, in epoch `epoch`. */
export type WatchedArms = {
  readonly epoch: number;
  readonly arms: ReadonlyMap<string, ArmMeasure>;
};

/** What the last look at a running experiment found. */
export type ExperimentWatch = {
  readonly facts: ExperimentFacts | null;
  readonly analyses: readonly ArmAnalysis[];
  /** Null where it cannot be tested. */
  readonly sampleRatio: SampleRatioTest | null;
  /** Its p-value, always valid. */
  readonly sampleRatioPValue: number | null;
};

/** Looks at what an experiment has measured, and remembers what a sequential test needs between looks. */
export function createExperimentWatch() {
  const ratio = createSampleRatioWatch();
  let last: ExperimentWatch = {
    facts: null,
    analyses: [],
    sampleRatio: null,
    sampleRatioPValue: null,
  };

  function look(policy: ExperimentPolicy, watched: WatchedArms): ExperimentFacts {
    const { arms } = watched;
    const measures = policy.variants.map(({ key }) => arms.get(key) ?? null);
    const fewest = (field: "users" | "requests") =>
      Math.min(...measures.map((measure) => measure?.[field] ?? 0));
    const sampleRatio = ratio.look(policy, watched);
    const pValue = sampleRatio === null ? null : sampleRatioPValue(sampleRatio);
    const analyses = analyse(policy, arms, pValue);
    const control = policy.variants.find((variant) => variant.control)?.key ?? "";
    const decision = policy.lifecycle?.analysis === null ? null : decideAll(control, analyses);
    const facts = { users: fewest("users"), requests: fewest("requests"), decision };
    last = { facts, analyses, sampleRatio, sampleRatioPValue: pValue };
    return facts;
  }

  return { look, state: () => last };
}

function analyse(
  { variants, lifecycle }: ExperimentPolicy,
  arms: WatchedArms["arms"],
  sampleRatioP: number | null,
): readonly ArmAnalysis[] {
  const analysis = lifecycle?.analysis ?? null;
  const control = arms.get(variants.find((variant) => variant.control)?.key ?? "");
  if (analysis === null || control === undefined) return [];
  const treatments = variants.filter((variant) => !variant.control);
  return treatments.flatMap(({ key }) => {
    const treatment = arms.get(key);
    if (treatment === undefined) return [];
    const plannedUsers = lifecycle?.ends.users ?? null;
    const arm = { sampleRatioPValue: sampleRatioP, plannedUsers, arms: treatments.length };
    return [analyseArm(control, treatment, analysis, arm)];
  });
}
