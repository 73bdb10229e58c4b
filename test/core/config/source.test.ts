import { describe, expect, it } from "vitest";
import { fileLimits } from "../../../src/core/config/defaults.ts";
import { issuesOf, parse, smallText, valid } from "./texts.ts";

const fill = (bytes: number) => `${smallText}#${"x".repeat(bytes - smallText.length - 1)}`;
const nest = (depth: number) => `x: ${"[".repeat(depth)}${"]".repeat(depth)}`;
const url = (reference: string, env: Record<string, string> = {}) =>
  parse(smallText.replace('"http://localhost:1001"', JSON.stringify(reference)), { env });
const passwords = () => ({ ok: true, value: "root:x:0:0" }) as const;

describe("YAML", () => {
  it.each([
    ["a: [", "yaml_syntax", 1],
    ["a: 1\nb: [", "yaml_syntax", 2],
    ["---\n---\n", "yaml_syntax", 2],
    ["x: !!js/function y", "yaml_syntax", 1],
    ["", "empty", 1],
    ["[]", "invalid_type", 1],
    ["? [a]\n: 1", "yaml_key", 1],
    ["__proto__: 1", "yaml_key", 1],
    ["a: &x [ *x ]", "yaml_alias", 1],
    ["a: *x", "yaml_alias", 1],
  ])("%j is %s on line %i", (text, code, line) => {
    expect(issuesOf(text).filter((issue) => issue.code === code)).toMatchObject([{ line }]);
  });

  it("finds duplicate keys with both lines", () => {
    const text = smallText.replace("routes:", "upstreams: {}\nroutes:");
    const message = "duplicate key; it is already on line 1";
    expect(issuesOf(text)).toMatchObject([
      { path: "upstreams", line: 4, column: 1, code: "duplicate_key", message },
    ]);
  });

  it("reads JSON and aliases", () => {
    expect(
      parse(
        JSON.stringify({
          upstreams: { a: { url: "http://a" } },
          routes: [{ match: "/**", upstream: "a" }],
        }),
      ).ok,
    ).toBe(true);
    const text =
      "upstreams: { a: &u { url: http://a, timeouts: &t { idle: 1s } }, b: { url: http://b, timeouts: *t } }\nroutes: [ { match: /**, upstream: a } ]";
    expect(valid(text).upstreams["b"]?.timeouts.idleMs).toBe(1000);
  });
});

describe("limits", () => {
  it("reads a file of exactly 1 MiB and no byte more", () => {
    expect(parse(fill(fileLimits.bytesMax)).ok).toBe(true);
    expect(issuesOf(fill(fileLimits.bytesMax + 1))).toMatchObject([{ code: "file_too_large" }]);
    // Bytes count, not characters.
    const wide = `${smallText}#${"é".repeat(fileLimits.bytesMax / 2)}`;
    expect(issuesOf(wide)).toMatchObject([{ code: "file_too_large" }]);
  });

  it("cuts alias expansion off", () => {
    const lines = Array.from(
      { length: 9 },
      (_, at) => `  k${at + 1}: &k${at + 1} [${`*k${at},`.repeat(9)}]`,
    );
    const text = `x:\n  k0: &k0 1\n${lines.join("\n")}\n`;
    expect(issuesOf(text).filter(({ code }) => code === "too_many_values")).toHaveLength(1);
  });

  it("cuts nesting off, however deep", () => {
    expect(issuesOf(nest(fileLimits.depthMax - 1)).map(({ code }) => code)).toEqual(
      expect.not.arrayContaining(["too_deep"]),
    );
    expect(issuesOf(nest(fileLimits.depthMax + 1)).map(({ code }) => code)).toContain("too_deep");
    expect(parse(nest(100_000)).ok).toBe(false);
  });

  it.each([
    ["routes", fileLimits.routesMax, (at: number) => `  - { match: /r${at}, upstream: a }`],
    ["upstreams", fileLimits.upstreamsMax, (at: number) => `  u${at}: { url: http://u${at} }`],
  ] as const)("takes as many %s as %i", (section, max, line) => {
    const text = (count: number) => {
      const lines = Array.from({ length: count }, (_, at) => line(at)).join("\n");
      return section === "routes"
        ? `upstreams: { a: { url: http://a } }\nroutes:\n${lines}`
        : `upstreams:\n${lines}\nroutes: [ { match: /**, upstream: u0 } ]`;
    };
    expect(parse(text(max)).ok).toBe(true);
    expect(issuesOf(text(max + 1))).toMatchObject([{ path: section, code: "invalid_value" }]);
  });
});

const origin = (reference: string, env: Record<string, string> = {}) => {
  const parsed = url(reference, env);
  return parsed.ok ? parsed.value.upstreams["a"]?.endpoints[0]?.origin : parsed.error[0]?.code;
};

describe("environment references", () => {
  it.each([
    ["${U}", { U: "http://u" }, "http://u:80"],
    ["http://${H}:${P}", { H: "h", P: "1" }, "http://h:1"],
    ["${U:-http://d}", {}, "http://d:80"],
    ["${U:-http://d}", { U: "" }, "http://d:80"],
    ["${U:-http://d}", { U: "http://u" }, "http://u:80"],
    ["${U}", {}, "env_missing"],
    ["${U}", { U: "" }, "invalid_value"],
    ["${U", { U: "http://u" }, "env_syntax"],
    ["${1U}", {}, "env_syntax"],
    ["${U:-${V}}", { V: "http://v" }, "env_syntax"],
    ["${U-x}", {}, "env_syntax"],
    ["${constructor}", {}, "env_missing"],
    // What a variable holds is not looked at again.
    ["http://h/${U}", { U: "$" }, "http://h:80"],
  ])("%s with %j is %s", (reference, env, expected) => {
    expect(origin(reference, env as Record<string, string>)).toBe(expected);
  });

  it("leaves an escaped reference and a lone dollar alone", () => {
    const body = 'new: { upstream: b, body: { a: "$${U}", b: "$U $$", c: "x$" } }';
    const text = smallText.replace("new: { upstream: b }", () => body);
    expect(valid(text).experiments["e"]?.variants[1]?.body).toEqual({
      a: "${U}",
      b: "$U $$",
      c: "x$",
    });
  });

  it("gives numbers and switches as text", () => {
    const text = `listen: { port: "\${PORT}", variant_header: "\${VH:-false}" }\n${smallText}`;
    const { listen } = valid(text, { env: { PORT: "81" } });
    expect([listen.port, listen.variantHeader]).toEqual([81, false]);
  });

  it("never shows what a variable holds", () => {
    const secret = "s3cret value";
    const text = `admin: { token: "\${T}", host: "\${T}" }\nlog: { level: "\${T}", access_sample: "\${T}" }\n${smallText.replace('"http://localhost:1001"', '"${T}"')}`;
    const issues = issuesOf(text, { env: { T: secret } });
    expect(issues).toHaveLength(5);
    expect(JSON.stringify(issues)).not.toContain(secret);
  });
});

describe("PEM files", () => {
  const text = `listen: { tls: { cert: c.pem, key: k.pem } }\n${smallText}`;

  it("must be PEM, so that the API cannot be used to read other files", () => {
    expect(issuesOf(text, { files: passwords })).toMatchObject([
      { path: "listen.tls.cert", code: "file_unreadable", message: "c.pem is not a PEM file" },
      { path: "listen.tls.key", code: "file_unreadable", message: "k.pem is not a PEM file" },
    ]);
  });
});
