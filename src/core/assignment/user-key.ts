import type { JsonValue } from "../experiment/policy.ts";
import type { RequestHead } from "../traffic/head.ts";
import type { UserKeySource } from "./policy.ts";

/** The user-key sources of an experiment, ready for the request path. */
export type UserKeyFinder = {
  readonly sources: readonly UserKeySource[];
  /** True when some source reads the JSON body. */
  readonly readsBody: boolean;
};

export type UserKey =
  | { readonly kind: "found"; readonly key: string; readonly source: UserKeySource["kind"] }
  /** A source that reads the body comes first, and the body has not been read. */
  | { readonly kind: "needs_body" }
  | { readonly kind: "none" };

/**
 * Compiles sources in their order. With `cookie` (the first-party cookie that Sluice issues), that cookie
 * is read last even where it is not listed, so that an issued id is found again.
 */
export function compileUserKey(
  sources: readonly UserKeySource[],
  cookie: { readonly name: string } | null = null,
): UserKeyFinder {
  throw new Error(`stub ${sources.length} ${cookie?.name}`);
}

/**
 * The first key that a source gives. `body` is the parsed JSON body; `undefined` means not read yet,
 * `null` means there is none that can be read (no body, not JSON, too large).
 */
export function findUserKey(
  finder: UserKeyFinder,
  head: RequestHead,
  clientIp: string,
  body: JsonValue | undefined,
): UserKey {
  throw new Error(`stub ${finder.readsBody} ${head.target} ${clientIp} ${typeof body}`);
}
