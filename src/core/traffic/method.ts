const knownMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "QUERY",
]);

/** The method, if it is one of HTTP's own; null for whatever else a client may write there. */
export function knownMethod(method: string): string | null {
  return knownMethods.has(method) ? method : null;
}
