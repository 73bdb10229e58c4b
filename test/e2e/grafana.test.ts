import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { filledIn, grafanaDashboards, metricsIn, type GrafanaTarget } from "../support/grafana.ts";
import { alertingRules, recordingRules, ruleFiles } from "../support/alerting-rules.ts";
import { ensurePrometheus, startPrometheus, type RealPrometheus } from "../support/prometheus.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";
import { parseExposition } from "../contract/metrics/exposition.ts";

/**
 * Every query of the dashboards, asked of a real Prometheus that watched a real Sluice: an A/B experiment with copies
 * and metrics of its own, and a rollout that climbed and was rolled back, while users kept coming.
 */

const command = await ensurePrometheus();
const skipped = command === null ? " (skipped: needs prometheus (Debian package))" : "";

type RealAlert = {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

type RealExemplars = {
  readonly exemplars: readonly {
    readonly labels: { readonly trace_id?: string };
    readonly value: string;
  }[];
};

/** Of every fourth request a trace, half of them kept by their caller. */
function traced(at: number): Record<string, string> {
  if (at === 0 || at % 4 !== 0) return {};
  const traceId = at.toString(16).padStart(32, "0");
  return { traceparent: `00-${traceId}-00f067aa0ba902b7-${at % 8 === 0 ? "01" : "00"}` };
}

type Series = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
};

