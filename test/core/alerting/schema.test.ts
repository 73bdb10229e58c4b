import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { channelLimits } from "../../../src/core/alerting/channel-schema.ts";
import { defaultAlerts, defaultRules } from "../../../src/core/alerting/defaults.ts";
import { alertKinds, type AlertPolicy } from "../../../src/core/alerting/policy.ts";
import { alertsSchema } from "../../../src/core/alerting/schema.ts";
import { readSource } from "../../../src/core/config/source.ts";
import { IssueList } from "../../../src/core/config/issues.ts";

/** Reads the section as the file does; the problems have the file's own words and paths. */
function read(text: string): { policy: AlertPolicy | null; issues: string[] } {
  const source = readSource(text, {});
  if (!source.ok) throw new Error(JSON.stringify(source.error));
  const parsed = alertsSchema.safeParse(source.value.value ?? {});
  if (parsed.success) return { policy: parsed.data, issues: [] };
  const issues = new IssueList(source.value);
  issues.addSchema(parsed.error.issues);
  return {
    policy: null,
    issues: issues.sorted().map(({ path, message }) => `${path}: ${message}`),
  };
}

function valid(text: string): AlertPolicy {
  const { policy, issues } = read(text);
  if (policy === null) throw new Error(issues.join("\n"));
  return policy;
}

const ruleOf = (text: string, kind: string) =>
  valid(`rules: ${text}`).rules.find((rule) => rule.kind === kind);

describe("without a word", () => {
  it("every kind has its rule, the log hears of everything, and repeats come every 4 h", () => {
    expect(valid("{}")).toEqual(defaultAlerts);
    expect(defaultAlerts.rules.map(({ kind }) => kind)).toEqual(alertKinds);
    expect(defaultAlerts.channels).toEqual([
      { name: "log-1", minSeverity: "info", target: { kind: "log" } },
    ]);
    expect(defaultAlerts.repeatMs).toBe(14_400_000);
  });

  it("the limits are the ones that were asked for", () => {
    expect(defaultRules.error_rate).toMatchObject({
      limit: 0.1,
      forMs: 60_000,
      severity: "critical",
      minRequests: 100,
    });
    expect(defaultRules.latency).toMatchObject({ limit: 5000, quantile: 0.95, minRequests: 100 });
    expect(defaultRules.sample_ratio.limit).toBe(0.001);
    for (const kind of ["rollback", "store_unavailable"] as const) {
      expect(defaultRules[kind]).toMatchObject({ severity: "critical", forMs: 0 });
    }
    expect(defaultRules.reload_failed.severity).toBe("warning");
  });
});

describe("a rule", () => {
  it.each([
    [
      "{ error_rate: { limit: 20%, for: 2m, clear: 0s, severity: info, min_requests: 10 } }",
      "error_rate",
      { limit: 0.2, forMs: 120_000, clearMs: 0, severity: "info", minRequests: 10 },
    ],
    ["{ error_rate: { limit: 20% } }", "error_rate", { ...defaultRules.error_rate, limit: 0.2 }],
    ["{ error_rate: {} }", "error_rate", defaultRules.error_rate],
    ["{ latency_p95: { limit: 8s } }", "latency", { limit: 8000, quantile: 0.95 }],
    ["{ latency_p99.9: {} }", "latency", { limit: 5000, quantile: 0.999, minRequests: 100 }],
    ["{ latency_p95: off, latency_p50: { limit: 1s } }", "latency", { quantile: 0.5 }],
    ["{ sample_ratio: { limit: 0.01 } }", "sample_ratio", { limit: 0.01 }],
    ["{ variant_silent: { limit: 5 } }", "variant_silent", { limit: 5 }],
    ["{ no_traffic: { limit: 1h } }", "no_traffic", { limit: 3_600_000 }],
    ["{ upstream_unhealthy: { limit: 50% } }", "upstream_unhealthy", { limit: 0.5 }],
    ["{ power: { limit: 0.7 } }", "power", { limit: 0.7 }],
    ["{ rollback: { severity: warning } }", "rollback", { severity: "warning", forMs: 0 }],
  ])("%s", (text, kind, expected) => {
    expect(ruleOf(text, kind)).toMatchObject(expected);
    expect(valid(`rules: ${text}`).rules).toHaveLength(alertKinds.length);
  });

  it.each(alertKinds)("of %s can be turned off", (kind) => {
    const key = kind === "latency" ? "latency_p95" : kind;
    const { rules } = valid(`rules: { ${key}: off }`);
    expect(rules.map((rule) => rule.kind)).toEqual(alertKinds.filter((each) => each !== kind));
  });
});

describe("a channel", () => {
  it.each([
    [
      "{ webhook: 'https://hooks.example/x' }",
      {
        name: "webhook-1",
        minSeverity: "info",
        target: {
          kind: "webhook",
          url: "https://hooks.example/x",
          shape: "generic",
          headers: {},
          timeoutMs: 10_000,
        },
      },
    ],
    [
      "{ webhook: 'https://hooks.example/x', shape: slack, headers: { authorization: 'Bearer x' }, timeout: 3s, min_severity: critical, name: pager }",
      {
        name: "pager",
        minSeverity: "critical",
        target: { shape: "slack", headers: { authorization: "Bearer x" }, timeoutMs: 3000 },
      },
    ],
    ["{ jsonl: a.jsonl }", { name: "jsonl-1", target: { kind: "jsonl", path: "a.jsonl" } }],
    ["{ log: true, min_severity: warning }", { name: "log-1", minSeverity: "warning" }],
    ["{ log: false, jsonl: a }", { target: { kind: "jsonl", path: "a" } }],
  ])("%s", (text, expected) => {
    expect(valid(`channels: [ ${text} ]`).channels).toMatchObject([expected]);
  });

  it("has a name of its own, and there may be none", () => {
    const { channels } = valid("channels: [ { jsonl: a }, { log: true }, { jsonl: b } ]");
    expect(channels.map(({ name }) => name)).toEqual(["jsonl-1", "log-1", "jsonl-2"]);
    expect(valid("channels: []").channels).toEqual([]);
  });
});

