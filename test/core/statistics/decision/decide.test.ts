import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../../../src/core/statistics/decision/decide.ts";
import type {
  Change,
  DecisionFacts,
  DecisionPolicy,
  Outcome,
} from "../../../../src/core/statistics/decision/facts.ts";

const policy: DecisionPolicy = { minEffectSize: 0.05, confidence: 0.95, power: 0.8 };

/** A relative change of a latency. */
const latency = (low: number, high: number): Change => ({
  metric: "latency_ms",
  direction: "lower",
  unit: "share",
  estimate: (low + high) / 2,
  interval: { low, high },
});

const facts = (
  primary: DecisionFacts["primary"],
  rest: Partial<DecisionFacts> = {},
): DecisionFacts => ({
  control: "old",
  treatment: "new",
  sampleRatio: { pValue: 0.4 },
  guardrails: [],
  primary,
  valid: "fixed",
  sample: { units: 900, unit: "users", planned: null, required: 1000 },
  ...rest,
});

const errors = (low: number, high: number) => ({
  margin: 0.01,
  change: {
    metric: "errors",
    direction: "lower" as const,
    unit: "absolute" as const,
    estimate: (low + high) / 2,
    interval: { low, high },
  },
});
const fine = errors(-0.002, 0.003);
const broken = errors(0.02, 0.04);
const open = errors(-0.01, 0.02);
const enough = { units: 1000, unit: "users", planned: null, required: 1000 } as const;
const planned = { units: 900, unit: "users", planned: 1000, required: 1000 } as const;

