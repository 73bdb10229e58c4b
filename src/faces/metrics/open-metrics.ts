import type { Registry } from "prom-client";
import type { Sample } from "./family.ts";

/**
 * OpenMetrics 1.0, the form in which scrapers get exemplars. prom-client's own writer renames the counters that it was
 * given, for the other form too.
 */

export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Whether a scraper asks for it, as Prometheus does by itself. */
export function asksForOpenMetrics(accept: string | undefined): boolean {
  return accept !== undefined && /\bapplication\/openmetrics-text\b/.test(accept);
}

export async function writeOpenMetrics(registry: Registry): Promise<string> {
  const families = await registry.getMetricsAsJSON();
  const texts = families.map((family) => {
    const type = String(family.type);
    const name = type === "counter" ? family.name.replace(/_total$/, "") : family.name;
    const own = type === "counter" ? `${name}_total` : name;
    const samples = (family.values as readonly Sample[]).map((sample) => lineOf(sample, own));
    return [`# HELP ${name} ${escaped(family.help)}`, `# TYPE ${name} ${type}`, ...samples].join(
      "\n",
    );
  });
  return `${texts.join("\n")}\n# EOF\n`;
}

function lineOf({ metricName, labels, value, exemplar }: Sample, own: string): string {
  const line = `${metricName ?? own}${labelText(labels)} ${numberText(value)}`;
  if (exemplar === undefined || exemplar === null) return line;
  const { traceId, valueUs, wallMs } = exemplar;
  return `${line} # {trace_id="${traceId}"} ${valueUs / 1e6} ${wallMs / 1000}`;
}

function labelText(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(String(value))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll(/["\\\n]/g, (sign) => (sign === "\n" ? String.raw`\n` : `\\${sign}`));
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
