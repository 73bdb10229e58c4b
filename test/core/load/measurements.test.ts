import { describe, expect, it } from "vitest";
import { judgeGenerator, type GeneratorFacts } from "../../../src/core/load/generator.ts";
import { Measurements, type EndedRequest } from "../../../src/core/load/measurements.ts";
import { loadLimits, type LoadPlan } from "../../../src/core/load/plan.ts";
import { reportOf } from "../../../src/core/load/report.ts";
import { parseScenario } from "../../../src/core/load/scenario.ts";
import { err } from "../../../src/base/result.ts";

function planOf(written: Record<string, unknown> = {}): LoadPlan {
  const scenario = { target: "http://127.0.0.1:1", endpoints: { a: {}, b: {} }, ...written };
  const context = { env: {}, readFile: () => err("none"), seed: 1 };
  const parsed = parseScenario(null, scenario, context);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

function ended(changes: Partial<EndedRequest> = {}): EndedRequest {
  return {
    endpoint: 0,
    variant: null,
    status: 200,
    failure: null,
    responseMs: 10,
    serviceMs: 8,
    firstByteMs: 9,
    firstTokenMs: null,
    bytes: 100,
    retries: 0,
    ...changes,
  };
}

const runFacts = {
  startedAtMs: 0,
  end: { kind: "finished", threshold: null },
  measuredMs: 10_000,
  eventLoopLagP99Ms: 1,
  eventLoopLagMaxMs: 2,
  cpuShare: 0.5,
} as const;

describe("measurements", () => {
  it("count requests by endpoint and variant, and leave the warm-up out", () => {
    const plan = planOf();
    const seen = new Measurements(plan);
    seen.ended(ended({ responseMs: 500 }), false);
    for (let at = 0; at < 8; at += 1) {
      seen.due(true);
      seen.started(true, 0.5);
      seen.ended(ended({ variant: "old", endpoint: at % 2 }), true);
    }
    seen.due(true);
    seen.dropped(true);
    seen.ended(
      ended({ variant: "new", status: 503, failure: "status", responseMs: 40, retries: 2 }),
      true,
    );
    seen.ended(
      ended({
        status: 0,
        failure: "refused",
        responseMs: null,
        serviceMs: null,
        firstByteMs: null,
        bytes: 0,
      }),
      true,
    );
    const report = reportOf(plan, seen, runFacts);
    expect(report.requests).toMatchObject({ due: 9, started: 8, dropped: 1 });
    expect(report.rates).toEqual({ planned: 0.9, achieved: 1 });
    expect(report.all).toMatchObject({
      ended: 10,
      failed: 2,
      retries: 2,
      bytes: 900,
      statuses: { "200": 8, "503": 1 },
      failures: { refused: 1, status: 1 },
      // The refused one has no time, and cannot make the others look better.
      responseTime: { count: 9, maxMs: 40 },
    });
    expect(report.all.responseTime?.p50Ms).toBeCloseTo(10, 1);
    expect(
      Object.entries(report.variants).map(([name, { ended, failed }]) => [name, ended, failed]),
    ).toEqual([
      ["new", 1, 1],
      ["old", 8, 0],
    ]);
    expect(Object.entries(report.endpoints).map(([name, { ended }]) => [name, ended])).toEqual([
      ["a", 6],
      ["b", 4],
    ]);
    expect(report.generator.startError).toMatchObject({ count: 8 });
  });

  it("have a row for each second, warm-up included", () => {
    const seen = new Measurements(planOf());
    seen.due(false);
    seen.started(false, 0);
    seen.ended(ended({ responseMs: 3 }), false);
    expect(seen.endSecond(0, "warm_up", 0)).toMatchObject({ due: 1, ended: 1, maxMs: 3 });
    expect(seen.endSecond(1000, "measured", 4)).toMatchObject({
      due: 0,
      ended: 0,
      inFlight: 4,
      p50Ms: null,
    });
    expect(seen.rows.map(({ phase }) => phase)).toEqual(["warm_up", "measured"]);
  });

  it("tell as many variants apart as there may be, and call the others other", () => {
    const seen = new Measurements(planOf());
    for (let at = 0; at < loadLimits.variantsMax + 5; at += 1) {
      seen.ended(ended({ variant: `v${at}` }), true);
    }
    expect(seen.variants.size).toBe(loadLimits.variantsMax + 1);
    expect(seen.variants.get("other")?.ended).toBe(5);
  });

  it("with an expected interval, one long answer stands for those that were not asked meanwhile", () => {
    const seen = new Measurements(planOf({ users: 1, expected_interval: "10ms" }));
    for (let at = 0; at < 90; at += 1) seen.ended(ended({ responseMs: 1 }), true);
    seen.ended(ended({ responseMs: 100, serviceMs: 100 }), true);
    // HdrHistogram's rule: 100, and then 90, 80 … 10.
    expect(seen.all.responseTime.totalCount).toBe(100);
    expect(seen.all.responseTime.getValueAtPercentile(95)).toBeGreaterThan(40_000);
    expect(seen.all.serviceTime.totalCount).toBe(91);
  });

  it.each([
    ["http_req_duration", { kind: "avg" }, 10],
    ["http_req_failed", { kind: "rate" }, 0.25],
    ["checks", { kind: "rate" }, 0.75],
    ["http_reqs", { kind: "count" }, 4],
    ["http_reqs", { kind: "rate" }, 2],
    ["errors", { kind: "count" }, 1],
    ["retries", { kind: "count" }, 4],
    ["dropped", { kind: "count" }, 1],
    ["time_to_first_token", { kind: "max" }, null],
  ] as const)("give thresholds %s %j", (metric, aggregation, expected) => {
    const seen = new Measurements(planOf());
    for (let at = 0; at < 4; at += 1) {
      seen.ended(ended({ failure: at === 0 ? "body" : null, retries: 1 }), true);
    }
    seen.dropped(true);
    const value = seen.reader(2)(metric, null, aggregation);
    if (expected === null) expect(value).toBeNull();
    else expect(value).toBeCloseTo(expected, 1);
    expect(seen.reader(2)(metric, { by: "variant", name: "nobody" }, aggregation)).toBeNull();
  });
});

describe("the generator", () => {
  const fine: GeneratorFacts = {
    model: "open",
    due: 10_000,
    missed: 0,
    startErrorP99Ms: 0.5,
    eventLoopLagP99Ms: 500,
    cpuShare: 1,
    ownFailures: 0,
  };

  it.each([
    ["on time, though it spins", {}, null],
    ["at its limits", { missed: 10, startErrorP99Ms: 10 }, null],
    ["late", { startErrorP99Ms: 10.1 }, "one in 100 requests started 10.1 ms late"],
    ["too late", { missed: 11 }, "11 of 10000 requests could not be started in time"],
    ["out of ports", { ownFailures: 1 }, "1 requests failed here"],
    ["with users, on time", { model: "closed", eventLoopLagP99Ms: 20, cpuShare: 0.95 }, null],
    [
      "with users, and a late loop",
      { model: "closed", eventLoopLagP99Ms: 21, cpuShare: 0.2 },
      "event loop was 21.0 ms late",
    ],
    [
      "with users, and a full core",
      { model: "closed", eventLoopLagP99Ms: 1, cpuShare: 0.96 },
      "used its whole core",
    ],
  ] as const)("%s", (_name, changes, reason) => {
    const reasons = judgeGenerator({ ...fine, ...changes });
    if (reason === null) expect(reasons).toEqual([]);
    else expect(reasons.join()).toContain(reason);
  });
});
