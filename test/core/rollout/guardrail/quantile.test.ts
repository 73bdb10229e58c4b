import { describe, expect, it } from "vitest";
import {
  createGuardrail,
  judge,
  startStep,
  watch,
} from "../../../../src/core/rollout/guardrail.ts";
import type { QuantileTick } from "../../../../src/core/rollout/guardrail/quantile.ts";
import { createRandom, type Uniform } from "../../../../src/core/statistics/random.ts";
import { normalVariate } from "../../../../src/core/statistics/random-variates.ts";
import { createLatency, takeCounts } from "../../../../src/core/telemetry/latency.ts";
import { guardrailOf } from "../../../support/guardrails.ts";

const policy = guardrailOf({
  name: "latency_p95_ratio",
  metric: { kind: "quantile", of: "duration", quantile: 0.95 },
  max: null,
  maxRatio: 1.3,
});

/** Lognormal times around `medianMs`. */
function timesOf(count: number, medianMs: number, random: Uniform, designEffect = 1) {
  const latency = createLatency();
  for (let at = 0; at < count; at += 1) {
    latency.recordValue(Math.round(1000 * medianMs * Math.exp(0.5 * normalVariate(random))));
  }
  return { counts: takeCounts(latency), designEffect };
}

function judged(factor: number, count: number, { share = 0.5, designEffect = 1 } = {}) {
  const random = createRandom(5);
  const tick: QuantileTick = {
    kind: "quantile",
    treatment: timesOf(count, 200 * factor, random, designEffect),
    control: timesOf(share === 1 ? 0 : count, 200, random, designEffect),
    share,
  };
  const state = watch(createGuardrail(policy, 3), tick, 0);
  return { state, verdict: judge(state, 100) };
}

describe("a percentile against the control's", () => {
  it("far above is a breach, near the limit waits, alike is well", () => {
    expect(judged(2, 2000).verdict).toMatchObject({
      verdict: "breach",
      reason: expect.stringMatching(
        /^latency_p95_ratio: \d+ ms over 2,?000 requests .* surely more than 1.3 times/,
      ),
    });
    expect(judged(1.35, 2000).verdict).toMatchObject({ verdict: "wait", pValue: null });
    const alike = judged(1, 2000).verdict;
    expect(alike.verdict).toBe("ok");
    // p95 of a lognormal: 200 · e^(0.5 · 1.645).
    expect(alike.value).toBeGreaterThan(430);
    expect(alike.value).toBeLessThan(480);
    expect(alike.limit).toBeCloseTo(1.3 * (alike.control ?? 0), 6);
  });

  it("of a few requests, or of few users who are alike, convicts nobody", () => {
    expect(judged(2, 60).verdict.verdict).toBe("wait");
    expect(judged(2, 2000, { designEffect: 50 }).verdict.verdict).toBe("wait");
  });

  it("has nothing to compare once everybody has the treatment", () => {
    expect(judged(2, 2000, { share: 1 }).verdict).toMatchObject({ verdict: "ok", limit: null });
    expect(judge(createGuardrail(policy), 0).reason).toBe("no requests yet");
  });

  it("a new step counts anew and keeps what was sure", () => {
    const { state } = judged(2, 2000);
    expect(judge(startStep(state), 0)).toMatchObject({ verdict: "breach", value: null, n: 0 });
  });

  it("at its limit raises a false alarm as rarely as promised, looked at 40 times", () => {
    const strict = { ...policy, maxRatio: 1.000001, falseAlarm: 0.05 };
    let alarms = 0;
    for (let run = 0; run < 120; run += 1) {
      const random = createRandom(run);
      const [treatment, control] = [createLatency(), createLatency()];
      let state = createGuardrail(strict);
      for (let look = 0; look < 40; look += 1) {
        for (const arm of [treatment, control]) {
          for (let at = 0; at < 25; at += 1) {
            arm.recordValue(Math.round(200_000 * Math.exp(0.5 * normalVariate(random))));
          }
        }
        const tick: QuantileTick = {
          kind: "quantile",
          treatment: { counts: countsOf(treatment), designEffect: 1 },
          control: { counts: countsOf(control), designEffect: 1 },
          share: 0.5,
        };
        state = watch(state, tick, 0);
      }
      if (judge(state, 0).verdict === "breach") alarms += 1;
    }
    expect(alarms / 120).toBeLessThanOrEqual(0.05);
  });
});

/** The counts, left where they are. */
function countsOf(latency: ReturnType<typeof createLatency>) {
  const copy = createLatency();
  copy.add(latency);
  return takeCounts(copy);
}
