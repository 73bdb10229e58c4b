import type { AdminAccess } from "./model.ts";

/** Whether the admin port asks for a token or a client certificate; without either it is on loopback. */
export function asksForProof({ token, tls }: Pick<AdminAccess, "token" | "tls">): boolean {
  return token !== null || (tls?.clientCa ?? null) !== null;
}
