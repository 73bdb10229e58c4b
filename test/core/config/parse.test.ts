import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileLimits } from "../../../src/core/config/defaults.ts";
import { issuesOf, parse, smallText, valid, withParts } from "./texts.ts";

describe("a small configuration", () => {
  const config = valid(smallText);

  it("gets every default", () => {
    expect(config.listen).toEqual({
      host: "0.0.0.0",
      port: 8080,
      workers: 1,
      tls: null,
      trustedProxies: [],
      signingSecrets: [],
      limits: {
        connectionsMax: 10_000,
        exchangesMax: 4096,
        headBytesMax: 65_536,
        headersMax: 128,
        bodyBytesMax: 101 * 2 ** 20,
        bodyReadBytesMax: 2 ** 20,
        headTimeoutMs: 10_000,
        keepAliveMs: 75_000,
        bodyProgressBytesMin: 240,
        bodyProgressMs: 10_000,
      },
      drainDelayMs: 0,
      drainDeadlineMs: 30_000,
      variantHeader: true,
    });
    expect(config.admin).toEqual({
      host: "127.0.0.1",
      port: 9090,
      token: null,
      viewerToken: null,
      readOnly: false,
      tls: null,
    });
    expect(config.log).toEqual({ level: "info", accessSample: 0 });
    expect(config.upstreams["a"]).toEqual({
      name: "a",
      endpoints: [
        {
          origin: "http://localhost:1001",
          host: "localhost",
          port: 1001,
          tls: false,
          basePath: "",
        },
      ],
      balance: "least_outstanding",
      tls: { ca: null, cert: null, key: null, serverName: null, verify: true },
      health: null,
      ejection: { consecutiveFailures: 5, baseMs: 30_000, maxMs: 300_000, maxShare: 0.5 },
      timeouts: { connectMs: 5000, firstByteMs: 300_000, idleMs: 300_000, totalMs: null },
      limits: {
        connectionsMax: 256,
        pendingMax: 1024,
        pendingTimeoutMs: 5000,
        keepAliveMs: 4000,
        responseHeadBytesMax: 65_536,
      },
      retries: { attemptsMax: 1, budgetRatio: 0.2, budgetMinPerSecond: 3 },
    });
    expect(config.routes).toEqual([
      {
        match: "POST /x",
        methods: ["POST"],
        pattern: "/x",
        target: { kind: "experiment", experiments: ["e"] },
        timeouts: {},
        bodyBytesMax: null,
        class: "split",
        classify: null,
        handle: null,
        prefix: "",
        preset: null,
      },
    ]);
  });

  it("takes the variant named control for the control, and the key for the seed", () => {
    const experiment = config.experiments["e"];
    expect(experiment?.variants.map(({ key, control, weight }) => [key, control, weight])).toEqual([
      ["control", true, 1],
      ["new", false, 1],
    ]);
    expect(experiment).toMatchObject({
      rolloutShare: null,
      disabled: false,
      onUnavailable: "fail",
      assignment: {
        strategy: "hash",
        seed: "e",
        hashVersion: 2,
        user: [
          { kind: "header", name: "x-user-id" },
          { kind: "jwt", claim: "sub" },
          { kind: "cookie", name: "sluice_uid" },
        ],
        cookie: { name: "sluice_uid", maxAgeSeconds: 31_536_000 },
        coverage: 1,
        namespace: null,
        forced: null,
        rules: [],
      },
    });
  });
});

