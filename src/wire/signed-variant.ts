import { createHmac, timingSafeEqual } from "node:crypto";
import {
  claimSecondsMax,
  formatClaim,
  parseSignedVariant,
  type VariantClaim,
  type VariantProof,
} from "../core/assignment/signed-variant.ts";

/** HMAC-SHA256 over {@link formatClaim}, so that testers anywhere can be given a variant by a header. */

/** Keeps these signatures apart from whatever else is signed with the secret. */
const purpose = "sluice forced variant 1\n";

/** The value for the header or the cookie. */
export function signVariant(claim: VariantClaim, secret: string): string {
  const signed = formatClaim(claim);
  return `${signed}&sig=${signatureOf(signed, secret).toString("base64url")}`;
}

/** Checks values by any of the secrets; null without one. */
export function createVariantProof(
  secrets: readonly string[],
  wallMs: () => number,
): VariantProof | null {
  if (secrets.length === 0) return null;
  return (value) => {
    const parsed = parseSignedVariant(value);
    if (parsed === null) return null;
    const given = Buffer.from(parsed.signature, "base64url");
    // All are tried, so that the time taken does not tell which one it was.
    const fitting = secrets.filter((secret) =>
      timingSafeEqual(given, signatureOf(parsed.signed, secret)),
    );
    const leftS = parsed.expiresAtS - wallMs() / 1000;
    return fitting.length > 0 && leftS > 0 && leftS <= claimSecondsMax ? parsed : null;
  };
}

function signatureOf(signed: string, secret: string): Buffer {
  return createHmac("sha256", secret).update(purpose).update(signed).digest();
}
