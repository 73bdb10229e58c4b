import type { z } from "zod";

/** The JSON of a request body; undefined where it is none. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** What a schema found wrong, in one line. */
export function wordsOf({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => `${path.join(".")}${path.length > 0 ? ": " : ""}${message}`)
    .join("; ");
}
