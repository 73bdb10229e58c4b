import { describe, expect, it } from "vitest";
import {
  createGuardrail,
  judge,
  watch,
  type GuardrailState,
} from "../../../../src/core/rollout/guardrail.ts";
import { countsTick, guardrailOf } from "../../../support/guardrails.ts";

/** Ticks of `count` requests with `bad` of them, one after the other. */
function watched(...ticks: readonly (readonly [count: number, bad: number])[]): GuardrailState {
  let guardrail = createGuardrail(guardrailOf({ max: 0.05 }));
  for (const [count, bad] of ticks) guardrail = watch(guardrail, countsTick(count, bad), 0);
  return guardrail;
}

describe("the reason of a breach", () => {
  it("tells the step's figures where they show it", () => {
    const { verdict, reason } = judge(watched([10, 10], [10, 10]), 0);
    expect(verdict).toBe("breach");
    expect(reason).toBe(
      "error_rate: 20 of 20 requests in this step, surely more than the 5 % allowed",
    );
  });

  it("tells the latest requests where earlier ones hide it", () => {
    const healthy = Array.from({ length: 40 }, () => [25, 1] as const);
    const { verdict, value, reason } = judge(watched(...healthy, [5, 5], [4, 4], [1, 0]), 0);
    expect(verdict).toBe("breach");
    expect(value).toBeLessThan(0.05);
    expect(reason).toBe(
      "error_rate: 49 of 1,010 requests in this step, 9 of the last 10, surely more than the 5 % allowed",
    );
  });

  it("forgets what was bad before it was well again", () => {
    const before = [[2, 2] as const, [500, 5] as const];
    const { reason } = judge(watched(...before, [6, 6], [3, 3]), 0);
    expect(reason).toContain("16 of 511 requests in this step, 9 of the last 9, surely");
  });
});
