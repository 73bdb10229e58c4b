import { describe, expect, it } from "vitest";
import { err } from "../../../src/base/result.ts";
import type { Config } from "../../../src/core/config/model.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { Measurements, type EndedRequest } from "../../../src/core/load/measurements.ts";
import { reportOf } from "../../../src/core/load/report.ts";
import { rehearsalConfig } from "../../../src/core/rehearsal/config.ts";
import { judgeLoad } from "../../../src/core/rehearsal/judge-load.ts";
import { conclude, type StageName, type StageStatus } from "../../../src/core/rehearsal/stage.ts";
import {
  defaultEndpoint,
  directPlan,
  strayRequests,
  withUsers,
} from "../../../src/core/rehearsal/traffic.ts";
import { loadPlan } from "../../support/load.ts";

const context = { env: { KEY: "k" }, cores: 1, files: () => err("no files here") };

function parse(text: string): Config {
  const parsed = parseConfig(text, context);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

const text = `
listen: { port: 8443, workers: 2 }
admin: { host: 0.0.0.0, port: 9090, token: "0123456789abcdef" }
alerts: { channels: [ { webhook: "https://example.com/page" } ] }
upstreams:
  old: { url: "http://127.0.0.1:1/base" }
  new: { url: "http://127.0.0.1:2" }
routes:
  - { match: "POST /rag/ask", experiment: model, prefix: /rag }
  - { match: "/**", upstream: old }
experiments:
  model:
    assignment: { user: [ "header:x-account", ip ] }
    variants:
      old: { upstream: old, control: true }
      new:
        upstream: new
        headers: { set: { authorization: "Bearer \${KEY}" }, remove: [ x-old ] }
        body: { model: other }
        path: { from: /ask, to: /v2/ask }
    rollout:
      state: running
      steps: [ { share: 50%, hold: 5m, gate: approval }, { share: 100%, gate: { webhook: "http://127.0.0.1:3" } } ]
      observe: 10m
    guardrails: [ { metric: error_rate, max: 5% }, { metric: latency_p95, max: 100ms } ]
`;
const config = parse(text);
const experiment = config.experiments["model"] as Config["experiments"][string];
const [old, next] = experiment.variants as [
  (typeof experiment.variants)[0],
  (typeof experiment.variants)[0],
];

function planOf(endpoints: Record<string, unknown>) {
  return loadPlan({ target: "http://127.0.0.1", endpoints });
}

describe("the configuration of a rehearsal", () => {
  const changed = (hold: string | null) =>
    parse(
      rehearsalConfig(text, {
        experiment: "model",
        storePath: "/t/s.db",
        hold,
        pathOf: (name) => `/at/${name}`,
      }),
    );

  it("is on loopback, with a store of its own, and pages nobody", () => {
    const { listen, admin, store, alerts } = changed(null);
    expect(listen).toMatchObject({ host: "127.0.0.1", port: 0, workers: 1, variantHeader: true });
    expect(admin).toMatchObject({ host: "127.0.0.1", port: 0, token: null });
    expect(store).toEqual({ kind: "sqlite", path: "/t/s.db" });
    expect(JSON.stringify(alerts)).not.toContain("example.com");
  });

  it("has a rollout that waits for nobody and starts on command, references and all else as written", () => {
    const { experiments } = changed(null);
    const { rollout, variants } = experiments["model"] as Config["experiments"][string];
    expect(rollout).toMatchObject({ desired: "manual", observeMs: 600_000 });
    expect(rollout?.steps.map(({ gate, holdMs }) => [gate, holdMs])).toEqual([
      ["none", 300_000],
      ["none", experiment.rollout?.steps[1]?.holdMs],
    ]);
    expect(variants[1]).toEqual(next);
  });

  it("holds every step as long as asked", () => {
    const rollout = changed("7s").experiments["model"]?.rollout;
    expect(rollout?.steps.map(({ holdMs }) => holdMs)).toEqual([7000, 7000]);
    expect(rollout?.observeMs).toBe(7000);
  });

  it("finds files where they are", () => {
    const withTls = text.replace(
      `"http://127.0.0.1:2" }`,
      `"https://127.0.0.1:2", tls: { ca: ca.pem } }`,
    );
    const written = rehearsalConfig(withTls, {
      experiment: "model",
      storePath: "s",
      hold: null,
      pathOf: (name) => `/at/${name}`,
    });
    expect(written).toContain('"/at/ca.pem"');
  });
});

describe("the traffic of a rehearsal", () => {
  it("reaches a variant as Sluice would send it", () => {
    const plan = planOf({
      a: {
        request: "POST /rag/ask?n={{request}}",
        headers: { "x-old": "1", "x-kept": "2" },
        body: { q: "{{request}}" },
      },
    });
    const values = { user: "u", request: 7, line: null, random: () => 0 };
    const sent = (variant: typeof old) => {
      const direct = directPlan(plan, variant, config);
      const endpoint = direct?.endpoints[0];
      return {
        origin: direct?.origin,
        path: endpoint?.path.render(values),
        headers: endpoint?.headers.map(([name, value]) => [name, value.render(values)]),
        body: endpoint?.body?.render(values),
      };
    };
    expect(sent(old)).toEqual({
      origin: "http://127.0.0.1:1",
      path: "/base/ask?n=7",
      headers: [
        ["x-old", "1"],
        ["x-kept", "2"],
        ["content-type", "application/json"],
      ],
      body: '{"q":"7"}',
    });
    expect(sent(next)).toEqual({
      origin: "http://127.0.0.1:2",
      path: "/v2/ask?n=7",
      headers: [
        ["x-kept", "2"],
        ["content-type", "application/json"],
        ["authorization", "Bearer k"],
      ],
      body: '{"q":"7","model":"other"}',
    });
  });

  it("has users where the experiment looks for them, unless some are written", () => {
    const headersOf = (headers: Record<string, string>) =>
      withUsers(planOf({ a: { request: "/x", headers } }), experiment).endpoints[0]?.headers.map(
        ([name]) => name,
      );
    expect(headersOf({})).toEqual(["x-account"]);
    expect(headersOf({ "X-Account": "me" })).toEqual(["x-account"]);
  });

  it("that is not split is named", () => {
    const plan = planOf({
      a: { request: "POST /rag/ask" },
      b: { request: "GET /rag/ask" },
      c: { request: "/other" },
    });
    expect(strayRequests(plan, config, "model")).toEqual(["GET /rag/ask", "GET /other"]);
  });

  it.each([
    [
      '{ match: "POST /v1/embeddings", experiment: model, classify: openai_embeddings }',
      "POST /v1/embeddings",
    ],
    ["{ preset: lightrag, experiment: model }", "POST /query/data"],
    ['{ match: "POST /x/**", experiment: model }', null],
  ])("is suggested by %s: %s", (route, request) => {
    const other = parse(
      text.replace(/ {2}- \{ match: "POST \/rag[^]*?(?=experiments:)/, `  - ${route}\n`),
    );
    const endpoint = defaultEndpoint(other, other.experiments["model"] as typeof experiment);
    expect(endpoint?.["request"] ?? null).toBe(request);
  });
});

describe("a load test of one variant", () => {
  const judge = (requests: readonly Partial<EndedRequest>[]) => {
    const plan = loadPlan({ target: "http://127.0.0.1", thresholds: { http_reqs: "count>3" } });
    const seen = new Measurements(plan);
    const base = {
      endpoint: 0,
      variant: null,
      status: 200,
      failure: null,
      responseMs: 50,
      serviceMs: 50,
    };
    for (const request of requests) {
      seen.ended(
        { ...base, firstByteMs: 50, firstTokenMs: null, bytes: 0, retries: 0, ...request },
        true,
      );
    }
    const facts = {
      startedAtMs: 0,
      measuredMs: 1000,
      eventLoopLagP99Ms: 0,
      eventLoopLagMaxMs: 0,
      cpuShare: 0,
    };
    const report = reportOf(plan, seen, { ...facts, end: { kind: "finished", threshold: null } });
    return judgeLoad(report, seen, experiment.rollout?.guardrails ?? []);
  };
  const many = (count: number, request: Partial<EndedRequest> = {}) =>
    Array.from({ length: count }, () => request);

  it.each([
    ["all well", many(100), []],
    [
      "5 % failed, which is the limit",
      [...many(95), ...many(5, { status: 502, failure: "status" })],
      [],
    ],
    [
      "6 % failed",
      [...many(94), ...many(6, { status: 500, failure: "status" })],
      ["error_rate: 6 %"],
    ],
    [
      "6 % lost",
      [...many(94), ...many(6, { status: 0, failure: "reset", responseMs: null })],
      ["error_rate: 6 %"],
    ],
    [
      "clients' errors are not the variant's",
      [...many(50), ...many(50, { status: 404, failure: "status" })],
      [],
    ],
    ["5 % slow, which is the limit", [...many(95), ...many(5, { responseMs: 900 })], []],
    ["a tenth slow", [...many(90), ...many(10, { responseMs: 900 })], ["latency_p95: 5 %"]],
    ["a threshold", many(2), ["http_reqs: count>3, and it was 2"]],
  ] as const)("%s", (_name, requests, broken) => {
    const judged = judge(requests);
    expect(judged.broken).toHaveLength(broken.length);
    for (const [at, begin] of broken.entries()) expect(judged.broken[at]).toContain(begin);
    expect(judged.unusable).toEqual([]);
  });

  it("without a request is not usable", () => {
    expect(judge([]).unusable).toEqual(["no request has ended"]);
  });
});

describe("the verdict", () => {
  const stage = (name: StageName, status: StageStatus) => ({
    stage: name,
    status,
    reason: `${name} said so`,
  });

  it.each([
    [["passed", "passed", "passed", "passed"], "promoted", "canary said so"],
    [["passed", "skipped", "skipped", "passed"], "promoted", "canary said so"],
    [["failed", "not_run", "not_run", "not_run"], "failed", "preflight: preflight said so"],
    [
      ["passed", "failed", "not_run", "not_run"],
      "failed",
      "load on the control: load_control said so",
    ],
    [
      ["passed", "passed", "rejected", "not_run"],
      "rejected",
      "load on the treatment: load_treatment said so",
    ],
    [["passed", "passed", "passed", "rejected"], "rejected", "canary: canary said so"],
    [["passed", "passed", "passed", "skipped"], "failed", "no canary was run"],
  ] as const)("of %j is %s", (statuses, verdict, reason) => {
    const names: StageName[] = ["preflight", "load_control", "load_treatment", "canary"];
    const results = names.map((name, at) => stage(name, statuses[at] as StageStatus));
    expect(conclude(results)).toEqual({ verdict, reason });
  });
});
