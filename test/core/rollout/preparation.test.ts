import { describe, expect, it, test } from "vitest";
import { createGuardrail, judge, watch } from "../../../src/core/rollout/guardrail.ts";
import type { GuardrailPolicy, RolloutPolicy } from "../../../src/core/rollout/policy.ts";
import { prepare, requestsForOk } from "../../../src/core/rollout/preparation.ts";
import type { PreparationFacts } from "../../../src/core/rollout/preparation.ts";
import { createRollout, step } from "../../../src/core/rollout/step.ts";
import { countsTick, guardrailOf, rolloutOf } from "../../support/guardrails.ts";

const healthy: PreparationFacts = {
  requestsPerSecond: 100,
  controlHealthy: true,
  treatmentHealthy: true,
  sameUpstream: false,
};

const day = 86_400_000;

function timesOf(policy: RolloutPolicy, requestsPerSecond: number): (number | null)[] {
  const prepared = prepare(policy, { ...healthy, requestsPerSecond });
  return [...prepared.steps.map(({ expectedMs }) => expectedMs), prepared.expectedMs];
}

function messagesOf(policy: RolloutPolicy, facts: Partial<PreparationFacts> = {}): string[] {
  const { findings } = prepare(policy, { ...healthy, ...facts });
  return findings.map(({ level, message }) => `${level}: ${message}`);
}

describe("a step takes as long as the slowest of what it waits for", () => {
  it.each<[string, RolloutPolicy, number, (number | null)[]]>([
    ["the hold", rolloutOf([], { minRequests: 0 }), 100, [10_000, 10_000, 10_000, 35_000]],
    [
      "min_requests at the step's share",
      rolloutOf([], { minRequests: 1000 }),
      20,
      [1_000_000, 200_000, 50_000, 1_255_000],
    ],
    [
      // 0 of 381 is the first of which Wilson's interval ends below 1 %.
      "an absolute guardrail",
      rolloutOf([{ max: 0.01 }], { minRequests: 100 }),
      20,
      [381_000, 76_200, 19_050, 481_250],
    ],
    [
      "the strictest guardrail",
      rolloutOf([{ max: 0.05 }, { max: 0.01 }, { max: 0.02 }]),
      20,
      [381_000, 76_200, 19_050, 481_250],
    ],
    [
      "a share of slow requests",
      rolloutOf([{ metric: { kind: "slow", of: "duration", limitMs: 800 }, max: 0.01 }]),
      20,
      [381_000, 76_200, 19_050, 481_250],
    ],
    [
      "no guardrail without consequence",
      rolloutOf([
        { max: 0.0001, dryRun: true },
        { max: 0.0001, onBreach: "alert" },
      ]),
      20,
      [100_000, 20_000, 10_000, 135_000],
    ],
    [
      "one request for a relative guardrail",
      rolloutOf([{ max: null, maxRatio: 2 }], { minRequests: 0 }),
      0.5,
      [40_000, 10_000, 10_000, 65_000],
    ],
    [
      // 20 requests take 20, 4 and 1 s: looks come every 8 s.
      "the look of a window that holds enough",
      rolloutOf([{ evidence: window(20, 20_001, 8000) }], { minRequests: 0, holdMs: 1000 }),
      20,
      [24_000, 8000, 8000, 45_000],
    ],
    [
      "a window too short for its requests, for ever",
      rolloutOf([{ evidence: window(20, 20_000, 8000) }], { minRequests: 0, holdMs: 1000 }),
      20,
      [null, 8000, 8000, null],
    ],
    [
      "the answer to a query",
      rolloutOf([{ metric: { kind: "promql", query: "up", everyMs: 30_000 } }]),
      100,
      [30_000, 30_000, 30_000, 95_000],
    ],
  ])("%s", (_what, policy, rate, expected) => {
    expect(timesOf(policy, rate)).toEqual(expected);
  });

  test("a window that compares needs its requests of the control, too", () => {
    const guardrail = { max: null, maxRatio: 2, evidence: window(20, 600_000, 1000) };
    const rollout = rolloutOf([guardrail], { minRequests: 0, holdMs: 1000 });
    const [first] = rollout.steps;
    const policy = { ...rollout, steps: [{ ...first!, share: 0.75 }] };
    expect(timesOf(policy, 2)).toEqual([40_000, 45_000]);
  });
});

