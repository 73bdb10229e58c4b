import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { chart, heatmap, table, type Steps } from "./panel.ts";
import {
  byVariant,
  errorShare,
  errorSteps,
  here,
  inRole,
  latency,
  ofVariants,
  requestRate,
  variantLegend,
  withRole,
} from "./queries.ts";

/** Control against treatment: the same panels for experiments and rollouts, made anew for each, as it gives them places. */

const shown = "[$__range]";

export const comparisonTable = (): Builder<Panel> =>
  table({
    title: "The time shown",
    description:
      "Means and percentiles of the time shown, a row for each variant. Before believing a difference, look at the decision: this table knows no chance.",
    span: 24,
    height: 6,
    keys: { experiment: "Experiment", variant: "Variant", role: "Role" },
    columns: [
      {
        name: "Configured share",
        expr: withRole(`max by (${byVariant}) (sluice_configured_share{${ofVariants}})`),
        unit: "percentunit",
      },
      {
        name: "Requests",
        expr: withRole(requestRate(ofVariants, byVariant, shown)),
        unit: "reqps",
      },
      {
        name: "Errors",
        expr: withRole(errorShare(ofVariants, byVariant, shown)),
        unit: "percentunit",
        decimals: 2,
        steps: errorSteps,
      },
      ...[0.5, 0.95, 0.99].map((quantile) => ({
        name: `p${quantile * 100}`,
        expr: withRole(latency(quantile, ofVariants, byVariant, shown)),
        unit: "s",
      })),
      {
        name: "Users",
        expr: withRole(`max by (${byVariant}) (sluice_users{${ofVariants}})`),
        unit: "short",
      },
    ],
  });

function quantileChart(quantile: number, steps?: Steps): Builder<Panel> {
  return chart({
    title: `p${quantile * 100}`,
    description: `Time within which ${quantile * 100} % of a variant's requests were answered whole, from the buckets of the histogram. Dots are requests whose trace was sampled.`,
    unit: "s",
    queries: [{ expr: withRole(latency(quantile, ofVariants, byVariant)), legend: variantLegend }],
    span: 8,
    hasExemplars: true,
    ...(steps === undefined ? {} : { steps }),
  });
}

function heatmapOf(role: "control" | "treatment"): Builder<Panel> {
  const buckets = `sum by (le, ${byVariant}) (increase(http_server_request_duration_seconds_bucket{${ofVariants}}[$__rate_interval]))`;
  return heatmap({
    title: `Durations of the ${role}`,
    description: `How many requests of the ${role} took how long.`,
    unit: "s",
    queries: [{ expr: `sum by (le) (${inRole(buckets, role)})` }],
    span: 12,
  });
}

/** Rate, errors and percentiles, a line for each variant. */
export const comparisonCharts = (): readonly Builder<Panel>[] => [
  chart({
    title: "Requests",
    description: "Finished requests of each variant; those whose client left are not counted.",
    unit: "reqps",
    queries: [{ expr: withRole(requestRate(ofVariants, byVariant)), legend: variantLegend }],
    span: 8,
  }),
  chart({
    title: "Errors",
    description:
      "Share of each variant's requests that failed for a reason of the upstream's or of Sluice's: 5xx, time-outs, broken and bad answers.",
    unit: "percentunit",
    queries: [{ expr: withRole(errorShare(ofVariants, byVariant)), legend: variantLegend }],
    span: 8,
    steps: errorSteps,
  }),
  chart({
    title: "In flight",
    description:
      "Requests that have not ended: a line that climbs while the rate does not is a variant that hangs.",
    unit: "short",
    queries: [
      {
        expr: withRole(`sum by (${byVariant}) (http_server_active_requests{${ofVariants}})`),
        legend: variantLegend,
      },
    ],
    span: 8,
  }),
  quantileChart(0.5),
  quantileChart(0.95),
  quantileChart(0.99),
];

export const durationHeatmaps = (): readonly Builder<Panel>[] => [
  heatmapOf("control"),
  heatmapOf("treatment"),
];

/** The share that each variant got, beside the one that it should have. */
export const shareChart = (): Builder<Panel> =>
  chart({
    title: "Shares",
    description:
      "Configured share (dashed) and the share of requests that each variant got. Users are sticky, so requests follow the shares only roughly when few users make many.",
    unit: "percentunit",
    queries: [
      {
        expr: withRole(
          `${requestRate(ofVariants, byVariant)} / on (experiment) group_left () ${requestRate(ofVariants, "experiment")}`,
        ),
        legend: variantLegend,
      },
      {
        expr: withRole(`max by (${byVariant}) (sluice_configured_share{${ofVariants}})`),
        legend: `${variantLegend} configured`,
      },
    ],
    span: 12,
    isStepped: true,
    max: 1,
    overrides: [
      ["/configured$/", [{ id: "custom.lineStyle", value: { fill: "dash", dash: [8, 6] } }]],
    ],
  });

/** Alerts of Sluice's own that name the experiment. */
export const alertCount = `count(sluice_alert_firing{${here}, experiment=~"$experiment"}) or 0 * count(sluice_build_info{${here}})`;
