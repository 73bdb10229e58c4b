import { z } from "zod";

/** A variant that everybody had, and until when at the latest. */
export const provenSchema = z.strictObject({
  /** What the variant is: where it goes and how it changes requests, without secrets. */
  variant: z.string(),
  /** Wall time, milliseconds. */
  atMs: z.number(),
});

export type ProvenVariant = z.output<typeof provenSchema>;

/** Variants that are remembered for each experiment. */
export const provenMax = 10;

/** Remembers that everybody has, or had until now, this variant. */
export function noteProven(
  proven: readonly ProvenVariant[],
  variant: string,
  atMs: number,
): readonly ProvenVariant[] {
  return [...forgetProven(proven, variant), { variant, atMs }].slice(-provenMax);
}

/** A variant that was rolled back is proven no more. */
export function forgetProven(
  proven: readonly ProvenVariant[],
  variant: string,
): readonly ProvenVariant[] {
  return proven.filter((one) => one.variant !== variant);
}

/** Whether everybody had the variant within the time; a clock that went back proves nothing. */
export function isProven(
  proven: readonly ProvenVariant[],
  variant: string,
  withinMs: number,
  nowMs: number,
): boolean {
  return proven.some(
    (one) => one.variant === variant && nowMs >= one.atMs && nowMs - one.atMs <= withinMs,
  );
}
