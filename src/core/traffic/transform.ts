import type { JsonValue } from "../experiment/policy.ts";

type JsonObject = { readonly [key: string]: JsonValue };

/**
 * JSON merge patch (RFC 7396); neither argument changes. Keys are own properties throughout: `__proto__` is
 * a key like any other and reaches no prototype.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Replaces the path prefix `from` by `to`, on a segment boundary; a target outside the prefix, and the query,
 * stay as they are. Trailing slashes of `from` and `to` do not matter.
 */
export function rewritePath(
  target: string,
  rule: { readonly from: string; readonly to: string },
): string {
  const from = withoutTrailingSlash(rule.from);
  if (!target.startsWith(from)) return target;
  const rest = target.slice(from.length);
  if (rest !== "" && !rest.startsWith("/") && !rest.startsWith("?")) return target;
  const rewritten = withoutTrailingSlash(rule.to) + rest;
  return rewritten.startsWith("/") ? rewritten : `/${rewritten}`;
}

function withoutTrailingSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
