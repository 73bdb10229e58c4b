import type { Clock } from "../../base/clock.ts";
import {
  conclude,
  goesOn,
  stageNames,
  type StageName,
  type StageOutcome,
  type StageResult,
  type Verdict,
} from "../../core/rehearsal/stage.ts";
import type { StateFile } from "./state-file.ts";

/** Runs the stages one after the other; what has passed with the same inputs is not repeated. */

export type RehearsalResult = {
  readonly version: 1;
  readonly config: string;
  readonly experiment: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly stages: readonly StageResult[];
};

export type Stage = {
  readonly name: StageName;
  /** What its result depends on, besides that of the stages before it; null is never taken over. */
  readonly inputs: string | null;
  run(before: readonly StageResult[]): Promise<StageOutcome>;
};

export type RehearsalDependencies = {
  readonly clock: Clock;
  readonly state: StateFile;
  /** Called when a stage begins, and when it has ended. */
  readonly onStage: (event: {
    readonly stage: StageName;
    readonly result: StageResult | null;
  }) => void;
};

/** The stages must come in their order, the report last: it is made of whatever was found, however it ended. */
export async function rehearse(
  { config, experiment }: { readonly config: string; readonly experiment: string },
  stages: readonly Stage[],
  { clock, state, onStage }: RehearsalDependencies,
): Promise<RehearsalResult> {
  const results: StageResult[] = [];
  let inputs = "";
  for (const name of stageNames) {
    const stage = stages.find((each) => each.name === name);
    inputs = state.fingerprint(`${inputs} ${name} ${stage?.inputs ?? ""}`);
    const isOver =
      results.some((result) => !goesOn(result)) && name !== "decision" && name !== "report";
    const kept = isOver || stage?.inputs === null ? null : state.find(name, inputs);
    let result: StageResult;
    if (kept !== null) {
      result = { ...kept, isReused: true };
    } else if (isOver || stage === undefined) {
      result = idle(name, isOver ? "not_run" : "skipped");
    } else {
      onStage({ stage: name, result: null });
      const startedAt = new Date(clock.wallMs()).toISOString();
      const outcome = await stage.run(results);
      const endedAt = new Date(clock.wallMs()).toISOString();
      result = { stage: name, ...outcome, startedAt, endedAt, isReused: false };
      if (result.status === "passed" && stage.inputs !== null) state.keep(inputs, result);
    }
    results.push(result);
    onStage({ stage: name, result });
  }
  const conclusion = conclude(results);
  if (conclusion.verdict !== "failed") state.clear();
  return { version: 1, config, experiment, ...conclusion, stages: results };
}

function idle(stage: StageName, status: "not_run" | "skipped"): StageResult {
  const reason = status === "not_run" ? "an earlier stage ended the rehearsal" : "not asked for";
  return { stage, status, reason, startedAt: null, endedAt: null, isReused: false, details: null };
}
