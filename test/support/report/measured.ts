import type {
  GuardrailHistory,
  HistoryColumns,
  MeasuredVariant,
  Percentiles,
} from "../../../src/core/report/facts.ts";

/** Figures as a real service gives them: log-normal durations, a day's rhythm, a little noise; the same every time. */

export function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const normalQuantiles = { p50: 0, p75: 0.674, p90: 1.282, p95: 1.645, p99: 2.326, p99_9: 3.09 };

function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits + 1));
}

function percentilesOf(medianMs: number, spread: number): NonNullable<Percentiles> {
  const at = (z: number) => round(medianMs * Math.exp(spread * z));
  return {
    mean: round(medianMs * Math.exp(spread ** 2 / 2)),
    p50: at(normalQuantiles.p50),
    p75: at(normalQuantiles.p75),
    p90: at(normalQuantiles.p90),
    p95: at(normalQuantiles.p95),
    p99: at(normalQuantiles.p99),
    p99_9: at(normalQuantiles.p99_9),
    max: at(3.9),
  };
}

const bounds = Array.from({ length: 90 }, (_, at) => round(1.12 ** at));

function bucketsOf(medianMs: number, spread: number, requests: number): number[] {
  const density = bounds.map((bound) => {
    const z = Math.log(bound / 1.06 / medianMs) / spread;
    return Math.exp(-(z ** 2) / 2);
  });
  const total = density.reduce((sum, each) => sum + each, 0);
  return density.map((each) => Math.round((each / total) * requests));
}

export type Service = {
  readonly variant: string;
  readonly requests: number;
  readonly users: number;
  readonly medianMs: number;
  readonly failed?: number;
  readonly spread?: number;
  readonly tokens?: number;
  readonly badAnswers?: number;
};

export function measure(service: Service, isControl: boolean): MeasuredVariant {
  const { variant, requests, users, medianMs, failed = 0.004, spread = 0.55, tokens } = service;
  const bad = service.badAnswers ?? 0;
  const errors = Math.round(requests * failed);
  const success = requests - errors - bad;
  const isSilent = requests === 0;
  return {
    variant,
    control: isControl,
    requests,
    outcomes: {
      success: Math.max(0, success),
      client_error: 0,
      upstream_error: Math.round(errors * 0.7),
      proxy_error: 0,
      timeout: errors - Math.round(errors * 0.7),
      truncated: 0,
      aborted: 0,
      bad_answer: bad,
    },
    success_rate: isSilent ? null : round(success / requests),
    users,
    latency_ms: isSilent ? null : percentilesOf(medianMs, spread),
    first_byte_ms: isSilent ? null : percentilesOf(medianMs * 0.4, spread),
    metrics:
      tokens === undefined
        ? {}
        : {
            tokens_in: { count: requests, mean: 412 },
            tokens_out: { count: requests, mean: tokens },
          },
    failures: bad === 0 ? {} : { empty_answer: bad },
    distribution: {
      bounds_ms: bounds,
      counts: isSilent ? bounds.map(() => 0) : bucketsOf(medianMs, spread, requests),
    },
    routes: isSilent
      ? []
      : [
          routeOf("POST /query", 0.7, service),
          routeOf("POST /embeddings", 0.3, { ...service, medianMs: medianMs * 0.3 }),
        ],
  };
}

function routeOf(
  route: string,
  share: number,
  { requests, medianMs, failed = 0.004, spread = 0.55 }: Service,
) {
  return {
    route,
    requests: Math.round(requests * share),
    success_rate: round(1 - failed),
    latency_ms: percentilesOf(medianMs, spread),
  };
}

/** Columns of a service from `fromMs` on, a value for each of `count` stretches. */
export function columnsOf(
  { requests, medianMs, failed = 0.004, spread = 0.55, tokens }: Service,
  count: number,
  seed: number,
): HistoryColumns {
  const next = noise(seed);
  const rhythm = Array.from(
    { length: count },
    (_, at) => 1 + 0.5 * Math.sin((at / count) * 12) + 0.2 * next(),
  );
  const total = rhythm.reduce((sum, each) => sum + each, 0);
  const perStretch = rhythm.map((each) => Math.round((each / total) * requests));
  const wave = rhythm.map((each) => 0.9 + each * 0.12 + next() * 0.06);
  const isSilent = requests === 0;
  const quantile = (z: number) =>
    wave.map((each) => (isSilent ? null : round(medianMs * each * Math.exp(spread * z))));
  return {
    requests: perStretch,
    failures: perStretch.map((each) => Math.round(each * failed * (0.6 + 0.8 * next()))),
    p50_ms: quantile(0),
    p95_ms: quantile(1.645),
    p99_ms: quantile(2.326),
    first_byte_p50_ms: quantile(-0.9),
    first_byte_p95_ms: quantile(0.7),
    mean_ms: quantile(0.27),
    tokens_in: perStretch.map((each) => (tokens === undefined ? null : each * 412)),
    tokens_out: perStretch.map((each) => (tokens === undefined ? null : each * tokens)),
  };
}

/** What an error-rate guardrail saw: well until `brokenFrom`, then worse with every stretch. */
export function guardedErrors(atMs: readonly number[], brokenFrom: number): GuardrailHistory {
  const next = noise(7);
  const value = atMs.map((_, at) =>
    round(at < brokenFrom ? 0.004 + next() * 0.003 : 0.02 + (at - brokenFrom) * 0.045),
  );
  return {
    guardrail: "error_rate",
    unit: "share",
    on_breach: "rollback",
    dry_run: false,
    at_ms: atMs,
    verdict: value.map((each) => (each > 0.05 ? ("breach" as const) : ("ok" as const))),
    value,
    control: atMs.map(() => round(0.004 + next() * 0.001)),
    limit: atMs.map(() => 0.05),
    low: value.map((each) => round(each * 0.7)),
    high: value.map((each) => round(each * 1.4)),
    requests: atMs.map((_, at) => 40 + at * 3),
    p_value: value.map((each) => (each > 0.05 ? 0.0002 : 1)),
  };
}
