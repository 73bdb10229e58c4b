import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { defaultRules } from "../../../src/core/alerting/defaults.ts";
import { alertKinds, type AlertKind } from "../../../src/core/alerting/policy.ts";
import { failingOutcomes } from "../../../src/core/traffic/outcome.ts";
import {
  alertingRules,
  recordingRules,
  ruleFiles,
  scrapeConfig,
  type AlertingRule,
} from "../../support/alerting-rules.ts";
import { ensurePrometheus, promtoolOf } from "../../support/prometheus.ts";
import { alertCases } from "./alert-cases.ts";

const command = await ensurePrometheus();
const skipped = command === null ? " (skipped: needs prometheus (Debian package))" : "";

function promtool(...arguments_: readonly string[]): string {
  return execFileSync(promtoolOf(command as string), arguments_, { encoding: "utf8" });
}

describe.skipIf(command === null)(`promtool${skipped}`, () => {
  it("takes the rules and the scrape configuration", () => {
    expect(promtool("check", "rules", ...ruleFiles)).toContain("SUCCESS: 23 rules found");
    expect(promtool("check", "config", scrapeConfig)).toContain("is valid prometheus config");
  });

  it("fires each alert where it should, and leaves it alone where not", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-rules-"));
    const file = join(folder, "tests.yaml");
    const tests = {
      rule_files: ruleFiles,
      evaluation_interval: "15s",
      tests: [promtoolTest()],
    };
    writeFileSync(file, JSON.stringify(tests));
    try {
      expect(promtool("test", "rules", file)).toContain("SUCCESS");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(alertingRules)("$alert has a case that fires and one that does not", ({ alert }) => {
    const cases = alertCases.filter((one) => one.alert === alert);
    expect(new Set(cases.map(({ fires }) => fires))).toEqual(new Set([true, false]));
  });
});

/** All cases side by side in one test, as Prometheus would meet them: each has a job of its own. */
function promtoolTest() {
  const cases = alertCases.map(({ alert, fires, series, afterMinutes = 12 }, at) => ({
    series: Object.entries(series).map(([name, values]) => ({
      series: name.replace(/job="(\w+)"/, `job="$1-${at}"`),
      values,
    })),
    asked: {
      expr: `count(ALERTS{alertname="${alert}", alertstate="firing", job=~".*-${at}"})`,
      eval_time: `${afterMinutes}m`,
      exp_samples: fires ? [{ labels: "{}", value: 1 }] : [],
    },
  }));
  return {
    interval: "15s",
    input_series: cases.flatMap(({ series }) => series),
    promql_expr_test: cases.map(({ asked }) => asked),
  };
}

test.each(alertingRules)("$alert says what is wrong and what it means", (rule) => {
  const { summary = "", description = "" } = rule.annotations;
  expect(summary).toMatch(/^\S.{10,110}$/);
  expect(description).toMatch(/^\S.{80,600}[.?]$/);
  expect(["critical", "warning", "info"]).toContain(rule.labels.severity);
});

describe("Sluice's own alerts", () => {
  const ruleOf = (kind: AlertKind): AlertingRule | undefined =>
    alertingRules.find(
      ({ labels, expr }) => labels.kind === kind || firingKinds(expr).includes(kind),
    );

  test.each(alertKinds)("%s has a rule as grave and as patient as its own", (kind) => {
    const { severity, forMs } = defaultRules[kind];
    const rule = ruleOf(kind);
    expect(rule?.labels.severity).toBe(severity);
    if (rule === undefined || firingKinds(rule.expr).length > 0) return;
    // Sluice waits for silence by its limit, not by its `for`.
    const waitMs = kind === "no_traffic" ? defaultRules.no_traffic.limit : forMs;
    expect(msOf(rule.for ?? "0s")).toBe(waitMs);
  });

  test.each([
    ["error_rate", " > 0.1 ", defaultRules.error_rate.limit],
    ["error_rate", ">= 100", defaultRules.error_rate.minRequests],
    ["latency", " > 5 ", (defaultRules.latency.limit ?? 0) / 1000],
    ["latency", ">= 100", defaultRules.latency.minRequests],
    ["latency", "p95", (defaultRules.latency.quantile ?? 0) * 100],
    ["sample_ratio", "< 0.001", defaultRules.sample_ratio.limit],
    ["variant_silent", ">= 20", defaultRules.variant_silent.limit],
    ["upstream_unhealthy", "== 0", defaultRules.upstream_unhealthy.limit],
    ["writes_behind", "> 60", (defaultRules.writes_behind.limit ?? 0) / 1000],
  ] as const)("%s has its limit in %j", (kind, written, limit) => {
    expect(`${ruleOf(kind)?.expr} `).toContain(written);
    expect(Number(/[\d.]+/.exec(written)?.[0])).toBe(limit);
  });

  test("an error is what Sluice counts as one", () => {
    const { expr = "" } =
      recordingRules.find(({ record }) => record === "variant:sluice_errors:ratio_rate1m") ?? {};
    const named = /outcome=~"([^"]+)"/.exec(expr)?.[1]?.split("|");
    expect(named?.toSorted()).toEqual(failingOutcomes.toSorted());
  });
});

/** Of a rule over alerts that only Sluice can judge. */
function firingKinds(expr: string): readonly string[] {
  return /sluice_alert_firing\{kind=~?"([^"]+)"/.exec(expr)?.[1]?.split("|") ?? [];
}

function msOf(duration: string): number {
  const [, number, unit] = /^(\d+)([smh])$/.exec(duration) ?? [];
  return Number(number) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
}
