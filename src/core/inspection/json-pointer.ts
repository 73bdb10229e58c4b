/** The tokens of a JSON pointer (RFC 6901), which the configuration has checked. */
export function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The finite number that a pointer leads to; null where there is none. */
export function numberAt(document: unknown, tokens: readonly string[]): number | null {
  let at = document;
  for (const token of tokens) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, token)) return null;
    at = (at as Readonly<Record<string, unknown>>)[token];
  }
  return typeof at === "number" && Number.isFinite(at) ? at : null;
}