describe.skipIf(command === null)(`the dashboards over a real run${skipped}`, () => {
  let folder: string;
  let old: TestUpstream;
  let fresh: TestUpstream;
  let sluice: TestSluice;
  let prometheus: RealPrometheus;
  const agent = new Agent({ connections: 8 });
  const startedAtSeconds = Date.now() / 1000;
  const ending = new AbortController();
  let users: Promise<void>;

  const config = (level: string) => `${freePorts()}
log: { level: ${level} }
store: { sqlite: "${folder}/sluice.db" }
upstreams: { old: { url: "${old.url}" }, new: { url: "${fresh.url}" } }
routes:
  - { match: "/ab", experiment: ab }
  - { match: "/climb", experiment: climb }
  - { preset: lightrag, prefix: /rag, experiment: rag }
  - { match: "/**", upstream: old }
experiments:
  ab:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    assignment: { user: [ "header:x-user-id" ] }
    analysis: { primary: latency_mean, min_effect_size: 0.05 }
    shadow: { share: 100% }
    metrics: { hits: { from: header } }
  climb:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    assignment: { user: [ "header:x-user-id" ] }
    rollout: { steps: [ { share: 20%, hold: 1s, min_requests: 20 }, { share: 50%, hold: 10m } ] }
    guardrails: [ { metric: error_rate, max: 20% }, { metric: latency_p95, max: 2s } ]
  rag:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    writes: mirror
`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sluice-grafana-"));
    [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
    for (const upstream of [old, fresh]) {
      upstream.respond((_, response) => {
        response.setHeader("x-sluice-metric-hits", "3").end("{}");
      });
    }
    sluice = await startTestSluice(config("info"));
    prometheus = await startPrometheus(
      command as string,
      [new URL(sluice.adminUrl).host],
      ruleFiles,
    );
    users = keepComing();
    sluice.sluice.commandRollout("climb", "start", "ann");
    await untilAnswered('sluice_rollout_step{experiment="climb"} == 2');
    await sluice.sluice.reload(config("warn"));
    fresh.respond((_, response) => response.writeHead(500).end("broken"));
    await untilAnswered('sluice_rollout_phase{experiment="climb", phase="rolled_back"} == 1');
    await untilAnswered(`sluice_experiment_change{experiment="ab"}`);
    await untilAnswered(`rate(sluice_copies_total{outcome="upstream_error"}[2s]) > 0`);
  }, 60_000);

  afterAll(async () => {
    ending.abort();
    await users;
    await agent.destroy();
    await prometheus.stop();
    await sluice.stop();
    await Promise.all([old.close(), fresh.close()]);
    rmSync(folder, { recursive: true });
  });

  /** A hundred users who come again and again, until it is over. */
  async function keepComing(): Promise<void> {
    await Promise.all(
      Array.from({ length: 8 }, async (_, sender) => {
        for (let at = sender; !ending.signal.aborted; at += 8) {
          const path = ["/ab", "/climb", "/other"][at % 3];
          const { body } = await request(`${sluice.url}${path}`, {
            dispatcher: agent,
            headers: { "x-user-id": `user-${at % 100}`, ...traced(at) },
          });
          await body.dump();
        }
      }),
    );
  }

  async function api<Data>(path: string, parameters: Record<string, string>): Promise<Data> {
    const query = new URLSearchParams(parameters).toString();
    const { body } = await request(`${prometheus.url}/api/v1/${path}?${query}`);
    const answer = (await body.json()) as { status: string; error?: string; data: Data };
    if (answer.status !== "success") throw new Error(`${parameters["query"]}: ${answer.error}`);
    return answer.data;
  }

  /** All that the expression came to in the run, every half second. */
  async function asked(expr: string): Promise<readonly Series[]> {
    const { result } = await api<{ result: readonly Series[] }>("query_range", {
      query: filledIn(expr),
      start: String(startedAtSeconds),
      end: String(Date.now() / 1000),
      step: "0.5",
    });
    return result.filter(({ values }) => values.some(([, value]) => value !== "NaN"));
  }

  async function untilAnswered(expr: string): Promise<void> {
    await vi.waitFor(async () => expect([expr, await asked(expr)]).not.toEqual([expr, []]), {
      timeout: 12_000,
      interval: 200,
    });
  }

  const targets = grafanaDashboards().flatMap(({ title, panels }) =>
    panels.flatMap(({ title: panel, targets = [] }) =>
      targets.map((target) => ({ ...target, name: `${title} / ${panel} / ${target.refId}` })),
    ),
  );

  it("answers every query of every panel, with the labels that its legend names", async () => {
    const silent: string[] = [];
    for (const { name, expr, legendFormat } of targets as (GrafanaTarget & { name: string })[]) {
      const series = await asked(expr);
      const labels = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = ""]) => label);
      if (!series.some(({ metric }) => labels.every((label) => label in metric))) {
        silent.push(`${name}: ${filledIn(expr)} → ${JSON.stringify(series[0]?.metric)}`);
      }
    }
    expect(silent).toEqual([]);
    expect(targets.length).toBeGreaterThan(80);
  });

  it("has what the variables list", async () => {
    for (const { templating } of grafanaDashboards()) {
      for (const { definition } of templating.list) {
        if (definition === undefined) continue;
        const [, metric = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
        const values = await api<string[]>(`label/${label}/values`, {
          "match[]": filledIn(metric),
        });
        expect([definition, values]).not.toEqual([definition, []]);
      }
    }
  });

  it("marks the steps, the rollback and the reload", async () => {
    for (const { annotations } of grafanaDashboards()) {
      for (const { name, expr } of annotations.list) {
        expect([name, await asked(expr)]).not.toEqual([name, []]);
      }
    }
  });

  it("is what the rules record and alert on", async () => {
    for (const { record } of recordingRules) {
      expect([record, await asked(record)]).not.toEqual([record, []]);
    }
    const { alerts } = await api<{ alerts: readonly RealAlert[] }>("alerts", {});
    const told = alerts.find(({ labels }) => labels["alertname"] === "SluiceRolledBack");
    expect(told).toMatchObject({
      state: "firing",
      labels: { experiment: "climb", severity: "critical" },
      annotations: { summary: "climb was rolled back" },
    });
  });

  it("leads from the latency to a trace that its caller keeps", async () => {
    const series = await api<readonly RealExemplars[]>("query_exemplars", {
      query: 'http_server_request_duration_seconds_bucket{experiment="ab"}',
      start: String(startedAtSeconds),
      end: String(Date.now() / 1000),
    });
    const exemplars = series.flatMap((one) => one.exemplars);
    expect(exemplars.length).toBeGreaterThan(0);
    for (const { labels, value } of exemplars) {
      // Every fourth request has a trace, and every other one of those is kept.
      expect(Number.parseInt(labels.trace_id ?? "", 16) % 8).toBe(0);
      expect(Number(value)).toBeGreaterThan(0);
    }
  });

  it("asks for no metric that Sluice does not export", async () => {
    const { body } = await request(`${sluice.adminUrl}/metrics`);
    const families = parseExposition(await body.text());
    const names = new Set(
      Array.from(families, ([name, { type }]) =>
        type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : name,
      ).flat(),
    );
    const exprs = [...targets, ...alertingRules, ...recordingRules].map(({ expr }) => expr);
    const unknown = exprs.flatMap(metricsIn).filter((name) => !names.has(name));
    expect(unknown).toEqual([]);
  });
});
