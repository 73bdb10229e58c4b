import {
  alertCount,
  comparisonCharts,
  comparisonTable,
  durationHeatmaps,
  shareChart,
} from "./comparison-panels.ts";
import { dashboard } from "./dashboard.ts";
import { chart, stat } from "./panel.ts";
import {
  anyIsBad,
  byVariant,
  decision,
  decisionStates,
  ofExperiment,
  ofVariants,
  phase,
  phaseStates,
  requestRate,
  variantLegend,
  withRole,
} from "./queries.ts";

/** Per request: sum over count of a metric's values in the window. */
function perValue(window: string): string {
  const sum = `sum by (${byVariant}, metric) (delta(sluice_metric_sum{${ofVariants}}${window}))`;
  const count = `sum by (${byVariant}, metric) (increase(sluice_metric_values_total{${ofVariants}}${window}) > 0)`;
  return `${sum} / ${count}`;
}

export const experiment = dashboard({
  name: "experiment",
  title: "Sluice: experiment",
  description: "One A/B experiment or rollout: what it comes to, then control against treatment.",
  experiments: "one",
  rows: [
    {
      title: "What it comes to",
      panels: [
        stat({
          title: "Decision",
          description:
            "What the analysis says at the last look; valid at every look. `npx sluice experiment show` gives the reason.",
          unit: "short",
          queries: [{ expr: decision(ofExperiment), legend: "{{experiment}}" }],
          span: 6,
          states: decisionStates,
          noValue: "no analysis",
        }),
        stat({
          title: "Phase",
          description: "Of the experiment, or of its rollout.",
          unit: "short",
          queries: [{ expr: phase(ofExperiment), legend: "{{experiment}}" }],
          span: 4,
          states: phaseStates,
        }),
        stat({
          title: "Change",
          description:
            "The treatment's primary metric against the control's: low end, estimate and high end of the interval that holds at every look. An interval that has 0 in it proves nothing.",
          unit: "percentunit",
          queries: [
            {
              expr: `max by (variant, bound) (sluice_experiment_change{${ofVariants}})`,
              legend: "{{variant}} {{bound}}",
            },
          ],
          span: 6,
          decimals: 1,
          isNamed: true,
          noValue: "too little evidence",
        }),
        stat({
          title: "Sample ratio",
          description:
            "Always-valid p-value of the split being as configured. Below 0.001 the users are not split as they should be, and no comparison can be trusted.",
          unit: "short",
          queries: [
            {
              expr: `min by (experiment) (sluice_experiment_sample_ratio_p_value{${ofExperiment}})`,
            },
          ],
          span: 3,
          steps: [
            [null, "red"],
            [0.001, "yellow"],
            [0.05, "green"],
          ],
          noValue: "not tested",
        }),
        stat({
          title: "Users",
          description:
            "Distinct users compared in the present epoch, both sides together; of several replicas the largest count.",
          unit: "short",
          queries: [{ expr: `sum(max by (${byVariant}) (sluice_users{${ofVariants}}))` }],
          span: 3,
        }),
        stat({
          title: "Alerts",
          description: "Alerts of Sluice itself about this experiment.",
          unit: "short",
          queries: [{ expr: alertCount }],
          span: 2,
          steps: anyIsBad,
        }),
      ],
    },
    { title: "Control against treatment", panels: [comparisonTable(), ...comparisonCharts()] },
    { title: "Durations", panels: durationHeatmaps() },
    {
      title: "Users and shares",
      panels: [
        shareChart(),
        chart({
          title: "Users",
          description:
            "Distinct analysed users of each variant in the present epoch; of several replicas the largest count. Falls to 0 when the split changes.",
          unit: "short",
          queries: [
            {
              expr: withRole(`max by (${byVariant}) (sluice_users{${ofVariants}})`),
              legend: variantLegend,
            },
          ],
          span: 12,
        }),
      ],
    },
    {
      title: "Answers",
      panels: [
        chart({
          title: "Outcomes",
          description: "What requests turned into, by variant.",
          unit: "reqps",
          queries: [
            {
              expr: `sum by (variant, outcome) (rate(sluice_outcomes_total{${ofVariants}}[$__rate_interval]))`,
              legend: "{{variant}} {{outcome}}",
            },
          ],
          span: 12,
          isStacked: true,
        }),
        chart({
          title: "Bad answers",
          description:
            "Answers that failed in spite of their status, by what they said: an error inside a stream, an empty vector, no context found.",
          unit: "reqps",
          queries: [
            {
              expr: `sum by (variant, reason) (rate(sluice_answer_failures_total{${ofVariants}}[$__rate_interval]))`,
              legend: "{{variant}} {{reason}}",
            },
          ],
          span: 12,
        }),
        chart({
          title: "Metrics of answers",
          description:
            "Means of what was measured besides times: tokens, cost, similarity, metrics of your own. Empty without any.",
          unit: "short",
          queries: [{ expr: perValue("[$__rate_interval]"), legend: "{{variant}} {{metric}}" }],
          span: 12,
        }),
        chart({
          title: "Copies",
          description:
            "Copies of requests that nobody was answered with, by what they turned into; empty without shadow traffic.",
          unit: "reqps",
          queries: [
            {
              expr: `sum by (variant, outcome) (rate(sluice_copies_total{${ofVariants}}[$__rate_interval]))`,
              legend: "{{variant}} {{outcome}}",
            },
          ],
          span: 12,
        }),
        chart({
          title: "Requests by route",
          description: "Which routes the experiment's requests take.",
          unit: "reqps",
          queries: [{ expr: requestRate(ofVariants, "route"), legend: "{{route}}" }],
          span: 24,
          isStacked: true,
        }),
      ],
    },
  ],
});
