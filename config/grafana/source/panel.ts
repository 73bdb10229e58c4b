import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DynamicConfigValue,
  type Panel,
  type Threshold,
  type ValueMapping,
} from "@grafana/grafana-foundation-sdk/dashboard";
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as Heatmap,
  YAxisConfigBuilder,
} from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimeline } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";

/** The panels of all dashboards, each with what it must have: title, description, unit. */

export const datasource = { type: "prometheus", uid: "${datasource}" };

export type Query = { readonly expr: string; readonly legend?: string };

type PanelText = {
  readonly title: string;
  readonly description: string;
  /** One of Grafana's unit ids: `s`, `percentunit`, `reqps`, `short`, … */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Columns of 24. */
  readonly span: number;
  readonly height?: number;
};

/** Colours by value: the first from below everything, the others from their value on. */
export type Steps = readonly (readonly [from: number | null, color: string])[];

/** What a number stands for, with its colour. */
export type States = Readonly<Record<number, { readonly text: string; readonly color: string }>>;

const heights = { stat: 4, chart: 8 } as const;

/** A figure in big, over the last value of its queries. */
export function stat(
  panel: PanelText & {
    readonly steps?: Steps;
    readonly states?: States;
    readonly decimals?: number;
    readonly noValue?: string;
    /** The legend is shown beside the value: for queries of several series. */
    readonly isNamed?: boolean;
  },
): Builder<Panel> {
  const { steps = [[null, "blue"]], states, decimals, noValue, isNamed = false } = panel;
  const built = begin(new Stat(), panel, heights.stat)
    .thresholds(thresholdsOf(steps))
    .colorMode(BigValueColorMode.Background)
    .graphMode(states === undefined ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .textMode(isNamed ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false));
  if (states !== undefined) built.mappings(mappingsOf(states));
  if (decimals !== undefined) built.decimals(decimals);
  return built.noValue(noValue ?? "none");
}

/** Lines over time; those of a control are blue. */
export function chart(
  panel: PanelText & {
    readonly isStacked?: boolean;
    /** For what changes in steps: shares, limits. */
    readonly isStepped?: boolean;
    readonly min?: number;
    readonly max?: number;
    /** Drawn as a line, for limits that are the same everywhere. */
    readonly steps?: Steps;
    readonly overrides?: readonly Override[];
    /** Exemplars are asked for with the queries: dots that lead to a trace. */
    readonly hasExemplars?: boolean;
  },
): Builder<Panel> {
  const { isStacked = false, isStepped = false, min = 0, max, steps, overrides = [] } = panel;
  const built = begin(new TimeSeries(), panel, heights.chart)
    .lineWidth(isStacked ? 1 : 2)
    .fillOpacity(isStacked ? 40 : 8)
    .showPoints(VisibilityMode.Never)
    .lineInterpolation(isStepped ? LineInterpolation.StepAfter : LineInterpolation.Linear)
    .spanNulls(false)
    .axisSoftMin(min)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["mean", "max", "lastNotNull"]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (isStacked) built.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (max !== undefined) built.axisSoftMax(max);
  if (steps !== undefined) {
    const style = GraphThresholdsStyleMode.Dashed;
    built
      .thresholds(thresholdsOf(steps))
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(style));
  }
  for (const [regexp, properties] of [...overrides, controlIsBlue]) {
    built.overrideByRegexp(regexp, properties);
  }
  return built;
}

/** States over time, a row for each series. */
export function timeline(panel: PanelText & { readonly states: States }): Builder<Panel> {
  return begin(new StateTimeline(), panel, heights.chart)
    .mappings(mappingsOf(panel.states))
    .thresholds(thresholdsOf([[null, "text"]]))
    .showValue(VisibilityMode.Auto)
    .mergeValues(true)
    .fillOpacity(80)
    .lineWidth(0)
    .rowHeight(0.85)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    );
}

/** A column of {@link table}: a query that has one value a row. */
export type Column = {
  readonly name: string;
  readonly expr: string;
  readonly unit: string;
  readonly decimals?: number;
  readonly steps?: Steps;
  readonly states?: States;
};

