import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditionsOf } from "../../../src/core/alerting/conditions.ts";
import { defaultAlerts, defaultRules } from "../../../src/core/alerting/defaults.ts";
import type { AlertFacts, VariantAlertFacts } from "../../../src/core/alerting/facts.ts";
import { alertKinds, type AlertKind, type AlertRule } from "../../../src/core/alerting/policy.ts";
import type { AlertCondition } from "../../../src/core/alerting/state.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";
import {
  addUsers,
  createSampleRatioTest,
} from "../../../src/core/statistics/sequential/sample-ratio.ts";
import { experiment, facts, plan, variant } from "./facts.ts";

function of(
  kind: AlertKind,
  given: AlertFacts,
  changes: Partial<AlertRule> = {},
): readonly AlertCondition[] {
  const rules = [{ ...defaultRules[kind], ...changes }];
  return conditionsOf({ ...defaultAlerts, rules }, given);
}

const withNew = (fields: Partial<VariantAlertFacts>) =>
  facts({
    experiments: [experiment({ variants: [variant({ variant: "control" }), variant(fields)] })],
  });

describe("when nothing is wrong", () => {
  it("no rule has anything to say", () => {
    expect(conditionsOf(defaultAlerts, facts())).toEqual([]);
  });

  it("nor when there is nothing at all", () => {
    const none = facts({ experiments: [], upstreams: [], rollouts: [] });
    expect(conditionsOf(defaultAlerts, none)).toEqual([]);
    const idle = withNew({ requests: 0, latencyMsAt: null });
    const quiet = { ...idle, experiments: [experiment({ variants: [], plan: null })] };
    expect(conditionsOf(defaultAlerts, quiet)).toEqual([]);
  });
});

describe("every kind of alert", () => {
  const wrong = facts({
    experiments: [
      experiment({
        variants: [
          variant({ variant: "control", share: 0.4 }),
          variant({ share: 0.4, errors: 900, latencyMsAt: () => 9000 }),
          variant({ variant: "third", share: 0.2, requests: 0, latencyMsAt: null }),
        ],
        secondsWithoutRequests: 3600,
        sampleRatio: addUsers(createSampleRatioTest({ shares: [0.4, 0.4, 0.2] }), [4000, 4000, 0]),
        plan: plan({ collected: 10, ranMs: 13 * 86_400_000 }),
      }),
    ],
    upstreams: [{ upstream: "smp", healthyEndpoints: 1, unhealthyEndpoints: 1 }],
    rollouts: [
      {
        experiment: "f",
        rolledBack: "error_rate is too high",
        breaches: [
          { guardrail: "latency", consequence: "pause", reason: "slow", value: 9, limit: 5 },
        ],
      },
    ],
    reloadFault: "line 3: unknown key",
    storeFault: "the disk is full",
    mirrors: [
      {
        experiment: "e",
        variant: "new",
        queued: 3,
        oldestAgeMs: 90_000,
        failure: "connect ECONNREFUSED",
        diverged: 2,
      },
    ],
  });

  it.each(alertKinds)("%s has a condition of its own", (kind) => {
    const conditions = of(kind, wrong);
    expect(conditions).toHaveLength(1);
    expect(conditions[0]?.kind).toBe(kind);
    expect(conditions[0]?.summary).toMatch(/^[a-z].{10,300}[^.\s]$/);
  });
});

describe("error_rate", () => {
  it.each<[string, Partial<VariantAlertFacts>, number]>([
    ["above the limit", { requests: 1000, errors: 101 }, 1],
    ["at the limit", { requests: 1000, errors: 100 }, 0],
    ["below it", { requests: 1000, errors: 99 }, 0],
    ["with just enough requests", { requests: 100, errors: 100 }, 1],
    ["with too few of them", { requests: 99, errors: 99 }, 0],
    ["with a blip on three", { requests: 3, errors: 3 }, 0],
    ["with none", { requests: 0, errors: 0 }, 0],
  ])("%s", (_, fields, count) => {
    expect(of("error_rate", withNew(fields))).toHaveLength(count);
  });

  it("says what, whose and how much", () => {
    expect(of("error_rate", withNew({ errors: 250 }))).toEqual([
      {
        kind: "error_rate",
        experiment: "e",
        subject: "new",
        value: 0.25,
        limit: 0.1,
        summary: "new of e failed 25 % of 1000 requests in the last minute, more than 10 %",
      },
    ]);
  });

  it("without a least number of requests still needs one", () => {
    const none = withNew({ requests: 0 });
    expect(of("error_rate", none, { minRequests: null })).toEqual([]);
    const one = withNew({ requests: 1, errors: 1 });
    expect(of("error_rate", one, { minRequests: null })).toHaveLength(1);
  });

  it("watches every variant of every experiment, the control too", () => {
    const variants = [variant({ variant: "control", errors: 500 }), variant({ errors: 500 })];
    const experiments = [experiment({ variants }), experiment({ experiment: "f", variants })];
    const found = of("error_rate", facts({ experiments }));
    expect(found.map((each) => `${each.experiment}/${each.subject}`)).toEqual([
      "e/control",
      "e/new",
      "f/control",
      "f/new",
    ]);
  });
});

