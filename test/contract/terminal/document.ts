import type { LiveDocument } from "../../../src/wire/live.ts";

/** A live document with a bit of everything: a rollout under way, one that was rolled back, an A/B test, a fixed split. */

/** When the document was like this. */
export const documentAt = "2026-11-28T12:00:00.000Z";

const noOutcomes = {
  success: 0,
  client_error: 0,
  upstream_error: 0,
  proxy_error: 0,
  timeout: 0,
  truncated: 0,
  aborted: 0,
  bad_answer: 0,
};

type Variant = LiveDocument["traffic"][string]["variants"][string];

export function variant(key: string, fields: Partial<Variant>): Variant {
  const requests = fields.requests ?? 0;
  return {
    key,
    upstream: key,
    control: false,
    configured_share: 0.5,
    observed_share: requests === 0 ? null : 0.5,
    requests,
    requests_per_second: 0,
    in_flight: 0,
    users: null,
    latency_ms: null,
    outcomes: { ...noOutcomes, success: requests },
    metrics: {},
    failures: {},
    copies: null,
    ...fields,
  };
}

export function traffic(
  key: string,
  variants: readonly Variant[],
): LiveDocument["traffic"][string] {
  return {
    key,
    epoch: 1,
    strategy: "hash",
    coverage: 1,
    disabled: false,
    variants: Object.fromEntries(variants.map((one) => [one.key, one])),
    mirrored: [],
    compatibility: null,
  };
}

type Rollout = LiveDocument["rollouts"][string];

export function rollout(experiment: string, fields: Partial<Rollout>): Rollout {
  const step = {
    shadow: 0,
    hold_seconds: 600,
    min_requests: 500,
    min_users: 50,
    gate: "none",
  } as const;
  return {
    experiment,
    phase: "waiting",
    step: null,
    steps: [
      { ...step, share: 0.05, hold_seconds: 300 },
      { ...step, share: 0.25 },
      { ...step, share: 0.5, gate: "approval" },
      { ...step, share: 1 },
    ],
    share: 0,
    shadow: 0,
    applied_share: 0,
    users: 0,
    requests: 0,
    preparation: null,
    waits_for: null,
    reason: null,
    verdicts: [],
    journal: [],
    ...fields,
  };
}

type Verdict = Rollout["verdicts"][number];

export function verdict(guardrail: string, fields: Partial<Verdict>): Verdict {
  return {
    guardrail,
    verdict: "ok",
    value: 0.004,
    control: 0.005,
    limit: 0.05,
    unit: "share",
    requests: 1240,
    interval: [0.001, 0.009],
    p_value: 1,
    on_breach: "rollback",
    dry_run: false,
    reason: "0.4 % of 1,240 requests, at most 5 % allowed",
    ...fields,
  };
}

const climbing = rollout("openviking_vs_smp", {
  phase: "stepping",
  step: 2,
  share: 0.25,
  applied_share: 0.25,
  users: 312,
  requests: 1240,
  waits_for: "184s left",
  verdicts: [
    verdict("error_rate", {}),
    verdict("latency_p95", {
      value: 0.021,
      control: 0.018,
      interval: [0.014, 0.03],
      reason: "2.1 % of 1,240 requests, at most 5 % allowed",
    }),
    verdict("latency_mean", {
      verdict: "wait",
      value: 212.4,
      control: 198.1,
      limit: 250,
      unit: "ms",
      interval: [180.2, 251.7],
      on_breach: "alert",
      reason: "212 ms: up to 252 ms is possible, 250 ms allowed",
    }),
  ],
  journal: [
    {
      at: "2026-11-28T11:47:56.000Z",
      what: "step",
      actor: "ann",
      facts: { step: 1, of: 4, share: 0.05 },
    },
    {
      at: "2026-11-28T11:53:04.000Z",
      what: "step",
      actor: "controller",
      facts: { step: 2, of: 4, share: 0.25 },
    },
  ],
});

const taken = rollout("reranker", {
  phase: "rolled_back",
  reason: "error_rate: 48 of 200 requests in this step, surely more than the 5 % allowed",
  journal: [
    {
      at: "2026-11-28T09:00:00.000Z",
      what: "step",
      actor: "ann",
      facts: { step: 1, of: 4, share: 0.05 },
    },
    { at: "2026-11-28T09:02:11.000Z", what: "rolled_back", actor: "controller", facts: {} },
  ],
});

