import { describe, expect, it } from "vitest";
import { issuesOf, smallText, valid } from "./texts.ts";

const rollout = (rest: string, guardrails = "[]") =>
  `prometheus: { url: "http://localhost:9090" }\n${smallText}    rollout: ${rest}\n    guardrails: ${guardrails}\n`;
const steps =
  "{ steps: [ { share: 5% }, { share: 100%, hold: 10m, min_requests: 0, gate: approval } ] }";
const guarded = (guardrail: string) => rollout(steps, `[ ${guardrail} ]`);

describe("a rollout with steps", () => {
  it("starts with nobody in the treatment, and has defaults", () => {
    const experiment = valid(rollout(steps)).experiments["e"];
    expect(experiment).toMatchObject({
      rolloutShare: 0,
      rollout: {
        steps: [
          { share: 0.05, holdMs: 300_000, minRequests: 100, gate: "none" },
          { share: 1, holdMs: 600_000, minRequests: 0, gate: "approval" },
        ],
        guardrails: [],
        observeMs: 300_000,
      },
    });
  });

  it.each([
    [
      "{ metric: error_rate, max: 5% }",
      {
        name: "error_rate",
        max: 0.05,
        maxRatio: null,
        onBreach: "rollback",
        falseAlarm: 0.001,
        dryRun: false,
        metric: { kind: "outcomes" },
      },
    ],
    [
      "{ metric: success_rate, min: 99%, on_breach: pause }",
      {
        max: expect.closeTo(0.01, 12),
        onBreach: "pause",
        metric: { bad: expect.arrayContaining(["client_error"]) },
      },
    ],
    [
      "{ metric: latency_p95, max: 800ms }",
      {
        max: expect.closeTo(0.05, 12),
        metric: { kind: "slow", of: "duration", limitMs: 800 },
      },
    ],
    [
      "{ metric: ttfb_p99.9, max: 2s, dry_run: true }",
      { dryRun: true, max: 0.001, metric: { kind: "slow", of: "first_byte", limitMs: 2000 } },
    ],
    [
      "{ metric: error_rate, relative_to: control, max_ratio: 1.5 }",
      { name: "error_rate_ratio", max: null, maxRatio: 1.5 },
    ],
    [
      "{ metric: timeout_rate, max: 1%, relative_to: control, max_ratio: 2, false_alarm: 1% }",
      { name: "timeout_rate", max: 0.01, maxRatio: 2, falseAlarm: 0.01 },
    ],
    [
      "{ metric: slow_rate, slower_than: 800ms, relative_to: control, max_ratio: 2 }",
      { name: "slow_rate_ratio", metric: { kind: "slow", limitMs: 800 }, max: null, maxRatio: 2 },
    ],
    [
      "{ metric: latency_mean, max: 2s, relative_to: control, max_ratio: 1.2 }",
      { name: "latency_mean", metric: { kind: "mean", of: null }, max: 2000, maxRatio: 1.2 },
    ],
    [
      "{ metric: latency_p99, relative_to: control, max_ratio: 1.3 }",
      {
        name: "latency_p99_ratio",
        metric: { kind: "quantile", of: "duration", quantile: 0.99 },
        max: null,
        maxRatio: 1.3,
      },
    ],
    [
      "{ metric: in_flight_age, max: 30s }",
      { metric: { kind: "slow", of: "duration", limitMs: 30_000 }, max: 0.01 },
    ],
    [
      "{ metric: error_rate, max: 5%, evidence: window, every: 5s, consecutive: 3 }",
      {
        evidence: {
          kind: "window",
          windowMs: 60_000,
          everyMs: 5000,
          minRequests: 20,
          failureLimit: 1e6,
          consecutive: 3,
          inconclusiveLimit: null,
        },
      },
    ],
    [
      "{ metric: promql, query: 'avg(up)', name: up, min: 0.5, failure_limit: 2 }",
      {
        name: "up",
        metric: { kind: "promql", query: "avg(up)", everyMs: 10_000 },
        min: 0.5,
        max: null,
        evidence: { failureLimit: 2, everyMs: 10_000 },
      },
    ],
  ])("guardrail %s", (written, expected) => {
    expect(valid(guarded(written)).experiments["e"]?.rollout?.guardrails[0]).toMatchObject(
      expected,
    );
  });

  it("both kinds of one metric stand side by side", () => {
    const both =
      "{ metric: error_rate, max: 5% }, { metric: error_rate, relative_to: control, max_ratio: 1.5 }";
    const names = valid(guarded(both)).experiments["e"]?.rollout?.guardrails.map(
      ({ name }) => name,
    );
    expect(names).toEqual(["error_rate", "error_rate_ratio"]);
  });
});

