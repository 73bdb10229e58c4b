import { describe, expect, it } from "vitest";
import { outcomes, type Outcome } from "../../../src/core/traffic/outcome.ts";
import {
  addEvidence,
  createEvidence,
  forgetWorker,
  takeTicks,
  treatedOf,
} from "../../../src/core/rollout/evidence.ts";
import { watchOf } from "../../../src/core/rollout/series-watch.ts";
import { guardrailOf, rolloutOf } from "../../support/guardrails.ts";
import type { GuardrailPolicy } from "../../../src/core/rollout/policy.ts";
import {
  addToCluster,
  createClusterSums,
  packClusters,
  type ClusterSums,
} from "../../../src/core/telemetry/clusters.ts";
import type { DistinctDelta } from "../../../src/core/telemetry/distinct.ts";
import { createLatency, takeCounts } from "../../../src/core/telemetry/latency.ts";
import { inFlightAgeBoundsMs, type SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { createBuckets } from "../../../src/core/telemetry/buckets.ts";

const errors = guardrailOf({ metric: { kind: "outcomes", bad: ["upstream_error", "timeout"] } });
const slow = guardrailOf({
  name: "latency_p95",
  metric: { kind: "slow", of: "duration", limitMs: 1000 },
});
const ttfb = guardrailOf({
  name: "ttfb_p95",
  metric: { kind: "slow", of: "first_byte", limitMs: 200 },
});

type Seen = {
  readonly outcomes?: Partial<Record<Outcome, number>>;
  readonly durationsMs?: readonly number[];
  readonly firstBytesMs?: readonly number[];
  readonly inFlightMs?: readonly number[];
  readonly failing?: readonly number[];
  readonly slowUsers?: readonly (readonly number[])[];
  readonly epoch?: number;
  readonly analysed?: number;
  readonly clusters?: ClusterSums;
  readonly users?: readonly number[];
  readonly route?: string;
};

function exactly(hashes: readonly number[]): DistinctDelta {
  return { kind: "exact", added: Uint32Array.from(hashes) };
}

function deltaOf({
  outcomes: counted = {},
  durationsMs = [],
  firstBytesMs = [],
  inFlightMs = [],
  failing,
  slowUsers = [],
  route = "/x",
  epoch = 1,
  analysed = 0,
  clusters = createClusterSums(),
  users,
}: Seen): SeriesDelta {
  const counts = (times: readonly number[]) => {
    const latency = createLatency();
    for (const ms of times) latency.recordValue(Math.round(ms * 1000));
    return takeCounts(latency);
  };
  const byOutcome = outcomes.map((outcome) => counted[outcome] ?? 0);
  return {
    key: {
      experiment: "e",
      variant: "new",
      upstream: "b",
      route,
      epoch,
      randomised: false,
      shadow: false,
    },
    outcomes: byOutcome,
    statuses: [
      {
        method: "GET",
        status: 200,
        server: createBuckets(),
        client: createBuckets(),
        exemplar: null,
      },
    ],
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
    analysed,
    analysedOutcomes: byOutcome,
    duration: counts(durationsMs),
    firstByte: counts(firstBytesMs),
    clusters: packClusters(clusters),
    users: users === undefined ? null : exactly(users),
    failingUsers: failing === undefined ? null : exactly(failing),
    metrics: {},
    failures: {},
    slowUsers: slowUsers.map((hashes) => exactly(hashes)),
  };
}

/** Evidence of one guardrail, fed and asked. */
function open(policy: GuardrailPolicy) {
  const evidence = createEvidence({ ...rolloutOf(), guardrails: [policy] });
  return {
    evidence,
    see: (seen: Seen, arm: "treatment" | "control" = "treatment", worker = "0.0") =>
      addEvidence(evidence, arm, worker, deltaOf(seen)),
    ask: (byUser = true) => {
      const tick = takeTicks(evidence, 0.1, byUser, () => null).get(policy.name);
      if (tick?.kind !== "counts") throw new Error("no tick of counts");
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

describe("evidence of users", () => {
  const both = {
    ...rolloutOf(),
    guardrails: [
      guardrailOf({ name: "latency_p95", metric: { kind: "slow", of: "duration", limitMs: 1000 } }),
      guardrailOf({
        name: "slow_rate_ratio",
        metric: { kind: "slow", of: "duration", limitMs: 1000 },
        max: null,
        maxRatio: 2,
      }),
    ],
  };

  it("a relative slow rate counts each user who met a slow answer once, by arm", () => {
    expect(watchOf(both).slowLimits).toEqual([{ of: "duration", limitUs: 1_000_000 }]);
    const evidence = createEvidence(both);
    const ask = () => takeTicks(evidence, 0.1, true, () => null).get("slow_rate_ratio");
    addEvidence(evidence, "treatment", "0.0", deltaOf({ slowUsers: [[1, 2]], failing: [7, 8, 9] }));
    addEvidence(evidence, "treatment", "1.0", deltaOf({ slowUsers: [[2, 3]] }));
    addEvidence(evidence, "control", "0.0", deltaOf({ slowUsers: [[4]] }));
    expect(ask()).toMatchObject({ firstErrors: { treatment: 3, control: 1 } });
    expect(ask()).toMatchObject({ firstErrors: { treatment: 0, control: 0 } });
  });

  it("knows a mean by the users behind it, and begins anew with each split", () => {
    const evidence = createEvidence({
      ...rolloutOf(),
      guardrails: [guardrailOf({ name: "latency_mean", metric: { kind: "mean", of: null } })],
    });
    const ask = () => takeTicks(evidence, 0.1, true, () => null).get("latency_mean");
    const clusters = createClusterSums();
    for (const [cluster, ms] of [100, 200, 300].entries()) {
      addToCluster(clusters, cluster, ms, false);
    }
    addEvidence(
      evidence,
      "treatment",
      "0.0",
      deltaOf({ clusters, users: [1, 2, 3], analysed: 30 }),
    );
    expect(ask()).toMatchObject({
      kind: "mean",
      treatment: { bad: 600, count: 3 },
      ofTreatment: { value: 200, users: 3 },
      ofControl: null,
    });
    expect(treatedOf(evidence)).toEqual({ users: 3, requests: 30 });
    addEvidence(evidence, "treatment", "0.0", deltaOf({ users: [4], epoch: 2 }));
    expect(treatedOf(evidence)).toEqual({ users: 1, requests: 0 });
    expect(ask()).toMatchObject({ ofTreatment: null });
  });

  it("judges a shadow step by copies, and compares answers on copies in every step", () => {
    const guardrails = [
      guardrailOf(),
      guardrailOf({ name: "tokens_in", metric: { kind: "mean", of: "tokens_in" } }),
      guardrailOf({ name: "similar", metric: { kind: "mean", of: "semantic_similarity" } }),
    ];
    const packed = (value: number) => Float64Array.of(3, 2, 2 * value, 2 * value * value, 0);
    const copies = (outcomes: NonNullable<Seen["outcomes"]>): SeriesDelta => {
      const { key, ...rest } = deltaOf({ outcomes, users: [1, 2], analysed: 2 });
      const metrics = { tokens_in: packed(7), semantic_similarity: packed(0.9) };
      return { ...rest, key: { ...key, shadow: true }, metrics };
    };
    const asked = (isShadowStep: boolean) => {
      const evidence = createEvidence({ ...rolloutOf(), guardrails });
      const mode = { isShadowStep, isWarmingUp: false };
      const failing = { success: 1, upstream_error: 1 };
      addEvidence(evidence, "treatment", "0.0", copies(failing), mode);
      addEvidence(evidence, "control", "0.0", copies(failing), mode);
      addEvidence(evidence, "control", "0.0", deltaOf({ outcomes: { success: 5 } }), mode);
      addEvidence(evidence, "treatment", "0.0", deltaOf({ outcomes: { success: 3 } }), mode);
      const ticks = takeTicks(evidence, 0.5, false, () => null);
      return ["error_rate", "tokens_in", "similar"].map((name) => ticks.get(name));
    };
    expect(asked(true)).toMatchObject([
      { treatment: { bad: 1, count: 2 }, control: { bad: 0, count: 5 } },
      { treatment: { bad: 14, count: 2 } },
      { treatment: { bad: 1.8, count: 2 } },
    ]);
    expect(asked(false)).toMatchObject([
      { treatment: { bad: 0, count: 3 }, control: { bad: 0, count: 5 } },
      { treatment: { bad: 0, count: 0 } },
      { treatment: { bad: 1.8, count: 2 } },
    ]);
  });

  it("does not compare times while the treatment warms up; errors and its own limits count", () => {
    const slow = { kind: "slow", of: "duration", limitMs: 100 } as const;
    const evidence = createEvidence({
      ...rolloutOf(),
      guardrails: [
        guardrailOf(),
        guardrailOf({ name: "absolute", metric: slow }),
        guardrailOf({ name: "relative", metric: slow, max: null, maxRatio: 2 }),
      ],
    });
    const delta = deltaOf({ durationsMs: [50, 200], outcomes: { timeout: 1, success: 1 } });
    addEvidence(evidence, "treatment", "0.0", delta, { isShadowStep: false, isWarmingUp: true });
    const ticks = takeTicks(evidence, 0.5, true, () => null);
    expect(["error_rate", "absolute", "relative"].map((name) => ticks.get(name))).toMatchObject([
      { treatment: { bad: 1, count: 2 } },
      { treatment: { bad: 1, count: 2 } },
      { treatment: { bad: 0, count: 0 } },
    ]);
  });

  it("knows the times of the step, and how alike one user's requests are", () => {
    const evidence = createEvidence({
      ...rolloutOf(),
      guardrails: [
        guardrailOf({
          name: "p95",
          metric: { kind: "quantile", of: "duration", quantile: 0.95 },
          max: null,
          maxRatio: 2,
        }),
      ],
    });
    const ask = () => takeTicks(evidence, 0.1, true, () => null).get("p95");
    const clusters = createClusterSums();
    // Ten users with ten requests each, all of a user's alike: a request in ten counts.
    for (let user = 0; user < 10; user += 1) {
      for (let request = 0; request < 10; request += 1) {
        addToCluster(clusters, user, 100 * (user + 1), false);
      }
    }
    addEvidence(evidence, "treatment", "0.0", deltaOf({ clusters, durationsMs: [100, 200] }));
    addEvidence(evidence, "treatment", "0.0", deltaOf({ durationsMs: [100] }));
    const tick = ask();
    if (tick?.kind !== "quantile") throw new Error("no tick of a quantile");
    expect(tick.treatment.counts.filter((_, at) => at % 2 === 1)).toEqual(Int32Array.from([2, 1]));
    expect(tick.treatment.designEffect).toBeCloseTo(100 / 9, 6);
    expect(tick.control).toMatchObject({ designEffect: 1 });
  });
});
