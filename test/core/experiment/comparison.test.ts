import { describe, expect, it } from "vitest";
import {
  compareArms,
  type ComparedArm,
  type ComparisonQuestion,
} from "../../../src/core/experiment/comparison.ts";
import { histogramOfCounts } from "../../../src/core/statistics/histogram.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";
import {
  addToCluster,
  clusterCount,
  createClusterSums,
} from "../../../src/core/telemetry/clusters.ts";
import { percentileMs } from "../../../src/core/telemetry/merge.ts";
import { createLatency, readCounts } from "../../../src/core/telemetry/latency.ts";

type Request = { readonly user: number; readonly ms: number; readonly failed?: boolean };

function armOf(
  variant: string,
  requests: readonly Request[],
  metrics: Readonly<Record<string, (request: Request) => number>> = {},
): ComparedArm {
  const clusters = createClusterSums();
  const duration = createLatency();
  const own = Object.keys(metrics).map((name) => [name, createClusterSums()] as const);
  for (const request of requests) {
    const { user, ms, failed = false } = request;
    addToCluster(clusters, user % clusterCount, ms, failed);
    duration.recordValue(Math.round(ms * 1000));
    for (const [name, sums] of own) {
      addToCluster(sums, user % clusterCount, metrics[name]?.(request) ?? 0, false);
    }
  }
  return {
    variant,
    clusters,
    users: new Set(requests.map(({ user }) => user)).size,
    isExact: true,
    requests: requests.length,
    failures: requests.filter(({ failed = false }) => failed).length,
    duration: histogramOfCounts(readCounts(duration)),
    firstByte: histogramOfCounts(new Int32Array(0)),
    metrics: new Map(own),
  };
}

const each = (users: number, request: (user: number) => Omit<Request, "user">) =>
  Array.from({ length: users }, (_, user) => ({ ...request(user), user }));

function ask(arms: readonly ComparedArm[], more: Partial<ComparisonQuestion> = {}) {
  return compareArms({
    control: "full",
    treatments: ["compact"],
    arms: new Map(arms.map((arm) => [arm.variant, arm])),
    primary: "latency_mean",
    confidence: 0.95,
    minEffectSize: 0.05,
    power: 0.8,
    plannedUsers: null,
    sampleRatioPValue: null,
    directions: new Map(),
    ...more,
  });
}

function treatmentOf(comparison: ReturnType<typeof ask>, name: string) {
  const metric = comparison.metrics.find((one) => one.name === name);
  const treatment = metric?.treatments[0];
  if (metric === undefined || treatment === undefined) throw new Error(`no ${name}`);
  return { ...treatment, metric };
}

describe("numbers", () => {
  // 40 users with a request each: 90 and 110 ms by turns, against 79 and 97 ms.
  const full = armOf(
    "full",
    each(40, (user) => ({ ms: user % 2 === 0 ? 90 : 110 })),
  );
  const compact = armOf(
    "compact",
    each(40, (user) => ({ ms: user % 2 === 0 ? 79 : 97 })),
  );

  it("are those reckoned by hand: variances 40/39·40·100/1600 and 40/39·40·81/1600", () => {
    const found = treatmentOf(ask([full, compact]), "latency_mean");
    expect(found.metric.control).toEqual({ variant: "full", value: 100, users: 40, requests: 40 });
    expect(found).toMatchObject({ variant: "compact", value: 88, users: 40, requests: 40 });
    expect(found.change?.absolute).toBeCloseTo(-12, 12);
    expect(found.change?.relative).toBeCloseTo(-0.12, 12);
    // t = −12/2.1543 with 77.15 degrees of freedom.
    expect(found.interval?.low).toBeCloseTo(-16.28964, 4);
    expect(found.interval?.high).toBeCloseTo(-7.71036, 4);
    expect(found.pValue).toBeCloseTo(3.5683e-7, 10);
    // Waudby-Smith et al., eq. 9, tightest at 2000 users.
    expect(found.sequentialInterval?.low).toBeCloseTo(-22.98686, 4);
    expect(found.sequentialInterval?.high).toBeCloseTo(-1.01314, 4);
    expect(found.sequentialPValue).toBeCloseTo(0.01604173, 7);
    expect(found.power).toBeCloseTo(0.687843, 4);
    expect(found.usersNeeded).toBe(52);
  });

  it("are in words, the reason first", () => {
    const found = treatmentOf(ask([full, compact]), "latency_mean");
    expect(found.verdict).toBe("undecided");
    expect(found.says).toBe(
      "better, but not surely by the 5 % that counts: compact is 12 % faster, between 1.72 and 22.3 % at 95 %",
    );
    const any = treatmentOf(ask([full, compact], { minEffectSize: 0 }), "latency_mean");
    expect(any.verdict).toBe("better");
    expect(any.says).toBe(
      "compact is 12 % faster, between 1.72 and 22.3 % at 95 %, and this holds at every look",
    );
    expect([any.power, any.usersNeeded]).toEqual([null, null]);
  });

  it("share the error allowed among the treatments", () => {
    const other = { ...compact, variant: "other" };
    const both = ask([full, compact, other], { treatments: ["compact", "other"] });
    const [one, two] = both.metrics[0]?.treatments ?? [];
    expect(one?.sequentialInterval?.low).toBeLessThan(-22.99);
    expect(one?.sequentialInterval).toEqual(two?.sequentialInterval);
    expect(one?.interval?.low).toBeCloseTo(-16.28964, 4);
  });

  it("of no failure in either arm are 0, and their change unknown but small", () => {
    const found = treatmentOf(ask([full, compact]), "error_rate");
    expect([found.metric.control.value, found.value]).toEqual([0, 0]);
    expect(found.change).toEqual({ absolute: 0, relative: null });
    expect(found.verdict).toBe("undecided");
    expect(found.says).toMatch(
      /^may be better, the same or worse: error_rate is 0 percentage points/,
    );
    expect([found.power, found.usersNeeded]).toEqual([null, null]);
  });
});

