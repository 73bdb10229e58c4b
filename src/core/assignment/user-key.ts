import { unreachable } from "../../base/result.ts";
import type { JsonValue } from "../experiment/policy.ts";
import { headerValue, type RequestHead } from "../traffic/head.ts";
import { digest64 } from "./hash.ts";
import type { UserKeySource } from "./policy.ts";
import { cookieText, headerText, queryText } from "./request-field.ts";

/**
 * Finds who a request belongs to. A key is text: trimmed, never empty, and never longer than `keyCharsMax`
 * (a longer one is replaced by its digest). A number and the string of its digits are the same key.
 */

/** Longest key that is kept as it is, in UTF-16 code units. */
export const keyCharsMax = 256;
/** Longest bearer token whose payload is read. */
export const tokenCharsMax = 8_192;

/** LightRAG gives every anonymous client a token with this subject: it names nobody. */
const anonymousSubject = "guest";

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

const needsBody: UserKey = { kind: "needs_body" };
const none: UserKey = { kind: "none" };

/**
 * Compiles sources in their order. With `cookie` (the first-party cookie that Sluice issues), that cookie
 * is read last even where it is not listed, so that an issued id is found again.
 */
export function compileUserKey(
  sources: readonly UserKeySource[],
  cookie: { readonly name: string } | null = null,
): UserKeyFinder {
  const isListed =
    cookie === null ||
    sources.some((source) => source.kind === "cookie" && source.name === cookie.name);
  const all: readonly UserKeySource[] = isListed
    ? sources
    : [...sources, { kind: "cookie", name: cookie.name }];
  return {
    sources: all.map((source) =>
      source.kind === "header" ? { kind: "header", name: source.name.toLowerCase() } : source,
    ),
    readsBody: all.some((source) => source.kind === "body"),
  };
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
  for (const source of finder.sources) {
    if (source.kind === "body" && body === undefined) return needsBody;
    const raw = rawKey(source, head, clientIp, body);
    const key = raw === undefined ? "" : boundedKey(raw);
    if (key !== "") return { kind: "found", key, source: source.kind };
  }
  return none;
}

function rawKey(
  source: UserKeySource,
  head: RequestHead,
  clientIp: string,
  body: JsonValue | undefined,
): string | undefined {
  switch (source.kind) {
    case "header":
      return headerText(head, source.name);
    case "cookie":
      return cookieText(head, source.name);
    case "query":
      return queryText(head, source.name);
    case "jwt":
      return tokenClaim(head.headers, source.claim);
    case "body":
      return scalarText(valueAt(body, source.path));
    case "api_key":
      return apiKeyDigest(head.headers);
    case "ip":
      return clientIp;
    default:
      return unreachable(source);
  }
}

function boundedKey(raw: string): string {
  const key = raw.trim();
  return key.length <= keyCharsMax ? key : `digest:${digest64(key)}`;
}

function apiKeyDigest(headers: readonly string[]): string | undefined {
  const key = bearerToken(headers) ?? headerValue(headers, "x-api-key")?.trim();
  return key === undefined || key === "" ? undefined : digest64(key);
}

function bearerToken(headers: readonly string[]): string | undefined {
  const value = headerValue(headers, "authorization");
  if (value === undefined || value.slice(0, 7).toLowerCase() !== "bearer ") return undefined;
  const token = value.slice(7).trim();
  return token === "" ? undefined : token;
}

function tokenClaim(headers: readonly string[], claim: string): string | undefined {
  const token = bearerToken(headers);
  if (token === undefined || token.length > tokenCharsMax) return undefined;
  const parts = token.split(".", 4);
  if (parts.length !== 3) return undefined;
  const value = scalarText(valueAt(tokenPayload(parts[1] as string), [claim]));
  return claim === "sub" && value === anonymousSubject ? undefined : value;
}

const utf8 = new TextDecoder();

function tokenPayload(encoded: string): JsonValue | undefined {
  try {
    const bytes = Uint8Array.fromBase64(encoded, { alphabet: "base64url" });
    return JSON.parse(utf8.decode(bytes)) as JsonValue;
  } catch {
    return undefined;
  }
}

function valueAt(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) {
      return undefined;
    }
    current = (current as { readonly [key: string]: JsonValue })[key];
  }
  return current;
}

function scalarText(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : undefined;
}
