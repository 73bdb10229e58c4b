import { breakdownSchema, historySchema, verdictHistorySchema } from "../../wire/history-api.ts";
import type { Breakdown, History, VerdictHistory } from "../../wire/history-api.ts";
import { journalSchema } from "../../wire/journal-api.ts";
import type { JournalPage } from "../../wire/journal-api.ts";
import type { Ask } from "./admin-port.ts";

/** What part of the past is asked for; the last hour as far as nothing is said. */
export type PastRange = {
  readonly from?: Date;
  /** Now, where it is missing. */
  readonly to?: Date;
};

/** Stretches of the range at the most, 10 to 2000; 300 where it is missing. */
type Points = { readonly points?: number };

export type JournalOptions = {
  /** Only what is about it: its own entries, its rollout's, and those of alerts. */
  readonly experiment?: string;
  readonly scope?: string;
  /** The `before` of the page before this one. */
  readonly before?: number;
  /** Entries at the most, 1 to 1000; 100 where it is missing. */
  readonly limit?: number;
};

/** What was, as a program asks for it. */
export type PastCalls = {
  /** An experiment's variants over time, as columns. */
  readonly history: (experiment: string, range?: PastRange & Points) => Promise<History>;
  /** An experiment's variants in a range as a whole. */
  readonly breakdown: (experiment: string, range?: PastRange) => Promise<Breakdown>;
  /** What each guardrail of a rollout said over time. */
  readonly verdicts: (experiment: string, range?: PastRange & Points) => Promise<VerdictHistory>;
  /** A page of the journal, the newest first. */
  readonly journal: (options?: JournalOptions) => Promise<JournalPage>;
};

export function pastCalls(ask: Ask): PastCalls {
  return {
    history: (experiment, range = {}) =>
      ask(historySchema, experimentPath("experiments", experiment, "history") + queryOf(range)),
    breakdown: (experiment, range = {}) =>
      ask(breakdownSchema, experimentPath("experiments", experiment, "breakdown") + queryOf(range)),
    verdicts: (experiment, range = {}) =>
      ask(
        verdictHistorySchema,
        experimentPath("rollouts", experiment, "verdicts") + queryOf(range),
      ),
    journal: (options = {}) => ask(journalSchema, `/v1/journal${queryOf(options)}`),
  };
}

function experimentPath(kind: string, experiment: string, what: string): string {
  return `/v1/${kind}/${encodeURIComponent(experiment)}/${what}`;
}

function queryOf(options: Readonly<Record<string, Date | number | string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    parameters.set(name, value instanceof Date ? value.toISOString() : String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
