import { describe, expect, it } from "vitest";
import {
  createGuardrail,
  judge,
  startStep,
  watch,
} from "../../../../src/core/rollout/guardrail.ts";
import type { MeanOfUsers, MeanTick } from "../../../../src/core/rollout/guardrail/mean.ts";
import type { GuardrailPolicy } from "../../../../src/core/rollout/policy.ts";
import { createRandom } from "../../../../src/core/statistics/random.ts";
import { guardrailOf } from "../../../support/guardrails.ts";

const meanOf = (value: number, deviation: number, users: number): MeanOfUsers => {
  return { value, variance: deviation ** 2 / users, users };
};

function judged(
  limits: Partial<GuardrailPolicy>,
  ofTreatment: MeanOfUsers | null,
  ofControl: MeanOfUsers | null = null,
  share = 0.5,
) {
  const policy = guardrailOf({
    name: "latency_mean",
    metric: { kind: "mean", of: null },
    ...limits,
  });
  const count = (ofTreatment?.users ?? 0) * 10;
  const tick: MeanTick = {
    kind: "mean",
    treatment: { bad: count * (ofTreatment?.value ?? 0), count },
    control: { bad: 0, count: 0 },
    ofTreatment,
    ofControl,
    share,
  };
  const state = watch(createGuardrail(policy, 3), tick, 0);
  return { state, verdict: judge(state, 100) };
}

describe("a mean", () => {
  it("above its limit beyond doubt is a breach, near it waits, below it is well", () => {
    expect(judged({ max: 500 }, meanOf(900, 300, 200)).verdict).toMatchObject({
      verdict: "breach",
      pausesOnly: false,
      value: 900,
      limit: 500,
      reason: expect.stringContaining("surely above 500 ms"),
    });
    expect(judged({ max: 500 }, meanOf(510, 300, 200)).verdict.verdict).toBe("wait");
    expect(judged({ max: 500 }, meanOf(490, 300, 200)).verdict.reason).toContain("is possible");
    expect(judged({ max: 500 }, meanOf(300, 300, 200)).verdict.verdict).toBe("ok");
  });

  it("of a few users convicts nobody, however high", () => {
    expect(judged({ max: 500 }, meanOf(90_000, 1, 29)).verdict.verdict).toBe("wait");
    expect(judged({ max: 500 }, null).verdict.reason).toBe("no requests yet");
  });

  it("that is high on both sides is not the treatment's fault", () => {
    const both = judged({ max: 500 }, meanOf(900, 300, 200), meanOf(900, 300, 200));
    expect(both.verdict).toMatchObject({ verdict: "breach", pausesOnly: true });
  });

  it("compares with the control", () => {
    const relative = { max: null, maxRatio: 1.2 };
    const control = meanOf(500, 100, 1_000);
    expect(judged(relative, meanOf(900, 300, 200), control).verdict.verdict).toBe("breach");
    expect(judged(relative, meanOf(560, 300, 200), control).verdict.verdict).toBe("ok");
    expect(judged(relative, meanOf(560, 300, 200)).verdict.verdict).toBe("wait");
    // At the last share nobody has the control.
    expect(judged(relative, meanOf(560, 300, 200), null, 1).verdict.verdict).toBe("ok");
  });

  it("of a metric may have a floor, and one that hangs on the control's", () => {
    const metric = { kind: "mean", of: "semantic_similarity" } as const;
    const floor = { name: "semantic_similarity", metric, max: null, min: 0.8 };
    expect(judged(floor, meanOf(0.5, 0.2, 200)).verdict).toMatchObject({
      verdict: "breach",
      value: 0.5,
      limit: 0.8,
      reason: expect.stringContaining("0.5 over 2,000 requests in this step, surely below 0.8"),
    });
    expect(judged(floor, meanOf(0.79, 0.2, 200)).verdict).toMatchObject({
      verdict: "wait",
      reason: "0.79 is below 0.8, not surely so",
    });
    expect(judged(floor, meanOf(0.81, 0.2, 200)).verdict.reason).toContain("as little as");
    expect(judged(floor, meanOf(0.95, 0.2, 200)).verdict).toMatchObject({
      verdict: "ok",
      reason: "0.95 over 2,000 requests, at least 0.8 asked",
    });
    const relative = { name: "speed", metric, max: null, minRatio: 0.9 };
    const control = meanOf(50, 10, 1_000);
    expect(judged(relative, meanOf(30, 10, 200), control).verdict).toMatchObject({
      verdict: "breach",
      limit: 45,
    });
    expect(judged(relative, meanOf(49, 10, 200), control).verdict.verdict).toBe("ok");
  });

  it("a new step counts anew and keeps its suspicion", () => {
    const { state } = judged({ max: 500 }, meanOf(900, 300, 200));
    expect(judge(startStep(state), 0)).toMatchObject({ verdict: "breach", value: null });
  });

  it("at its limit raises a false alarm as rarely as promised, looked at 200 times", () => {
    const policy = guardrailOf({ metric: { kind: "mean", of: null }, max: 100, falseAlarm: 0.02 });
    let alarms = 0;
    const runs = 300;
    for (let run = 0; run < runs; run += 1) {
      const random = createRandom(run);
      let state = createGuardrail(policy);
      let [n, sum, squares] = [0, 0, 0];
      for (let look = 0; look < 200; look += 1) {
        for (let user = 0; user < 10; user += 1) {
          // Exponential with mean 100: skewed, as latencies are.
          const value = -100 * Math.log(1 - random());
          n += 1;
          sum += value;
          squares += value * value;
        }
        const mean = sum / n;
        const variance = (squares / n - mean * mean) / n;
        const ofTreatment = { value: mean, variance, users: n };
        const none = { bad: 0, count: 0 };
        const tick = {
          kind: "mean",
          treatment: none,
          control: none,
          ofTreatment,
          ofControl: null,
          share: 0.5,
        } as const;
        state = watch(state, tick, 0);
      }
      if (judge(state, 0).verdict === "breach") alarms += 1;
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.035);
  });
});