describe("everything that can be written", () => {
  const config = valid(
    `
listen:
  { host: "::", port: 0, workers: auto, tls: { cert: c.pem, key: k.pem }, trusted_proxies: [10.0.0.0/8, "::1"], drain_delay: 5s, drain_deadline: 0s, variant_header: false }
admin: { host: 0.0.0.0, token: secret, viewer_token: glance, read_only: true }
log: { level: debug, access_sample: 1% }
insights: { url: "http://localhost:11434/v1/", model: "qwen2.5:7b", api_key: "" }
upstreams:
  a:
    urls: [ "https://[::1]:8443/base/", "https://other" ]
    balance: hash
    tls: { ca: ca.pem, server_name: inner, verify: false }
    health: { path: "/ready?x=1", interval: 10s }
    timeouts: { total: 1m }
    retries: { attempts: 0 }
  b: { url: http://b }
routes:
  - { match: "GET,HEAD /v/:id/**", upstream: a, timeouts: { idle: 1s, total: null }, limits: { body: 1KiB } }
  - { match: "/**", experiment: [ e, f ] }
experiments:
  e:
    variants:
      x: { upstream: a, control: true, headers: { set: { X-A: 1 }, remove: [ X-B ] }, body: { m: { n: null } }, path: { from: /a, to: /b } }
      y: { upstream: b }
    rollout: { share: 5% }
    assignment:
      seed: s
      hash_version: 1
      user: [ "body:a.b", api_key, ip, "query:q" ]
      cookie: false
      coverage: 50%
      namespace: { id: n, range: [ 0, 0.5 ] }
      forced: { header: X-Force, from: anyone }
      rules:
        - { when: [ { header: X-T, in: [ a, b ] }, { path: true, prefix: /p } ], variant: y }
        - { when: [ { cookie: c, present: false }, { query: q, matches: "^a+$" } ], variant: null }
    disabled: true
  f:
    variants: { control: { upstream: a, weight: 0 }, z: { upstream: b, weight: 2.5 } }
    assignment: { strategy: round_robin, namespace: { id: n, range: [ 50%, 1 ] } }
    on_unavailable: control
`,
    {
      cores: 7,
      files: (name) => ({ ok: true, value: `-----BEGIN CERTIFICATE-----\n${name}` }),
    },
  );

  it("reads the listeners", () => {
    expect(config.listen).toMatchObject({
      host: "::",
      port: 0,
      workers: 7,
      trustedProxies: ["10.0.0.0/8", "::1/128"],
      drainDelayMs: 5000,
      drainDeadlineMs: 0,
      variantHeader: false,
      tls: { certFile: "c.pem", keyFile: "k.pem", key: "-----BEGIN CERTIFICATE-----\nk.pem" },
    });
    expect(config.admin).toEqual({
      host: "0.0.0.0",
      port: 9090,
      token: "secret",
      viewerToken: "glance",
      readOnly: true,
      tls: null,
    });
    expect(config.log).toEqual({ level: "debug", accessSample: 0.01 });
  });

  it("reads the language model", () => {
    expect(config.insights).toEqual({
      url: "http://localhost:11434/v1",
      model: "qwen2.5:7b",
      apiKey: null,
      timeoutMs: 20_000,
    });
  });

  it("reads upstreams", () => {
    expect(config.upstreams["a"]).toMatchObject({
      endpoints: [
        { origin: "https://[::1]:8443", host: "::1", port: 8443, tls: true, basePath: "/base" },
        { origin: "https://other:443", host: "other", port: 443, tls: true, basePath: "" },
      ],
      tls: { ca: "-----BEGIN CERTIFICATE-----\nca.pem", serverName: "inner", verify: false },
      health: { path: "/ready?x=1", intervalMs: 10_000, timeoutMs: 2000 },
      timeouts: { connectMs: 5000, totalMs: 60_000 },
      retries: { attemptsMax: 0 },
    });
  });

  it("reads routes", () => {
    expect(config.routes).toEqual([
      {
        match: "GET,HEAD /v/:id/**",
        methods: ["GET", "HEAD"],
        pattern: "/v/:id/**",
        target: { kind: "upstream", upstream: "a" },
        timeouts: { idleMs: 1000, totalMs: null },
        bodyBytesMax: 1024,
        class: "pin",
        classify: null,
        handle: null,
        prefix: "",
        preset: null,
      },
      {
        match: "/**",
        methods: null,
        pattern: "/**",
        target: { kind: "experiment", experiments: ["e", "f"] },
        timeouts: {},
        bodyBytesMax: null,
        class: "split",
        classify: null,
        handle: null,
        prefix: "",
        preset: null,
      },
    ]);
  });

  it("reads experiments", () => {
    expect(config.experiments["e"]).toMatchObject({
      rolloutShare: 0.05,
      disabled: true,
      onUnavailable: "control",
      variants: [
        {
          key: "x",
          control: true,
          weight: 0.95,
          headers: { set: { "x-a": "1" }, remove: ["x-b"] },
          body: { m: { n: null } },
          path: { from: "/a", to: "/b" },
        },
        { key: "y", control: false, weight: 0.05, body: null, path: null },
      ],
      assignment: {
        seed: "s",
        hashVersion: 1,
        user: [
          { kind: "body", path: ["a", "b"] },
          { kind: "api_key" },
          { kind: "ip" },
          { kind: "query", name: "q" },
        ],
        cookie: null,
        coverage: 0.5,
        namespace: { id: "n", range: [0, 0.5] },
        forced: { header: "x-force", cookie: null, from: "anyone" },
        rules: [
          {
            when: [
              { on: { kind: "header", name: "x-t" }, test: { kind: "in", values: ["a", "b"] } },
              { on: { kind: "path" }, test: { kind: "prefix", value: "/p" } },
            ],
            variant: "y",
          },
          {
            when: [
              { on: { kind: "cookie", name: "c" }, test: { kind: "present", present: false } },
              { on: { kind: "query", name: "q" }, test: { kind: "matches", pattern: "^a+$" } },
            ],
            variant: null,
          },
        ],
      },
    });
    expect(config.experiments["f"]).toMatchObject({ onUnavailable: "control", rolloutShare: null });
  });

  it("is plain data, so that it can be posted to a worker", () => {
    expect(structuredClone(config)).toEqual(config);
  });
});

