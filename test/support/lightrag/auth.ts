import { createHmac, timingSafeEqual } from "node:crypto";

/** Tokens as LightRAG gives them out: JWTs, HS256, renewed when less than half of their life is left. */

const header = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");

export type Token = { readonly sub: string; readonly exp: number; readonly iat: number };

export function signToken(sub: string, secret: string, nowS: number, lifeS: number): string {
  const claims = { sub, exp: nowS + lifeS, iat: nowS, role: sub === "guest" ? "guest" : "user" };
  const text = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${text}.${signatureOf(text, secret)}`;
}

/** The claims of a token that this secret signed and that still lives; null for any other. */
export function readToken(token: string, secret: string, nowS: number): Token | null {
  const [first, claims, signature = ""] = token.split(".");
  const expected = Buffer.from(signatureOf(`${first}.${claims}`, secret));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const read = JSON.parse(Buffer.from(claims ?? "", "base64url").toString()) as Token;
  return read.exp > nowS ? read : null;
}

function signatureOf(text: string, secret: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}
