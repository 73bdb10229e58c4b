import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digest64 } from "../../../src/core/assignment/hash.ts";
import type { UserKeySource } from "../../../src/core/assignment/policy.ts";
import {
  compileUserKey,
  findUserKey,
  keyCharsMax,
  tokenCharsMax,
} from "../../../src/core/assignment/user-key.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import type { RequestHead } from "../../../src/core/traffic/head.ts";

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function token(payload: unknown): string {
  return `Bearer ${encoded({ alg: "HS256" })}.${encoded(payload)}.c2ln`;
}

function headOf(headers: readonly string[]): RequestHead {
  return { method: "POST", target: "/", headers };
}

function find(
  sources: readonly UserKeySource[],
  headers: readonly string[],
  options: { readonly target?: string; readonly body?: JsonValue } = {},
): string | null {
  const head = { method: "POST", target: options.target ?? "/", headers };
  const found = findUserKey(compileUserKey(sources), head, "192.0.2.1", options.body);
  return found.kind === "found" ? found.key : null;
}

const header: UserKeySource = { kind: "header", name: "X-User-Id" };
const cookie: UserKeySource = { kind: "cookie", name: "sluice_uid" };
const query: UserKeySource = { kind: "query", name: "user" };
const subject: UserKeySource = { kind: "jwt", claim: "sub" };
const apiKey: UserKeySource = { kind: "api_key" };
const ip: UserKeySource = { kind: "ip" };

describe("each source", () => {
  test.each<readonly [string, UserKeySource, readonly string[], string, string | null]>([
    ["header, any case", header, ["x-uSER-iD", "42"], "/", "42"],
    ["header, trimmed", header, ["x-user-id", "\t 42 "], "/", "42"],
    ["header, empty", header, ["x-user-id", "  "], "/", null],
    [
      "header, UTF-8 bytes",
      header,
      ["x-user-id", "\u00e7\u0094\u00a8\u00e6\u0088\u00b7"],
      "/",
      "用户",
    ],
    ["header, latin1 that is no UTF-8", header, ["x-user-id", "\u00e9t\u00e9"], "/", "été"],
    ["header, the first of two", header, ["x-user-id", "a", "x-user-id", "b"], "/", "a"],
    ["cookie", cookie, ["Cookie", "a=b; sluice_uid=abc; c=d"], "/", "abc"],
    ["cookie, quoted", cookie, ["cookie", 'sluice_uid="abc"'], "/", "abc"],
    ["cookie, a lone quote stays", cookie, ["cookie", 'sluice_uid="'], "/", '"'],
    ["cookie, with equals signs", cookie, ["cookie", "sluice_uid=a=b=="], "/", "a=b=="],
    ["cookie, no space after the semicolon", cookie, ["cookie", "a;sluice_uid=1"], "/", "1"],
    [
      "cookie, name as part of another",
      cookie,
      ["cookie", "xsluice_uid=1; y=sluice_uid=2"],
      "/",
      null,
    ],
    ["cookie, case matters", cookie, ["cookie", "Sluice_Uid=1"], "/", null],
    ["cookie, second Cookie line", cookie, ["cookie", "a=b", "cookie", "sluice_uid=2"], "/", "2"],
    ["query", query, [], "/x?a=b&user=7", "7"],
    ["query, encoded", query, [], "/x?us%65r=%E7%94%A8+1", "用 1"],
    ["query, malformed encoding", query, [], "/x?user=%zz", "%zz"],
    ["query, no value", query, [], "/x?user&user=2", null],
    ["query, only in the path", query, [], "/user=7", null],
    ["jwt", subject, ["Authorization", token({ sub: "ann" })], "/", "ann"],
    [
      "jwt, scheme in any case",
      subject,
      ["authorization", token({ sub: "ann" }).replace("Bearer", "bEARER")],
      "/",
      "ann",
    ],
    ["jwt, UTF-8 claim", subject, ["authorization", token({ sub: "用户😀" })], "/", "用户😀"],
    ["jwt, number", subject, ["authorization", token({ sub: 42 })], "/", "42"],
    ["jwt, LightRAG's guest", subject, ["authorization", token({ sub: "guest" })], "/", null],
    [
      "jwt, claim guest elsewhere",
      { kind: "jwt", claim: "name" },
      ["authorization", token({ name: "guest" })],
      "/",
      "guest",
    ],
    ["jwt, no such claim", subject, ["authorization", token({ user: "ann" })], "/", null],
    [
      "jwt, inherited name",
      { kind: "jwt", claim: "constructor" },
      ["authorization", token({})],
      "/",
      null,
    ],
    ["jwt, claim that is an object", subject, ["authorization", token({ sub: {} })], "/", null],
    ["jwt, payload is no object", subject, ["authorization", token("x")], "/", null],
    ["jwt, not base64url", subject, ["authorization", "Bearer a.*.c"], "/", null],
    ["jwt, not JSON", subject, ["authorization", "Bearer a.YWFh.c"], "/", null],
    ["jwt, two parts", subject, ["authorization", "Bearer a.b"], "/", null],
    ["jwt, basic", subject, ["authorization", "Basic YTpi"], "/", null],
    ["api key, header", apiKey, ["x-api-key", "secret"], "/", digest64("secret")],
    ["api key, bearer", apiKey, ["authorization", "Bearer secret"], "/", digest64("secret")],
    ["api key, empty", apiKey, ["x-api-key", " "], "/", null],
    ["ip", ip, [], "/", "192.0.2.1"],
  ])("%s", (_, source, headers, target, expected) => {
    expect(find([source], headers, { target, body: null })).toBe(expected);
  });

  test.each<readonly [string, JsonValue, string | null]>([
    ["text", { meta: { user: "ann" } }, "ann"],
    ["number", { meta: { user: 42 } }, "42"],
    ["empty", { meta: { user: "" } }, null],
    ["true", { meta: { user: true } }, null],
    ["null", { meta: { user: null } }, null],
    ["object", { meta: { user: {} } }, null],
    ["missing", { meta: {} }, null],
    ["a text on the way", { meta: "user" }, null],
    ["no object", 7, null],
    ["nothing readable", null, null],
  ])("body field: %s", (_, body, expected) => {
    expect(find([{ kind: "body", path: ["meta", "user"] }], [], { body })).toBe(expected);
  });

  test("body paths see own properties only", () => {
    const polluted = JSON.parse('{"__proto__":{"user":"x"}}') as JsonValue;
    expect(find([{ kind: "body", path: ["toString", "name"] }], [], { body: {} })).toBeNull();
    const inherited = Object.create({ user: "x" }) as JsonValue;
    expect(find([{ kind: "body", path: ["user"] }], [], { body: polluted })).toBeNull();
    expect(find([{ kind: "body", path: ["user"] }], [], { body: inherited })).toBeNull();
  });
});

