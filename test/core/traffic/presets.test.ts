import { describe, expect, it } from "vitest";
import { matchRoute, compileRoutes } from "../../../src/core/traffic/route.ts";
import type { RouteClass, RoutePolicy } from "../../../src/core/traffic/policy.ts";
import { fileLimits } from "../../../src/core/config/defaults.ts";
import { presetNames, presets } from "../../../src/core/traffic/presets/presets.ts";
import { configOf } from "../../support/plane.ts";

function routesOf(preset: string, more = ""): readonly RoutePolicy[] {
  return configOf(`
upstreams: { a: { url: "http://a.test" }, b: { url: "http://b.test" } }
routes:
  - { preset: ${preset}, experiment: test ${more} }
experiments:
  test: { variants: { control: { upstream: a }, treatment: { upstream: b } } }
`).routes;
}

function routeOf(routes: readonly RoutePolicy[], request: string): RoutePolicy {
  const [method, target] = request.split(" ") as [string, string];
  const at = matchRoute(compileRoutes(routes), method, target);
  if (at === -1) throw new Error(`${request} matches nothing`);
  return routes[at] as RoutePolicy;
}

/** The classes of `reference/lightrag.md`, §1 and §3b; `primary` is any class that only the primary answers. */
type Expected = RouteClass | "primary";

const primaryOnly: ReadonlySet<RouteClass> = new Set(["pin", "affinity", "one_variant"]);

function classOf(preset: string, request: string, expected: Expected): Expected {
  const { class: found } = routeOf(routesOf(preset), request);
  return expected === "primary" && primaryOnly.has(found) ? "primary" : found;
}

describe("lightrag", () => {
  it.each<readonly [string, Expected]>([
    ["POST /query", "split"],
    ["POST /query/stream", "split"],
    ["POST /query/data", "split"],
    ["POST /api/chat", "split"],
    ["POST /api/generate", "split"],
    ["GET /api/version", "primary"],
    ["GET /api/tags", "primary"],
    ["GET /api/ps", "primary"],
    ["GET /graphs?label=x&max_depth=3", "split"],
    ["GET /graph/label/list", "split"],
    ["GET /graph/label/popular", "split"],
    ["GET /graph/label/search?q=a", "split"],
    ["GET /graph/entity/exists?name=a", "split"],
    ["POST /graph/entity/edit", "write"],
    ["POST /graph/relation/create", "write"],
    ["POST /graph/entities/merge", "write"],
    ["POST /documents/text", "write"],
    ["POST /documents/texts", "write"],
    ["POST /documents/upload", "write"],
    ["POST /documents/scan", "write"],
    ["POST /documents/reprocess_failed", "write"],
    ["POST /documents/cancel_pipeline", "write"],
    ["POST /documents/clear_cache", "write"],
    ["DELETE /documents", "write"],
    ["DELETE /documents/delete_document", "write"],
    ["DELETE /documents/delete_entity", "write"],
    ["DELETE /documents/delete_relation", "write"],
    ["GET /documents/track_status/insert_1", "affinity"],
    ["GET /documents/pipeline_status", "affinity"],
    ["GET /documents", "affinity"],
    ["GET /documents/status_counts", "affinity"],
    ["POST /documents/paginated", "affinity"],
    ["GET /documents/source_conflicts", "affinity"],
    ["POST /documents/source_conflicts/repair", "write"],
    ["POST /login", "affinity"],
    ["GET /auth-status", "affinity"],
    ["GET /auth/verify", "affinity"],
    ["GET /health", "primary"],
    ["GET /", "one_variant"],
    ["GET /webui/", "one_variant"],
    ["GET /webui/assets/index-abc.js", "one_variant"],
    ["GET /workspace/x", "one_variant"],
    ["GET /docs", "one_variant"],
    ["GET /docs/oauth2-redirect", "one_variant"],
    ["GET /redoc", "one_variant"],
    ["GET /openapi.json", "one_variant"],
    ["GET /static/swagger-ui/x.css", "one_variant"],
    ["GET /some/new/route", "primary"],
    ["HEAD /graphs", "split"],
    ["HEAD /graph/label/list", "split"],
    ["OPTIONS /documents/upload", "primary"],
    ["OPTIONS /graph/entity/edit", "primary"],
  ])("%s is %s", (request, expected) => {
    expect(classOf("lightrag", request, expected)).toBe(expected);
  });

  it("takes what LightRAG takes, and waits as long as it does", () => {
    const routes = routesOf("lightrag");
    const bodyOf = (request: string) => routeOf(routes, request).bodyBytesMax;
    expect(bodyOf("POST /documents/upload")).toBe(101 * 2 ** 20);
    expect(bodyOf("POST /documents/texts")).toBe(50 * 2 ** 20);
    for (const request of ["POST /query", "POST /query/stream", "POST /api/chat"]) {
      const { timeouts } = routeOf(routes, request);
      expect(timeouts.idleMs).toBeGreaterThan(300_000);
      expect(timeouts.totalMs).toBeNull();
    }
  });

  it("finds the track id", () => {
    const { handle } = routeOf(routesOf("lightrag"), "GET /documents/track_status/x");
    expect(handle).toEqual({ in: "segment", name: "track_id" });
  });
});