/** Rows told apart by the labels `keys`, which are the first columns. */
export function table(
  panel: Omit<PanelText, "unit" | "queries"> & {
    readonly keys: Readonly<Record<string, string>>;
    readonly columns: readonly Column[];
    /** Properties of a key's column, such as links. */
    readonly overrides?: readonly Override[];
  },
): Builder<Panel> {
  const { keys, columns, overrides = [] } = panel;
  const built = begin(new Table(), { ...panel, unit: "short", queries: [] }, heights.chart);
  for (const [at, { expr }] of columns.entries()) {
    built.withTarget(query({ expr }, refIdOf(at)).instant().format(PromQueryFormat.Table));
  }
  const names = Object.entries(keys);
  const indexByName = Object.fromEntries([
    ...names.map(([label], at) => [label, at]),
    ...columns.map((_, at) => [`Value #${refIdOf(at)}`, names.length + at]),
  ]) as Record<string, number>;
  const renameByName = Object.fromEntries([
    ...names,
    ...columns.map(({ name }, at) => [`Value #${refIdOf(at)}`, name]),
  ]) as Record<string, string>;
  built.withTransformation({ id: "merge", options: {} }).withTransformation({
    id: "organize",
    options: { excludeByName: { Time: true }, indexByName, renameByName },
  });
  for (const { name, unit, decimals, steps, states } of columns) {
    const properties: DynamicConfigValue[] = [{ id: "unit", value: unit }];
    if (decimals !== undefined) properties.push({ id: "decimals", value: decimals });
    if (states !== undefined) properties.push({ id: "mappings", value: mappingsOf(states) });
    if (steps !== undefined) {
      properties.push({ id: "thresholds", value: thresholdsOf(steps).build() });
    }
    if (steps !== undefined || states !== undefined) {
      properties.push({ id: "custom.cellOptions", value: { type: "color-background" } });
    }
    built.overrideByName(name, properties);
  }
  for (const [name, properties] of overrides) built.overrideByName(name, properties);
  return built;
}

/** Where the durations lie, from buckets. */
export function heatmap(panel: PanelText): Builder<Panel> {
  const built = begin(new Heatmap(), { ...panel, queries: [] }, heights.chart);
  for (const [at, one] of panel.queries.entries()) {
    built.withTarget(
      query({ legend: "{{le}}", ...one }, refIdOf(at)).format(PromQueryFormat.Heatmap),
    );
  }
  return built
    .calculate(false)
    .cellGap(1)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme("Blues"))
    .yAxis(new YAxisConfigBuilder().unit(panel.unit))
    .showLegend();
}

/** Fields by regular expression (or name, in tables) and what is set for them. */
export type Override = readonly [fields: string, properties: DynamicConfigValue[]];

export function colored(fields: string, color: string): Override {
  return [fields, [{ id: "color", value: { mode: "fixed", fixedColor: color } }]];
}

const controlIsBlue = colored(String.raw`/\(control\)/`, "blue");

function begin<
  One extends {
    title(title: string): One;
    description(text: string): One;
    unit(unit: string): One;
    datasource(source: typeof datasource): One;
    span(columns: number): One;
    height(rows: number): One;
    withTarget(target: DataqueryBuilder): One;
  },
>(builder: One, panel: PanelText & { readonly hasExemplars?: boolean }, height: number): One {
  builder
    .title(panel.title)
    .description(panel.description)
    .unit(panel.unit)
    .datasource(datasource)
    .span(panel.span)
    .height(panel.height ?? height);
  for (const [at, one] of panel.queries.entries()) {
    const target = query(one, refIdOf(at)).range();
    builder.withTarget(panel.hasExemplars === true ? target.exemplar(true) : target);
  }
  return builder;
}

function query({ expr, legend = "" }: Query, refId: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId).datasource(datasource).expr(expr).legendFormat(legend);
}

function refIdOf(at: number): string {
  return String.fromCodePoint(65 + at);
}

function thresholdsOf(steps: Steps): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]): Threshold => ({ value, color })));
}

function mappingsOf(states: States): ValueMapping[] {
  const options = Object.fromEntries(
    Object.entries(states).map(([value, { text, color }], index) => [
      value,
      { text, color, index },
    ]),
  );
  return [{ type: MappingType.ValueToText, options }];
}
