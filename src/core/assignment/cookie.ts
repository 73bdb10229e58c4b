import type { AssignmentPolicy } from "./policy.ts";

/** The `Set-Cookie` value that gives a client its first-party id. `secure` says the client came over TLS. */
export function issueCookie(
  policy: NonNullable<AssignmentPolicy["cookie"]>,
  id: string,
  secure: boolean,
): string {
  const parts = `${policy.name}=${id}; Path=/; Max-Age=${policy.maxAgeSeconds}; HttpOnly; SameSite=Lax`;
  return secure ? `${parts}; Secure` : parts;
}
