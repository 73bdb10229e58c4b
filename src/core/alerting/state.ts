import type { AlertNotice } from "./notice.ts";
import type { AlertKind, AlertSeverity } from "./policy.ts";

/** What bounds the memory and the length of everything here. */
export const alertLimits = {
  /** Pending and firing alerts, and resolutions that a silence holds back. */
  alertsMax: 500,
  /** Resolved alerts that stay visible, the latest. */
  resolvedMax: 200,
  silencesMax: 100,
  silenceMsMax: 30 * 86_400_000,
  idLengthMax: 256,
  summaryLengthMax: 500,
} as const;

/** Something that is wrong now. */
export type AlertCondition = {
  readonly kind: AlertKind;
  readonly experiment: string | null;
  /** The variant, upstream or guardrail that it is about. */
  readonly subject: string | null;
  readonly value: number | null;
  readonly limit: number | null;
  /** One sentence for a person. */
  readonly summary: string;
};

/** A condition that has held at some look, and what became of it. */
export type Alert = AlertCondition & {
  readonly id: string;
  readonly severity: AlertSeverity;
  readonly phase: AlertPhase;
};

export type AlertPhase =
  /** It has not held for long enough; `sinceMs` is monotonic. */
  { readonly kind: "pending"; readonly sinceMs: number } | FiringPhase;

export type FiringPhase = {
  readonly kind: "firing";
  /** Wall time. */
  readonly startedAtMs: number;
  /** Since when the condition no longer holds, monotonic; null while it does. */
  readonly goneSinceMs: number | null;
  /** When it was told last, monotonic; null while a silence holds the first notice back. */
  readonly toldMs: number | null;
  readonly acknowledged: { readonly actor: string; readonly atMs: number } | null;
};

/** Matches the alerts that agree in every field given; without fields, all of them. */
export type SilenceMatcher = {
  readonly kind?: AlertKind;
  readonly experiment?: string;
  readonly subject?: string;
};

export type Silence = {
  readonly id: string;
  readonly matcher: SilenceMatcher;
  /** When it ends: wall time, as asked for and shown. */
  readonly untilMs: number;
  /** The same moment on the monotonic clock, which decides. */
  readonly endsMs: number;
  readonly actor: string;
  readonly reason: string;
};

/** All alerts of a process. */
export type AlertsState = {
  /** By id, in the order they came. */
  readonly alerts: ReadonlyMap<string, Alert>;
  /** The latest last. */
  readonly resolved: readonly AlertNotice[];
  readonly silences: ReadonlyMap<string, Silence>;
  /** Resolutions of alerts that were told as firing and ended under a silence: told when that ends. */
  readonly owed: ReadonlyMap<string, AlertNotice>;
  /** Conditions that found no room at the last look. */
  readonly withoutRoom: number;
  /** How often a condition came to find no room, since the start. */
  readonly withoutRoomTotal: number;
};

export type AlertEvent =
  /** Every condition that holds now; one that is absent does not hold. */
  | { readonly kind: "observe"; readonly conditions: readonly AlertCondition[] }
  | { readonly kind: "acknowledge"; readonly alert: string; readonly actor: string }
  | {
      readonly kind: "silence";
      /** Another silence with this id is replaced. */
      readonly id: string;
      readonly matcher: SilenceMatcher;
      /** Wall time. */
      readonly untilMs: number;
      readonly actor: string;
      readonly reason: string;
    }
  | { readonly kind: "unsilence"; readonly id: string; readonly actor: string };

/** What the runner is to do, in order. */
export type AlertCommand =
  | {
      readonly kind: "journal";
      readonly what:
        | "fired"
        | "resolved"
        | "acknowledged"
        | "silenced"
        | "unsilenced"
        | "silence_ended";
      readonly actor: string;
      /** The alert's id, or `silence/` and the silence's. */
      readonly subject: string;
      readonly facts: Readonly<Record<string, string | number | boolean | null>>;
    }
  | { readonly kind: "notify"; readonly notice: AlertNotice };

/** One moment on both clocks: durations are of the monotonic one, what people see is of the wall. */
export type AlertTime = {
  readonly nowMs: number;
  readonly atMs: number;
};

export type AlertStepResult = {
  readonly next: AlertsState;
  readonly commands: readonly AlertCommand[];
  /** Why a command was not carried out; null when it was, also when nothing was left to do. */
  readonly refused: string | null;
};
