/**
 * Everything that a report is made of. The names are the admin API's, because a report's JSON holds its answers
 * unchanged: who has read one knows the other, and a report can be made again from its own JSON. Times are ISO 8601,
 * shares 0…1.
 */
export type ReportFacts = {
  readonly experiment: string;
  readonly kind: "ab" | "rollout" | "split";
  readonly generated_at: string;
  /** Of Sluice. */
  readonly version: string;
  readonly range: { readonly from: string; readonly to: string };
  /** As it was when the report was made; the text without secrets. */
  readonly config: { readonly generation: number; readonly etag: string; readonly text: string };
  readonly status: StatusFacts | null;
  readonly lifecycle: LifecycleFacts | null;
  readonly rollout: RolloutFacts | null;
  readonly comparison: ComparisonFacts | null;
  readonly breakdown: BreakdownFacts | null;
  readonly history: HistoryFacts | null;
  readonly verdicts: VerdictHistoryFacts | null;
  readonly journal: JournalFacts;
  readonly upkeep: UpkeepFacts;
  /** Null where no language model was asked. */
  readonly insights: InsightsFacts | null;
  /** What could not be had, and why. */
  readonly missing: readonly { readonly what: string; readonly why: string }[];
};

/** What came of asking a language model to explain the report. */
export type InsightsFacts =
  | { readonly kind: "written"; readonly model: string; readonly paragraphs: readonly string[] }
  /** Why it is not shown. */
  | { readonly kind: "dropped"; readonly model: string; readonly reason: string };

export type Pair = readonly [number, number];

type Metrics = Readonly<Record<string, { readonly count: number; readonly mean: number }>>;

export type JournalLine = {
  readonly at: string;
  readonly what: string;
  readonly actor: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
};

export type JournalFacts = {
  /** Of the range, oldest first. */
  readonly entries: readonly (JournalLine & {
    readonly sequence: number;
    readonly scope: string;
    readonly subject: string;
  })[];
  /** Older ones are in the journal but not here. */
  readonly is_cut: boolean;
};

/** What the keeping of the figures itself went through. */
export type UpkeepFacts = {
  /** Rows of this experiment that the store did not take since the start; null without a store. */
  readonly history_rows_dropped: number | null;
  /** Answers that passed unread since the start, of all experiments, by reason; null where unknown. */
  readonly answers_uninspected: Readonly<Record<string, number>> | null;
  /** Of this experiment; null where unknown. */
  readonly answers_uninspected_here: number | null;
  /** When the report was made; null without a store. */
  readonly store: {
    readonly up: boolean;
    /** Of history, of all experiments, that it has not taken yet. */
    readonly rows_waiting: number;
  } | null;
  /** Those that share the store; null where none does. */
  readonly replicas: ReplicasFacts | null;
};

export type ReplicasFacts = {
  readonly count: number;
  /** Not heard of for some seconds. */
  readonly silent: number;
  readonly other_configuration: number;
  /** Whether the one that made the report has what all measured. */
  readonly merges: boolean;
  /** Whether that one is cut off from the store. */
  readonly cut_off: boolean;
  /** Parts of telemetry that went to nobody, or could not be read. */
  readonly parts_lost: number;
};

type Latency = { readonly p50: number; readonly p95: number; readonly p99: number } | null;

export type PairedFacts = {
  readonly pairs: number;
  readonly slower: number;
  readonly faster: number;
  readonly mean_ms: number;
  readonly median_ms: number;
  readonly interval_ms: Pair | null;
  readonly t_p_value: number | null;
  readonly wilcoxon_p_value: number | null;
};

export type CopiesFacts = {
  readonly requests: number;
  readonly success_rate: number | null;
  readonly latency_ms: Latency;
  readonly metrics: Metrics;
  readonly paired: PairedFacts | null;
  readonly refused: Readonly<Record<string, number>>;
};

export type VariantFacts = {
  readonly key: string;
  readonly upstream: string;
  readonly control: boolean;
  readonly configured_share: number;
  readonly observed_share: number | null;
  readonly requests: number;
  readonly users: number | null;
  readonly latency_ms: Latency;
  readonly metrics: Metrics;
  readonly copies: CopiesFacts | null;
};

export type MirroredFacts = {
  readonly variant: string;
  readonly state: "in_step" | "catching_up" | "diverged";
  readonly queued: number;
  readonly delivered: number;
  readonly unacknowledged: number;
};

export type StatusFacts = {
  readonly epoch: number;
  readonly strategy: "hash" | "random" | "round_robin";
  readonly coverage: number;
  readonly disabled: boolean;
  readonly variants: readonly VariantFacts[];
  readonly mirrored: readonly MirroredFacts[];
  readonly compatibility: {
    readonly refused: boolean;
    readonly findings: readonly {
      readonly code: string;
      readonly severity: "refuse" | "warn";
      readonly variant: string;
      readonly message: string;
    }[];
  } | null;
};

export type DecisionOutcome =
  | "treatment_wins"
  | "control_wins"
  | "no_difference"
  | "keep_running"
  | "invalid";

export type LifecycleFacts = {
  readonly phase: "draft" | "running" | "paused" | "ended" | "archived";
  readonly run: number;
  readonly ran_seconds: number;
  readonly reason: string | null;
  readonly winner: string | null;
  readonly primary: string | null;
  readonly ends: {
    readonly after_seconds: number | null;
    readonly users: number | null;
    readonly requests: number | null;
    readonly decision: boolean;
  };
  readonly decision: {
    readonly outcome: DecisionOutcome;
    readonly winner: string | null;
    readonly reason: string;
  } | null;
};

