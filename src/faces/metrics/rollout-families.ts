import type { RolloutView } from "../../control/rollout-view.ts";
import type { Verdict } from "../../core/rollout/guardrail/verdict.ts";
import type { Family, Sample } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

const phases = ["waiting", "stepping", "observing", "paused", "promoted", "rolled_back"] as const;
const verdicts = ["ok", "breach", "wait", "error"] as const;

/** Of rollouts with steps. */
export const rolloutFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: "sluice_rollout_phase",
    help: "1 for the phase that a rollout is in, 0 for the others.",
    type: "gauge",
    read: ({ rollouts }) =>
      rollouts.flatMap(({ experiment, state }) =>
        phases.map((phase) => ({
          labels: { experiment, phase },
          value: state.phase.kind === phase ? 1 : 0,
        })),
      ),
  },
  {
    name: "sluice_rollout_step",
    help: "Step that a rollout is at, from 1; 0 before the first, one more than there are behind the last.",
    type: "gauge",
    read: ({ rollouts }) =>
      rollouts.map((rollout) => ({
        labels: { experiment: rollout.experiment },
        value: stepOf(rollout),
      })),
  },
  {
    name: "sluice_rollout_share",
    help: "The treatment's share of users that is wanted, and the one that every worker confirmed.",
    type: "gauge",
    read: ({ rollouts }) =>
      rollouts.flatMap(({ experiment, state, appliedShare }) => [
        { labels: { experiment, kind: "wanted" }, value: state.share },
        { labels: { experiment, kind: "applied" }, value: appliedShare },
      ]),
  },
  {
    name: "sluice_guardrail_value",
    help: "Share of the treatment's requests in the present step that were bad; absent without any.",
    type: "gauge",
    read: (facts) => eachVerdict(facts, ({ value }) => value),
  },
  {
    name: "sluice_guardrail_limit",
    help: "What the value is held against.",
    type: "gauge",
    read: (facts) => eachVerdict(facts, ({ limit }) => limit),
  },
  {
    name: "sluice_guardrail_p_value",
    help: "Chance of as much evidence if nothing were wrong; valid at every look.",
    type: "gauge",
    read: (facts) => eachVerdict(facts, ({ pValue }) => pValue),
  },
  {
    name: "sluice_guardrail_verdict",
    help: "1 for the last verdict of a guardrail, 0 for the others.",
    type: "gauge",
    read: ({ rollouts }) =>
      rollouts.flatMap(({ experiment, state }) =>
        state.verdicts.flatMap(({ guardrail, verdict: last }) =>
          verdicts.map((verdict) => ({
            labels: { experiment, guardrail, verdict },
            value: last === verdict ? 1 : 0,
          })),
        ),
      ),
  },
];

function stepOf({ state: { phase }, policy }: RolloutView): number {
  const at = phase.kind === "paused" ? phase.before : phase;
  if (at.kind === "stepping") return at.step + 1;
  return at.kind === "observing" || at.kind === "promoted" ? policy.steps.length + 1 : 0;
}

function* eachVerdict(
  { rollouts }: MetricsFacts,
  valueOf: (verdict: Verdict) => number | null,
): Generator<Sample> {
  for (const { experiment, state } of rollouts) {
    for (const verdict of state.verdicts) {
      const value = valueOf(verdict);
      if (value !== null) yield { labels: { experiment, guardrail: verdict.guardrail }, value };
    }
  }
}
