/** What lets anybody have a variant of an experiment until a moment: `EXPERIMENT=VARIANT&exp=SECONDS&sig=SIGNATURE`. */

export type VariantClaim = {
  readonly experiment: string;
  readonly variant: string;
  /** Unix time in whole seconds, from which on it does not count. */
  readonly expiresAtS: number;
};

/** The longest that a signed variant may have to live, seconds; what expires later was not meant to be handed out. */
export const claimSecondsMax = 30 * 86_400;

/** Has the variant that a value asks for; null when it proves nothing. */
export type VariantProof = (value: string) => Pick<VariantClaim, "experiment" | "variant"> | null;

/** What is signed. All its characters may stand in a header and in a cookie. */
export function formatClaim({ experiment, variant, expiresAtS }: VariantClaim): string {
  return `${experiment}=${variant}&exp=${expiresAtS}`;
}

const pattern =
  /^(([A-Za-z][\w.-]{0,63})=([A-Za-z][\w.-]{0,63})&exp=(\d{1,12}))&sig=([A-Za-z0-9_-]{43})$/;

/** Takes a value apart; nothing is proven yet. Null for what is no signed variant. */
export function parseSignedVariant(
  value: string,
): (VariantClaim & { readonly signed: string; readonly signature: string }) | null {
  const found = pattern.exec(value);
  if (found === null) return null;
  const [, signed, experiment, variant, expires, signature] = found as unknown as string[];
  return {
    experiment: experiment as string,
    variant: variant as string,
    expiresAtS: Number(expires),
    signed: signed as string,
    signature: signature as string,
  };
}
