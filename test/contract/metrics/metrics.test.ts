import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCollector } from "../../../src/control/collector.ts";
import type { ReloadOutcome } from "../../../src/control/reload.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import type { Config } from "../../../src/core/config/model.ts";
import { bucketBoundsSeconds } from "../../../src/core/telemetry/buckets.ts";
import { defaultAlerts } from "../../../src/core/alerting/defaults.ts";
import { createAlerts, stepAlerts } from "../../../src/core/alerting/step.ts";
import { createExperiment } from "../../../src/core/experiment/step.ts";
import { createRollout } from "../../../src/core/rollout/step.ts";
import { sumOf } from "../../../src/core/telemetry/merge.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import { createMetrics } from "../../../src/faces/metrics/metrics.ts";
import type { MetricsSources } from "../../../src/faces/metrics/sources.ts";
import { anyExchange, keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { parseExposition, type Exposed } from "./exposition.ts";
import { quietEndpoint, reportOf } from "./reports.ts";

const configText = `
upstreams:
  full: { url: "http://127.0.0.1:9621" }
  compact: { url: "http://127.0.0.1:9622" }
routes:
  - { match: "POST /embeddings", experiment: models }
experiments:
  models:
    variants:
      full: { upstream: full, weight: 75, control: true }
      compact: { upstream: compact, weight: 25 }
`;

function configOf(text: string): Config {
  const parsed = parseConfig(text, { env: {}, cores: 1, files: () => ({ ok: true, value: "" }) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

type Reload = ReturnType<MetricsSources["reload"]>;

function sourcesOf(
  collector = createCollector({ nowMs: 0 }),
  written: Partial<MetricsSources> = {},
): MetricsSources {
  return {
    view: () => collector.view(1000),
    reload: (): Reload => ({ config: configOf(configText), generation: 3, last: null }),
    rollouts: () => [],
    lives: () => [],
    alerts: () => ({ state: createAlerts(), channels: [] }),
    gates: () => ({ asked: 3, opened: 1, closed: 2, dropped: 0, refused: 0 }),
    live: () => null,
    denials: () => ({ unauthorized: 3 }),
    store: () => null,
    past: () => ({
      recent: { rows: 5, bytes: 600, dropped: 7 },
      verdicts: { written: 8, dropped: 9, waiting: 10, recent: { rows: 11, dropped: 12 } },
      refused: 13,
    }),
    replica: () => null,
    mirrors: () => [],
    tracing: () => ({
      queued: 21,
      exported: 22,
      dropped: { queue_full: 23, refused: 24, rejected: 25, unreachable: 26, ended: 27 },
    }),
    workers: () => [
      { index: 0, restarts: 2 },
      { index: 1, restarts: 0 },
    ],
    health: () => [],
    startedWallMs: 1_700_000_000_500,
    version: "0.1.0",
    nodeVersion: "v26.10.0",
    ...written,
  };
}

async function scrape(sources: MetricsSources): Promise<ReadonlyMap<string, Exposed>> {
  const { contentType, body } = await createMetrics(sources)();
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(body);
}

function valuesOf(families: ReadonlyMap<string, Exposed>, name: string) {
  return families
    .get(name)
    ?.samples.map(({ labels, value }) =>
      (Object.values(labels) as (string | number)[]).concat(value),
    );
}

describe("histograms", () => {
  test("have rising buckets that end in their count, and sums that fit them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyExchange, { minLength: 1, maxLength: 40 }),
        async (exchanges) => {
          const recorder = createRecorder();
          for (const exchange of exchanges)
            recordExchange(recorder, recorder.series(keyOf()), exchange);
          const collector = createCollector({ nowMs: 0 });
          collector.add({ index: 0, incarnation: 0 }, reportOf(recorder), 0);
          const families = await scrape(sourcesOf(collector));
          const server = checkHistogram(families.get("http_server_request_duration_seconds"));
          const client = checkHistogram(families.get("http_client_request_duration_seconds"));
          expect(server.count).toBe(exchanges.length);
          expect(server.sum).toBeCloseTo(sumOf(exchanges.map((one) => one.durationUs)) / 1e6, 6);
          const sent = exchanges.map((one) => one.upstreamUs).filter((us) => us >= 0);
          expect(client.count).toBe(sent.length);
          expect(client.sum).toBeCloseTo(sumOf(sent) / 1e6, 6);
          const outcomes = families.get("sluice_outcomes_total")?.samples ?? [];
          expect(sumOf(outcomes.map(({ value }) => value))).toBe(exchanges.length);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("carry experiment, variant, route, method and status", async () => {
    const recorder = createRecorder();
    recordExchange(recorder, recorder.series(keyOf({ route: 'POST /a"b\\c\nd' })));
    const pinned = keyOf({ experiment: null, variant: null, route: "GET /docs" });
    recordExchange(recorder, recorder.series(pinned), { method: "GET", status: 0, upstreamUs: -1 });
    const collector = createCollector({ nowMs: 0 });
    collector.add({ index: 0, incarnation: 0 }, reportOf(recorder), 0);
    const families = await scrape(sourcesOf(collector));
    // No request on the pinned route was sent to its upstream.
    const sent = families.get("http_client_request_duration_seconds")?.samples ?? [];
    expect(new Set(sent.map(({ labels }) => labels["experiment"]))).toEqual(new Set(["models"]));
    const samples = families.get("http_server_request_duration_seconds")?.samples;
    expect(samples?.filter(({ name }) => name.endsWith("_count"))).toEqual([
      {
        name: "http_server_request_duration_seconds_count",
        labels: {
          experiment: "models",
          variant: "full",
          route: 'POST /a"b\\c\nd',
          method: "POST",
          status: "200",
        },
        value: 1,
      },
      {
        name: "http_server_request_duration_seconds_count",
        labels: { experiment: "", variant: "", route: "GET /docs", method: "GET", status: "" },
        value: 1,
      },
    ]);
  });
});

/** Every label set has all buckets, in order, never falling, the last equal to the count. */
function checkHistogram(family: Exposed | undefined): { count: number; sum: number } {
  expect(family?.type).toBe("histogram");
  const sets = Map.groupBy(family?.samples ?? [], ({ labels }) =>
    JSON.stringify({ ...labels, le: null }),
  );
  const total = { count: 0, sum: 0 };
  for (const samples of sets.values()) {
    const ending = (suffix: string) => samples.filter(({ name }) => name.endsWith(suffix));
    const [buckets, [sum], [count]] = [ending("_bucket"), ending("_sum"), ending("_count")];
    expect(buckets.map(({ labels }) => labels["le"])).toEqual([
      ...bucketBoundsSeconds.map(String),
      "+Inf",
    ]);
    const values = buckets.map(({ value }) => value);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.at(-1)).toBe(count?.value);
    expect(samples).toHaveLength(buckets.length + 2);
    total.count += count?.value ?? NaN;
    total.sum += sum?.value ?? NaN;
  }
  return total;
}

function both(full: number, compact: number) {
  return [
    ["models", "full", full],
    ["models", "compact", compact],
  ];
}

describe("experiments", () => {
  test("show both shares and users", async () => {
    const recorder = createRecorder();
    for (const [variant, user] of [
      ["full", "ada"],
      ["full", "bob"],
      ["full", "ada"],
      ["full", "ada"],
      ["compact", "eve"],
    ] as const) {
      recordExchange(recorder, recorder.series(keyOf({ variant })), { user });
    }
    const collector = createCollector({ nowMs: 0 });
    collector.add({ index: 0, incarnation: 0 }, reportOf(recorder), 0);
    const families = await scrape(sourcesOf(collector));
    expect(valuesOf(families, "sluice_configured_share")).toEqual(both(0.75, 0.25));
    expect(valuesOf(families, "sluice_variant_info")).toEqual([
      ["models", "full", "control", "full", 1],
      ["models", "compact", "treatment", "compact", 1],
    ]);
    expect(valuesOf(families, "sluice_answer_failures_total")).toContainEqual([
      "models",
      "full",
      "POST /embeddings",
      "no_context",
      0,
    ]);
    expect(valuesOf(families, "sluice_assigned_share")).toEqual(both(0.8, 0.2));
    expect(valuesOf(families, "sluice_users")).toEqual(both(2, 1));
  });

  test("before the first request, there is a configured share only", async () => {
    const families = await scrape(sourcesOf());
    expect(valuesOf(families, "sluice_configured_share")).toHaveLength(2);
    expect(valuesOf(families, "sluice_assigned_share")).toEqual([]);
  });
});

describe("configuration", () => {
  test("as started", async () => {
    const families = await scrape(sourcesOf());
    expect(valuesOf(families, "sluice_config_generation")).toEqual([[3]]);
    expect(valuesOf(families, "sluice_config_last_reload_successful")).toEqual([[1]]);
    expect(valuesOf(families, "sluice_config_last_reload_timestamp_seconds")).toEqual([
      [1_700_000_000.5],
    ]);
  });

  test.each([
    [{ kind: "applied", generation: 4, etag: "", changes: [], warnings: [], notSaved: null }, 1],
    [{ kind: "unchanged", etag: "", warnings: [], notSaved: null }, 1],
    [{ kind: "invalid", issues: [] }, 0],
    [{ kind: "conflict", etag: "" }, 0],
    [{ kind: "refused", issues: [] }, 0],
    [{ kind: "failed", message: "" }, 0],
  ] as const satisfies (readonly [ReloadOutcome, number])[])(
    "after %o",
    async (outcome, expected) => {
      const last = { atMs: 1_700_000_099_000, reason: "SIGHUP", outcome };
      const families = await scrape(
        sourcesOf(undefined, {
          reload: () => ({ config: configOf(configText), generation: 3, last }),
        }),
      );
      expect(valuesOf(families, "sluice_config_last_reload_successful")).toEqual([[expected]]);
      expect(valuesOf(families, "sluice_config_last_reload_timestamp_seconds")).toEqual([
        [1_700_000_099],
      ]);
    },
  );
});

describe("Sluice itself", () => {
  test("its counts, gauges and endpoints", async () => {
    const collector = createCollector({ nowMs: 0 });
    const recorder = createRecorder(0);
    recordExchange(recorder, recorder.series(keyOf()));
    collector.add(
      { index: 1, incarnation: 0 },
      reportOf(recorder, {
        counters: {
          connectionsAccepted: 9,
          connectionsOpen: 4,
          refused: { no_route: 2, bad_host: 1 },
          retries: 5,
          retriesDenied: 6,
          upgrades: 7,
          faults: 8,
          accessRecordsDropped: 3,
        },
        endpoints: [
          {
            ...quietEndpoint,
            ejected: true,
            connectionsOpen: 11,
            exchangesInFlight: 12,
            pending: 13,
            connectFailures: 14,
            ejections: 15,
          },
        ],
        cpuUs: 1_250_000,
      }),
      0,
    );
    const families = await scrape(
      sourcesOf(collector, {
        health: () => [{ upstream: "compact", origin: "http://127.0.0.1:9622", healthy: false }],
      }),
    );
    const endpoint = ["full", "http://127.0.0.1:9621"];
    for (const [name, type, expected] of [
      [
        "sluice_worker_restarts_total",
        "counter",
        [
          ["0", 2],
          ["1", 0],
        ],
      ],
      ["sluice_worker_cpu_seconds_total", "counter", [["1", 1.25]]],
      ["sluice_retries_total", "counter", [[5]]],
      ["sluice_retries_denied_total", "counter", [[6]]],
      ["sluice_upgrades_total", "counter", [[7]]],
      ["sluice_faults_total", "counter", [[8]]],
      ["sluice_access_records_dropped_total", "counter", [[3]]],
      ["sluice_connections_accepted_total", "counter", [[9]]],
      ["sluice_connections_active", "gauge", [[4]]],
      ["sluice_telemetry_series", "gauge", [[0]]],
      ["sluice_telemetry_series_overflow_total", "counter", [[1]]],
      ["sluice_build_info", "gauge", [["0.1.0", "v26.10.0", 1]]],
      ["sluice_upstream_requests_active", "gauge", [[...endpoint, 12]]],
      ["sluice_upstream_connections_active", "gauge", [[...endpoint, 11]]],
      ["sluice_upstream_pending", "gauge", [[...endpoint, 13]]],
      ["sluice_upstream_connect_failures_total", "counter", [[...endpoint, 14]]],
      ["sluice_upstream_ejections_total", "counter", [[...endpoint, 15]]],
      ["sluice_upstream_ejected", "gauge", [[...endpoint, 1]]],
      [
        "sluice_upstream_healthy",
        "gauge",
        [
          [...endpoint, 1],
          ["compact", "http://127.0.0.1:9622", 0],
        ],
      ],
      ["http_server_active_requests", "gauge", [["", "", "_overflow", 0]]],
    ] as const) {
      expect([name, families.get(name)?.type, valuesOf(families, name)]).toEqual([
        name,
        type,
        expected,
      ]);
    }
    const refused = valuesOf(families, "sluice_refused_total");
    expect(refused?.filter(([, value]) => value !== 0)).toEqual([
      ["bad_host", 1],
      ["no_route", 2],
    ]);
    // What has not come yet is there, so that a rate sees the first.
    for (const [name, label] of [
      ["sluice_refused_total", "overloaded"],
      ["sluice_refused_total", "connections_max"],
      ["sluice_answers_uninspected_total", "encoded"],
      ["sluice_copies_skipped_total", "busy"],
    ] as const) {
      expect(valuesOf(families, name)).toContainEqual([label, 0]);
    }
    // Node's own figures come too.
    expect(families.get("process_resident_memory_bytes")?.samples[0]?.value).toBeGreaterThan(0);
  });

  test("every scrape reads the sources again, once", async () => {
    let reads = 0;
    const collector = createCollector({ nowMs: 0 });
    const render = createMetrics(
      sourcesOf(collector, {
        view: () => {
          reads += 1;
          return collector.view(1000);
        },
      }),
    );
    expect(reads).toBe(0);
    await render();
    const recorder = createRecorder();
    recordExchange(recorder, recorder.series(keyOf()));
    collector.add({ index: 0, incarnation: 0 }, reportOf(recorder), 0);
    const families = parseExposition((await render()).body);
    expect(reads).toBe(2);
    expect(families.get("sluice_outcomes_total")?.samples[0]?.value).toBe(1);
  });
});

test("rollouts show phase, step, shares, and every guardrail's value, limit and verdict", async () => {
  const { policy, state, verdicts } = rolloutAtWork();
  const paused = {
    kind: "paused",
    before: state.phase,
    by: "operator",
    reason: "x",
    sinceMs: 5,
  } as const;
  const rollouts = () => [
    {
      experiment: "models",
      policy,
      state: { ...state, phase: paused, verdicts },
      appliedShare: 0.05,
      waitsFor: null,
      journal: [],
    },
  ];
  const families = await scrape(sourcesOf(undefined, { rollouts }));
  expect(valuesOf(families, "sluice_rollout_phase")?.filter((row) => row.at(-1) === 1)).toEqual([
    ["models", "paused", 1],
  ]);
  expect(valuesOf(families, "sluice_rollout_step")).toEqual([["models", 2]]);
  expect(valuesOf(families, "sluice_rollout_share")).toEqual([
    ["models", "wanted", 0.25],
    ["models", "applied", 0.05],
  ]);
  expect(valuesOf(families, "sluice_guardrail_value")).toEqual([["models", "error_rate", 0.02]]);
  expect(valuesOf(families, "sluice_guardrail_limit")).toEqual([
    ["models", "error_rate", 0.05],
    ["models", "latency_p95", 0.05],
  ]);
  expect(valuesOf(families, "sluice_guardrail_p_value")).toHaveLength(2);
  expect(valuesOf(families, "sluice_guardrail_verdict")?.filter((row) => row.at(-1) === 1)).toEqual(
    [
      ["models", "error_rate", "ok", 1],
      ["models", "latency_p95", "wait", 1],
    ],
  );
});

test("experiments' lives, alerts, their channels and the store are shown", async () => {
  const policy = Object.values(configOf(configText).experiments)[0];
  if (policy === undefined) throw new Error("no experiment");
  const decision = { outcome: "control_wins", winner: "full", reason: "x" } as const;
  const change = { metric: "latency_mean", direction: "lower", unit: "share" } as const;
  const analysis = {
    variant: "compact",
    change: { ...change, estimate: 0.2, interval: { low: 0.1, high: 0.3 } },
    pValue: 0.001,
    decision: { outcome: "control_wins", gates: [], blockedBy: null },
  } as const;
  const watch = {
    facts: { users: 40, requests: 400, decision },
    analyses: [analysis],
    sampleRatio: null,
    sampleRatioPValue: 0.25,
  };
  const state = createExperiment({ initial: "draft" } as Parameters<typeof createExperiment>[0], 0);
  const observed = stepAlerts(
    defaultAlerts,
    createAlerts(),
    {
      kind: "observe",
      conditions: [
        {
          kind: "rollback",
          experiment: "models",
          subject: null,
          value: null,
          limit: null,
          summary: "x",
        },
      ],
    },
    { nowMs: 0, atMs: 0 },
  );
  const channel = { kind: "log", target: "log", lastError: null, lastSentAtMs: null } as const;
  const families = await scrape(
    sourcesOf(undefined, {
      lives: () => [{ experiment: "models", policy, state, ranMs: 0, watch, journal: [] }],
      alerts: () => ({
        state: observed.next,
        channels: [{ ...channel, name: "log-1", queued: 4, sent: 1, failed: 2, dropped: 3 }],
      }),
      live: () => ({ listeners: 2, opened: 5, deltasSkipped: 4 }),
      store: () => ({ isUp: false, history: { written: 7, dropped: 1, waiting: 2 } }),
    }),
  );
  expect(valuesOf(families, "sluice_recent_history_dropped_total")).toEqual([
    ["telemetry", 7],
    ["verdicts", 12],
  ]);
  expect(valuesOf(families, "sluice_verdict_rows_total")).toEqual([
    ["written", 8],
    ["dropped", 9],
  ]);
  expect(valuesOf(families, "sluice_past_questions_refused_total")).toEqual([[13]]);
  expect(valuesOf(families, "sluice_experiment_phase")?.filter((row) => row.at(-1) === 1)).toEqual([
    ["models", "draft", 1],
  ]);
  expect(valuesOf(families, "sluice_experiment_sample_ratio_p_value")).toEqual([["models", 0.25]]);
  expect(
    valuesOf(families, "sluice_experiment_decision")?.filter((row) => row.at(-1) === 1),
  ).toEqual([["models", "control_wins", 1]]);
  expect(valuesOf(families, "sluice_experiment_change")).toEqual([
    ["models", "compact", "latency_mean", "low", 0.1],
    ["models", "compact", "latency_mean", "estimate", 0.2],
    ["models", "compact", "latency_mean", "high", 0.3],
  ]);
  expect(valuesOf(families, "sluice_alert_firing")).toEqual([
    ["rollback", "critical", "models", "", 1],
  ]);
  expect(valuesOf(families, "sluice_alert_notices_total")).toEqual([
    ["log-1", "sent", 1],
    ["log-1", "failed", 2],
    ["log-1", "dropped", 3],
  ]);
  expect(valuesOf(families, "sluice_alert_notices_queued")).toEqual([["log-1", 4]]);
  expect(valuesOf(families, "sluice_gate_questions_total")?.slice(0, 2)).toEqual([
    ["asked", 3],
    ["opened", 1],
  ]);
  expect(valuesOf(families, "sluice_live_listeners")).toEqual([[2]]);
  expect(valuesOf(families, "sluice_live_events_total")).toEqual([
    ["opened", 5],
    ["deltas_skipped", 4],
  ]);
  expect(valuesOf(families, "sluice_store_up")).toEqual([[0]]);
  expect(valuesOf(families, "sluice_history_rows_total")).toEqual([
    ["written", 7],
    ["dropped", 1],
  ]);
  expect(valuesOf(families, "sluice_history_rows_waiting")).toEqual([[2]]);
});

/** A rollout at its second step, with one guardrail content and one without requests. */
function rolloutAtWork() {
  const rollout = `
    rollout: { steps: [ { share: 5% }, { share: 25% } ] }
    guardrails: [ { metric: error_rate, max: 5% }, { metric: latency_p95, max: 1s } ]
`;
  const config = configOf(`${configText.replaceAll(/, weight: \d+/g, "")}${rollout.slice(1)}`);
  const policy = config.experiments["models"]?.rollout;
  if (policy === undefined || policy === null) throw new Error("no rollout");
  const state = createRollout(policy);
  const phase = { kind: "stepping", step: 1, sinceMs: 0, approved: false, asked: null } as const;
  const verdict = { control: null, interval: null, pValue: 1, pausesOnly: false, reason: "x" };
  const verdicts = [
    { ...verdict, guardrail: "error_rate", verdict: "ok", value: 0.02, limit: 0.05, n: 100 },
    { ...verdict, guardrail: "latency_p95", verdict: "wait", value: null, limit: 0.05, n: 0 },
  ] as const;
  return { policy, state: { ...state, phase, share: 0.25 }, verdicts };
}

describe("OpenMetrics", () => {
  const accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

  async function openMetrics(...durationsUs: readonly number[]): Promise<string> {
    const collector = createCollector({ nowMs: 0 });
    for (const durationUs of durationsUs) {
      const recorder = createRecorder();
      const series = recorder.series(keyOf());
      for (const serverUs of [durationUs, durationUs - 1000]) {
        recordExchange(recorder, series, { durationUs: serverUs });
        const exemplar = { traceId, serverUs, clientUs: -1, wallMs: 1_700_000_000_500 };
        recorder.recordExemplar(series, "POST", 200, exemplar);
      }
      collector.add({ index: 0, incarnation: 0 }, reportOf(recorder), 0);
    }
    const { contentType, body } = await createMetrics(sourcesOf(collector))(accept);
    expect(contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    return body;
  }

  test("has an exemplar in each bucket of a traced exchange: the slowest between two snapshots", async () => {
    const body = await openMetrics(8000, 300_000);
    const lines = body.split("\n").filter((line) => line.includes(" # {"));
    expect(lines.map((line) => /le="([^"]+)"\} (.+)$/.exec(line)?.slice(1))).toEqual([
      ["0.01", `2 # {trace_id="${traceId}"} 0.008 1700000000.5`],
      ["0.5", `4 # {trace_id="${traceId}"} 0.3 1700000000.5`],
    ]);
    expect(lines.every((line) => line.startsWith("http_server_request_duration_seconds_"))).toBe(
      true,
    );
  });

  test("names counters without _total where they are described, and ends", async () => {
    const body = await openMetrics();
    expect(body).toContain("# TYPE sluice_retries counter\nsluice_retries_total 0\n");
    expect(body).toContain("# TYPE sluice_build_info gauge\n");
    expect(body).not.toContain("\n\n");
    expect(body.endsWith("\n# EOF\n")).toBe(true);
    expect(body.match(/# EOF/g)).toHaveLength(1);
  });

  test("others get the text format, without exemplars, also afterwards", async () => {
    const render = createMetrics(sourcesOf());
    await render(accept);
    const { contentType, body } = await render("text/plain");
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(parseExposition(body).get("sluice_retries_total")?.type).toBe("counter");
    expect(parseExposition(body).get("process_cpu_seconds_total")?.type).toBe("counter");
  });
});

test("spans are counted where they were exported and where they were lost", async () => {
  const collector = createCollector({ nowMs: 0 });
  const dropped = reportOf(createRecorder(), { counters: { spansDropped: 28 } });
  collector.add({ index: 0, incarnation: 0 }, dropped, 0);
  const families = await scrape(sourcesOf(collector));
  expect(valuesOf(families, "sluice_spans_queued")).toEqual([[21]]);
  expect(valuesOf(families, "sluice_spans_exported_total")).toEqual([[22]]);
  expect(valuesOf(families, "sluice_spans_dropped_total")).toEqual([
    ["worker_full", 28],
    ["queue_full", 23],
    ["refused", 24],
    ["rejected", 25],
    ["unreachable", 26],
    ["ended", 27],
  ]);
});

describe("mirrored writes", () => {
  test("are counted for each variant that gets them", async () => {
    const families = await scrape(
      sourcesOf(undefined, {
        mirrors: () => [
          {
            experiment: "e",
            variant: "new",
            queued: 3,
            oldestAgeMs: 1500,
            delivered: 7,
            retried: 2,
            diverged: { refused: 1 },
          },
        ],
      }),
    );
    const name = (end: string) => valuesOf(families, `sluice_mirrored_writes_${end}`);
    expect(name("queued")).toEqual([["e", "new", 3]]);
    expect(name("oldest_seconds")).toEqual([["e", "new", 1.5]]);
    expect(name("delivered_total")).toEqual([["e", "new", 7]]);
    expect(name("retried_total")).toEqual([["e", "new", 2]]);
    expect(name("diverged_total")?.filter((row) => row.at(-1) !== 0)).toEqual([
      ["e", "new", "refused", 1],
    ]);
  });

  test("are at 0 before the first", async () => {
    const mirroring = configText.replace("  models:", "  models:\n    writes: mirror");
    const families = await scrape(
      sourcesOf(undefined, {
        reload: () => ({
          config: configOf(`store: { sqlite: x.db }${mirroring}`),
          generation: 1,
          last: null,
        }),
      }),
    );
    expect(valuesOf(families, "sluice_mirrored_writes_queued")).toEqual([["models", "compact", 0]]);
    expect(valuesOf(families, "sluice_mirrored_writes_diverged_total")).toContainEqual([
      "models",
      "compact",
      "lost",
      0,
    ]);
  });
});
