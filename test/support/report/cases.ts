import type {
  ComparedVerdict,
  ComparisonFacts,
  DecisionOutcome,
  MetricFacts,
  ReportFacts,
} from "../../../src/core/report/facts.ts";
import { columnsOf, measure, type Service } from "./measured.ts";
import { rolledBack, climbing, promoted } from "./rollout-cases.ts";
import { configText, journalOf, rangeOf } from "./frame.ts";

/** Facts as the admin API gives them, one set for each way an experiment can turn out. */

type Compared = {
  readonly value: number;
  readonly change: number;
  readonly half: number;
  readonly verdict: ComparedVerdict;
  readonly needed?: number;
  readonly p: number;
};

type Case = {
  readonly experiment: string;
  readonly services: readonly Service[];
  /** Of the mean latency, by treatment. */
  readonly compared: readonly Compared[];
  readonly outcome: DecisionOutcome;
  readonly reason: string;
  readonly isOver: boolean;
  readonly sampleRatio?: number;
  readonly expected?: readonly number[];
};

function metricOf(name: "latency_mean" | "error_rate", { services, compared }: Case): MetricFacts {
  const [control, ...treatments] = services;
  const isMean = name === "latency_mean";
  const base = isMean ? (control?.medianMs ?? 0) * 1.16 : (control?.failed ?? 0.004);
  return {
    metric: name,
    unit: isMean ? "ms" : "share",
    direction: "lower",
    primary: isMean,
    control: {
      variant: control?.variant ?? "",
      value: base,
      users: control?.users ?? 0,
      requests: control?.requests ?? 0,
    },
    treatments: treatments.map((service, at) => {
      const { change, half, verdict, p, needed = null } = compared[at] as Compared;
      const isTooFew = verdict === "too_few";
      const relative = isMean ? change : ((service.failed ?? 0.004) - base) / base;
      const spread = isMean ? half : 0.4;
      const words = isMean
        ? verdict
        : isTooFew
          ? "too_few"
          : relative > 1
            ? "worse"
            : "no_difference";
      return {
        variant: service.variant,
        value: base * (1 + relative),
        users: service.users,
        requests: service.requests,
        change: isTooFew ? null : { absolute: base * relative, relative },
        interval: isTooFew
          ? null
          : [base * (relative - spread * 0.6), base * (relative + spread * 0.6)],
        sequential_interval: isTooFew
          ? null
          : [base * (relative - spread), base * (relative + spread)],
        p_value: isTooFew ? null : isMean ? p / 10 : relative > 1 ? 1e-7 : 0.62,
        sequential_p_value: isTooFew ? null : isMean ? p : relative > 1 ? 1e-6 : 1,
        test: isMean ? "Welch's t over users (delta method)" : "z over users (delta method)",
        power: isTooFew ? null : Math.min(0.99, 0.05 / half),
        users_needed: needed,
        verdict: words,
        says: isTooFew
          ? `${service.users} users in the smaller arm, at least 30 are compared`
          : `${name} is ${(Math.abs(relative) * 100).toFixed(1)} % ${relative < 0 ? "lower" : "higher"} with ${service.variant}: ${words.replace("_", " ")}`,
      };
    }),
  };
}

function comparisonOf(given: Case): ComparisonFacts {
  const { services, sampleRatio = 0.41, expected, reason, experiment } = given;
  const shares = expected ?? services.map(() => 1 / services.length);
  const isOff = sampleRatio < 0.001;
  return {
    experiment,
    epoch: 3,
    since: rangeOf.from,
    randomised: "users",
    confidence: 0.95,
    min_effect: 0.05,
    summary: reason,
    sample_ratio: {
      verdict: isOff ? "mismatch" : "ok",
      p_value: sampleRatio,
      expected: Object.fromEntries(services.map(({ variant }, at) => [variant, shares[at] ?? 0])),
      users: Object.fromEntries(services.map(({ variant, users }) => [variant, users])),
      says: isOff
        ? "the arms do not have the shares that were planned"
        : "the arms have the shares that were planned",
    },
    metrics: [metricOf("latency_mean", given), metricOf("error_rate", given)],
  } as ComparisonFacts;
}

