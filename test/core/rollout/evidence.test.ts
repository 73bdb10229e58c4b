import { describe, expect, it } from "vitest";
import { outcomes, type Outcome } from "../../../src/core/traffic/outcome.ts";
import {
  addEvidence,
  createEvidence,
  forgetWorker,
  takeTicks,
} from "../../../src/core/rollout/evidence.ts";
import type { GuardrailPolicy } from "../../../src/core/rollout/policy.ts";
import { createLatency, takeCounts } from "../../../src/core/telemetry/latency.ts";
import { inFlightAgeBoundsMs, type SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { createBuckets } from "../../../src/core/telemetry/buckets.ts";

const base = {
  max: 0.05,
  maxRatio: null,
  onBreach: "rollback",
  falseAlarm: 0.001,
  dryRun: false,
} as const;
const errors: GuardrailPolicy = {
  ...base,
  name: "error_rate",
  metric: { kind: "outcomes", bad: ["upstream_error", "timeout"] },
};
const slow: GuardrailPolicy = {
  ...base,
  name: "latency_p95",
  metric: { kind: "latency", of: "duration", quantile: 0.95, limitMs: 1000 },
};
const ttfb: GuardrailPolicy = {
  ...base,
  name: "ttfb_p95",
  metric: { kind: "latency", of: "first_byte", quantile: 0.95, limitMs: 200 },
};

type Seen = {
  readonly outcomes?: Partial<Record<Outcome, number>>;
  readonly durationsMs?: readonly number[];
  readonly firstBytesMs?: readonly number[];
  readonly inFlightMs?: readonly number[];
  readonly failing?: readonly number[];
  readonly route?: string;
};

function deltaOf({
  outcomes: counted = {},
  durationsMs = [],
  firstBytesMs = [],
  inFlightMs = [],
  failing,
  route = "/x",
}: Seen): SeriesDelta {
  const counts = (times: readonly number[]) => {
    const latency = createLatency();
    for (const ms of times) latency.recordValue(Math.round(ms * 1000));
    return takeCounts(latency);
  };
  const byOutcome = outcomes.map((outcome) => counted[outcome] ?? 0);
  return {
    key: { experiment: "e", variant: "new", upstream: "b", route, epoch: 1, randomised: false },
    outcomes: byOutcome,
    statuses: [{ method: "GET", status: 200, server: createBuckets(), client: createBuckets() }],
    bytesIn: 0,
    bytesOut: 0,
    retries: 0,
    inFlight: {
      count: inFlightMs.length,
      oldestMs: Math.max(0, ...inFlightMs),
      olderThan: inFlightAgeBoundsMs.map(
        (boundMs) => inFlightMs.filter((ageMs) => ageMs > boundMs).length,
      ),
    },
    analysed: 0,
    analysedOutcomes: byOutcome,
    duration: counts(durationsMs),
    firstByte: counts(firstBytesMs),
    clusters: new Float64Array(0),
    users: null,
    failingUsers:
      failing === undefined ? null : { kind: "exact", added: Uint32Array.from(failing) },
  };
}

/** Evidence of one guardrail, fed and asked. */
function open(policy: GuardrailPolicy) {
  const evidence = createEvidence([policy]);
  return {
    evidence,
    see: (seen: Seen, arm: "treatment" | "control" = "treatment", worker = "0.0") =>
      addEvidence(evidence, arm, worker, deltaOf(seen)),
    ask: (byUser = true) => {
      const tick = takeTicks(evidence, 0.1, byUser).get(policy.name);
      if (tick === undefined) throw new Error("no tick");
      return tick;
    },
  };
}

describe("evidence of outcomes", () => {
  it("counts what is bad among what ended, not clients that left, and hands it out once", () => {
    const { see, ask } = open(errors);
    see({ outcomes: { success: 7, upstream_error: 2, timeout: 1, client_error: 3, aborted: 50 } });
    see({ outcomes: { success: 4 } }, "control");
    see({ outcomes: { timeout: 1 } }, "treatment", "1.0");
    expect(ask()).toMatchObject({
      treatment: { bad: 4, count: 14 },
      control: { bad: 0, count: 4 },
      share: 0.1,
    });
    expect(ask()).toMatchObject({ treatment: { bad: 0, count: 0 }, control: { bad: 0, count: 0 } });
  });

  it("counts a user's first error only, whichever worker saw it", () => {
    const { see, ask } = open(errors);
    see({ failing: [1, 2] });
    see({ failing: [2, 3] }, "treatment", "1.0");
    see({ failing: [9] }, "control");
    expect(ask().firstErrors).toEqual({ treatment: 3, control: 1 });
    see({ failing: [1, 4] });
    expect(ask().firstErrors).toEqual({ treatment: 1, control: 0 });
    expect(ask(false).firstErrors).toBeNull();
  });
});

describe("evidence of latencies", () => {
  it("counts what is slower than the limit, to the three digits that are kept", () => {
    const { see, ask } = open(slow);
    see({ durationsMs: [1, 500, 998, 1002, 5000, 60_000] });
    expect(ask().treatment).toEqual({ bad: 3, count: 6 });
  });

  it("of first bytes, too", () => {
    const { see, ask } = open(ttfb);
    see({ durationsMs: [5000], firstBytesMs: [100, 300] });
    expect(ask().treatment).toEqual({ bad: 1, count: 2 });
  });

  it("counts a request that hangs once: when it is overdue, not again when it ends", () => {
    const { see, ask } = open(slow);
    see({ inFlightMs: [400, 900] });
    expect(ask().treatment).toEqual({ bad: 0, count: 0 });
    see({ inFlightMs: [1400, 1900] });
    expect(ask().treatment).toEqual({ bad: 2, count: 2 });
    see({ inFlightMs: [2400, 2900] });
    expect(ask().treatment).toEqual({ bad: 0, count: 0 });
    see({ durationsMs: [3000], inFlightMs: [3400] });
    expect(ask().treatment).toEqual({ bad: 0, count: 0 });
    see({ durationsMs: [3500, 10] });
    expect(ask().treatment).toEqual({ bad: 0, count: 1 });
    see({ durationsMs: [4000, 20] });
    expect(ask().treatment).toEqual({ bad: 1, count: 2 });
  });

  it("adds up routes and workers, and forgets what a worker held that is gone", () => {
    const { evidence, see, ask } = open(slow);
    see({ inFlightMs: [2000], route: "/a" });
    see({ inFlightMs: [2000, 3000], route: "/b" });
    see({ inFlightMs: [2000] }, "treatment", "1.0");
    expect(ask().treatment).toEqual({ bad: 4, count: 4 });
    forgetWorker(evidence, "0.0");
    expect(ask().treatment).toEqual({ bad: 0, count: 0 });
    see({ inFlightMs: [2000, 2000, 2000, 2000, 2000] }, "treatment", "1.0");
    expect(ask().treatment).toEqual({ bad: 4, count: 4 });
  });
});