describe("all at once", () => {
  it("lists problems of every kind in the order of the text", () => {
    const text = `
listen: { prot: 80, port: 99999 }
upstreams:
  a: { url: "ftp://x", timeouts: { connect: 5 } }
  a: { url: http://a }
routes:
  - { match: "POST /x", experiment: f }
  - { match: "POST /x", upstream: "\${NOPE}" }
experiments:
  e:
    variants:
      x: { upstream: c, weigth: 5 }
`.trimStart();
    expect(
      issuesOf(text).map(({ path, code, line, column }) => `${line}:${column} ${path} ${code}`),
    ).toEqual([
      "1:11 listen.prot unknown_key",
      "1:27 listen.port invalid_value",
      "3:13 upstreams.a.url invalid_value",
      "3:45 upstreams.a.timeouts.connect invalid_type",
      "4:3 upstreams.a duplicate_key",
      "6:37 routes[0].experiment unknown_experiment",
      "7:14 routes[1].match shadowed_route",
      "7:35 routes[1].upstream env_missing",
      "11:22 experiments.e.variants.x.upstream unknown_upstream",
      "11:25 experiments.e.variants.x.weigth unknown_key",
    ]);
  });

  it("suggests the key or name that was meant", () => {
    const text = smallText
      .replace("upstream: b", "upstraem: b")
      .replace("experiment: e", "experiment: ee");
    expect(issuesOf(text).map(({ message }) => message)).toEqual([
      'no experiment is named ee; did you mean "e"?',
      "missing: expected a name",
      'unknown key; did you mean "upstream"?',
    ]);
  });

  it("stops at a limit and says how many are left", () => {
    const keys = Array.from({ length: fileLimits.issuesMax + 5 }, (_, at) => `k${at}: 1\n`).join(
      "",
    );
    const issues = issuesOf(keys + smallText);
    expect(issues).toHaveLength(fileLimits.issuesMax + 1);
    expect(issues.at(-1)).toMatchObject({
      code: "too_many_issues",
      message: "5 more problems are not shown",
    });
  });
});

describe("what outlives the process", () => {
  it("is a store of its own or one to share, and has a name among the others", () => {
    const partsOf = (top: string) => valid(withParts({ top }));
    expect(partsOf("store: { sqlite: data/s.db }")).toMatchObject({
      store: { kind: "sqlite", path: "data/s.db" },
      replica: { name: null, adminUrl: null },
    });
    const url = "postgres://u:p%40ss@h:5433/d?sslmode=require";
    expect(partsOf(`store: { postgres: "${url}" }`).store).toEqual({
      kind: "postgres",
      url,
      spool: "data/spool",
    });
    const top = `store: { postgres: "${url}", spool: /s }
replica: { name: eu-1, admin_url: "http://10.0.0.7:9090" }`;
    expect(partsOf(top)).toMatchObject({
      store: { spool: "/s" },
      replica: { name: "eu-1", adminUrl: "http://10.0.0.7:9090" },
    });
  });
});

describe("never throws", () => {
  it("on arbitrary text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const parsed = parse(text);
        expect(parsed.ok || parsed.error.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("on arbitrary JSON", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const parsed = parse(text);
        expect(parsed.ok || parsed.error.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("on a right configuration with any value in any place", () => {
    const whole = valid(smallText) && {
      listen: { port: 1, tls: { cert: "c", key: "k" }, limits: { body: "1B" } },
      admin: { host: "::1", token: "x" },
      upstreams: { a: { url: "http://a", urls: ["http://b"], health: { path: "/" }, tls: {} } },
      routes: [{ match: "/**", experiment: ["e"], timeouts: { total: null } }],
      experiments: {
        e: {
          variants: { control: { upstream: "a", headers: { set: { a: "b" }, remove: ["c"] } } },
          assignment: {
            user: ["ip"],
            cookie: false,
            namespace: { id: "n", range: [0, 1] },
            rules: [{ when: [{ path: true, in: ["a"] }], variant: null }],
          },
          rollout: { share: "5%" },
        },
      },
    };
    const places = placesOf(whole);
    expect(places.length).toBeGreaterThan(40);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => {
        const parsed = parse(JSON.stringify(withValue(whole, place, value)));
        if (parsed.ok) return;
        for (const issue of parsed.error) {
          expect(issue.line).toBe(1);
          expect(issue.column).toBeGreaterThan(0);
          expect(issue.message).not.toBe("");
        }
      }),
      { numRuns: 1500 },
    );
  });
});

type Place = readonly (string | number)[];

function placesOf(value: unknown, at: Place = []): Place[] {
  const inside =
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...at, key]))
      : [];
  return [at, ...inside];
}

function withValue(value: unknown, [step, ...rest]: Place, put: unknown): unknown {
  if (step === undefined) return put;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = withValue(copy[step], rest, put);
  return copy;
}