describe("the others", () => {
  it.each<readonly [string, string, Expected]>([
    ["openviking", "POST /api/v1/search/find", "split"],
    ["openviking", "GET /api/v1/content/read?uri=x", "split"],
    ["openviking", "GET /api/v1/fs/ls", "split"],
    ["openviking", "POST /api/v1/resources", "write"],
    ["openviking", "POST /api/v1/content/write", "write"],
    ["openviking", "DELETE /api/v1/fs/x", "write"],
    ["openviking", "POST /api/v1/sessions", "write"],
    ["openviking", "GET /api/v1/sessions/s1", "affinity"],
    ["openviking", "GET /api/v1/sessions/s1/context", "affinity"],
    ["openviking", "POST /api/v1/sessions/s1/messages", "write"],
    ["openviking", "GET /api/v1/tasks/t1", "affinity"],
    ["openviking", "OPTIONS /webdav/resources/x", "primary"],
    ["openviking", "PROPFIND /webdav/resources/x", "affinity"],
    ["openviking", "MKCOL /webdav/resources/x", "write"],
    ["openviking", "POST /bot/v1/chat/stream", "split"],
    ["openai", "POST /v1/embeddings", "split"],
    ["openai", "POST /v1/chat/completions", "split"],
    ["openai", "GET /v1/models", "primary"],
    ["openai", "GET /v1/responses/resp_1", "split"],
    ["openai", "POST /v1/files", "write"],
    ["openai", "GET /v1/files/f1/content", "affinity"],
    ["openai", "OPTIONS /v1/files", "primary"],
    ["ollama", "POST /api/embed", "split"],
    ["ollama", "POST /api/chat", "split"],
    ["ollama", "POST /api/pull", "write"],
    ["ollama", "POST /api/push", "write"],
    ["ollama", "POST /api/create", "write"],
    ["ollama", "POST /api/copy", "write"],
    ["ollama", "HEAD /api/blobs/sha256:1", "affinity"],
    ["ollama", "OPTIONS /api/pull", "primary"],
    ["ollama", "DELETE /api/delete", "write"],
    ["ollama", "GET /api/tags", "primary"],
    ["ollama", "POST /v1/embeddings", "split"],
    ["tei", "POST /embed", "split"],
    ["tei", "POST /rerank", "split"],
    ["tei", "GET /info", "primary"],
  ])("%s: %s is %s", (preset, request, expected) => {
    expect(classOf(preset, request, expected)).toBe(expected);
  });

  it.each(presetNames)("%s refuses no body that Sluice takes by default", (name) => {
    const byServer = new Set(["POST /documents/text", "POST /documents/texts"]);
    const smaller = routesOf(name).filter(
      ({ match, bodyBytesMax }) =>
        !byServer.has(match) && bodyBytesMax !== null && bodyBytesMax < 101 * 2 ** 20,
    );
    expect(smaller).toEqual([]);
  });

  it.each(presetNames)("%s: what cannot change anything is no write", (name) => {
    const routes = routesOf(name);
    for (const { class: found, pattern, match } of routes) {
      if (found !== "write") continue;
      const path = pattern.replaceAll("**", "rest").replaceAll(/:\w+/g, "x");
      for (const method of ["GET", "HEAD", "OPTIONS"]) {
        const { methods, class: taken } = routeOf(routes, `${method} ${path}`);
        // Ollama's own commands have one method each, and nothing to read.
        if (match.startsWith("/api/") && methods === null) continue;
        expect({ match, method, taken }).not.toMatchObject({ taken: "write" });
      }
    }
  });

  it.each(presetNames)(
    "%s: every line can match, says why, and the last takes what is left",
    (name) => {
      const routes = routesOf(name);
      for (const [at, { pattern, methods, match, preset }] of routes.entries()) {
        const sample = pattern.replaceAll("**", "rest").replaceAll(/:\w+/g, "x");
        const request = `${methods?.[0] ?? "PATCH"} ${sample}`;
        const found = routeOf(routes, request);
        expect({ match, by: found.match }).toEqual({ match, by: match });
        expect(preset?.reason.length).toBeGreaterThan(5);
        expect(routes.findIndex((other) => other.match === match)).toBe(at);
      }
      expect(routes.at(-1)?.pattern).toBe("/**");
    },
  );
});