const at = "experiments.e.rollout";
const guardrail = "experiments.e.guardrails[0]";

describe("metrics of answers", () => {
  it.each([
    [
      "{ metric: tokens_out, max: 900 }",
      { name: "tokens_out", metric: { kind: "mean", of: "tokens_out" }, max: 900, min: null },
    ],
    [
      "{ metric: semantic_similarity, min: 0.8 }",
      { name: "semantic_similarity", max: null, min: 0.8, minRatio: null },
    ],
    [
      "{ metric: cost, relative_to: control, max_ratio: 1.1 }",
      { name: "cost_ratio", max: null, maxRatio: 1.1 },
    ],
    [
      "{ metric: tokens_per_second, relative_to: control, min_ratio: 0.9 }",
      { name: "tokens_per_second_ratio", maxRatio: null, minRatio: 0.9 },
    ],
    [
      "{ metric: first_token, max: 2s }",
      { metric: { kind: "mean", of: "first_token" }, max: 2000 },
    ],
    ["{ metric: relevance, min: 0.5 }", { metric: { kind: "mean", of: "relevance" }, min: 0.5 }],
  ])("%s", (written, expected) => {
    const { experiments } = valid(`${guarded(written)}    metrics: { relevance: { from: api } }\n`);
    expect(experiments["e"]?.rollout?.guardrails).toMatchObject([expected]);
  });
});

describe("shadow steps", () => {
  it("give the treatment copies before it gets users", () => {
    const { experiments } = valid(
      rollout("{ steps: [ { shadow: 20% }, { shadow: true, hold: 1m }, { share: 10% } ] }"),
    );
    expect(
      experiments["e"]?.rollout?.steps.map(({ share, shadow, holdMs }) => [share, shadow, holdMs]),
    ).toEqual([
      [0, 0.2, 300_000],
      [0, 1, 60_000],
      [0.1, 0, 300_000],
    ]);
  });
});

