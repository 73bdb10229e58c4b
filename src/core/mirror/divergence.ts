/** How a variant's answer to a mirrored write differs from the primary's. */
export const divergences = [
  /** It refused what the primary took, or failed at it each time. */
  "refused",
  /** Its body says that it failed. */
  "failed",
  /** It knew the document already, and the primary did not. */
  "duplicated",
  /** Its body's own word is another one. */
  "other_status",
  /** It did not take it within a day. */
  "given_up",
  /** It was never kept for it: no room, too large, or no disk. */
  "lost",
] as const;

export type Divergence = (typeof divergences)[number];

export type WriteAnswer = {
  /** Null when it is not known what became of it. */
  readonly status: number | null;
  /** The body's own word, such as LightRAG's `status`; null where it says none. */
  readonly says: string | null;
};

/**
 * Null when both variants did the same, as far as their answers tell. `mayRepeat`: an earlier attempt may have reached
 * the target, so that it knows the document from that one.
 */
export function divergenceOf(
  primary: WriteAnswer,
  target: WriteAnswer,
  mayRepeat: boolean,
): Divergence | null {
  const isPrimaryRefused = primary.status !== null && primary.status >= 400;
  if (target.status === null || target.status >= 400) return isPrimaryRefused ? null : "refused";
  if (isPrimaryRefused) return "other_status";
  if (target.says === null) return null;
  if (target.says === "failure" || target.says === "error") {
    return target.says === primary.says ? null : "failed";
  }
  if (target.says === primary.says || primary.says === null) return null;
  if (target.says === "duplicated") return mayRepeat ? null : "duplicated";
  return "other_status";
}

export const mirrorStates = ["in_step", "catching_up", "diverged"] as const;

/**
 * `diverged` until an operator has said that the difference is known, `catching_up` while writes wait that the variant
 * does not take, else `in_step`.
 */
export type MirrorState = (typeof mirrorStates)[number];

/** A write that waits for longer is more than on its way. */
const onItsWayMsMax = 5000;

export function mirrorStateOf(facts: {
  readonly unacknowledged: number;
  /** Of the oldest write that waits; 0 when none does. */
  readonly oldestAgeMs: number;
  /** The last attempt did not succeed. */
  readonly isFailing: boolean;
}): MirrorState {
  if (facts.unacknowledged > 0) return "diverged";
  return facts.isFailing || facts.oldestAgeMs > onItsWayMsMax ? "catching_up" : "in_step";
}

/** Statuses of a variant that is away or busy; others are about the write. */
const awayStatuses: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

/** A write that a variant fails at is tried so often, in about half a minute; then those behind it have their turn. */
const failedAttemptsMax = 8;

/** Whether a variant's answer is taken as it is, and not asked for again later. `attempt` counts from 0. */
export function isFinal(status: number, attempt: number): boolean {
  if (awayStatuses.has(status)) return false;
  return status < 500 || attempt + 1 >= failedAttemptsMax;
}

const firstRetryMs = 250;
const lastRetryMs = 30_000;

/** The wait before attempt `attempt` (from 1), `chance` in 0…1. */
export function retryMs(attempt: number, chance: number): number {
  const ceiling = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(attempt - 1, 20));
  return ceiling * (0.5 + chance / 2);
}
