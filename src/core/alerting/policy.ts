/** How grave an alert is, gravest first. */
export const alertSeverities = ["critical", "warning", "info"] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** What an alert can be about. */
export const alertKinds = [
  "error_rate",
  "latency",
  "sample_size",
  "power",
  "sample_ratio",
  "variant_silent",
  "no_traffic",
  "upstream_unhealthy",
  "guardrail",
  "rollback",
  "reload_failed",
  "store_unavailable",
  "writes_behind",
  "writes_diverged",
] as const;
export type AlertKind = (typeof alertKinds)[number];

/** When one kind of alert fires. */
export type AlertRule = {
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  /** How long the condition has to hold before the alert fires, milliseconds; 0 fires at once. */
  readonly forMs: number;
  /** How long the condition has to be gone before the alert counts as resolved, milliseconds. */
  readonly clearMs: number;
  /** In the kind's own unit, see defaults.ts: a share, milliseconds, a p-value; null where the kind has no limit. */
  readonly limit: number | null;
  /** The quantile that `latency` looks at, 0.5…0.999; null for every other kind. */
  readonly quantile: number | null;
  /** Requests in the window below which `error_rate` and `latency` say nothing; null for every other kind. */
  readonly minRequests: number | null;
};

/** Where notices go. */
export type ChannelPolicy = {
  /** Unique: `webhook-1`, or as configured. */
  readonly name: string;
  /** Notices of alerts less grave than this are not sent there. */
  readonly minSeverity: AlertSeverity;
  readonly target:
    | {
        readonly kind: "webhook";
        readonly url: string;
        readonly shape: "generic" | "slack" | "alertmanager";
        readonly headers: Readonly<Record<string, string>>;
        readonly timeoutMs: number;
      }
    | { readonly kind: "jsonl"; readonly path: string }
    | { readonly kind: "log" };
};

/** The alerts slice of the configuration, after validation. */
export type AlertPolicy = {
  /** At most one of each kind; a kind without a rule is off. */
  readonly rules: readonly AlertRule[];
  readonly channels: readonly ChannelPolicy[];
  /** How often an alert that fires and that nobody has acknowledged is told again, milliseconds; null: once. */
  readonly repeatMs: number | null;
};