describe("verdicts", () => {
  const random = createRandom(5);
  const arm = (variant: string, users: number, meanMs: number, failing = 0) =>
    armOf(
      variant,
      each(users, () => ({ ms: meanMs * (0.5 + random()), failed: random() < failing })),
      {
        tokens_out: ({ ms }) => ms,
        tokens_per_second: ({ ms }) => 1000 / ms,
        quality: ({ ms }) => ms,
      },
    );
  const full = arm("full", 4000, 200, 0.1);

  it("know which way each metric is better", () => {
    const found = ask([full, arm("compact", 4000, 120, 0.2)]);
    const verdicts = Object.fromEntries(
      found.metrics.map(({ name, treatments }) => [name, treatments[0]?.verdict]),
    );
    expect(verdicts).toEqual({
      latency_mean: "better",
      error_rate: "worse",
      latency_p95: "better",
      quality: "undecided",
      tokens_out: "better",
      tokens_per_second: "better",
    });
    expect(found.summary).toMatch(
      /^compact against full, by latency_mean: compact is [\d.]+ % faster, between [\d.]+ and [\d.]+ % at 95 %, and this holds at every look\. Besides, it is worse in error_rate; better in latency_p95, tokens_out, tokens_per_second\.$/,
    );
  });

  it("say of a metric of one's own that nobody said which way is better, until somebody did", () => {
    const arms = [full, arm("compact", 4000, 120)];
    const unsaid = treatmentOf(ask(arms), "quality");
    expect([unsaid.metric.direction, unsaid.verdict]).toEqual([null, "undecided"]);
    expect(unsaid.says).toContain("nobody said which way is better");
    const said = treatmentOf(
      ask(arms, { directions: new Map([["quality", "higher"]]) }),
      "quality",
    );
    expect([said.metric.direction, said.verdict]).toEqual(["higher", "worse"]);
  });

  it("find no difference where a difference would have been found", () => {
    const found = treatmentOf(ask([full, arm("compact", 4000, 200, 0.1)]), "latency_mean");
    expect(found.verdict).toBe("no_difference");
    expect(found.says).toMatch(/^less than the 5 % that counts, surely: compact is /);
  });

  it("need 30 users", () => {
    const [few, enough] = [29, 30].map((users) =>
      treatmentOf(ask([full, arm("compact", users, 120)]), "latency_mean"),
    );
    expect(few).toMatchObject({
      verdict: "too_few",
      says: "29 users in the smaller arm, at least 30 are compared",
      interval: null,
      sequentialInterval: null,
      pValue: null,
      sequentialPValue: null,
      power: null,
      usersNeeded: null,
    });
    expect(few?.value).not.toBeNull();
    expect(few?.change).not.toBeNull();
    expect(enough?.interval).not.toBeNull();
  });

  it("are none where the split is broken", () => {
    const found = ask([full, arm("compact", 4000, 120)], { sampleRatioPValue: 1e-9 });
    expect(found.summary).toMatch(/^No comparison is valid: the arms do not have the shares/);
    for (const { treatments } of found.metrics) expect(treatments[0]?.verdict).toBe("undecided");
  });

  it("are the experiment's own for several treatments, the primary metric first", () => {
    const found = ask([full, arm("compact", 4000, 200, 0.3)], { primary: "error_rate" });
    expect(found.metrics[0]).toMatchObject({ name: "error_rate", isPrimary: true });
    expect(found.metrics.filter(({ isPrimary }) => isPrimary)).toHaveLength(1);
    expect(found.metrics[0]?.treatments[0]?.verdict).toBe("worse");
  });
});

