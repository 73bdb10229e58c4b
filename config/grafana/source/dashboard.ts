import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  type Dashboard,
  type Panel,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { datasource } from "./panel.ts";
import { here, ofExperiment } from "./queries.ts";

export type Row = {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
};

type Plan = {
  /** Also the file's name. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** One experiment at a time, with its variants, or any number without. */
  readonly experiments: "one" | "any" | "none";
  readonly rows: readonly Row[];
};

/** Puts rows, variables, annotations and links together; panels get their numbers by place. */
export function dashboard({ name, title, description, experiments, rows }: Plan): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(`sluice-${name}`)
    .description(description)
    .tags(["sluice"])
    .timezone("browser")
    .editable()
    .refresh("10s")
    .time({ from: "now-1h", to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Sluice")
        .type(DashboardLinkType.Dashboards)
        .tags(["sluice"])
        .keepTime(true)
        .includeVars(true),
    );
  for (const variable of variables(experiments)) builder.withVariable(variable);
  for (const annotation of annotations(experiments)) builder.annotation(annotation);
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  const built = builder.build();
  for (const [at, panel] of (built.panels ?? []).entries()) panel.id = at + 1;
  return built;
}

function variables(experiments: Plan["experiments"]) {
  const source = new DatasourceVariableBuilder("datasource")
    .label("Prometheus")
    .description("The data source that scrapes Sluice.")
    .type("prometheus");
  const instance = labelVariable("instance", "sluice_build_info", "instance")
    .label("Instance")
    .description("Running Sluices; figures of several are put together.")
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: "All", value: "$__all" });
  if (experiments === "none") return [source, instance];
  const experiment = labelVariable("experiment", `sluice_configured_share{${here}}`, "experiment")
    .label("Experiment")
    .description("A/B experiments and rollouts.");
  if (experiments === "any") {
    experiment
      .multi(true)
      .includeAll(true)
      .allValue(".*")
      .current({ text: "All", value: "$__all" });
    return [source, instance, experiment];
  }
  const variant = labelVariable("variant", `sluice_configured_share{${ofExperiment}}`, "variant")
    .label("Variant")
    .description("Variants of the experiment.")
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: "All", value: "$__all" });
  return [source, instance, experiment, variant];
}

function labelVariable(name: string, metric: string, label: string): QueryVariableBuilder {
  const query = `label_values(${metric}, ${label})`;
  return new QueryVariableBuilder(name)
    .datasource(datasource)
    .query({ query, refId: `variable-${name}` })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged);
}

const rolledBack = `sluice_rollout_phase{${ofExperiment}, phase="rolled_back"}`;

function annotations(experiments: Plan["experiments"]) {
  const applied = annotation("Configuration applied", "purple")
    .expr(`max by (instance) (changes(sluice_config_generation{${here}}[$__rate_interval])) > 0`)
    .titleFormat("Configuration applied")
    .textFormat("{{instance}} routes by another configuration")
    .tagKeys("instance");
  if (experiments === "none") return [applied];
  return [
    annotation("Rolled back", "red")
      .expr(
        `max by (experiment) (changes(${rolledBack}[$__rate_interval]) > 0 and ${rolledBack} == 1)`,
      )
      .titleFormat("Rolled back")
      .textFormat("{{experiment}}: everybody has the control")
      .tagKeys("experiment"),
    annotation("Step", "blue")
      .expr(
        `max by (experiment) (changes(sluice_rollout_step{${ofExperiment}}[$__rate_interval])) > 0`,
      )
      .titleFormat("Step")
      .textFormat("{{experiment}}: another step")
      .tagKeys("experiment"),
    applied,
  ];
}

function annotation(name: string, color: string): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .step("15s")
    .useValueForTime(false);
}
