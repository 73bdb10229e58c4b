import { alertCount, comparisonCharts, comparisonTable } from "./comparison-panels.ts";
import { dashboard } from "./dashboard.ts";
import { chart, stat, table, timeline } from "./panel.ts";
import {
  anyIsBad,
  here,
  ofExperiment,
  phase,
  phaseStates,
  verdict,
  verdictStates,
} from "./queries.ts";

const byGuardrail = "experiment, guardrail";

function guardrail(name: string): string {
  return `max by (${byGuardrail}) (sluice_guardrail_${name}{${ofExperiment}})`;
}

export const rollout = dashboard({
  name: "rollout",
  title: "Sluice: rollout",
  description:
    "One rollout: where it stands, whether its guardrails hold, and what its users saw on both sides.",
  experiments: "one",
  rows: [
    {
      title: "Where it stands",
      panels: [
        stat({
          title: "Phase",
          description: "`npx sluice rollout status` says why, and what it waits for.",
          unit: "short",
          queries: [{ expr: phase(ofExperiment), legend: "{{experiment}}" }],
          span: 5,
          states: phaseStates,
        }),
        stat({
          title: "Guardrails",
          description: "The gravest of the last verdicts.",
          unit: "short",
          queries: [{ expr: verdict(ofExperiment), legend: "{{experiment}}" }],
          span: 5,
          states: verdictStates,
          noValue: "no guardrails",
        }),
        stat({
          title: "Share",
          description:
            "Share of the users that has the treatment: the one that every worker confirmed.",
          unit: "percentunit",
          queries: [
            { expr: `min by (experiment) (sluice_rollout_share{${ofExperiment}, kind="applied"})` },
          ],
          span: 4,
        }),
        stat({
          title: "Step",
          description: "The step that it is at, from 1; 0 before the first and after a rollback.",
          unit: "short",
          queries: [{ expr: `max by (experiment) (sluice_rollout_step{${ofExperiment}})` }],
          span: 3,
        }),
        stat({
          title: "Steps and rollbacks",
          description: "How often it moved in the time shown.",
          unit: "short",
          queries: [
            {
              expr: `max by (experiment) (changes(sluice_rollout_step{${ofExperiment}}[$__range]))`,
            },
          ],
          span: 4,
          decimals: 0,
        }),
        stat({
          title: "Alerts",
          description: "Alerts of Sluice itself about this rollout.",
          unit: "short",
          queries: [{ expr: alertCount }],
          span: 3,
          steps: anyIsBad,
        }),
      ],
    },
    {
      title: "The way so far",
      panels: [
        chart({
          title: "Treatment's share",
          description: "The share that is wanted, and the one that every worker confirmed.",
          unit: "percentunit",
          queries: [
            {
              expr: `max by (experiment, kind) (sluice_rollout_share{${ofExperiment}})`,
              legend: "{{kind}}",
            },
          ],
          span: 12,
          isStepped: true,
          max: 1,
        }),
        timeline({
          title: "Phases",
          description: "How the rollout went.",
          unit: "short",
          queries: [{ expr: phase(ofExperiment), legend: "{{experiment}}" }],
          span: 12,
          states: phaseStates,
        }),
      ],
    },
    {
      title: "Control against treatment",
      panels: [comparisonTable(), ...comparisonCharts()],
    },
    {
      title: "Guardrails",
      panels: [
        table({
          title: "Value against limit",
          description:
            "What each guardrail saw at the last look. Shares are of 1; latency is judged by the share of requests above its limit. `npx sluice rollout status` gives each reason in words.",
          span: 12,
          keys: { experiment: "Experiment", guardrail: "Guardrail" },
          columns: [
            {
              name: "Verdict",
              expr: verdict(ofExperiment, byGuardrail),
              unit: "short",
              states: verdictStates,
            },
            { name: "Value", expr: guardrail("value"), unit: "short", decimals: 4 },
            { name: "Limit", expr: guardrail("limit"), unit: "short", decimals: 4 },
            { name: "p-value", expr: guardrail("p_value"), unit: "short", decimals: 4 },
          ],
        }),
        timeline({
          title: "Verdicts",
          description:
            "What each guardrail said over time; `too little evidence` holds the rollout where it is.",
          unit: "short",
          queries: [{ expr: verdict(ofExperiment, byGuardrail), legend: "{{guardrail}}" }],
          span: 12,
          states: verdictStates,
        }),
        chart({
          title: "Value over limit",
          description:
            "1 is the limit. What has to stay above its limit is well above 1, all others below.",
          unit: "short",
          queries: [
            {
              expr: `${guardrail("value")} / ${guardrail("limit")}`,
              legend: "{{guardrail}}",
            },
          ],
          span: 12,
          steps: [
            [null, "transparent"],
            [1, "red"],
          ],
        }),
        chart({
          title: "Evidence",
          description:
            "Chance of as much evidence if nothing were wrong, valid at every look: the lower, the surer that the limit is broken.",
          unit: "short",
          queries: [{ expr: guardrail("p_value"), legend: "{{guardrail}}" }],
          span: 12,
          max: 1,
        }),
      ],
    },
    {
      title: "Gates and notices",
      panels: [
        chart({
          title: "Gates",
          description:
            "Questions to the webhooks of steps, and what became of them; of all rollouts.",
          unit: "short",
          queries: [
            {
              expr: `sum by (result) (increase(sluice_gate_questions_total{${here}}[$__rate_interval]))`,
              legend: "{{result}}",
            },
          ],
          span: 12,
        }),
        chart({
          title: "Notices",
          description: "Notices of alerts by channel: delivered, failed attempts, and given up.",
          unit: "short",
          queries: [
            {
              expr: `sum by (channel, result) (increase(sluice_alert_notices_total{${here}}[$__rate_interval]))`,
              legend: "{{channel}} {{result}}",
            },
          ],
          span: 12,
        }),
      ],
    },
  ],
});