describe("latency", () => {
  const atQuantile = (quantile: number) => quantile * 10_000;

  it.each<[string, Partial<VariantAlertFacts>, Partial<AlertRule>, number]>([
    ["slower than the limit", { latencyMsAt: () => 5001 }, {}, 1],
    ["just as slow", { latencyMsAt: () => 5000 }, {}, 0],
    ["faster", { latencyMsAt: () => 4999 }, {}, 0],
    ["slow, on too few requests", { requests: 99, latencyMsAt: () => 60_000 }, {}, 0],
    ["not known", { latencyMsAt: null }, {}, 0],
    ["at the rule's quantile", { latencyMsAt: atQuantile }, { limit: 9400 }, 1],
    ["at another", { latencyMsAt: atQuantile }, { limit: 9400, quantile: 0.9 }, 0],
  ])("%s", (_, fields, changes, count) => {
    expect(of("latency", withNew(fields), changes)).toHaveLength(count);
  });

  it("says which percentile", () => {
    const [found] = of("latency", withNew({ latencyMsAt: () => 7200.4 }));
    expect(found).toMatchObject({ subject: "new", value: 7200.4, limit: 5000 });
    expect(found?.summary).toBe(
      "p95 of new of e was 7200ms over 1000 requests in the last minute, more than 5s",
    );
  });
});

describe("sample_ratio", () => {
  const shares = [0.5, 0.5];
  const ratioOf = (users: readonly number[], split = shares) =>
    facts({
      experiments: [
        experiment({ sampleRatio: addUsers(createSampleRatioTest({ shares: split }), users) }),
      ],
    });

  it.each<[string, readonly number[], number]>([
    ["no users", [0, 0], 0],
    ["an even split", [5000, 5000], 0],
    ["a small excess", [5100, 4900], 0],
    ["a large excess", [5500, 4500], 1],
    ["one arm only", [2000, 0], 1],
  ])("of %s", (_, users, count) => {
    expect(of("sample_ratio", ratioOf(users))).toHaveLength(count);
  });

  it("looked at after every user of a right split is not fooled, as a repeated χ² is", () => {
    const random = createRandom(11);
    const runs = 60;
    let alarms = 0;
    let chiSquareAlarms = 0;
    for (let run = 0; run < runs; run += 1) {
      let test = createSampleRatioTest({ shares, concentration: 100 });
      let hasAlarm = false;
      let hasChiSquare = false;
      for (let user = 0; user < 3000; user += 1) {
        test = addUsers(test, random() < 0.5 ? [1, 0] : [0, 1]);
        const given = facts({ experiments: [experiment({ sampleRatio: test })] });
        hasAlarm ||= of("sample_ratio", given, { limit: 0.05 }).length > 0;
        const [first = 0, second = 0] = test.users;
        // The 5 % point of χ² with one degree of freedom.
        hasChiSquare ||= (first - second) ** 2 / (first + second) > 3.841;
      }
      alarms += hasAlarm ? 1 : 0;
      chiSquareAlarms += hasChiSquare ? 1 : 0;
    }
    expect(alarms).toBeLessThanOrEqual(runs * 0.1);
    expect(chiSquareAlarms).toBeGreaterThan(runs * 0.3);
  });

  it("says what was found and what it means", () => {
    const [found] = of("sample_ratio", ratioOf([5500, 4500]));
    expect(found).toMatchObject({ experiment: "e", subject: null, limit: 0.001 });
    expect(found?.value).toBeLessThan(0.001);
    expect(found?.summary).toContain("of 10000, control 5500 for 50 %, new 4500 for 50 %");
  });

  it("of a user where there should be none is certain", () => {
    const [found] = of("sample_ratio", ratioOf([100, 1], [1, 0]));
    expect(found?.value).toBe(0);
    expect(found?.summary).toContain("less than 1e-300");
  });
});

