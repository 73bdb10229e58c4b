import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** The rules of config/prometheus as Prometheus reads them. */

const folder = join(import.meta.dirname, "../../config/prometheus");

export const ruleFiles = ["recording-rules.yaml", "alerting-rules.yaml"].map((name) =>
  join(folder, name),
);
export const scrapeConfig = join(folder, "prometheus.yaml");

export type AlertingRule = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string; readonly kind?: string };
  readonly annotations: Readonly<Record<string, string>>;
};
export type RecordingRule = { readonly record: string; readonly expr: string };

const rules = ruleFiles.flatMap((file) => {
  const { groups } = parse(readFileSync(file, "utf8")) as {
    groups: { rules: (AlertingRule | RecordingRule)[] }[];
  };
  return groups.flatMap((group) => group.rules);
});

export const alertingRules = rules.filter((rule) => "alert" in rule);
export const recordingRules = rules.filter((rule) => "record" in rule);
