import type { AlertKind, AlertSeverity } from "./policy.ts";

/** What channels are told: an alert that changed. */
export type AlertNotice = {
  /** Unique among alerts, the same for as long as it lasts and when it returns: `error_rate/new_model/treatment`. */
  readonly alert: string;
  readonly status: "firing" | "resolved" | "acknowledged";
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  readonly experiment: string | null;
  /** The variant, upstream or guardrail that it is about. */
  readonly subject: string | null;
  /** One sentence for a person: what happened, to what, and the limit. */
  readonly summary: string;
  readonly value: number | null;
  readonly limit: number | null;
  /** Wall time at which it fired, milliseconds. */
  readonly startedAtMs: number;
  /** Wall time at which it was resolved; null while it lasts. */
  readonly endedAtMs: number | null;
  readonly acknowledgedBy: string | null;
};