export type GuardrailVerdict = "ok" | "breach" | "wait" | "error";
export type GuardrailUnit = "share" | "ms" | "number";

export type VerdictFacts = {
  readonly guardrail: string;
  readonly verdict: GuardrailVerdict;
  readonly value: number | null;
  readonly control: number | null;
  readonly limit: number | null;
  readonly unit: GuardrailUnit;
  readonly requests: number;
  readonly interval: Pair | null;
  readonly p_value: number | null;
  readonly on_breach: "rollback" | "pause" | "alert";
  readonly dry_run: boolean;
  readonly reason: string;
};

export type RolloutFacts = {
  readonly phase: "waiting" | "stepping" | "observing" | "paused" | "promoted" | "rolled_back";
  readonly step: number | null;
  readonly steps: readonly {
    readonly share: number;
    readonly shadow: number;
    readonly hold_seconds: number;
    readonly min_requests: number;
    readonly min_users: number;
    readonly gate: "none" | "approval" | "webhook";
  }[];
  readonly share: number;
  readonly applied_share: number;
  readonly users: number;
  readonly requests: number;
  readonly waits_for: string | null;
  readonly reason: string | null;
  readonly verdicts: readonly VerdictFacts[];
};

type SampleFacts = {
  readonly variant: string;
  readonly value: number | null;
  readonly users: number;
  readonly requests: number;
};

export type ComparedVerdict = "better" | "worse" | "no_difference" | "undecided" | "too_few";

export type TreatmentFacts = SampleFacts & {
  readonly change: { readonly absolute: number; readonly relative: number | null } | null;
  /** Of `change.absolute`. */
  readonly interval: Pair | null;
  readonly sequential_interval: Pair | null;
  readonly p_value: number | null;
  readonly sequential_p_value: number | null;
  readonly test: string;
  readonly power: number | null;
  readonly users_needed: number | null;
  readonly verdict: ComparedVerdict;
  readonly says: string;
};

export type MetricFacts = {
  readonly metric: string;
  readonly unit: GuardrailUnit;
  /** Which is better; null where neither is. */
  readonly direction: "lower" | "higher" | null;
  readonly primary: boolean;
  readonly control: SampleFacts;
  readonly treatments: readonly TreatmentFacts[];
};

export type SampleRatioFacts = {
  readonly verdict: "ok" | "mismatch" | "unknown";
  readonly p_value: number | null;
  readonly expected: Readonly<Record<string, number>>;
  readonly users: Readonly<Record<string, number>>;
  readonly says: string;
};

export type ComparisonFacts = {
  readonly epoch: number;
  readonly since: string | null;
  readonly randomised: "users" | "requests";
  readonly confidence: number;
  readonly min_effect: number;
  readonly summary: string;
  readonly sample_ratio: SampleRatioFacts;
  readonly metrics: readonly MetricFacts[];
};

type Range = { readonly from: string; readonly to: string };

export type Percentiles = {
  readonly mean: number;
  readonly p50: number;
  readonly p75: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p99_9: number;
  readonly max: number;
} | null;

export type MeasuredVariant = {
  readonly variant: string;
  readonly control: boolean;
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly success_rate: number | null;
  readonly users: number | null;
  readonly latency_ms: Percentiles;
  readonly first_byte_ms: Percentiles;
  readonly metrics: Metrics;
  readonly failures: Readonly<Record<string, number>>;
  readonly distribution: {
    readonly bounds_ms: readonly number[];
    readonly counts: readonly number[];
  };
  readonly routes: readonly {
    readonly route: string;
    readonly requests: number;
    readonly success_rate: number | null;
    readonly latency_ms: Percentiles;
  }[];
};

/** Of the range. */
export type BreakdownFacts = Range & { readonly variants: readonly MeasuredVariant[] };

type Values = readonly (number | null)[];

export type HistoryColumns = {
  readonly requests: readonly number[];
  readonly failures: readonly number[];
  readonly p50_ms: Values;
  readonly p95_ms: Values;
  readonly p99_ms: Values;
  readonly first_byte_p50_ms: Values;
  readonly first_byte_p95_ms: Values;
  readonly mean_ms: Values;
  readonly tokens_in: Values;
  readonly tokens_out: Values;
};

/** Columns instead of rows; stretches without anything measured are left out. */
export type HistoryFacts = Range & {
  readonly step_seconds: number;
  readonly at_ms: readonly number[];
  readonly variants: Readonly<Record<string, HistoryColumns>>;
};

export type GuardrailHistory = {
  readonly guardrail: string;
  readonly unit: GuardrailUnit;
  readonly on_breach: "rollback" | "pause" | "alert";
  readonly dry_run: boolean;
  readonly at_ms: readonly number[];
  readonly verdict: readonly GuardrailVerdict[];
  readonly value: Values;
  readonly control: Values;
  readonly limit: Values;
  readonly low: Values;
  readonly high: Values;
  readonly requests: readonly number[];
  readonly p_value: Values;
};

export type VerdictHistoryFacts = Range & {
  readonly step_seconds: number;
  readonly guardrails: readonly GuardrailHistory[];
};
