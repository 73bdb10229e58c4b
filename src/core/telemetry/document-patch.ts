import type { JsonValue } from "../experiment/policy.ts";

/**
 * What changed between two JSON objects, small and exact.
 *
 * Not a merge patch (RFC 7396): that one says null for "taken away" and so cannot carry a null, which here
 * means "not known yet" in half of the fields. A patch names the three cases apart and is right for every pair
 * of JSON objects; arrays are replaced whole, so what changes often belongs into an object keyed by name.
 */

export type JsonObject = { readonly [key: string]: JsonValue };

export type DocumentPatch = {
  /** New members, and those that became something else. */
  readonly set?: JsonObject | undefined;
  /** Members that are gone. */
  readonly remove?: readonly string[] | undefined;
  /** Members that are objects before and after, with what changed inside them. */
  readonly within?: { readonly [key: string]: DocumentPatch } | undefined;
};

/** What makes `after` of `before`; `{}` when they are the same. The order of members does not count. */
export function diffDocuments(before: JsonObject, after: JsonObject): DocumentPatch {
  const set: [string, JsonValue][] = [];
  const within: [string, DocumentPatch][] = [];
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isObject(old) && isObject(value)) {
      const patch = diffDocuments(old, value);
      if (!isEmptyPatch(patch)) within.push([key, patch]);
    } else if (old === undefined || !isSame(old, value)) {
      set.push([key, value]);
    }
  }
  const remove = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return {
    ...(set.length > 0 && { set: Object.fromEntries(set) }),
    ...(remove.length > 0 && { remove }),
    ...(within.length > 0 && { within: Object.fromEntries(within) }),
  };
}

/**
 * The document after the patch; neither argument changes. `__proto__` is a key like any other and reaches no
 * prototype. A member that should be an object and is none counts as an empty one.
 */
export function applyPatch(document: JsonObject, patch: DocumentPatch): JsonObject {
  const members = new Map(Object.entries(document));
  for (const key of patch.remove ?? []) members.delete(key);
  for (const [key, value] of Object.entries(patch.set ?? {})) members.set(key, value);
  for (const [key, inner] of Object.entries(patch.within ?? {})) {
    const old = members.get(key);
    members.set(key, applyPatch(isObject(old) ? old : {}, inner));
  }
  return Object.fromEntries(members);
}

export function isEmptyPatch(patch: DocumentPatch): boolean {
  return patch.set === undefined && patch.remove === undefined && patch.within === undefined;
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  if (one === other) return true;
  if (isArray(one) && isArray(other)) {
    return (
      one.length === other.length && one.every((item, at) => isSame(item, other[at] as JsonValue))
    );
  }
  return isObject(one) && isObject(other) && isEmptyPatch(diffDocuments(one, other));
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