describe("a preset in a configuration", () => {
  it("is overridden by routes before it, and told its waits and limits", () => {
    const { routes } = configOf(`
upstreams: { a: { url: "http://a.test" } }
routes:
  - { match: "POST /query", upstream: a }
  - { preset: lightrag, timeouts: { first_byte: 9s }, limits: { body: 3MiB } }
`);
    expect(routeOf(routes, "POST /query").preset).toBeNull();
    const data = routeOf(routes, "POST /query/data");
    expect(data.preset?.name).toBe("lightrag");
    expect(data.timeouts.firstByteMs).toBe(9_000);
    expect(data.bodyBytesMax).toBe(3 * 2 ** 20);
    // All of it goes to the only upstream, which has no variants.
    expect(data.class).toBe("pin");
    expect(data.target).toEqual({ kind: "upstream", upstream: "a" });
  });

  it("may stand under a prefix, twice", () => {
    const { routes } = configOf(`
upstreams: { a: { url: "http://a.test" }, b: { url: "http://b.test" } }
routes:
  - { preset: lightrag, prefix: /rag, upstream: a }
  - { preset: ollama, upstream: b }
`);
    expect(routeOf(routes, "POST /rag/query")).toMatchObject({
      prefix: "/rag",
      match: "POST /rag/query",
    });
    expect(routeOf(routes, "GET /rag/").pattern).toBe("/rag/");
    expect(routeOf(routes, "POST /api/chat").target).toEqual({ kind: "upstream", upstream: "b" });
  });

  it.each([
    ["{ preset: lightrag }", "more than one"],
    ["{ preset: lightrags, upstream: a }", "lightrag"],
    [`{ preset: tei, match: "/x", upstream: a }`, "exactly one of match and preset"],
    ["{ upstream: a }", "exactly one of match and preset"],
    ["{ preset: tei, upstream: a, class: write }", "a route with match before it"],
    [`{ match: "/x", upstream: a, class: write }`, "only an experiment has variants"],
    [`{ match: "/x", upstream: a, prefix: /y }`, "does not begin with it"],
    [`{ match: "/x", upstream: a, prefix: "y/" }`, "a prefix starts with /"],
    ["{ preset: tei, upstream: a, prefix: /a/../b }", "no segment is . or .."],
    ["{ preset: tei, upstream: a, prefix: /. }", "no segment is . or .."],
    [
      "{ preset: tei, upstream: a }\n  - { preset: ollama, upstream: a }",
      "can never match: routes[0] (preset tei)",
    ],
    [`{ preset: tei, upstream: a }\n  - { match: "/x", upstream: a }`, "can never match"],
  ])("%s is refused: %s", (route, message) => {
    expect(() =>
      configOf(`
upstreams: { a: { url: "http://a.test" }, b: { url: "http://b.test" } }
routes:
  - ${route}
`),
    ).toThrow(message);
  });

  it("counts towards the routes that a file may have", () => {
    const routesOfFile = (own: number) => {
      const lines = Array.from(
        { length: own },
        (_, at) => `  - { match: "/own/${at}", upstream: a }`,
      );
      const preset = "  - { preset: lightrag, upstream: a }";
      return configOf(`
upstreams: { a: { url: "http://a.test" } }
routes:
${[...lines, preset].join("\n")}
`).routes;
    };
    const ownMax = fileLimits.routesMax - presets.lightrag.length;
    expect(routesOfFile(ownMax)).toHaveLength(fileLimits.routesMax);
    expect(() => routesOfFile(ownMax + 1)).toThrow(
      new RegExp(`routes\\[${ownMax + 1}\\][^]*too_many_routes`),
    );
  });
});

describe("the handle of a route of one's own", () => {
  const withHandle = (route: string) =>
    configOf(`
upstreams: { a: { url: "http://a.test" }, b: { url: "http://b.test" } }
routes:
  - ${route}
experiments:
  test: { variants: { control: { upstream: a }, treatment: { upstream: b } } }
`).routes[0]?.handle;

  it.each([
    [`{ match: "/x/:id", experiment: test, class: affinity, handle: "segment:id" }`, "segment"],
    [`{ match: "/x", experiment: test, class: affinity, handle: "query:track_id" }`, "query"],
    [`{ match: "/x/:id", experiment: test, class: write, handle: "segment:id" }`, "segment"],
  ])("%s", (route, place) => {
    expect(withHandle(route)?.in).toBe(place);
  });

  it.each([
    [
      `{ match: "/x/:id", experiment: test, class: affinity, handle: "segment:name" }`,
      "the pattern /x/:id has no segment :name",
    ],
    [`{ match: "/x/:id", experiment: test, handle: "segment:id" }`, "with class: affinity"],
    [`{ match: "/x/:id", experiment: test, class: split, handle: "query:id" }`, "class: affinity"],
    [`{ match: "/x/:id", upstream: a, handle: "segment:id" }`, "only an experiment has variants"],
    [`{ match: "/x", experiment: test, class: affinity, handle: "id" }`, "segment:NAME or query"],
  ])("%s is refused: %s", (route, message) => {
    expect(() => withHandle(route)).toThrow(message);
  });
});
