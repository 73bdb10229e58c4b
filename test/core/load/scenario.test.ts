import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/base/result.ts";
import { isLoopback } from "../../../src/core/load/loopback.ts";
import type { LoadPlan } from "../../../src/core/load/plan.ts";
import { parseScenario, splitTarget } from "../../../src/core/load/scenario.ts";
import { countArrivals } from "../../../src/core/load/schedule.ts";

const files: Record<string, string> = {
  "questions.jsonl": '{"query":"why?","mode":"mix"}\n',
  "broken.jsonl": "{",
};

function parse(text: string | null, overrides = {}) {
  return parseScenario(text, overrides, {
    env: { TOKEN: "secret" },
    readFile: (name) =>
      files[name] === undefined ? err(`${name} cannot be read`) : ok(files[name]),
    seed: 99,
  });
}

function plan(text: string | null, overrides = {}): LoadPlan {
  const parsed = parse(text, overrides);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

function issues(text: string | null, overrides = {}): string[] {
  const parsed = parse(text, overrides);
  return parsed.ok
    ? []
    : parsed.error.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const target = "target: http://127.0.0.1:8080\n";

describe("a scenario", () => {
  it("of a URL alone has bounded defaults", () => {
    const { model, endpoints, ...rest } = plan(null, {
      target: "http://localhost:8080/health?deep=1",
    });
    expect(rest).toEqual({
      origin: "http://localhost:8080",
      warmUpMs: 0,
      durationMs: 30_000,
      requestsMax: null,
      userPool: 100,
      timeoutMs: 30_000,
      retriesMax: 0,
      keepAlive: true,
      tls: { ca: null, cert: null, key: null, serverName: null, verify: true },
      seed: 99,
      thresholds: [],
    });
    expect(model).toEqual({
      kind: "open",
      stages: [{ durationMs: 30_000, fromRate: 10, toRate: 10 }],
      arrivals: "constant",
      maxInFlight: 1000,
    });
    expect(endpoints).toMatchObject([
      { name: "request", method: "GET", path: { constant: "/health?deep=1" }, body: null },
    ]);
  });

  it("whole", () => {
    const read = plan(`
target: http://127.0.0.1:8080/rag
rate: 50
for: 20s
ramp_up: 5s
warm_up: 8s
max_in_flight: 7
headers: { authorization: "Bearer \${TOKEN}", x-user-id: "{{user}}" }
endpoints:
  query:
    request: POST /query
    weight: 9
    body_file: questions.jsonl
    body: { query: "{{data.query}}", stream: false }
    expect: { status: [200, 4xx], contains: response }
  health: { request: /health }
thresholds:
  http_req_duration: [ "p(95)<500", { threshold: "p(99)<2s", abortOnFail: true, delayAbortEval: 10s } ]
  http_req_failed{endpoint:query}: rate<1%
`);
    expect(read.model).toEqual({
      kind: "open",
      stages: [
        { durationMs: 5000, fromRate: 0, toRate: 50 },
        { durationMs: 23_000, fromRate: 50, toRate: 50 },
      ],
      arrivals: "constant",
      maxInFlight: 7,
    });
    expect([read.warmUpMs, read.durationMs]).toEqual([8000, 20_000]);
    const [query, health] = read.endpoints;
    expect(query).toMatchObject({
      method: "POST",
      weight: 9,
      path: { constant: "/rag/query" },
      expect: {
        statuses: [
          [200, 200],
          [400, 499],
        ],
        contains: "response",
      },
    });
    const values = {
      user: "user-0001",
      request: 0,
      line: query?.lines?.[0] ?? null,
      random: () => 0,
    };
    expect(query?.body?.render(values)).toBe('{"query":"why?","stream":false}');
    expect(query?.headers.map(([name, value]) => [name, value.render(values)])).toEqual([
      ["authorization", "Bearer secret"],
      ["x-user-id", "user-0001"],
      ["content-type", "application/json"],
    ]);
    expect(health).toMatchObject({ method: "GET", weight: 1, path: { constant: "/rag/health" } });
    expect(read.thresholds).toMatchObject([
      { text: "http_req_duration: p(95)<500", abortOnFail: false },
      { text: "http_req_duration: p(99)<2s", abortOnFail: true, delayAbortMs: 10_000 },
      { metric: "http_req_failed", group: { by: "endpoint", name: "query" } },
    ]);
  });

  it("a line of the body file is the body where nothing else is written", () => {
    const [endpoint] = plan(null, {
      target: "http://localhost",
      endpoints: { request: { body_file: "questions.jsonl" } },
    }).endpoints;
    expect(endpoint).toMatchObject({ method: "POST", body: { constant: null } });
    const line = endpoint?.lines?.[0] ?? null;
    const values = { user: "", request: 0, line, random: () => 0 };
    expect(endpoint?.body?.render(values)).toBe('{"query":"why?","mode":"mix"}');
    expect(endpoint?.headers.map(([name, value]) => [name, value.constant])).toEqual([
      ["content-type", "application/json"],
    ]);
  });

  it("stages add up after the warm-up", () => {
    const { model, durationMs, warmUpMs } = plan(
      `${target}warm_up: 2s\nstages: [ 10s@100, "10s@100..200", { for: 5s, rate: 0, from: 200 } ]\n`,
    );
    expect([durationMs, warmUpMs]).toEqual([25_000, 2000]);
    expect(model.kind === "open" && countArrivals(model.stages)).toBe(200 + 1000 + 1500 + 500);
  });

  it("of users", () => {
    const { model, durationMs } = plan(
      `${target}users: 5\nthink_time: 1s\nexpected_interval: 10ms\nramp_up: 2s\nrequests: 100\n`,
    );
    expect(model).toEqual({
      kind: "closed",
      users: 5,
      rampUpMs: 2000,
      thinkMs: 1000,
      expectedIntervalMs: 10,
    });
    // A number of requests alone is still bounded in time.
    expect(durationMs).toBe(600_000);
  });

  it("a number of requests at a rate says how long", () => {
    expect(plan(`${target}rate: 20\nrequests: 50\n`)).toMatchObject({
      durationMs: 2500,
      requestsMax: 50,
    });
  });

  it("the command line goes before the file, header by header", () => {
    const read = plan(`${target}rate: 5\nheaders: { a: "1", b: "2" }\n`, {
      rate: "7",
      headers: { b: "3" },
    });
    expect(read.model).toMatchObject({ stages: [{ toRate: 7 }] });
    expect(read.endpoints[0]?.headers.map(([name, value]) => [name, value.constant])).toEqual([
      ["a", "1"],
      ["b", "3"],
    ]);
  });
});

describe("every mistake is told, with its place", () => {
  it("all at once", () => {
    expect(
      issues(`target: http://127.0.0.1:1
rte: 5
rate: fast
for: 30
endpoints:
  ask: { request: "post ask", body: "{{usr}}" }
  load: { body_file: gone.jsonl, weight: 0 }
thresholds:
  http_req_duration: p(95)<500
`),
    ).toEqual([
      '2 rte: unknown key; did you mean "rate"?',
      "3 rate: expected a number, 0.001…100000",
      "4 for: expected a duration such as 250ms, 5s, 10m or 24h",
      "7 endpoints.load.weight: expected a number, 0.000001…1000000",
    ]);
  });

  it.each([
    ["", "1 : expected a map of target, rate"],
    ["rate: 5\n", "1 target: missing: expected a URL"],
    ["target: localhost:8080\n", "1 target: expected a URL such as http://localhost:8080"],
    ["target: http://me:pw@localhost\n", "1 target: must not hold a name or password"],
    [`${target}rate: 1\nusers: 2\n`, "2 rate: does not go with users"],
    [`${target}stages: 1s@1\nfor: 5s\n`, "3 for: does not go with stages"],
    [`${target}stages: 1s@0\n`, "2 stages: need a rate above 0 somewhere"],
    [`${target}stages: [ 1s@1, 5@2 ]\n`, "2 stages[1]: expected a stage such as 30s@100"],
    [`${target}think_time: 1s\n`, "2 think_time: is for the closed model"],
    [`${target}ramp_up: 10s\nwarm_up: 5s\n`, "3 warm_up: must be at least as long as ramp_up"],
    [`${target}warm_up: 24h\n`, "1 for: the whole test may take 24h at most"],
    [`${target}endpoints: {}\n`, "2 endpoints: need at least one endpoint"],
    [
      `${target}endpoints: { a: { request: post /x } }\n`,
      "2 endpoints.a.request: expected a request such as POST /query",
    ],
    [
      `${target}endpoints: { a: { request: "/a b" } }\n`,
      "2 endpoints.a.request: a path has no spaces",
    ],
    [
      `${target}endpoints: { a: { body: "{{line}}" } }\n`,
      "2 endpoints.a.body: {{line}} and {{data.…}} need a body_file",
    ],
    [
      `${target}endpoints: { a: { body_file: gone } }\n`,
      "2 endpoints.a.body_file: gone cannot be read",
    ],
    [
      `${target}endpoints: { a: { body_file: broken.jsonl } }\n`,
      "2 endpoints.a.body_file: broken.jsonl line 1 is not JSON",
    ],
    [
      `${target}endpoints: { a: { body_file: questions.jsonl, body: "{{data.qery}}" } }\n`,
      "2 endpoints.a.body: no line of the body_file has a qery",
    ],
    [
      `${target}endpoints: { a: { headers: { Content-Length: "5" } } }\n`,
      "2 endpoints.a.headers.content-length: is set by the load tester itself",
    ],
    [
      `${target}endpoints: { a: { expect: { status: 2x } } }\n`,
      "2 endpoints.a.expect.status[0]: expected a status such as 200",
    ],
    [
      `${target}thresholds: { http_reqs: "count>x" }\n`,
      '2 thresholds.http_reqs[0]: "x" is no limit',
    ],
    [
      `${target}thresholds: { "errors{endpoint:b}": "count<1" }\n`,
      "no endpoint is named b; known: request",
    ],
    [`${target}headers: { a: "\${NOBODY}" }\n`, "2 headers.a: the environment has no NOBODY"],
  ])("%j", (text, message) => {
    expect(issues(text).join("\n")).toContain(message);
  });
});

describe("a target", () => {
  it.each([
    ["http://localhost:8080", "http://localhost:8080", ""],
    ["HTTP://LocalHost:80/x", "http://localhost", "/x"],
    [
      "https://[::1]:8443/a/{{user}}?q={{line}}#top",
      "https://[::1]:8443",
      "/a/{{user}}?q={{line}}",
    ],
  ])("%s", (url, origin, prefix) => {
    expect(splitTarget(url)).toEqual({ ok: true, value: { origin, prefix } });
  });

  it.each([
    ["127.0.0.1", true],
    ["127.9.8.7", true],
    ["localhost", true],
    ["api.localhost", true],
    ["[::1]", true],
    ["[::ffff:7f00:1]", true],
    ["0.0.0.0", false],
    ["128.0.0.1", false],
    ["localhost.example.com", false],
    ["127.0.0.1.example.com", false],
    ["[::2]", false],
    ["10.0.0.1", false],
  ])("%s is this machine: %s", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
