import type { ExperimentLifecycle } from "../control/experiments.ts";
import type { ArmAnalysis } from "../core/experiment/analysis.ts";
import type { ExperimentLifecycleStatus } from "../wire/experiments-api.ts";

/** An A/B experiment as the admin API shows it. */
export function describeExperimentLife({
  experiment,
  policy,
  state,
  ranMs,
  watch,
  journal,
}: ExperimentLifecycle): ExperimentLifecycleStatus {
  const { phase, run, assignmentRun } = state;
  const isOver = phase.kind === "ended" || phase.kind === "archived";
  const { afterMs = null, users = null, requests = null } = policy.lifecycle?.ends ?? {};
  return {
    experiment,
    phase: phase.kind,
    run,
    assignment_run: assignmentRun,
    ran_seconds: Math.round(ranMs) / 1000,
    reason: isOver ? phase.reason : null,
    winner: isOver ? phase.winner : null,
    variants: policy.variants.map(({ key }) => key),
    primary: policy.lifecycle?.analysis?.primary ?? null,
    ends: {
      after_seconds: afterMs === null ? null : afterMs / 1000,
      users,
      requests,
      decision: policy.lifecycle?.ends.onDecision ?? false,
    },
    users: watch.facts?.users ?? 0,
    requests: watch.facts?.requests ?? 0,
    sample_ratio_p_value: watch.sampleRatioPValue,
    decision: watch.facts?.decision ?? null,
    arms: watch.analyses.map(describeArm),
    journal: journal.map(({ atMs, what, actor, facts }) => ({
      at: new Date(atMs).toISOString(),
      what,
      actor,
      facts,
    })),
  };
}

function describeArm({ variant, change, pValue, decision }: ArmAnalysis) {
  const measured = "code" in change ? null : change;
  const telling = decision.gates.find(({ name }) => name === (decision.blockedBy ?? "primary"));
  return {
    variant,
    outcome: decision.outcome,
    unit: measured?.unit ?? null,
    estimate: measured?.estimate ?? null,
    interval:
      measured === null
        ? null
        : ([measured.interval.low, measured.interval.high] satisfies [number, number]),
    p_value: pValue,
    reason: telling?.reason ?? "",
  };
}
