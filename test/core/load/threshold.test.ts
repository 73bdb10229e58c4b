import { describe, expect, it } from "vitest";
import {
  abortingBreach,
  judgeThresholds,
  parseThreshold,
  splitThreshold,
  type MetricReader,
  type Threshold,
} from "../../../src/core/load/threshold.ts";

const rule = { abortOnFail: false, delayAbortMs: 0 };

function threshold(metric: string, condition: string, extra = {}): Threshold {
  const parsed = parseThreshold(metric, condition, { ...rule, ...extra });
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe("a threshold is read", () => {
  it.each([
    ["http_req_duration", "p(95)<500", { kind: "percentile", percentile: 95 }, "<", 500],
    ["http_req_duration", "p(99.9) <= 1.5s", { kind: "percentile", percentile: 99.9 }, "<=", 1500],
    ["http_req_duration", "med<200", { kind: "percentile", percentile: 50 }, "<", 200],
    ["response_time", "avg < 100", { kind: "avg" }, "<", 100],
    ["service_time", "max<2s", { kind: "max" }, "<", 2000],
    ["time_to_first_token", "min>0", { kind: "min" }, ">", 0],
    ["http_req_failed", "rate<0.01", { kind: "rate" }, "<", 0.01],
    ["http_req_failed", "rate<1%", { kind: "rate" }, "<", 0.01],
    ["checks", "rate>=99.5%", { kind: "rate" }, ">=", 0.995],
    ["http_reqs", "count>1000", { kind: "count" }, ">", 1000],
    ["http_reqs", "rate>95", { kind: "rate" }, ">", 95],
    ["dropped_iterations", "count===0", { kind: "count" }, "===", 0],
    ["errors", "count!=1", { kind: "count" }, "!=", 1],
  ])("%s: %s", (metric, condition, aggregation, operator, limit) => {
    expect(threshold(metric, condition)).toMatchObject({ metric, aggregation, operator, limit });
  });

  it.each([
    ["http_req_duration{variant:new}", { by: "variant", name: "new" }],
    ["http_req_duration{ endpoint: ask it }", { by: "endpoint", name: "ask it" }],
  ])("%s belongs to a group", (metric, group) => {
    expect(threshold(metric, "p(95)<1").group).toEqual(group);
  });

  it.each([
    ["http_req_duraton", "p(95)<1", 'did you mean "http_req_duration"?'],
    ["constructor", "p(95)<1", "no metric is named constructor"],
    ["http_req_duration", "p(95)", "is no condition"],
    ["http_req_duration", "p95<1", 'has no "p95"; it has avg, min, med, max, p(N)'],
    ["http_req_duration", "p(101)<1", 'has no "p(101)"'],
    ["http_req_duration", "rate<1", 'has no "rate"'],
    ["http_req_failed", "avg<1", 'has no "avg"; it has rate'],
    ["http_req_duration", "p(95)<fast", '"fast" is no limit'],
    ["http_req_failed", "rate<1s", '"1s" is no limit'],
    ["http_req_duration{scenario:x}", "p(95)<1", "{scenario:…} is unknown"],
    ["http_req_duration{variant:}", "p(95)<1", "needs a name"],
    ["dropped{variant:a}", "count<1", "measured of the whole run only"],
    ["not a metric", "p(95)<1", "is no metric"],
  ])("%s: %s is refused", (metric, condition, message) => {
    const parsed = parseThreshold(metric, condition, rule);
    expect(parsed.ok ? null : parsed.error).toContain(message);
  });

  it.each([
    ["http_req_duration: p(95)<500", ["http_req_duration", " p(95)<500"]],
    ["http_req_duration{variant:new}: p(95)<500", ["http_req_duration{variant:new}", " p(95)<500"]],
    ["http_req_failed:rate<0.01", ["http_req_failed", "rate<0.01"]],
  ])("%s is split at the right colon", (text, parts) => {
    expect(splitThreshold(text)).toEqual({ ok: true, value: parts });
  });

  it("a text without a colon is no threshold", () => {
    expect(splitThreshold("p(95)<500").ok).toBe(false);
  });
});

describe("a threshold is judged", () => {
  it.each([
    ["<", [true, false, false]],
    ["<=", [true, true, false]],
    [">", [false, false, true]],
    [">=", [false, true, true]],
    ["==", [false, true, false]],
    ["===", [false, true, false]],
    ["!=", [true, false, true]],
  ])("%s, below, at and above the limit", (operator, expected) => {
    const judged = [9, 10, 11].map((value) => {
      return judgeThresholds([threshold("http_req_duration", `avg${operator}10`)], () => value);
    });
    expect(judged.map(([result]) => result?.ok)).toEqual(expected);
  });

  it("what was never measured is a breach, not a success", () => {
    const [result] = judgeThresholds(
      [threshold("http_req_duration{variant:new}", "p(95)<500")],
      () => null,
    );
    expect(result).toEqual({
      text: "http_req_duration{variant:new}: p(95)<500",
      value: null,
      ok: false,
    });
  });
});

describe("a breach ends the run", () => {
  const bad: MetricReader = () => 900;
  const abort = { abortOnFail: true };

  it.each([
    ["at once", [threshold("http_req_duration", "p(95)<500", abort)], bad, 10, true],
    ["not where it does not say so", [threshold("http_req_duration", "p(95)<500")], bad, 10, false],
    [
      "not before its delay",
      [threshold("http_req_duration", "p(95)<500", { ...abort, delayAbortMs: 20 })],
      bad,
      10,
      false,
    ],
    [
      "after its delay",
      [threshold("http_req_duration", "p(95)<500", { ...abort, delayAbortMs: 20 })],
      bad,
      20,
      true,
    ],
    [
      "not while nothing is measured",
      [threshold("http_req_duration", "p(95)<500", abort)],
      () => null,
      10,
      false,
    ],
    [
      "not for a count still to be reached",
      [threshold("http_reqs", "count>1000", abort)],
      bad,
      10,
      false,
    ],
    ["for a count already passed", [threshold("errors", "count<100", abort)], bad, 10, true],
  ] as const)("%s", (_name, thresholds, read, measuredMs, ends) => {
    expect(abortingBreach(thresholds, read, measuredMs) !== null).toBe(ends);
  });
});
