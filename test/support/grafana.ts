import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The dashboards of config/grafana as Grafana gets them. */

export type GrafanaPanel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly GrafanaTarget[];
};

export type GrafanaTarget = {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant?: boolean;
  readonly datasource: { readonly uid: string };
};

export type GrafanaDashboard = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly panels: readonly GrafanaPanel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr: string }[];
  };
};

const folder = join(import.meta.dirname, "../../config/grafana");

/** The committed files' texts by name. */
export function grafanaFiles(): ReadonlyMap<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

export function grafanaDashboards(): readonly GrafanaDashboard[] {
  return Array.from(grafanaFiles().values(), (text) => JSON.parse(text) as GrafanaDashboard);
}

/** What a query asks when every variable is at All; rates are over 2 s. */
export function filledIn(expr: string): string {
  return expr
    .replaceAll("$__rate_interval", "2s")
    .replaceAll("$__range", "1m")
    .replaceAll(/\$(?:instance|experiment|variant)\b/g, ".*");
}

/** Names with a colon are of recording rules. */
const metricName = /(?<![\w:])(?:sluice|http|nodejs|process)_[a-z0-9_]+/g;

/** Names of the metrics that a query reads. */
export function metricsIn(expr: string): readonly string[] {
  return [...new Set(expr.match(metricName))];
}
