import type { Outcome } from "../statistics/decision/facts.ts";

/** Where an A/B experiment stands. */
export type ExperimentPhase =
  | { readonly kind: "draft" }
  | { readonly kind: "running"; readonly sinceMs: number }
  | { readonly kind: "paused" }
  | { readonly kind: "ended"; readonly reason: string; readonly winner: string | null }
  | { readonly kind: "archived"; readonly reason: string; readonly winner: string | null };

export type ExperimentState = {
  readonly phase: ExperimentPhase;
  /** 0 before the first start; each start after an end is another run. */
  readonly run: number;
  /** The run whose assignment is in force: another one than `run` where users were kept. */
  readonly assignmentRun: number;
  /** Time that this run was running before its present stretch, milliseconds. */
  readonly ranMs: number;
};

export type ExperimentCommandName = "start" | "pause" | "resume" | "stop" | "archive";

/** What is known of a running experiment at a look. */
export type ExperimentFacts = {
  /** In the smallest arm. */
  readonly users: number;
  readonly requests: number;
  /** Null without an analysis. */
  readonly decision: {
    readonly outcome: Outcome;
    /** The variant that won; null without one. */
    readonly winner: string | null;
    readonly reason: string;
  } | null;
};

export type ExperimentEvent =
  | { readonly kind: "look"; readonly facts: ExperimentFacts }
  | {
      readonly kind: "command";
      readonly name: ExperimentCommandName;
      readonly actor: string;
      readonly reason?: string;
      /** Of a start after an end: keeps every user's variant instead of drawing anew. */
      readonly keepUsers?: boolean;
    };

export type ExperimentJournal = {
  readonly what: string;
  readonly actor: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
};

export type ExperimentStepResult = {
  readonly next: ExperimentState;
  /** To be written down before the next state takes effect. */
  readonly journal: readonly ExperimentJournal[];
  /** Why a command was not carried out; null when it was, also when nothing was left to do. */
  readonly refused: string | null;
};
