import type {
  HistoryColumns,
  JournalFacts,
  ReportFacts,
  RolloutFacts,
  VerdictFacts,
} from "../../../src/core/report/facts.ts";
import { configText } from "./frame.ts";
import { columnsOf, guardedErrors, measure, type Service } from "./measured.ts";

/** Rollouts: rolled back, climbing, promoted. */

const range = { from: "2026-11-28T10:00:00.000Z", to: "2026-11-28T10:30:00.000Z" };
const experiment = "new_model";
const stretchMs = 10_000;
const stretches = 180;
const atMs = Array.from({ length: stretches }, (_, at) => Date.parse(range.from) + at * stretchMs);

const steps: RolloutFacts["steps"] = [
  { share: 0.05, shadow: 0, hold_seconds: 300, min_requests: 100, min_users: 20, gate: "none" },
  { share: 0.25, shadow: 0, hold_seconds: 600, min_requests: 100, min_users: 0, gate: "none" },
  { share: 0.5, shadow: 0, hold_seconds: 600, min_requests: 100, min_users: 0, gate: "approval" },
  { share: 1, shadow: 0, hold_seconds: 0, min_requests: 100, min_users: 0, gate: "none" },
];

function verdictOf(guardrail: string, given: Partial<VerdictFacts>): VerdictFacts {
  return {
    guardrail,
    verdict: "ok",
    value: 0.004,
    control: 0.004,
    limit: 0.05,
    unit: "share",
    requests: 1840,
    interval: [0.002, 0.008],
    p_value: 1,
    on_breach: "rollback",
    dry_run: false,
    reason: "surely at most 5 %",
    ...given,
  };
}

const latencyOk = verdictOf("latency_p95", {
  value: 412,
  control: 431,
  limit: 800,
  unit: "ms",
  interval: [388, 447],
  on_breach: "pause",
  reason: "surely at most 800 ms",
});

function entry(
  sequence: number,
  at: string,
  what: string,
  actor: string,
  facts: JournalFacts["entries"][number]["facts"],
) {
  return {
    sequence,
    at: `2026-11-28T${at}Z`,
    scope: "rollout",
    subject: experiment,
    what,
    actor,
    facts,
  };
}

const climbed = [
  entry(41, "10:01:00.000", "step", "ann", { step: 1, of: 4, share: 0.05 }),
  entry(44, "10:06:10.250", "step", "controller", { step: 2, of: 4, share: 0.25 }),
];

/** Nobody has it before the first step, and nobody after the rollback. */
function untilRollback(columns: HistoryColumns, end: number): HistoryColumns {
  const isThere = (at: number) => at >= 6 && at < end;
  return Object.fromEntries(
    Object.entries(columns).map(([name, values]) => {
      const empty = name === "requests" || name === "failures" ? 0 : null;
      return [
        name,
        (values as (number | null)[]).map((value, at) => (isThere(at) ? value : empty)),
      ];
    }),
  ) as unknown as HistoryColumns;
}

type Given = {
  readonly services: readonly [Service, Service];
  readonly rollout: Partial<RolloutFacts> & Pick<RolloutFacts, "phase" | "verdicts">;
  readonly journal: JournalFacts["entries"];
  readonly brokenFrom: number;
};

function factsOf({ services, rollout, journal, brokenFrom }: Given): ReportFacts {
  const shares = [1 - (rollout.applied_share ?? 0), rollout.applied_share ?? 0];
  return {
    experiment,
    kind: "rollout",
    generated_at: "2026-11-28T10:30:02.000Z",
    version: "0.1.0",
    range,
    config: { generation: 2, etag: '"9a01"', text: configText(experiment, services) },
    status: {
      key: experiment,
      epoch: 5,
      strategy: "hash",
      coverage: 1,
      disabled: false,
      variants: services.map((service, at) => ({
        key: service.variant,
        upstream: service.variant,
        control: at === 0,
        configured_share: shares[at] ?? 0,
        observed_share: null,
        requests: service.requests,
        requests_per_second: 0,
        in_flight: 0,
        users: service.users,
        latency_ms: null,
        outcomes: measure(service, at === 0).outcomes,
        metrics: {},
        failures: {},
        copies:
          at === 0
            ? null
            : {
                requests: 960,
                success_rate: 0.997,
                latency_ms: { p50: 141, p95: 402, p99: 611 },
                metrics: {
                  semantic_similarity: { count: 940, mean: 0.962 },
                  latency_difference: { count: 940, mean: -21.4 },
                },
                paired: {
                  pairs: 940,
                  slower: 311,
                  faster: 629,
                  mean_ms: -21.4,
                  median_ms: -18.2,
                  interval_ms: [-27.9, -14.9],
                  t_p_value: 1e-9,
                  wilcoxon_p_value: 2e-11,
                },
                refused: { too_large: 4 },
              },
      })),
      mirrored: [],
      compatibility: null,
    },
    lifecycle: null,
    rollout: {
      experiment,
      step: null,
      steps,
      share: 0,
      shadow: 0,
      applied_share: 0,
      users: 0,
      requests: 0,
      preparation: null,
      waits_for: null,
      reason: null,
      journal: [],
      ...rollout,
    },
    comparison: null,
    breakdown: {
      experiment,
      ...range,
      source: "memory",
      variants: services.map((service, at) => measure(service, at === 0)),
    },
    history: {
      experiment,
      ...range,
      source: "memory",
      step_seconds: stretchMs / 1000,
      at_ms: atMs,
      variants: Object.fromEntries(
        services.map((service, at) => [
          service.variant,
          at === 0 || rollout.phase !== "rolled_back"
            ? columnsOf(service, stretches, at + 1)
            : untilRollback(columnsOf(service, stretches, at + 1), brokenFrom + 3),
        ]),
      ),
      marks: [],
    },
    verdicts: {
      experiment,
      ...range,
      source: "memory",
      step_seconds: stretchMs / 1000,
      guardrails: [
        guardedErrors(atMs.slice(6, Math.min(stretches, brokenFrom + 3)), brokenFrom - 6),
      ],
      marks: [],
    },
    journal: { entries: journal, is_cut: false },
    upkeep: {
      history_rows_dropped: 0,
      answers_uninspected: {},
      answers_uninspected_here: 0,
      store: { up: true, rows_waiting: 3 },
      replicas: null,
    },
    insights: null,
    missing: [],
  } as ReportFacts;
}