describe("decide", () => {
  it.each<[string, DecisionFacts, Outcome, string | null]>([
    ["clearly better", facts(latency(-0.113, -0.051)), "treatment_wins", null],
    ["clearly worse", facts(latency(0.06, 0.1)), "control_wins", "primary"],
    ["surely alike", facts(latency(-0.02, 0.03)), "no_difference", "primary"],
    ["better, but too little to count", facts(latency(-0.04, -0.01)), "no_difference", "primary"],
    ["better, perhaps too little", facts(latency(-0.1, -0.01)), "keep_running", "primary"],
    [
      "better, perhaps too little, however much was seen",
      facts(latency(-0.1, -0.01), { sample: enough }),
      "keep_running",
      "primary",
    ],
    ["unclear, too few", facts(latency(-0.1, 0.1)), "keep_running", "primary"],
    [
      "unclear, but enough to have seen it",
      facts(latency(-0.1, 0.1), { sample: enough }),
      "no_difference",
      "primary",
    ],
    [
      "the split is broken, however good",
      facts(latency(-0.5, -0.4), { sampleRatio: { pValue: 0.0009 } }),
      "invalid",
      "sample_ratio",
    ],
    [
      "no split told",
      facts(latency(-0.113, -0.051), { sampleRatio: null }),
      "treatment_wins",
      null,
    ],
    [
      "a guardrail is fine",
      facts(latency(-0.113, -0.051), { guardrails: [fine] }),
      "treatment_wins",
      null,
    ],
    [
      "a guardrail is open",
      facts(latency(-0.113, -0.051), { guardrails: [fine, open] }),
      "keep_running",
      "guardrails",
    ],
    [
      "a guardrail is broken",
      facts(latency(-0.113, -0.051), { guardrails: [open, broken] }),
      "control_wins",
      "guardrails",
    ],
    [
      "a guardrail has no data",
      facts(latency(-0.113, -0.051), {
        guardrails: [{ margin: 1, change: { code: "empty", message: "no data" } }],
      }),
      "keep_running",
      "guardrails",
    ],
    [
      "worse with an open guardrail",
      facts(latency(0.06, 0.1), { guardrails: [open] }),
      "control_wins",
      "guardrails",
    ],
    [
      "before the planned look",
      facts(latency(-0.113, -0.051), { sample: planned }),
      "keep_running",
      "power",
    ],
    [
      "before it, with an interval for every look",
      facts(latency(-0.113, -0.051), { sample: planned, valid: "always" }),
      "treatment_wins",
      null,
    ],
    [
      "before it, a guardrail still counts",
      facts(latency(-0.113, -0.051), { sample: planned, guardrails: [broken] }),
      "control_wins",
      "guardrails",
    ],
    ["no data", facts({ code: "too_few", message: "one value" }), "keep_running", "primary"],
  ])("%s", (_name, given, outcome, blockedBy) => {
    const decision = decide(given, policy);
    expect(decision).toMatchObject({ outcome, blockedBy });
    expect(decision.gates.map(({ name }) => name)).toEqual([
      "sample_ratio",
      "guardrails",
      "primary",
      "power",
    ]);
  });

  it("without a smallest effect any change counts, and nothing is ever alike", () => {
    const any = { ...policy, minEffectSize: 0 };
    const sample = { ...enough, required: null };
    expect(decide(facts(latency(-0.02, -0.001), { sample }), any).outcome).toBe("treatment_wins");
    expect(decide(facts(latency(0.001, 0.02), { sample }), any).outcome).toBe("control_wins");
    expect(decide(facts(latency(-0.001, 0.001), { sample }), any).outcome).toBe("keep_running");
  });

  it("says why in words with numbers and units", () => {
    const reasons = (given: DecisionFacts) =>
      decide(given, policy).gates.map(({ reason }) => reason);
    expect(reasons(facts(latency(-0.113, -0.051), { guardrails: [fine] }))).toEqual([
      "the arms have the shares that were planned (p = 0.4)",
      "errors is 0.0005 higher with new (95 % interval −0.002 to +0.003): surely at most 0.01 worse",
      "latency_ms is 8.2 % lower with new (95 % interval −11.3 % to −5.1 %): better by more than the 5 % asked for",
      "the primary metric is decided",
    ]);
    expect(reasons(facts(latency(-0.1, 0.1)))[3]).toBe(
      "to find a change of 5 % with a chance of 80 % the smaller arm needs 1,000 users and has 900",
    );
    expect(reasons(facts(latency(-0.1, 0.1), { sampleRatio: { pValue: 1e-9 } }))[0]).toContain(
      "(p = 1e-9): who is measured depends on the arm",
    );
  });

  const bound = fc.double({ min: -0.5, max: 0.5, noNaN: true });
  const change = fc
    .tuple(bound, bound)
    .map(([one, other]) => latency(Math.min(one, other), Math.max(one, other)));
  const given = fc.record({
    primary: change,
    guardrail: change,
    pValue: fc.double({ min: 0, max: 1, noNaN: true }),
    units: fc.integer({ min: 1, max: 2000 }),
    valid: fc.constantFrom<"fixed" | "always">("fixed", "always"),
  });

  it("never lets the treatment win with a broken split, an open guardrail or a change that does not count", () => {
    fc.assert(
      fc.property(given, ({ primary, guardrail, pValue, units, valid }) => {
        const decision = decide(
          facts(primary, {
            guardrails: [{ margin: 0.02, change: guardrail }],
            sampleRatio: { pValue },
            valid,
            sample: { units, unit: "users", planned: 1000, required: 1000 },
          }),
          policy,
        );
        if (decision.outcome !== "treatment_wins") return;
        expect(pValue).toBeGreaterThanOrEqual(0.001);
        expect(guardrail.interval.high).toBeLessThanOrEqual(0.02);
        expect(primary.interval.high).toBeLessThan(-0.05);
        expect(valid === "always" || units >= 1000).toBe(true);
        expect(decision.blockedBy).toBeNull();
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  it("mirrors: a metric that is better higher decides on the turned interval alike", () => {
    fc.assert(
      fc.property(change, (lower) => {
        const { low, high } = lower.interval;
        const higher: Change = {
          ...lower,
          direction: "higher",
          estimate: -lower.estimate,
          interval: { low: -high, high: -low },
        };
        expect(decide(facts(higher), policy).outcome).toBe(decide(facts(lower), policy).outcome);
      }),
      { seed: 8 },
    );
  });
});