export const liveDocument: LiveDocument = {
  status: {
    version: "0.1.0",
    started_at: "2026-11-28T08:00:00.000Z",
    ready: true,
    reasons: [],
    config: {
      generation: 3,
      etag: '"3"',
      last_reload: {
        at: "2026-11-28T11:15:00.000Z",
        reason: "file",
        result: "applied",
        message: null,
        issues: [],
      },
    },
  },
  system: {
    host: "lightrag-1",
    pid: 4711,
    version: "0.1.0",
    node_version: "26.10.0",
    cpu_cores: 0.314,
    memory_bytes: 192_000_000,
    heap_bytes: 61_000_000,
    event_loop_delay_ms: { p50: 10.1, p99: 12.41, max: 19.8 },
    connections: 38,
    in_flight: 9,
    requests_per_second: 73.06,
    store: { kind: "sqlite", up: true, fault: null, rows_waiting: 0, rows_dropped: 0 },
    replica: null,
  },
  workers: {
    "0": { index: 0, state: "running", restarts: 0 },
    "1": { index: 1, state: "running", restarts: 0 },
  },
  endpoints: Object.fromEntries(
    ["smp", "openviking", "reranker"].map((upstream) => [
      `${upstream} http://${upstream}:9621`,
      {
        upstream,
        origin: `http://${upstream}:9621`,
        healthy: upstream !== "reranker",
        ejected: false,
        in_flight: 2,
        ejections: 0,
      },
    ]),
  ),
  traffic: {
    openviking_vs_smp: traffic("openviking_vs_smp", [
      variant("smp", {
        control: true,
        configured_share: 0.75,
        observed_share: 0.7512,
        requests: 3744,
        requests_per_second: 42.3,
        in_flight: 7,
        users: 936,
        latency_ms: { p50: 181, p95: 412.5, p99: 690.2 },
        outcomes: { ...noOutcomes, success: 3725, upstream_error: 15, client_error: 4 },
      }),
      variant("openviking", {
        configured_share: 0.25,
        observed_share: 0.2488,
        requests: 1240,
        requests_per_second: 14.1,
        in_flight: 2,
        users: 312,
        latency_ms: { p50: 196, p95: 441.9, p99: 1240.6 },
        outcomes: { ...noOutcomes, success: 1235, upstream_error: 5 },
      }),
    ]),
    chunk_size: traffic("chunk_size", [
      variant("tokens_1200", {
        control: true,
        observed_share: 0.503,
        requests: 12_050,
        requests_per_second: 3.4,
        users: 4021,
        latency_ms: { p50: 820, p95: 2410, p99: 4105 },
      }),
      variant("tokens_600", {
        observed_share: 0.497,
        requests: 11_906,
        requests_per_second: 3.3,
        users: 3984,
        latency_ms: { p50: 702, p95: 2120, p99: 3870 },
      }),
    ]),
    reranker: traffic("reranker", [
      variant("without", {
        control: true,
        configured_share: 1,
        observed_share: 1,
        requests: 90_500,
        requests_per_second: 9.9,
        users: 1200,
        latency_ms: { p50: 95, p95: 180, p99: 260 },
      }),
      variant("with", { configured_share: 0 }),
    ]),
    by_region: traffic("by_region", [
      variant("east", { control: true, configured_share: 0.34 }),
      variant("west", { configured_share: 0.33 }),
      variant("north", { configured_share: 0.33 }),
    ]),
  },
  experiments: {
    chunk_size: {
      experiment: "chunk_size",
      phase: "running",
      run: 1,
      assignment_run: 1,
      ran_seconds: 86_400,
      reason: null,
      winner: null,
      variants: ["tokens_1200", "tokens_600"],
      primary: "latency_mean",
      ends: { after_seconds: 604_800, users: 5000, requests: null, decision: true },
      users: 3984,
      requests: 11_906,
      sample_ratio_p_value: 0.42,
      decision: {
        outcome: "treatment_wins",
        winner: "tokens_600",
        reason: "latency_mean is 12.9 % lower with tokens_600 (95 % interval 9.1 to 16.4 % lower)",
      },
      arms: [
        {
          variant: "tokens_600",
          outcome: "treatment_wins",
          unit: "share",
          estimate: -0.129,
          interval: [-0.164, -0.091],
          p_value: 0.000_031,
          reason:
            "latency_mean is 12.9 % lower with tokens_600 (95 % interval 9.1 to 16.4 % lower)",
        },
      ],
      journal: [
        { at: "2026-11-27T12:00:00.000Z", what: "started", actor: "ben", facts: { run: 1 } },
      ],
    },
  },
  rollouts: { openviking_vs_smp: climbing, reranker: taken },
  alerts: {
    alerts: {
      "upstream_unhealthy//reranker": {
        alert: "upstream_unhealthy//reranker",
        status: "firing",
        kind: "upstream_unhealthy",
        severity: "critical",
        experiment: null,
        subject: "reranker",
        summary: "reranker has no healthy endpoint: 1 of 1 is down",
        value: 0,
        limit: null,
        started_at: "2026-11-28T11:58:30.000Z",
        ended_at: null,
        acknowledged_by: null,
      },
    },
    resolved: [
      {
        alert: "rollback/reranker/",
        status: "resolved",
        kind: "rollback",
        severity: "warning",
        experiment: "reranker",
        subject: null,
        summary: "the rollout of reranker was rolled back",
        value: null,
        limit: null,
        started_at: "2026-11-28T09:02:11.000Z",
        ended_at: "2026-11-28T09:12:11.000Z",
        acknowledged_by: "ann",
      },
    ],
    silences: {},
    channels: {},
    without_room: 0,
  },
};