function window(
  minRequests: number,
  windowMs: number,
  everyMs: number,
): GuardrailPolicy["evidence"] {
  const failures = { failureLimit: 0, consecutive: null, inconclusiveLimit: null };
  return { kind: "window", windowMs, everyMs, minRequests, ...failures };
}

it.each([
  0.999, 0.5, 0.1, 0.05, 0.037, 0.02, 0.01, 0.005, 0.001, 0.0001, 1e-6,
  // The bounds of 5, 13 and 15 requests, rounded down: one more is needed.
  0.4344824647831749, 0.2280953723541985, 0.2038833010358487,
])(
  "a guardrail of at most %d is content with as many requests as foretold, and not with one fewer",
  (max) => {
    const needed = requestsForOk(max);
    const verdictOf = (count: number) =>
      judge(watch(createGuardrail(guardrailOf({ max })), countsTick(count), 0), 0).verdict;
    expect(verdictOf(needed)).toBe("ok");
    expect(verdictOf(needed - 1)).toBe("wait");
  },
);

test("no number of requests shows a rate of 0", () => {
  expect(requestsForOk(0)).toBe(Infinity);
  expect(timesOf(rolloutOf([{ max: 0 }]), 1e6)).toEqual([null, null, null, null]);
});

/** When a rollout that starts at 0 is promoted at a steady rate without a failure; looks every 250 ms. */
function promotedAtMs(policy: RolloutPolicy, rate: number): number {
  let state = createRollout(policy);
  let nowMs = 0;
  state = step(policy, state, { kind: "command", name: "start", actor: "ann" }, nowMs).next;
  let part = 0;
  let [seen, share] = [0, 0];
  while (state.phase.kind !== "promoted" && nowMs < day) {
    nowMs += tickMs;
    part += (rate * state.share * tickMs) / 1000;
    const count = Math.floor(part + 1e-9);
    part -= count;
    seen = (share === state.share ? seen : 0) + count;
    ({ share } = state);
    const ticks = new Map([["error_rate", countsTick(count, 0, { share: state.share })]]);
    state = step(
      policy,
      state,
      { kind: "tick", ticks, treated: { users: 0, requests: seen } },
      nowMs,
    ).next;
  }
  return nowMs;
}

const tickMs = 250;

it.each<[number, string, Partial<GuardrailPolicy>]>([
  [4, "an absolute guardrail", { max: 0.02 }],
  [40, "an absolute guardrail", { max: 0.02 }],
  [400, "an absolute guardrail", { max: 0.02 }],
  [4, "a relative guardrail", { max: null, maxRatio: 2 }],
  [4, "a window", { evidence: window(20, 120_000, 8000) }],
  [40, "a window", { evidence: window(20, 120_000, 8000) }],
])("at %i requests/s a rollout with %s takes as long as foretold", (rate, _what, guardrail) => {
  const policy = rolloutOf([guardrail], { minRequests: 0 });
  const { expectedMs } = prepare(policy, { ...healthy, requestsPerSecond: rate });
  const tookMs = promotedAtMs(policy, rate);
  // Each of the three steps and the observation ends with a tick; a window's looks begin with one, too.
  expect(tookMs).toBeGreaterThanOrEqual(expectedMs!);
  expect(tookMs).toBeLessThanOrEqual(expectedMs! + 8 * tickMs);
});

