import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalisedPath } from "../../../src/core/traffic/path.ts";
import type { RoutePolicy } from "../../../src/core/traffic/policy.ts";
import { compileRoutes, matchRoute } from "../../../src/core/traffic/route.ts";

function route(match: string): RoutePolicy {
  const space = match.indexOf(" ");
  return {
    match,
    methods: space === -1 ? null : match.slice(0, space).split(","),
    pattern: match.slice(space + 1),
    target: { kind: "upstream", upstream: "u" },
    timeouts: {},
    bodyBytesMax: null,
    class: "pin",
    classify: null,
    handle: null,
    prefix: "",
    preset: null,
  };
}

function find(matches: readonly string[], request: string): string | undefined {
  const [method, target] = request.split(" ") as [string, string];
  return matches[matchRoute(compileRoutes(matches.map(route)), method, target)];
}

describe("one pattern", () => {
  test.each<readonly [string, string, boolean]>([
    ["/embeddings", "POST /embeddings", true],
    ["/embeddings", "POST /embeddings?x=/y", true],
    ["/embeddings", "POST /embeddings/", false],
    ["/embeddings", "POST /Embeddings", false],
    ["/embeddings", "POST /embedding", false],
    ["POST /embeddings", "GET /embeddings", false],
    ["POST /embeddings", "post /embeddings", false],
    ["POST,GET /embeddings", "GET /embeddings", true],
    ["/", "GET /", true],
    ["/", "GET /?a", true],
    ["/", "GET /a", false],
    ["/a/", "GET /a/", true],
    ["/a/", "GET /a", false],
    ["/tasks/:id", "GET /tasks/7", true],
    ["/tasks/:id", "GET /tasks/", false],
    ["/tasks/:id", "GET /tasks", false],
    ["/tasks/:id", "GET /tasks/7/", false],
    ["/tasks/:id", "GET /tasks/7/log", false],
    ["/tasks/:id", "GET /tasks/7%2Flog", true],
    ["/tasks/:id/log", "GET /tasks/7/log", true],
    ["/tasks/:id/log", "GET /tasks/7/logs", false],
    ["/tasks/:id/log", "GET /tasks//log", false],
    ["POST /tasks/:id", "GET /tasks/7", false],
    ["/api/**", "GET /api", true],
    ["/api/**", "GET /api/", true],
    ["/api/**", "GET /api/a/b/c?d", true],
    ["/api/**", "GET /apis", false],
    ["/api/:v/**", "GET /api/v1", true],
    ["/api/:v/**", "GET /api/v1/x", true],
    ["/api/:v/**", "GET /api", false],
    ["/**", "GET /", true],
    ["/**", "GET /a//b", true],
    ["/**", "OPTIONS *", false],
    ["GET,HEAD /**", "HEAD /x", true],
  ])("%s takes %s: %s", (pattern, request, expected) => {
    expect(find([pattern], request) === pattern).toBe(expected);
  });
});

describe("no spelling gets around a route", () => {
  const routes = ["/admin", "/docs/:page", "/**"];
  test.each([
    ["/x/../admin", "/admin"],
    ["/x/%2e%2e/admin", "/admin"],
    ["/x/.%2E/admin", "/admin"],
    ["/./admin", "/admin"],
    ["/../../admin", "/admin"],
    ["/%61dmin", "/admin"],
    ["/%61%64%6D%69%6e?x", "/admin"],
    ["/docs/a/../b", "/docs/:page"],
    ["/docs/x/..%2fadmin", "/**"],
    ["/%2561dmin", "/**"],
    ["/admin/.", "/**"],
    ["/x/..", "/**"],
    ["/admin%2F", "/**"],
    ["/ADMIN", "/**"],
  ])("%s goes to %s", (target, expected) => {
    expect(find(routes, `GET ${target}`)).toBe(expected);
  });
});

test.each([
  ["/a/b", "/a/b"],
  ["/a/b?c=/../d", "/a/b"],
  ["/a/./b/../c", "/a/c"],
  ["/a/..", "/"],
  ["/a/b/..", "/a/"],
  ["/a/.", "/a/"],
  ["/..", "/"],
  ["/a//../b", "/a/b"],
  ["/a//b", "/a//b"],
  ["/...", "/..."],
  ["/.well-known/x", "/.well-known/x"],
  ["/%7euser/%c3%a9", "/~user/%C3%A9"],
  ["/%zz%2", "/%zz%2"],
  ["/%2F%3f%25", "/%2F%3F%25"],
  ["*", "*"],
])("normalisedPath(%j) is %j", (target, expected) => {
  expect(normalisedPath(target)).toBe(expected);
});

describe("the first match wins", () => {
  test.each([
    [["/a", "/:x"], "GET /a", "/a"],
    [["/:x", "/a"], "GET /a", "/:x"],
    [["/**", "/a"], "GET /a", "/**"],
    [["POST /a", "/a"], "GET /a", "/a"],
    [["/a", "GET /a"], "GET /a", "/a"],
    [["GET /a", "/a"], "GET /a", "GET /a"],
    [["POST /:x", "/a", "/**"], "GET /a", "/a"],
    [["/b", "/a/**", "/a/b"], "GET /a/b", "/a/**"],
    [["/b", "/c"], "GET /a", undefined],
    [[], "GET /a", undefined],
  ])("of %j, %s goes to %s", (routes, request, expected) => {
    expect(find(routes, request)).toBe(expected);
  });

  test("the maps and the order of patterns agree with trying one route after the other", () => {
    const segment = fc.constantFrom("a", "b", ":x");
    const methods = fc.constantFrom("", "GET ", "POST ", "GET,POST ");
    const pattern = fc
      .tuple(methods, fc.array(segment, { maxLength: 3 }), fc.boolean())
      .map(
        ([verbs, segments, isOpen]) =>
          `${verbs}/${[...segments, ...(isOpen ? ["**"] : [])].join("/")}`,
      );
    const request = fc
      .tuple(
        fc.constantFrom("GET", "POST"),
        fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 3 }),
      )
      .map(([method, segments]) => `${method} /${segments.join("/")}`);
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 8 }), request, (routes, request) => {
        const byTrying = routes.find((candidate) => find([candidate], request) !== undefined);
        expect(find(routes, request)).toBe(byTrying);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("a ** that is not last is a bug of the configuration", () => {
  expect(() => compileRoutes([route("/a/**/b")])).toThrow(/must come last/);
});
