import { err, type Result } from "../../base/result.ts";

/** Why a question about the past has no answer. */
export type PastFault = {
  readonly code: "unknown_experiment" | "unknown_rollout" | "busy" | "range_too_wide";
  /** For a person. */
  readonly message: string;
};

/** What is asked for: wall times in milliseconds, `fromMs` before `toMs`. */
export type PastRange = {
  readonly fromMs: number;
  readonly toMs: number;
  /** Stretches at the most. */
  readonly points: number;
};

export const busy: Result<never, PastFault> = err({
  code: "busy",
  message: "too many questions about the past wait already; ask again in a second",
});
