import type { GuardrailPolicy } from "./policy.ts";
import {
  createCounts,
  judgeCounts,
  startCountsStep,
  watchCounts,
  type CountsState,
  type CountsTick,
} from "./guardrail/counts.ts";
import {
  createMean,
  judgeMean,
  startMeanStep,
  watchMean,
  type MeanState,
  type MeanTick,
} from "./guardrail/mean.ts";
import {
  createQuantile,
  judgeQuantile,
  startQuantileStep,
  watchQuantile,
  type QuantileState,
  type QuantileTick,
} from "./guardrail/quantile.ts";
import type { Verdict } from "./guardrail/verdict.ts";
import {
  createWindow,
  judgeWindow,
  startWindowStep,
  watchQuery,
  watchWindow,
  type QueryTick,
  type WindowState,
} from "./guardrail/window.ts";

/** What one tick brought of a guardrail's metric. */
export type GuardrailTick = CountsTick | MeanTick | QuantileTick | QueryTick;

/** What a guardrail has seen in a rollout. */
export type GuardrailState = {
  readonly policy: GuardrailPolicy;
  readonly seen: CountsState | MeanState | QuantileState | WindowState;
};

/** A guardrail that has seen nothing, in a rollout of so many steps. */
export function createGuardrail(policy: GuardrailPolicy, steps = 1): GuardrailState {
  if (policy.evidence.kind === "window") return { policy, seen: createWindow() };
  const { kind } = policy.metric;
  if (kind === "quantile") return { policy, seen: createQuantile(steps) };
  return { policy, seen: kind === "mean" ? createMean(steps) : createCounts(policy) };
}

/** The share changed: suspicions stay, what the step asks for is counted anew. */
export function startStep({ policy, seen }: GuardrailState): GuardrailState {
  if (seen.kind === "counts") return { policy, seen: startCountsStep(seen) };
  if (seen.kind === "quantile") return { policy, seen: startQuantileStep(seen) };
  return { policy, seen: seen.kind === "mean" ? startMeanStep(seen) : startWindowStep(seen) };
}

/** Takes in one tick. Throws TypeError on a tick of another metric's kind. */
export function watch(state: GuardrailState, tick: GuardrailTick, nowMs: number): GuardrailState {
  const { policy, seen } = state;
  if (seen.kind === "counts" && tick.kind === "counts") {
    return { policy, seen: watchCounts(seen, policy, tick) };
  }
  if (seen.kind === "mean" && tick.kind === "mean") {
    return { policy, seen: watchMean(seen, policy, tick) };
  }
  if (seen.kind === "quantile" && tick.kind === "quantile" && policy.metric.kind === "quantile") {
    return { policy, seen: watchQuantile(seen, policy, policy.metric.quantile, tick) };
  }
  if (seen.kind === "window" && tick.kind === "query") {
    return { policy, seen: watchQuery(seen, policy, tick) };
  }
  const isOfRequests = tick.kind === "counts" || tick.kind === "mean";
  if (seen.kind === "window" && isOfRequests && policy.evidence.kind === "window") {
    return { policy, seen: watchWindow(seen, policy, policy.evidence, tick, nowMs) };
  }
  throw new TypeError(`${policy.name} was given a tick of ${tick.kind}`);
}

/** What the guardrail says now; `minRequests` is what the step asks for before it may pass. */
export function judge({ policy, seen }: GuardrailState, minRequests: number): Verdict {
  if (seen.kind === "counts") return judgeCounts(seen, policy, minRequests);
  if (seen.kind === "mean") return judgeMean(seen, policy, minRequests);
  if (seen.kind === "quantile") return judgeQuantile(seen, policy, minRequests);
  if (policy.evidence.kind === "window") return judgeWindow(seen, policy, policy.evidence);
  throw new TypeError(`${policy.name} has a window and no policy for it`);
}