it.each<[string, Partial<PreparationFacts>, string[]]>([
  ["nothing", {}, []],
  [
    "a treatment that is down",
    { treatmentHealthy: false },
    ["error: the treatment has no healthy endpoint: bring one up before its users come"],
  ],
  [
    "a control that is down",
    { controlHealthy: false },
    ["error: the control has no healthy endpoint: a rollback would send everybody there"],
  ],
  [
    "one upstream for both",
    { sameUpstream: true },
    [
      "warning: both variants are the same upstream and neither changes the request: there is nothing to find out; name another upstream, or change the request",
    ],
  ],
  ...[null, 0].map((requestsPerSecond): [string, Partial<PreparationFacts>, string[]] => [
    `no traffic (${requestsPerSecond})`,
    { requestsPerSecond },
    [
      "warning: no traffic was seen: how long the rollout takes cannot be said, and a step that asks for requests waits for them",
    ],
  ]),
])("speaking against a start: %s", (_what, facts, expected) => {
  expect(messagesOf(rolloutOf(), facts)).toEqual(expected);
});

test("without traffic no time is foretold, and only the traffic is warned of", () => {
  const { steps, expectedMs, findings } = prepare(rolloutOf(), {
    ...healthy,
    requestsPerSecond: null,
  });
  expect(steps).toEqual([0.05, 0.25, 1].map((share) => ({ share, expectedMs: null })));
  expect(expectedMs).toBeNull();
  expect(findings).toHaveLength(1);
});

describe("traffic too thin", () => {
  it.each<[string, RolloutPolicy, number, string[]]>([
    // 100 requests at 5 % of this rate take exactly a day.
    ["a day is long enough", rolloutOf([]), 2000 / 86_400, []],
    [
      "a hold of more than a day is what was asked for",
      rolloutOf([], { holdMs: 2 * day, minRequests: 10 }),
      100,
      [],
    ],
    [
      "min_requests",
      rolloutOf([], { minRequests: 100_000 }),
      20,
      [
        "warning: step 1 takes about 27.8 hours with 5 % of 20 requests/s: min_requests asks for 100,000 requests of the treatment; lower min_requests, or give the step a larger share",
      ],
    ],
    [
      "a guardrail",
      rolloutOf([{ max: 0.0001 }]),
      1,
      [
        "warning: step 1 takes about 8.89 days with 5 % of 1 requests/s: error_rate needs 38,411 requests of the treatment without a bad one to be sure of at most 0.01 %; raise the max of error_rate, or give the step a larger share",
        "warning: step 2 takes about 42.7 hours with 25 % of 1 requests/s: error_rate needs 38,411 requests of the treatment without a bad one to be sure of at most 0.01 %; raise the max of error_rate, or give the step a larger share",
      ],
    ],
    [
      "a window",
      rolloutOf([{ evidence: window(20, 60_000, 10_000) }]),
      4,
      [
        "warning: step 1 never ends with 5 % of 4 requests/s: error_rate asks for 20 requests of the treatment within its window; widen its window or lower its min_requests, or give the step a larger share",
      ],
    ],
  ])("%s", (_what, policy, requestsPerSecond, expected) => {
    expect(messagesOf(policy, { requestsPerSecond })).toEqual(expected);
  });
});

test("waits for people, webhooks and users are told and not counted", () => {
  const plan = rolloutOf();
  const [first, second, third] = plan.steps;
  const webhook = { url: "http://gate.test/", headers: {}, timeoutMs: 10_000 };
  const policy: RolloutPolicy = {
    ...plan,
    steps: [
      { ...first!, gate: "approval" },
      { ...second!, gate: webhook, minUsers: 50 },
      { ...third!, gate: "approval" },
    ],
  };
  expect(messagesOf(policy)).toEqual([
    "info: each of steps 1, 3 waits for a person who promotes it, for a time that is not counted",
    "info: step 2 waits for its webhook to say yes, for a time that is not counted",
    "info: step 2 waits for min_users users, for a time that is not counted",
  ]);
  expect(prepare(policy, healthy).expectedMs).toBe(prepare(plan, healthy).expectedMs);
});