const stretches = 48;

export function factsOf(given: Case): ReportFacts {
  const { experiment, services, outcome, reason, isOver } = given;
  const total = services.reduce((sum, { requests }) => sum + requests, 0);
  const isMeasured = total > 0;
  const winner = outcome === "treatment_wins" ? (services[1]?.variant ?? null) : null;
  const expected = given.expected ?? services.map(() => 1 / services.length);
  const atMs = isMeasured
    ? Array.from({ length: stretches }, (_, at) => Date.parse(rangeOf.from) + at * 3_600_000)
    : [];
  return {
    experiment,
    kind: "ab",
    generated_at: "2026-11-28T14:00:05.000Z",
    version: "0.1.0",
    range: rangeOf,
    config: { generation: 4, etag: '"5f2c"', text: configText(experiment, services) },
    status: {
      key: experiment,
      epoch: 3,
      strategy: "hash",
      coverage: 1,
      disabled: false,
      variants: services.map((service, at) => ({
        key: service.variant,
        upstream: service.variant,
        control: at === 0,
        configured_share: expected[at] ?? 0,
        observed_share: isMeasured ? service.requests / total : null,
        requests: service.requests,
        requests_per_second: 0,
        in_flight: 0,
        users: service.users,
        latency_ms: null,
        outcomes: measure(service, at === 0).outcomes,
        metrics: {},
        failures: {},
        copies: null,
      })),
      mirrored: [],
      compatibility: null,
    },
    lifecycle: {
      experiment,
      phase: isOver ? "ended" : "running",
      run: 1,
      assignment_run: 1,
      ran_seconds: 172_800,
      reason: isOver ? `decided: ${reason}` : null,
      winner,
      variants: services.map(({ variant }) => variant),
      primary: "latency_mean",
      ends: { after_seconds: 1_209_600, users: 5000, requests: null, decision: true },
      users: Math.min(...services.map(({ users }) => users)),
      requests: Math.min(...services.map(({ requests }) => requests)),
      sample_ratio_p_value: given.sampleRatio ?? 0.41,
      decision: isMeasured ? { outcome, winner, reason } : null,
      arms: [],
      journal: [],
    },
    rollout: null,
    comparison: isMeasured ? comparisonOf(given) : null,
    breakdown: {
      experiment,
      ...rangeOf,
      source: "store",
      variants: services.map((service, at) => measure(service, at === 0)),
    },
    history: {
      experiment,
      ...rangeOf,
      source: "store",
      step_seconds: 3600,
      at_ms: atMs,
      variants: isMeasured
        ? Object.fromEntries(
            services.map((service, at) => [service.variant, columnsOf(service, stretches, at + 1)]),
          )
        : {},
      marks: [],
    },
    verdicts: null,
    journal: journalOf(experiment, isOver ? { outcome, winner, reason } : null),
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

const full: Service = {
  variant: "full",
  requests: 48_210,
  users: 2412,
  medianMs: 182,
  tokens: 240,
};
const compact: Service = {
  variant: "compact",
  requests: 47_733,
  users: 2389,
  medianMs: 149,
  tokens: 231,
};

export const clearWin = factsOf({
  experiment: "two_models",
  services: [full, compact],
  compared: [{ value: 0, change: -0.181, half: 0.034, verdict: "better", p: 0.00001, needed: 610 }],
  outcome: "treatment_wins",
  reason:
    "latency_mean is 18.1 % lower with compact (95 % interval −21.5 % to −14.7 %): better by more than the 5 % asked for",
  isOver: true,
});

export const clearLoss = factsOf({
  experiment: "two_models",
  services: [full, { ...compact, medianMs: 231, failed: 0.031, badAnswers: 610, tokens: 388 }],
  compared: [{ value: 0, change: 0.269, half: 0.041, verdict: "worse", p: 0.00001, needed: 610 }],
  outcome: "control_wins",
  reason:
    "latency_mean is 26.9 % higher with compact (95 % interval +22.8 % to +31 %): worse by more than the 5 % asked for",
  isOver: true,
});

export const noDifference = factsOf({
  experiment: "two_models",
  services: [full, { ...compact, medianMs: 183 }],
  compared: [
    { value: 0, change: 0.006, half: 0.028, verdict: "no_difference", p: 0.81, needed: 610 },
  ],
  outcome: "no_difference",
  reason:
    "latency_mean is 0.6 % higher with compact (95 % interval −2.2 % to +3.4 %): alike, and by less than the 5 % that counts",
  isOver: true,
});

export const invalid = factsOf({
  experiment: "two_models",
  services: [full, { ...compact, users: 2011, requests: 40_190 }],
  compared: [{ value: 0, change: -0.181, half: 0.034, verdict: "better", p: 0.00001, needed: 610 }],
  outcome: "invalid",
  reason:
    "the arms do not have the shares that were planned (p = 1.6e-9): who is measured depends on the arm, so no comparison is valid",
  isOver: false,
  sampleRatio: 1.6e-9,
});

export const empty = factsOf({
  experiment: "two_models",
  services: [
    { ...full, requests: 0, users: 0 },
    { ...compact, requests: 0, users: 0 },
  ],
  compared: [],
  outcome: "keep_running",
  reason: "",
  isOver: false,
});

export const stillRunning = factsOf({
  experiment: "two_models",
  services: [
    { ...full, requests: 4190, users: 212 },
    { ...compact, requests: 4012, users: 203, medianMs: 171 },
  ],
  compared: [
    { value: 0, change: -0.058, half: 0.117, verdict: "undecided", p: 0.34, needed: 1730 },
  ],
  outcome: "keep_running",
  reason:
    "latency_mean is 5.8 % lower with compact (95 % interval −17.5 % to +5.9 %): may be better, the same or worse",
  isOver: false,
});

export const variantSilent = factsOf({
  experiment: "two_models",
  services: [full, { ...compact, requests: 0, users: 0 }],
  compared: [{ value: 0, change: 0, half: 1, verdict: "too_few", p: 1 }],
  outcome: "keep_running",
  reason: "0 users in the smaller arm, at least 30 are compared",
  isOver: false,
  sampleRatio: 0.5,
});

const sixMedians = [182, 149, 176, 231, 184, 165];

export const sixVariants = factsOf({
  experiment: "embedding_models",
  services: ["full", "compact", "distilled", "multilingual", "quantised", "remote"].map(
    (variant, at) => ({
      variant,
      requests: 16_000 - at * 110,
      users: 810 - at * 4,
      medianMs: sixMedians[at] ?? 180,
      tokens: 240,
    }),
  ),
  compared: [
    { value: 0, change: -0.181, half: 0.05, verdict: "better", p: 0.00001, needed: 900 },
    { value: 0, change: -0.033, half: 0.055, verdict: "undecided", p: 0.29, needed: 900 },
    { value: 0, change: 0.269, half: 0.061, verdict: "worse", p: 0.00002, needed: 900 },
    { value: 0, change: 0.011, half: 0.036, verdict: "no_difference", p: 0.9, needed: 900 },
    { value: 0, change: -0.093, half: 0.05, verdict: "undecided", p: 0.004, needed: 900 },
  ],
  outcome: "treatment_wins",
  reason:
    "latency_mean is 18.1 % lower with compact (95 % interval −23.1 % to −13.1 %): better by more than the 5 % asked for",
  isOver: true,
});

/** By name: every way an experiment or a rollout can turn out. */
export const cases: Readonly<Record<string, ReportFacts>> = {
  "clear-win": clearWin,
  "clear-loss": clearLoss,
  "no-difference": noDifference,
  "rolled-back": rolledBack,
  invalid,
  empty,
  "still-running": stillRunning,
  "variant-silent": variantSilent,
  "six-variants": sixVariants,
  climbing,
  promoted,
};
