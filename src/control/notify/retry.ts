export const retryLimits = {
  attemptsMax: 10,
  backoffMs: 1000,
  backoffMsMax: 60_000,
  /** How long a receiver may ask to be left alone. */
  retryAfterMsMax: 300_000,
  /** From the first attempt to the last. */
  spanMsMax: 900_000,
} as const;

export type RetryLimits = { readonly [Limit in keyof typeof retryLimits]: number };

export type Attempts = {
  /** At least 1. */
  readonly made: number;
  /** Since the first began. */
  readonly spentMs: number;
  /** What the receiver asked for; null when it did not. */
  readonly retryAfterMs: number | null;
};

/**
 * How long to wait before the next attempt, null to give up: 1 s, doubling, spread by up to a half so that many
 * channels do not knock together. `chance` is in [0, 1).
 */
export function retryDelayMs(
  { made, spentMs, retryAfterMs }: Attempts,
  chance: number,
  limits: RetryLimits = retryLimits,
): number | null {
  const { attemptsMax, backoffMs, backoffMsMax, retryAfterMsMax, spanMsMax } = limits;
  if (made >= attemptsMax) return null;
  const doubled = Math.min(backoffMsMax, backoffMs * 2 ** (made - 1));
  const asked = Math.min(retryAfterMs ?? 0, retryAfterMsMax);
  const delayMs = Math.max(doubled * (0.5 + 0.5 * chance), asked);
  return spentMs + delayMs > spanMsMax ? null : delayMs;
}
