import type { JsonValue } from "../experiment/policy.ts";

/** JSON merge patch (RFC 7396); neither argument changes. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  throw new Error(`stub ${typeof target} ${typeof patch}`);
}

/** Replaces a path prefix, on a segment boundary; the query stays. */
export function rewritePath(
  target: string,
  rule: { readonly from: string; readonly to: string },
): string {
  throw new Error(`stub ${target} ${rule.from}`);
}