it.each([
  ["off", null],
  ["30m", 1_800_000],
])("repeat: %s", (text, repeatMs) => {
  expect(valid(`repeat: ${text}`).repeatMs).toBe(repeatMs);
});

describe("a mistake is named with its remedy", () => {
  it.each([
    ["rule: {}", 'rule: unknown key; did you mean "rules"?'],
    ["rules: { eror_rate: {} }", 'rules.eror_rate: unknown key; did you mean "error_rate"?'],
    ["rules: { latency_p96: {} }", 'rules.latency_p96: unknown key; did you mean "latency_p90"?'],
    ["rules: []", "rules: expected a map of error_rate, latency_p50"],
    [
      "rules: { error_rate: 10% }",
      "rules.error_rate: expected off, or a map of limit, min_requests, for, clear, severity",
    ],
    [
      "rules: { error_rate: { limt: 10% } }",
      'rules.error_rate.limt: unknown key; did you mean "limit"?',
    ],
    ["rules: { rollback: { limit: 1 } }", "rules.rollback.limit: unknown key; known here: for"],
    [
      "rules: { error_rate: { limit: 5 } }",
      "rules.error_rate.limit: expected a share such as 5% or 0.05",
    ],
    ["rules: { error_rate: { limit: 100% } }", "rules.error_rate.limit: nothing exceeds 100%"],
    [
      "rules: { error_rate: { severity: crit } }",
      "rules.error_rate.severity: expected one of critical, warning, info",
    ],
    [
      "rules: { latency_p95: { limit: 5 } }",
      "rules.latency_p95.limit: expected a duration such as",
    ],
    [
      "rules: { latency_p95: {}, latency_p99: {} }",
      "rules.latency_p99: there is one latency rule: latency_p95 or latency_p99",
    ],
    ["rules: { no_traffic: { for: 2d } }", "rules.no_traffic.for: must be at most 1d"],
    ["rules: { sample_ratio: { limit: 0 } }", "rules.sample_ratio.limit: expected a number"],
    ["rules: { power: { limit: 80% } }", "rules.power.limit: expected a number, 0.05…0.999"],
    ["repeat: 4", "repeat: expected off, or a duration such as 30m or 4h"],
    ["repeat: 1s", "repeat: expected off, or a duration"],
    ["channels: { log: true }", "channels: expected a list of channels"],
    [
      "channels: [ { webhok: 'http://x' } ]",
      'channels[0].webhok: unknown key; did you mean "webhook"?',
    ],
    ["channels: [ { jsonl: a, nmae: x }, { jsonl: b } ]", "channels[0].nmae: unknown key"],
    ["rules: { rollback: { severty: info }, power: off }", "rules.rollback.severty: unknown key"],
    ["channels: [ {} ]", "channels[0]: say exactly one of webhook: URL, jsonl: PATH and log: true"],
    ["channels: [ { log: false } ]", "channels[0]: say exactly one of"],
    ["channels: [ { log: true, jsonl: a } ]", "channels[0]: say exactly one of"],
    ["channels: [ { webhook: 'ftp://x' } ]", "channels[0].webhook: expected a URL such as"],
    ["channels: [ { webhook: 'http://x', shape: slak } ]", 'did you mean "slack"?'],
    ["channels: [ { jsonl: a, shape: slack } ]", "channels[0].shape: shape belongs to webhook"],
    ["channels: [ { log: true, timeout: 1s } ]", "channels[0].timeout: timeout belongs to webhook"],
    ["channels: [ { webhook: 'http://x', headers: { 'a b': c } } ]", "not a legal header name"],
    [
      "channels: [ { log: true, name: x }, { jsonl: a, name: x } ]",
      "channels[1]: two channels are named x",
    ],
    [
      `channels: [ ${"{ log: true }, ".repeat(channelLimits.channelsMax + 1)} ]`,
      `channels: at most ${channelLimits.channelsMax} channels`,
    ],
  ])("%s", (text, message) => {
    const { issues } = read(text);
    expect(issues.join("\n")).toContain(message);
    expect(issues).toHaveLength(1);
  });
});

it("has a JSON Schema for editors", () => {
  const schema = z.toJSONSchema(alertsSchema, { io: "input", unrepresentable: "any" });
  expect(Object.keys(schema.properties ?? {})).toEqual(["rules", "channels", "repeat"]);
});

it("never throws, whatever is written", () => {
  const words =
    "rules channels repeat error_rate latency_p95 latency_p99 power limit for severity min_requests webhook jsonl log name headers more";
  const key = fc.constantFrom(...words.split(" "));
  const leaf = fc.oneof(
    fc.constantFrom("off", "10%", "5s", "true", "warning", "a", "http://x"),
    fc.constantFrom(true, false, null, 0, 0.5, 1, -1),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, leaf, tie("map"), tie("list")),
    map: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    list: fc.array(tie("value"), { maxLength: 3 }),
  }));
  const section = fc.record(
    { rules: value, channels: fc.oneof(value, fc.array(value)), repeat: value },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(section, value), (written) => {
      const parsed = alertsSchema.safeParse(written);
      if (!parsed.success) return;
      const { rules, channels } = parsed.data;
      expect(new Set(rules.map(({ kind }) => kind)).size).toBe(rules.length);
      expect(new Set(channels.map(({ name }) => name)).size).toBe(channels.length);
    }),
    { numRuns: 500 },
  );
});