describe("mistakes", () => {
  it.each([
    [rollout("{}"), at, "exactly one of share and steps"],
    [rollout("{ share: 5%, steps: [ { share: 5% } ] }"), at, "exactly one of share and steps"],
    [rollout("{ share: 5%, observe: 5m }"), `${at}.observe`, "observe belongs to steps"],
    [rollout("{ steps: [] }"), `${at}.steps`, "at least one step"],
    [
      rollout("{ steps: [ { share: 20% }, { share: 20% } ] }"),
      `${at}.steps`,
      "more than the one before",
    ],
    [rollout("{ steps: [ { share: 0% } ] }"), `${at}.steps[0].share`, "more than 0"],
    [
      rollout("{ steps: [ { share: 5%, gate: webhook } ] }"),
      `${at}.steps[0].gate`,
      "none, approval, or { webhook: URL }",
    ],
    [
      guarded("{ metric: eror_rate, max: 5% }"),
      `${guardrail}.metric`,
      "expected one of error_rate",
    ],
    [guarded("{ metric: relevanc, min: 0.8 }"), `${guardrail}.metric`, "declare it under metrics"],
    [guarded("{ metric: tokens_inn, max: 8 }"), `${guardrail}.metric`, "did you mean"],
    [
      guarded("{ metric: embedding_cosine, relative_to: control, min_ratio: 0.9 }"),
      guardrail,
      "a comparison with the control already",
    ],
    [guarded("{ metric: cost, max: 1, min: 0 }"), guardrail, "two guardrails"],
    [guarded("{ metric: cost }"), guardrail, "say max, min"],
    [guarded("{ metric: cost, max: 1s }"), `${guardrail}.max`, "expected a number"],
    [guarded("{ metric: first_token, max: fast }"), `${guardrail}.max`, "a duration"],
    [
      guarded("{ metric: error_rate, relative_to: control, min_ratio: 0.9 }"),
      `${guardrail}.min_ratio`,
      "only metrics of answers",
    ],
    [rollout("{ steps: [ { hold: 5m } ] }"), `${at}.steps[0]`, "one of share and shadow"],
    [rollout("{ steps: [ { shadow: true } ] }"), `${at}.steps`, "the last step gives"],
    [
      rollout("{ steps: [ { share: 5% }, { shadow: 50% }, { share: 100% } ] }"),
      `${at}.steps`,
      "shadow steps come first",
    ],
    [
      guarded("{ metric: latency_p10, max: 1s }"),
      `${guardrail}.metric`,
      "expected one of error_rate",
    ],
    [guarded("{ metric: error_rate }"), guardrail, "say max, or relative_to"],
    [guarded("{ metric: error_rate, max: 2s }"), `${guardrail}.max`, "a share between 0 and 1"],
    [guarded("{ metric: error_rate, max: 0% }"), `${guardrail}.max`, "a share between 0 and 1"],
    [guarded("{ metric: error_rate, min: 5% }"), `${guardrail}.min`, "have a min"],
    [guarded("{ metric: success_rate, max: 5% }"), `${guardrail}.max`, "success_rate has a min"],
    [guarded("{ metric: latency_p95, max: 5% }"), `${guardrail}.max`, "a duration such as"],
    [
      guarded("{ metric: latency_p95, max: 1s, relative_to: control, max_ratio: 2 }"),
      `${guardrail}.max`,
      "a guardrail of its own",
    ],
    [
      guarded("{ metric: ttfb_p95, relative_to: control, max_ratio: 2, evidence: window }"),
      `${guardrail}.max_ratio`,
      "slow_rate",
    ],
    [guarded("{ metric: error_rate, max_ratio: 2 }"), guardrail, "come together"],
    [
      guarded("{ metric: error_rate, max: 5%, window: 1m }"),
      `${guardrail}.window`,
      "belongs to evidence: window",
    ],
    [
      guarded("{ metric: error_rate, max: 5%, evidence: window, false_alarm: 1% }"),
      `${guardrail}.false_alarm`,
      "cannot promise",
    ],
    [guarded("{ metric: slow_rate, max: 5% }"), guardrail, "needs slower_than"],
    [
      guarded("{ metric: error_rate, max: 5%, slower_than: 1s }"),
      `${guardrail}.slower_than`,
      "belongs to metric: slow_rate",
    ],
    [guarded("{ metric: promql, max: 1, name: x }"), guardrail, "needs a query"],
    [
      guarded("{ metric: promql, query: up, min: 1, name: x }").replace(/^prometheus.*\n/, ""),
      `${guardrail}.metric`,
      "prometheus: { url:",
    ],
    [
      guarded("{ metric: promql, query: up, min: 1, name: x }").replace("http://l", "ftp://l"),
      "prometheus.url",
      "such as http://localhost:9090",
    ],
    [guarded("{ metric: promql, query: up, min: 1 }"), guardrail, "needs a name"],
    [guarded("{ metric: promql, query: up, name: x }"), guardrail, "say max, min or both"],
    [
      guarded("{ metric: promql, query: up, name: x, min: 1, evidence: sequential }"),
      `${guardrail}.evidence`,
      "plain values",
    ],
    [
      guarded("{ metric: promql, query: up, name: x, min: 1, window: 1m }"),
      `${guardrail}.window`,
      "a window of its own",
    ],
    [
      rollout("{ steps: [ { share: 5%, gate: { webhook: 'ftp://x' } } ] }"),
      `${at}.steps[0].gate.webhook`,
      "expected a URL",
    ],
    [rollout("{ share: 5%, state: running }"), `${at}.state`, "state belongs to steps"],
    [
      guarded("{ metric: error_rate, max: 5%, false_alarm: 0% }"),
      `${guardrail}.false_alarm`,
      "above 0",
    ],
    [
      guarded("{ metric: error_rate, max: 5% }, { metric: error_rate, max: 6% }"),
      "experiments.e.guardrails[1]",
      "there already",
    ],
    [
      rollout("{ share: 5% }", "[ { metric: error_rate, max: 5% } ]"),
      "experiments.e.guardrails",
      "rollouts with steps",
    ],
  ])("%s", (text, path, message) => {
    const [issue, ...others] = issuesOf(text);
    expect(others).toEqual([]);
    expect(issue).toMatchObject({ path, message: expect.stringContaining(message) });
    expect(issue?.line).toBeGreaterThan(0);
  });
});
