import type { PricePolicy } from "../experiment/measure-policy.ts";

/** What a request cost by a variant's prices; null where a price needs tokens that nobody counted. */
export function costOf(
  price: PricePolicy | null,
  tokensIn: number | null,
  tokensOut: number | null,
): number | null {
  if (price === null) return null;
  const read = priced(price.inputPerMillion, tokensIn);
  const written = priced(price.outputPerMillion, tokensOut);
  return read === null || written === null ? null : price.perRequest + read + written;
}

function priced(perMillion: number, tokens: number | null): number | null {
  if (perMillion === 0) return 0;
  return tokens === null ? null : (tokens * perMillion) / 1e6;
}

/**
 * How fast a stream brought its tokens: those after the first one, by the time after it. Null without a stream,
 * a count, or any time between. Times in milliseconds, -1 for a token that never came.
 */
export function tokensPerSecond(
  tokensOut: number | null,
  firstTokenMs: number,
  endedMs: number,
): number | null {
  const durationMs = endedMs - firstTokenMs;
  if (tokensOut === null || tokensOut < 2 || firstTokenMs === -1 || durationMs <= 0) return null;
  return ((tokensOut - 1) * 1000) / durationMs;
}