describe("order", () => {
  const sources: readonly UserKeySource[] = [header, { kind: "body", path: ["user"] }, cookie, ip];

  test("a source before the body decides without it", () => {
    const found = findUserKey(
      compileUserKey(sources),
      headOf(["x-user-id", "1"]),
      "::1",
      undefined,
    );
    expect(found).toEqual({ kind: "found", key: "1", source: "header" });
  });

  test("the body is asked for when its turn comes, and only then", () => {
    const finder = compileUserKey(sources);
    expect(finder.readsBody).toBe(true);
    expect(findUserKey(finder, headOf([]), "::1", undefined)).toEqual({ kind: "needs_body" });
    expect(findUserKey(finder, headOf([]), "::1", { user: 3 })).toEqual({
      kind: "found",
      key: "3",
      source: "body",
    });
    expect(findUserKey(finder, headOf([]), "::1", null)).toEqual({
      kind: "found",
      key: "::1",
      source: "ip",
    });
  });

  test("none", () => {
    const finder = compileUserKey([header, cookie]);
    expect(finder.readsBody).toBe(false);
    expect(findUserKey(finder, headOf([]), "::1", undefined)).toEqual({ kind: "none" });
  });

  test("the issued cookie is found again although it is not listed, and last", () => {
    const finder = compileUserKey([header], { name: "sluice_uid" });
    const issued = ["cookie", "sluice_uid=abc"];
    expect(findUserKey(finder, headOf(issued), "::1", undefined)).toMatchObject({ key: "abc" });
    expect(
      findUserKey(finder, headOf([...issued, "x-user-id", "1"]), "::1", undefined),
    ).toMatchObject({ key: "1" });
    expect(compileUserKey([cookie, header], { name: "sluice_uid" }).sources).toHaveLength(2);
  });
});

describe("limits", () => {
  test("a key of the limit is kept, a longer one is digested", () => {
    const longest = "x".repeat(keyCharsMax);
    expect(find([header], ["x-user-id", longest])).toBe(longest);
    expect(find([header], ["x-user-id", `${longest}x`])).toBe(`digest:${digest64(`${longest}x`)}`);
    expect(find([header], ["x-user-id", `${longest}y`])).not.toBe(
      find([header], ["x-user-id", `${longest}x`]),
    );
  });

  test("a token of the limit is read, a longer one is not", () => {
    const bare = token({ sub: "ann" }).length - "Bearer ".length;
    const padded = (length: number): string =>
      `${token({ sub: "ann" })}${"A".repeat(length - bare)}`;
    expect(find([subject], ["authorization", padded(tokenCharsMax)])).toBe("ann");
    expect(find([subject], ["authorization", padded(tokenCharsMax + 1)])).toBeNull();
  });

  test("whatever a client sends: a trimmed, bounded key or none, and never an exception", () => {
    const all = [
      subject,
      apiKey,
      header,
      cookie,
      query,
      { kind: "body", path: ["a", "b"] },
    ] as const;
    const name = fc.constantFrom("authorization", "Cookie", "x-user-id", "x-api-key");
    const value = fc.oneof(
      fc.string({
        unit: fc.integer({ min: 0x20, max: 0xff }).map((unit) => String.fromCharCode(unit)),
      }),
      fc.string().map((text) => `Bearer a.${text}.b`),
      fc.base64String().map((text) => `Bearer a.${text}.b`),
      fc.string().map((text) => `sluice_uid=${text}`),
    );
    const headers = fc.array(fc.tuple(name, value)).map((fields) => fields.flat());
    fc.assert(
      fc.property(headers, fc.string(), fc.jsonValue(), (headers, search, body) => {
        const key = find(all, headers, { target: `/?user=${search}`, body: body as JsonValue });
        if (key === null) return;
        expect(key).toBe(key.trim());
        expect(key.length).toBeGreaterThan(0);
        expect(key.length).toBeLessThanOrEqual(keyCharsMax);
      }),
      { numRuns: 2_000 },
    );
  });
});