describe("variant_silent", () => {
  it.each<[string, number, number, number, number]>([
    // share, requests of it, requests of the other, conditions
    ["half of enough", 0.5, 0, 40, 1],
    ["half of too few", 0.5, 0, 39, 0],
    ["a twentieth of a few hundred", 0.05, 0, 399, 0],
    ["a twentieth of more", 0.05, 0, 400, 1],
    ["no share", 0, 0, 1e6, 0],
    ["one request", 0.5, 1, 1e6, 0],
    ["everybody, and leftovers elsewhere", 1, 0, 20, 1],
    ["no traffic at all", 1, 0, 0, 0],
  ])("of %s", (_, share, requests, others, count) => {
    const variants = [
      variant({ variant: "control", share: 1 - share, requests: others }),
      variant({ share, requests }),
    ];
    const given = facts({ experiments: [experiment({ variants })] });
    const found = of("variant_silent", given).filter(({ subject }) => subject === "new");
    expect(found).toHaveLength(count);
  });

  it("says how many there should have been", () => {
    const [found] = of("variant_silent", withNew({ share: 0.25, requests: 0 }));
    expect(found).toMatchObject({ subject: "new", value: 250, limit: 20 });
    expect(found?.summary).toContain("its share of 25 % should have brought about 250");
  });
});

describe("no_traffic", () => {
  it.each<[number | null, number]>([
    [null, 0],
    [0, 0],
    [599, 0],
    [600, 1],
    [1e9, 1],
  ])("for %s seconds", (secondsWithoutRequests, count) => {
    const given = facts({ experiments: [experiment({ secondsWithoutRequests })] });
    expect(of("no_traffic", given)).toHaveLength(count);
  });
});

describe("upstream_unhealthy", () => {
  it.each<[number, number, number, number]>([
    // healthy, unhealthy, limit, conditions
    [2, 0, 0, 0],
    [1, 1, 0, 1],
    [0, 1, 0, 1],
    [0, 0, 0, 0],
    [1, 1, 0.5, 0],
    [1, 2, 0.5, 1],
  ])("%i up and %i down, limit %f", (healthyEndpoints, unhealthyEndpoints, limit, count) => {
    const given = facts({ upstreams: [{ upstream: "u", healthyEndpoints, unhealthyEndpoints }] });
    const found = of("upstream_unhealthy", given, { limit });
    expect(found).toHaveLength(count);
    if (count > 0) expect(found[0]).toMatchObject({ experiment: null, subject: "u" });
  });
});

it("a paused rollout and a breach without consequence are two alerts", () => {
  const breach = { reason: "too slow", value: 9, limit: 5 };
  const breaches = [
    { ...breach, guardrail: "a", consequence: "pause" as const },
    { ...breach, guardrail: "b", consequence: "alert" as const },
  ];
  const given = facts({ rollouts: [{ experiment: "e", rolledBack: null, breaches }] });
  expect(of("guardrail", given).map(({ summary }) => summary)).toEqual([
    "guardrail a paused the rollout of e: too slow",
    "guardrail b was breached in e: too slow",
  ]);
});

it("more errors and slower answers never mend anything", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const requests = fc.nat({ max: 5000 });
  fc.assert(
    fc.property(requests, share, share, fc.nat(), fc.nat(), (requests, first, second, ms, more) => {
      const [few, many] = [Math.min(first, second), Math.max(first, second)];
      const count = (kind: AlertKind, fields: Partial<VariantAlertFacts>) =>
        of(kind, withNew({ requests, ...fields })).length;
      expect(count("error_rate", { errors: Math.floor(requests * few) })).toBeLessThanOrEqual(
        count("error_rate", { errors: Math.floor(requests * many) }),
      );
      expect(count("latency", { latencyMsAt: () => ms })).toBeLessThanOrEqual(
        count("latency", { latencyMsAt: () => ms + more }),
      );
    }),
  );
});

describe("mirrored writes", () => {
  const mirror = (fields: object) =>
    facts({
      mirrors: [
        {
          experiment: "e",
          variant: "new",
          queued: 1,
          oldestAgeMs: 60_000,
          failure: null,
          diverged: 0,
          ...fields,
        },
      ],
    });

  it("behind for a minute are no alert yet, for longer they are, with the reason", () => {
    expect(of("writes_behind", mirror({}))).toEqual([]);
    const [late] = of("writes_behind", mirror({ oldestAgeMs: 60_001, failure: "it is down" }));
    expect(late?.summary).toBe("new of e is 1m behind with 1 mirrored writes: it is down");
  });

  it("one that came to something else is one too many", () => {
    expect(of("writes_diverged", mirror({}))).toEqual([]);
    expect(of("writes_diverged", mirror({ diverged: 1 }))[0]).toMatchObject({ value: 1, limit: 0 });
  });
});
