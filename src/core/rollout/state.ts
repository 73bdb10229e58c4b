import type { GuardrailState, GuardrailTick } from "./guardrail.ts";
import type { Verdict } from "./guardrail/verdict.ts";
import type { WebhookGate } from "./policy.ts";

/** Where a rollout stands. */
export type Phase =
  /** Not started: everybody has the control. */
  | { readonly kind: "waiting" }
  | {
      readonly kind: "stepping";
      readonly step: number;
      readonly sinceMs: number;
      /** The step's gate was opened. */
      readonly approved: boolean;
      /** When its webhook was asked last, and what it answered; null before the first time. */
      readonly asked: { readonly atMs: number; readonly answer: string | null } | null;
    }
  /** At the last share, watched for the last time. */
  | { readonly kind: "observing"; readonly sinceMs: number }
  | {
      readonly kind: "paused";
      readonly before: PausablePhase;
      readonly by: "operator" | "guardrail";
      readonly reason: string;
      readonly sinceMs: number;
    }
  | { readonly kind: "promoted"; readonly atMs: number }
  | { readonly kind: "rolled_back"; readonly atMs: number; readonly reason: string };

export type PausablePhase = Extract<Phase, { kind: "stepping" | "observing" }>;

export type RolloutState = {
  readonly phase: Phase;
  /** The treatment's share that is to be in force. */
  readonly share: number;
  /** The share of split requests that the treatment is to get copies of. */
  readonly shadow: number;
  readonly guardrails: readonly GuardrailState[];
  /** Of the last tick, in the order of the guardrails. */
  readonly verdicts: readonly Verdict[];
  /** Guardrails whose breach was told and has no further consequence. */
  readonly alerted: readonly string[];
  readonly treated: Treated;
};

/** Who had the treatment in the present step. */
export type Treated = { readonly users: number; readonly requests: number };

export type RolloutCommandName =
  | "start"
  | "pause"
  | "resume"
  | "promote"
  | "promote_all"
  | "skip"
  | "rollback"
  | "abort"
  | "retry";

export type RolloutEvent =
  /** What every guardrail's metric did since the last tick; null where it could not be measured. */
  | {
      readonly kind: "tick";
      readonly ticks: ReadonlyMap<string, GuardrailTick | null>;
      readonly treated: Treated;
    }
  /** What the webhook of a step's gate said. */
  | {
      readonly kind: "gate";
      readonly step: number;
      readonly isOpen: boolean;
      readonly answer: string;
    }
  | {
      readonly kind: "command";
      readonly name: RolloutCommandName;
      readonly actor: string;
      readonly reason?: string;
      /** Everybody had this very treatment a short time ago: see `restoreWithinMs`. */
      readonly isProven?: boolean;
    };

/** What the runner is to do, in order; the journal comes before what it records takes effect. */
export type RolloutCommand =
  | {
      readonly kind: "journal";
      readonly what: string;
      readonly actor: string;
      readonly facts: Readonly<Record<string, string | number | boolean | null>>;
    }
  | { readonly kind: "set_share"; readonly share: number; readonly shadow: number }
  | {
      readonly kind: "ask_gate";
      readonly step: number;
      readonly share: number;
      readonly gate: WebhookGate;
    };

export type RolloutStepResult = {
  readonly next: RolloutState;
  readonly commands: readonly RolloutCommand[];
  /** Why a command was not carried out; null when it was, also when nothing was left to do. */
  readonly refused: string | null;
};
