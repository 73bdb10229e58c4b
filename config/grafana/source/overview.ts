import { dashboard } from "./dashboard.ts";
import { chart, stat, table, timeline } from "./panel.ts";
import {
  anyIsBad,
  byVariant,
  decision,
  decisionStates,
  errorShare,
  errorSteps,
  here,
  latency,
  latencySteps,
  ofExperiment,
  orNone,
  phase,
  phaseStates,
  requestRate,
  variantLegend,
  verdict,
  verdictStates,
  withRole,
} from "./queries.ts";

const toExperiment = {
  id: "links",
  value: [
    {
      title: "Open",
      url: "/d/sluice-experiment?var-datasource=${datasource}&var-instance=${instance:queryparam}&var-experiment=${__data.fields.Experiment}",
    },
  ],
};

export const overview = dashboard({
  name: "overview",
  title: "Sluice: overview",
  description:
    "Every experiment and rollout behind Sluice: what each has come to, and whether its users are well.",
  experiments: "any",
  rows: [
    {
      title: "Now",
      panels: [
        stat({
          title: "Running",
          description: "Sluice processes that Prometheus reaches.",
          unit: "short",
          queries: [{ expr: `count(sluice_build_info{${here}})` }],
          span: 3,
          steps: [
            [null, "red"],
            [1, "green"],
          ],
        }),
        stat({
          title: "Requests",
          description: "Finished requests of all experiments and of routes without one.",
          unit: "reqps",
          queries: [{ expr: `sum(rate(sluice_outcomes_total{${here}}[$__rate_interval]))` }],
          span: 4,
        }),
        stat({
          title: "Errors",
          description:
            "Share of requests that failed for a reason of the upstream's or of Sluice's: 5xx, time-outs, broken and bad answers. Red as Sluice's own alert: 10 %.",
          unit: "percentunit",
          queries: [{ expr: errorShare(here, "") }],
          span: 4,
          steps: errorSteps,
          decimals: 2,
        }),
        stat({
          title: "p95",
          description:
            "Time within which 95 % of all requests were answered whole. Red from 5 s, as Sluice's own alert.",
          unit: "s",
          queries: [{ expr: latency(0.95, here, "") }],
          span: 4,
          steps: latencySteps,
        }),
        stat({
          title: "Alerts",
          description:
            "Alerts of Sluice itself that fire; `npx sluice alerts list` says which and why.",
          unit: "short",
          queries: [{ expr: orNone(`count(sluice_alert_firing{${here}})`) }],
          span: 3,
          steps: anyIsBad,
        }),
        stat({
          title: "Endpoints down",
          description: "Endpoints of upstreams that fail their active checks.",
          unit: "short",
          queries: [
            {
              expr: orNone(
                `count(max by (upstream, endpoint) (sluice_upstream_healthy{${here}}) == 0)`,
              ),
            },
          ],
          span: 3,
          steps: anyIsBad,
        }),
        stat({
          title: "Rolled back",
          description: "Rollouts that were taken back; they stay so until somebody says retry.",
          unit: "short",
          queries: [
            {
              expr: `count(max by (experiment) (sluice_rollout_phase{${ofExperiment}, phase="rolled_back"}) == 1) or 0 * count(sluice_build_info{${here}})`,
            },
          ],
          span: 3,
          steps: anyIsBad,
        }),
      ],
    },
    {
      title: "Experiments and rollouts",
      panels: [
        table({
          title: "What each has come to",
          description:
            "Phase, the gravest verdict of its guardrails, the decision of an A/B experiment, and its traffic in the time shown.",
          span: 24,
          keys: { experiment: "Experiment" },
          columns: [
            { name: "Phase", expr: phase(ofExperiment), unit: "short", states: phaseStates },
            {
              name: "Guardrails",
              expr: verdict(ofExperiment),
              unit: "short",
              states: verdictStates,
            },
            {
              name: "Decision",
              expr: decision(ofExperiment),
              unit: "short",
              states: decisionStates,
            },
            {
              name: "Treatment's share",
              expr: `max by (experiment) (sluice_rollout_share{${ofExperiment}, kind="applied"})`,
              unit: "percentunit",
            },
            {
              name: "Requests",
              expr: requestRate(ofExperiment, "experiment", "[$__range]"),
              unit: "reqps",
            },
            {
              name: "Errors",
              expr: errorShare(ofExperiment, "experiment", "[$__range]"),
              unit: "percentunit",
              decimals: 2,
              steps: errorSteps,
            },
            {
              name: "p95",
              expr: latency(0.95, ofExperiment, "experiment", "[$__range]"),
              unit: "s",
              steps: latencySteps,
            },
          ],
          overrides: [["Experiment", [toExperiment]]],
        }),
        timeline({
          title: "Phases",
          description: "How experiments and rollouts went.",
          unit: "short",
          queries: [{ expr: phase(ofExperiment), legend: "{{experiment}}" }],
          span: 12,
          states: phaseStates,
        }),
        timeline({
          title: "Guardrails",
          description: "The gravest verdict of each rollout's guardrails.",
          unit: "short",
          queries: [{ expr: verdict(ofExperiment), legend: "{{experiment}}" }],
          span: 12,
          states: verdictStates,
        }),
      ],
    },
    {
      title: "Traffic",
      panels: [
        chart({
          title: "Requests",
          description: "Finished requests by variant; those whose client left are not counted.",
          unit: "reqps",
          queries: [
            {
              expr: withRole(requestRate(ofExperiment, byVariant)),
              legend: `{{experiment}}: ${variantLegend}`,
            },
          ],
          span: 8,
          isStacked: true,
        }),
        chart({
          title: "Errors",
          description:
            "Share of each variant's requests that failed for a reason of the upstream's or of Sluice's.",
          unit: "percentunit",
          queries: [
            {
              expr: withRole(errorShare(ofExperiment, byVariant)),
              legend: `{{experiment}}: ${variantLegend}`,
            },
          ],
          span: 8,
          steps: errorSteps,
        }),
        chart({
          title: "p95",
          description: "Time within which 95 % of a variant's requests were answered whole.",
          unit: "s",
          queries: [
            {
              expr: withRole(latency(0.95, ofExperiment, byVariant)),
              legend: `{{experiment}}: ${variantLegend}`,
            },
          ],
          span: 8,
          hasExemplars: true,
        }),
        chart({
          title: "Outcomes",
          description: "What requests turned into, those without an experiment included.",
          unit: "reqps",
          queries: [
            {
              expr: `sum by (outcome) (rate(sluice_outcomes_total{${here}}[$__rate_interval]))`,
              legend: "{{outcome}}",
            },
          ],
          span: 12,
          isStacked: true,
        }),
        chart({
          title: "Upstreams in flight",
          description: "Exchanges with each endpoint that have not ended.",
          unit: "short",
          queries: [
            {
              expr: `sum by (upstream, endpoint) (sluice_upstream_requests_active{${here}})`,
              legend: "{{upstream}} {{endpoint}}",
            },
          ],
          span: 12,
        }),
      ],
    },
  ],
});