const control: Service = { variant: "old", requests: 14_120, users: 702, medianMs: 178 };
const treatment: Service = { variant: "new", requests: 1840, users: 171, medianMs: 161 };

export const rolledBack = factsOf({
  services: [control, { ...treatment, failed: 0.062 }],
  rollout: {
    phase: "rolled_back",
    reason: "error_rate: 11 % of 131 requests, at most 5 % allowed",
    verdicts: [
      verdictOf("error_rate", {
        verdict: "breach",
        value: 0.11,
        requests: 131,
        interval: [0.068, 0.175],
        p_value: 0.0004,
        reason: "11 % of 131 requests, at most 5 % allowed",
      }),
      latencyOk,
    ],
  },
  journal: [
    ...climbed,
    entry(47, "10:14:31.500", "rolled_back", "controller", {
      reason: "error_rate: 11 % of 131 requests, at most 5 % allowed",
      share: 0.25,
      guardrail: "error_rate",
      value: 0.11,
      control: 0.004,
      limit: 0.05,
      n: 131,
      p_value: 0.0004,
      evidence: "11 % of 131 requests, at most 5 % allowed",
    }),
  ],
  brokenFrom: 84,
});

export const climbing = factsOf({
  services: [control, treatment],
  rollout: {
    phase: "stepping",
    step: 2,
    share: 0.25,
    applied_share: 0.25,
    users: 160,
    requests: 1612,
    waits_for: "its hold of 10m",
    verdicts: [verdictOf("error_rate", {}), latencyOk],
  },
  journal: climbed,
  brokenFrom: stretches,
});

const everybody = factsOf({
  services: [control, { ...treatment, requests: 9120, users: 702 }],
  rollout: {
    phase: "promoted",
    share: 1,
    applied_share: 1,
    verdicts: [verdictOf("error_rate", {}), latencyOk],
  },
  journal: [
    ...climbed,
    entry(48, "10:16:20.000", "step", "bob", { step: 3, of: 4, share: 0.5 }),
    entry(52, "10:20:00.000", "step", "controller", { step: 4, of: 4, share: 1 }),
    entry(53, "10:22:00.000", "observing", "controller", { share: 1 }),
    entry(57, "10:27:00.000", "promoted", "controller", { share: 1 }),
  ],
  brokenFrom: stretches,
});

/** Of a split in which nobody has the control: as the admin API gives it, and nothing to be told. */
function compareNothing(requests: number): ReportFacts["comparison"] {
  const sample = { value: null, users: 0, requests: 0 };
  const nothing = {
    experiment,
    epoch: 6,
    since: "2026-11-28T10:20:00.000Z",
    randomised: "users",
    confidence: 0.95,
    min_effect: 0,
    summary: "Nothing has been measured since the split began.",
    sample_ratio: {
      verdict: "unknown",
      p_value: null,
      expected: { old: 0, new: 1 },
      users: { old: 0, new: 0 },
      says: "not checked",
    },
    metrics: [
      {
        metric: "latency_mean",
        unit: "ms",
        direction: "lower",
        primary: true,
        control: { ...sample, variant: "old" },
        treatments: [
          {
            ...sample,
            variant: "new",
            requests,
            change: null,
            interval: null,
            sequential_interval: null,
            p_value: null,
            sequential_p_value: null,
            test: "Welch's t over users (delta method)",
            power: null,
            users_needed: null,
            verdict: "too_few",
            says: "0 users in the smaller arm, at least 30 are compared",
          },
        ],
      },
    ],
  } as const;
  return nothing;
}

export const promoted: ReportFacts = { ...everybody, comparison: compareNothing(1200) };
