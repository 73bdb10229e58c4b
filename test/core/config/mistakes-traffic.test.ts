import { describe, expect, it } from "vitest";
import { issuesOf, parse, withParts } from "./texts.ts";

const upstream = (fields: string) => withParts({ upstream: `{ ${fields} }` });
const route = (fields: string) => withParts({ routes: `[ { ${fields} } ]` });

describe("one mistake outside the experiments, one issue", () => {
  it("has an ordinary configuration to start from", () => {
    expect(parse(withParts({})).ok).toBe(true);
  });

  it.each<[string, string, string, string]>([
    // text, path, code, part of the message
    [withParts({ top: "lisen: {}" }), "lisen", "unknown_key", '"listen"'],
    [
      withParts({ top: "store: { sqlite: x, postgres: y }" }),
      "store.postgres",
      "invalid_value",
      "postgres://user:password@host",
    ],
    [
      withParts({ top: "store: { sqlite: x, postgres: 'postgres://h/d' }" }),
      "store",
      "invalid_value",
      "exactly one",
    ],
    [withParts({ top: "store: {}" }), "store", "invalid_value", "exactly one"],
    [
      withParts({ top: "store: { postgres: 'postgres://u:50%@h/d' }" }),
      "store.postgres",
      "invalid_value",
      "% in a password as %25",
    ],
    [
      withParts({ top: "store: { sqlite: x, spool: y }" }),
      "store.spool",
      "invalid_value",
      "beside",
    ],
    [
      withParts({ top: "replica: { admin_url: 'ftp://h' }" }),
      "replica.admin_url",
      "invalid_value",
      "http://10.0.0.7:9090",
    ],
    ...["ftp://h/v1", "http://u:p@h/v1", "http://h/v1?key=k", "http://h/v1/chat/completions"].map(
      (url): [string, string, string, string] => [
        withParts({ top: `insights: { url: "${url}", model: m }` }),
        "insights.url",
        "invalid_value",
        "http://localhost:11434/v1",
      ],
    ),
    [withParts({ top: "insights: { url: 'http://h/v1' }" }), "insights.model", "missing", "model"],
    [
      withParts({ top: "insights: { url: 'http://h/v1', model: m, timeout: 61s }" }),
      "insights.timeout",
      "invalid_value",
      "at most 1m",
    ],
    [withParts({ top: "listen: []" }), "listen", "invalid_type", "expected a map of host"],
    [withParts({ top: "listen: { workers: 0 }" }), "listen.workers", "invalid_type", "auto"],
    [withParts({ top: "listen: { port: 1.5 }" }), "listen.port", "invalid_value", "whole number"],
    [withParts({ top: "listen: { host: 'a b' }" }), "listen.host", "invalid_value", "host name"],
    [
      withParts({ top: "listen: { trusted_proxies: [ 10.0.0.0/33 ] }" }),
      "listen.trusted_proxies[0]",
      "invalid_value",
      "CIDR",
    ],
    [
      withParts({ top: "listen: { tls: { cert: c.pem } }" }),
      "listen.tls.key",
      "missing",
      "PEM file",
    ],
    [
      withParts({ top: "listen: { limits: { body: 5 } }" }),
      "listen.limits.body",
      "invalid_type",
      "64KiB",
    ],
    [
      withParts({ top: "listen: { limits: { head: 1B } }" }),
      "listen.limits.head",
      "invalid_value",
      "at least 1KiB",
    ],
    [
      withParts({ top: "listen: { drain_deadline: 30d }" }),
      "listen.drain_deadline",
      "invalid_value",
      "at most",
    ],
    [
      withParts({ top: "listen: { variant_header: 1 }" }),
      "listen.variant_header",
      "invalid_type",
      "true or false",
    ],
    [withParts({ top: "admin: { host: 0.0.0.0 }" }), "admin.token", "token_required", "required"],
    [
      withParts({ top: 'admin: { host: 0.0.0.0, token: "${T:-}" }' }),
      "admin.token",
      "token_required",
      "required",
    ],
    [withParts({ top: "admin: { token: 'a b' }" }), "admin.token", "invalid_value", "spaces"],
    [
      withParts({ top: "admin: { viewer_token: v }" }),
      "admin.viewer_token",
      "token_required",
      "needs admin.token beside it",
    ],
    [
      withParts({ top: "admin: { token: v, viewer_token: v }" }),
      "admin.viewer_token",
      "token_shared",
      "the same as admin.token",
    ],
    [withParts({ top: "admin: { port: 8080 }" }), "admin.port", "port_taken", "8080"],
    [withParts({ top: "log: { level: inof }" }), "log.level", "invalid_value", '"info"'],
    [
      withParts({ top: "log: { access_sample: 101% }" }),
      "log.access_sample",
      "invalid_value",
      "share",
    ],
    [upstream("url: 'ftp://x'"), "upstreams.a.url", "invalid_value", "http://HOST"],
    [upstream("url: 'http://u:p@x'"), "upstreams.a.url", "invalid_value", "without credentials"],
    [upstream("url: 'http://x/?q=1'"), "upstreams.a.url", "invalid_value", "query"],
    [upstream("url: 'http://x:99999'"), "upstreams.a.url", "invalid_value", "http://HOST"],
    [upstream(""), "upstreams.a", "invalid_value", "exactly one of url and urls"],
    [
      upstream("url: 'http://x', urls: [ 'http://y' ]"),
      "upstreams.a",
      "invalid_value",
      "exactly one",
    ],
    [upstream("urls: []"), "upstreams.a.urls", "invalid_value", "at least one"],
    [
      upstream("urls: [ 'http://x', 'http://x:80/' ]"),
      "upstreams.a.urls[1]",
      "duplicate_endpoint",
      "http://x:80",
    ],
    [upstream("url: 'http://x', tls: { verify: false }"), "upstreams.a.tls", "tls_unused", "https"],
    [
      upstream("url: 'https://x', tls: { ca: c.pem }"),
      "upstreams.a.tls.ca",
      "file_unreadable",
      "no such file",
    ],
    [
      upstream("url: 'http://x', health: { path: x }"),
      "upstreams.a.health.path",
      "invalid_value",
      "starts with /",
    ],
    [
      upstream("url: 'http://x', health: { path: /, timeout: 9s }"),
      "upstreams.a.health.timeout",
      "invalid_value",
      "interval",
    ],
    [
      upstream("url: 'http://x', ejection: { base: 1h }"),
      "upstreams.a.ejection.max",
      "invalid_value",
      "below base",
    ],
    [
      upstream("url: 'http://x', timeouts: { connect: 0s }"),
      "upstreams.a.timeouts.connect",
      "invalid_value",
      "at least 1ms",
    ],
    [
      upstream("url: 'http://x', retries: { attempts: 11 }"),
      "upstreams.a.retries.attempts",
      "invalid_value",
      "0…10",
    ],
    [withParts({ routes: "[]" }), "routes", "invalid_value", "404"],
    [route("match: /x"), "routes[0]", "route_target", "exactly one"],
    [route("match: /x, upstream: a, experiment: e"), "routes[0]", "route_target", "exactly one"],
    [route("match: /x, upstream: aa"), "routes[0].upstream", "unknown_upstream", '"a"'],
    [
      route("match: /x, upstream: constructor"),
      "routes[0].upstream",
      "unknown_upstream",
      "known: a, b",
    ],
    [route("match: /x, experiment: ee"), "routes[0].experiment", "unknown_experiment", '"e"'],
    [route("match: x, upstream: a"), "routes[0].match", "invalid_value", "starts with /"],
    [route("match: 'post /x', upstream: a"), "routes[0].match", "invalid_value", "capitals"],
    [route("match: /x, upstream: a, preset: lightrag"), "routes[0]", "route_match", "exactly one"],
    [
      route("match: /x, experiment: [ e, spare ]"),
      "routes[0].experiment[0]",
      "namespace_missing",
      "e has none",
    ],
    [
      route("match: /x, experiment: [ spare, other ]"),
      "routes[0].experiment[1]",
      "namespace_overlap",
      "overlap",
    ],
    [
      route("match: /x, experiment: [ spare, third ]"),
      "routes[0].experiment[1]",
      "namespace_overlap",
      "different namespaces",
    ],
    [
      route("match: /x, experiment: [ spare, spare ]"),
      "routes[0].experiment[1]",
      "duplicate_experiment",
      "already",
    ],
    [
      withParts({
        routes: "[ { match: '/a/:x', upstream: a }, { match: 'GET /a/:y', upstream: b } ]",
      }),
      "routes[1].match",
      "shadowed_route",
      "routes[0]",
    ],
  ])("%#", (text, path, code, message) => {
    const issues = issuesOf(text);
    const [issue] = issues;
    expect(issue).toMatchObject({ path, code });
    expect(issue?.message).toContain(message);
    expect(issue?.line).toBeGreaterThan(0);
    expect(issues).toHaveLength(1);
  });
});
