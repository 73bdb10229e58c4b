import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createCollector } from "../../src/control/collector.ts";
import {
  addEvidence,
  createEvidence,
  takeTicks,
  treatedOf,
} from "../../src/core/rollout/evidence.ts";
import { watchOf } from "../../src/core/rollout/series-watch.ts";
import { createRecorder } from "../../src/core/telemetry/recorder.ts";
import { reportOf } from "../contract/metrics/reports.ts";
import { keyOf, recordExchange } from "../core/telemetry/exchanges.ts";
import { guardrailOf, rolloutOf } from "../support/guardrails.ts";

// Defects of the Python original's ExperimentEngine and realtime_monitoring: what is kept, and what a percentile is of.

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes in use once nothing more can be collected: what one collection frees may free more in the next. */
function heldBytes(): number {
  for (let round = 0; round < 4; round += 1) collectGarbage();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

const worker = { index: 0, incarnation: 0 };
const slow = guardrailOf({
  name: "slow_rate_ratio",
  metric: { kind: "slow", of: "duration", limitMs: 100 },
  max: null,
  maxRatio: 2,
});

/** All that counts requests: a worker's recorder, the control plane's collector and a rollout's evidence. */
function createCounting() {
  const policy = { ...rolloutOf(), guardrails: [guardrailOf(), slow] };
  const recorder = createRecorder();
  const collector = createCollector({ nowMs: 0 });
  const evidence = createEvidence(policy);
  const watch = watchOf(policy);
  const arms = {
    control: recorder.series(keyOf({ variant: "control" }), watch),
    treatment: recorder.series(keyOf({ variant: "treatment" }), watch),
  };
  let nowMs = 0;
  return {
    collector,
    evidence,
    nowMs: () => nowMs,
    /** One request of each user, half of them bad, with a look after every thousand. */
    count(fromUser: number, toUser: number) {
      for (let user = fromUser; user < toUser; user += 1) {
        recordExchange(recorder, user % 2 === 0 ? arms.control : arms.treatment, {
          user: `user-${user}`,
          durationUs: 1000 + ((user * 7919) % 400_000),
          outcome: user % 8 < 4 ? "upstream_error" : "success",
          status: 200 + (user % 40),
        });
        if (user % 1000 === 999) this.look();
      }
    },
    look() {
      // A second each, so that the window of the last minute is full from the first 100,000 on.
      nowMs += 1000;
      const report = reportOf(recorder);
      collector.add(worker, report, nowMs);
      for (const delta of report.telemetry.series) {
        addEvidence(evidence, delta.key.variant as "control" | "treatment", "0.0", delta);
      }
      takeTicks(evidence, 0.5, true, () => null);
    },
  };
}

describe("memory", () => {
  it("is bounded: after 100,000 users, 200,000 further ones with a request each take no more", () => {
    const counting = createCounting();
    // 50,000 users and 25,000 failing ones in each arm: beyond what is counted exactly.
    counting.count(0, 100_000);
    const before = heldBytes();
    counting.count(100_000, 300_000);
    const grown = heldBytes() - before;
    // A number kept for each user or request would be above this.
    expect(grown).toBeLessThan(500_000);
    const { variants } = counting.collector.view(counting.nowMs()).experiments.get("models") ?? {
      variants: new Map(),
    };
    for (const arm of ["control", "treatment"] as const) {
      const { analysed, users } = variants.get(arm) as { analysed: number; users: number };
      expect(analysed).toBe(150_000);
      // By then a sketch, within four standard errors.
      expect(Math.abs(users / 150_000 - 1)).toBeLessThan(4 * 0.016);
    }
    expect(treatedOf(counting.evidence).requests).toBe(150_000);
  });

  it("is bounded: 200,000 further requests of few users leave nothing behind either", () => {
    const recorder = createRecorder();
    const collector = createCollector({ nowMs: 0 });
    const series = recorder.series(keyOf());
    let nowMs = 0;
    const run = (requests: number) => {
      for (let at = 0; at < requests; at += 1) {
        recordExchange(recorder, series, {
          user: `user-${at % 50}`,
          durationUs: 500 + (at % 9000),
        });
        if (at % 1000 === 999) collector.add(worker, reportOf(recorder), (nowMs += 1000));
      }
    };
    run(100_000);
    const before = heldBytes();
    run(200_000);
    expect(heldBytes() - before).toBeLessThan(500_000);
    expect(collector.view(nowMs).experiments.get("models")?.variants.get("full")).toMatchObject({
      analysed: 300_000,
      users: 50,
    });
  });
});

describe("p95", () => {
  const recent = (durationsMs: readonly number[], laterMs = 0) => {
    const recorder = createRecorder();
    const collector = createCollector({ nowMs: 0 });
    const series = recorder.series(keyOf());
    for (const ms of durationsMs) recordExchange(recorder, series, { durationUs: ms * 1000 });
    collector.add(worker, reportOf(recorder), 1000);
    return collector
      .view(1000 + laterMs)
      .experiments.get("models")
      ?.variants.get("full")?.recent;
  };
  const ordinary = Array.from({ length: 199 }, (_, at) => 10 + (at % 10));

  it("is of a window, not of one request: one that takes a minute does not move it", () => {
    expect(recent([...ordinary, 60_000])?.p95Ms).toBeCloseTo(recent(ordinary)?.p95Ms ?? 0, 1);
    expect(recent(ordinary)?.p95Ms).toBeCloseTo(19, 1);
  });

  it("moves when one request in ten is slow", () => {
    const slowOnes = Array.from({ length: 20 }, () => 6000);
    const p95 = recent([...ordinary.slice(0, 180), ...slowOnes])?.p95Ms ?? 0;
    expect(Math.abs(p95 / 6000 - 1)).toBeLessThan(0.002);
  });

  it("forgets what is more than a minute ago", () => {
    expect(recent([60_000, 60_000], 30_000)?.requests).toBe(2);
    expect(recent([60_000, 60_000], 62_000)).toMatchObject({ requests: 0, p95Ms: null });
  });
});
