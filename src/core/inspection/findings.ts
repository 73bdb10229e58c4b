import type { AnswerFacts, FailureReason } from "./facts.ts";

/** What is found while an answer goes by; the first failure stays. */
export type Findings = {
  -readonly [Name in keyof AnswerFacts]: AnswerFacts[Name];
} & {
  /** A piece of the model's text came. */
  hasToken: boolean;
  /** The stream said itself that it is over. */
  isComplete: boolean;
};

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Reads one JSON object of an answer: the whole of it, or one line or event of a stream. */
export type RecordReader = {
  readonly read: (record: JsonRecord, into: Findings, isStream: boolean) => void;
  /** Whether a stream without its last record is broken. */
  readonly endsItself: boolean;
};

export function fail(into: Findings, reason: FailureReason): void {
  into.failure ??= reason;
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A count; null for what is none. */
export function countOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

/** A text that is not empty; null for anything else. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