describe("what is not known is null", () => {
  it("of arms without a request", () => {
    const found = ask([]);
    expect(found.summary).toBe("Nothing has been measured since the split began.");
    const latency = treatmentOf(found, "latency_mean");
    expect(latency.metric.control).toEqual({ variant: "full", value: null, users: 0, requests: 0 });
    expect(latency).toMatchObject({ value: null, change: null, pValue: null, verdict: "too_few" });
    expect(treatmentOf(found, "error_rate").value).toBeNull();
    expect(treatmentOf(found, "latency_p95").value).toBeNull();
    expect(latency.test).toBe("t-test over users (delta method, 256 groups)");
  });

  it("of an arm that nobody had yet", () => {
    const full = armOf(
      "full",
      each(100, () => ({ ms: 20 })),
    );
    const latency = treatmentOf(ask([full]), "latency_mean");
    expect(latency.metric.control.value).toBe(20);
    expect(latency).toMatchObject({ value: null, change: null, verdict: "too_few" });
    expect(latency.says).toBe("0 users in the smaller arm, at least 30 are compared");
  });

  it("of values that are all the same", () => {
    const arms = ["full", "compact"].map((variant) =>
      armOf(
        variant,
        each(100, () => ({ ms: 20 })),
      ),
    );
    const latency = treatmentOf(ask(arms), "latency_mean");
    expect(latency).toMatchObject({
      value: 20,
      verdict: "undecided",
      pValue: null,
      interval: null,
    });
    expect(latency.says).toContain("all values are equal");
  });
});

describe("p95", () => {
  it("is the one that the status shows", () => {
    const random = createRandom(8);
    const latency = createLatency();
    const requests = each(1000, () => ({ ms: 100 * random() ** 2 }));
    for (const { ms } of requests) latency.recordValue(Math.round(ms * 1000));
    const arms = ["full", "compact"].map((variant) => armOf(variant, requests));
    expect(treatmentOf(ask(arms), "latency_p95").value).toBe(percentileMs(latency, 95));
  });

  it("is tested with the variance that users add", () => {
    const random = createRandom(9);
    // Ten requests of each user, all alike: a tenth of the independent evidence.
    const alike = (variant: string, factor: number) =>
      armOf(
        variant,
        Array.from({ length: 200 }, (_, user) => {
          const ms = 100 * factor * (0.5 + random());
          return Array.from({ length: 10 }, () => ({ user, ms }));
        }).flat(),
      );
    const arms = [alike("full", 1), alike("compact", 1)];
    const found = treatmentOf(ask(arms), "latency_p95");
    const [low, high] = [found.interval?.low ?? 0, found.interval?.high ?? 0];
    // 200 independent values uniform on 50…150: √(2·0.05·0.95/200)·100 · 1.97 on each side.
    const half = Math.sqrt((2 * 0.05 * 0.95) / 200) * 100 * 1.97;
    expect((high - low) / 2 / half).toBeGreaterThan(0.6);
    expect((high - low) / 2 / half).toBeLessThan(1.6);
    expect(found.test).toContain("the variance that users add");
  });
});

describe("requests without users", () => {
  it("are compared as requests", () => {
    const random = createRandom(11);
    const bare = (variant: string, factor: number): ComparedArm => {
      const requests = each(500, () => ({ ms: 100 * factor * (0.5 + random()) }));
      const arm = armOf(variant, requests);
      return { ...arm, clusters: createClusterSums(), users: 0 };
    };
    const found = treatmentOf(ask([bare("full", 1), bare("compact", 0.5)]), "latency_mean");
    expect(found.metric.control.value).toBeCloseTo(100, -1);
    expect(found).toMatchObject({ verdict: "better", test: "t-test over requests", users: 0 });
    expect(found.usersNeeded).toBeNull();
  });
});
